//! Rows of `externaldata`: files in the data folder or where the configuration allows, and https addresses that it names. What is read is
//! capped in size and time, and nothing of a hidden address is said.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::batch::Batch;
use super::column::Result;
use super::control::Control;
use super::pipeline::Source;
use super::scan::held::Held;
use super::surroundings::Surroundings;
use crate::base::csv::{Csv, CsvError, Record};
use crate::engine::QueryError;
use crate::kql::Schema;
use crate::kql::plan::{Address, External, ExternalFormat, ScanColumn};
use crate::store::tables::{Cell, ColumnBuilder, Format, FoundColumns, Row, Source as Rows};

/// Bytes of one file, packed or not.
const LARGEST: u64 = 256 << 20;
/// Bytes of one answer.
const LARGEST_ANSWER: u64 = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows between two looks at whether to go on.
const LOOK: usize = 4_096;

/// Reads all addresses.
pub fn read(
    external: &External,
    schema: &Schema,
    around: &Surroundings,
    control: &Arc<Control>,
) -> Result<Arc<dyn Source>> {
    let mut account = control.account("externaldata");
    let mut reading =
        Reading { control, schema, columns: schema.iter().map(|c| ColumnBuilder::new(c.ty, false)).collect(), rows: 0 };
    let mut held = 0;
    for address in &external.addresses {
        control.check()?;
        let bytes = unpacked(load(address, around, control)?, address)?;
        held += bytes.len() as u64;
        // The rows take about as much again.
        account.hold(2 * held)?;
        control.counters.bytes.fetch_add(bytes.len() as u64, std::sync::atomic::Ordering::Relaxed);
        reading.file(address, bytes, external)?;
    }
    let columns: Vec<ArrayRef> = reading.columns.iter_mut().map(ColumnBuilder::finish).collect();
    let batch = Batch::new(reading.rows, columns);
    account.hold(batch.bytes())?;
    let all: Vec<ScanColumn> = schema.iter().map(|c| ScanColumn::Column(Arc::clone(&c.name))).collect();
    Ok(Arc::new(Held::new(schema, &batch, &all, &[], control)?.accounted(account)))
}

fn failed(address: &Address, why: impl std::fmt::Display) -> QueryError {
    QueryError::Runtime(format!("externaldata: {}: {why}", address.place()))
}

/// The bytes at an address.
fn load(address: &Address, around: &Surroundings, control: &Arc<Control>) -> Result<Bytes> {
    let text = address.expose();
    if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| *scheme != "file") {
        if scheme != "https" {
            return Err(failed(address, format!("only https is read, not {scheme}")));
        }
        let Some(fetch) = &around.fetch else {
            return Err(failed(
                address,
                "the network is closed to queries: allow the host in the configuration, [external_data] hosts = [\"…\"]",
            ));
        };
        let stop = || control.check().is_err();
        let fetched = fetch.fetch(text, LARGEST_ANSWER, PATIENCE, &stop);
        control.check()?;
        return fetched.map(Bytes::from).map_err(|why| QueryError::Runtime(format!("externaldata: {why}")));
    }
    let path =
        allowed(Path::new(text.strip_prefix("file://").unwrap_or(text)), around).map_err(|why| failed(address, why))?;
    let file = std::fs::File::open(&path).map_err(|e| failed(address, e))?;
    let size = file.metadata().map_err(|e| failed(address, e))?;
    if !size.is_file() || size.len() > LARGEST {
        return Err(failed(address, format!("it is no file of at most {} MiB", LARGEST >> 20)));
    }
    let mut bytes = Vec::with_capacity(size.len() as usize);
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| failed(address, e))?;
    Ok(Bytes::from(bytes))
}

/// The file that a path means, links followed: one of the data folder, or of a folder that the configuration names.
fn allowed(path: &Path, around: &Surroundings) -> std::result::Result<PathBuf, String> {
    let folders: Vec<PathBuf> =
        around.data.iter().chain(&around.folders).filter_map(|folder| folder.canonicalize().ok()).collect();
    let wanted = if path.is_absolute() {
        path.to_owned()
    } else {
        folders.iter().map(|f| f.join(path)).find(|p| p.exists()).unwrap_or_else(|| path.to_owned())
    };
    let help = "queries read files of the data folder and of the folders under [external_data] folders = [\"…\"]";
    let real = wanted.canonicalize().map_err(|e| format!("{e}; {help}"))?;
    if folders.iter().any(|folder| real.starts_with(folder)) { Ok(real) } else { Err(help.to_owned()) }
}

/// Unpacked where it is packed.
fn unpacked(bytes: Bytes, address: &Address) -> Result<Bytes> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(&bytes[..]).take(LARGEST + 1).read_to_end(&mut plain).map_err(|e| failed(address, e))?;
    if plain.len() as u64 > LARGEST {
        return Err(failed(address, format!("it unpacks to more than {} MiB", LARGEST >> 20)));
    }
    Ok(Bytes::from(plain))
}

/// Rows as they are read.
struct Reading<'a> {
    control: &'a Arc<Control>,
    schema: &'a Schema,
    columns: Vec<ColumnBuilder>,
    rows: usize,
}

impl Reading<'_> {
    /// A row of cells by column of the table. What a type cannot hold is null, as Kusto has it.
    fn row<'c>(&mut self, cell: impl Fn(usize) -> Option<Cell<'c>>) -> Result<()> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.put(cell(at));
        }
        self.rows += 1;
        if self.rows.is_multiple_of(LOOK) { self.control.check() } else { Ok(()) }
    }

    fn file(&mut self, address: &Address, bytes: Bytes, external: &External) -> Result<()> {
        match external.format {
            ExternalFormat::Whole => {
                let text = String::from_utf8_lossy(&bytes);
                self.row(|at| (at == 0).then_some(Cell::Text(&text)))
            }
            ExternalFormat::Lines => {
                let text = String::from_utf8_lossy(&bytes);
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                for line in text.lines().skip(usize::from(external.skip_first)) {
                    self.row(|at| (at == 0).then_some(Cell::Text(line)))?;
                }
                Ok(())
            }
            ExternalFormat::Fields(delimiter, quotes) => {
                let mut csv = Csv::new(&bytes[..], delimiter);
                if !quotes {
                    csv = csv.without_quotes();
                }
                let mut record = Record::default();
                let mut first = external.skip_first;
                loop {
                    match csv.read(&mut record) {
                        Ok(false) => return Ok(()),
                        Ok(true) if std::mem::take(&mut first) => {}
                        Ok(true) => self.row(|at| (at < record.len()).then(|| Cell::Text(record.field(at))))?,
                        Err(e @ (CsvError::Io(_) | CsvError::Unclosed)) => {
                            return Err(failed(address, format!("line {}: {e}", record.line)));
                        }
                        Err(CsvError::NotUtf8) => {}
                    }
                }
            }
            ExternalFormat::Json => self.named(address, bytes, Format::Json),
            ExternalFormat::Parquet => self.named(address, bytes, Format::Parquet),
        }
    }

    /// Rows whose cells have names.
    fn named(&mut self, address: &Address, bytes: Bytes, format: Format) -> Result<()> {
        let mut found = FoundColumns::default();
        let positions: Vec<usize> = self.schema.iter().map(|c| found.at(&c.name)).collect();
        let mut stopped = None;
        let rows = Rows::of_bytes("externaldata", bytes, format);
        let read = rows.each(&mut found, &mut |line, _, row, _| {
            let done = match row {
                Row::Cells(cells) => {
                    self.row(|at| cells.iter().find(|(of, _)| *of == positions[at]).map(|(_, cell)| *cell))
                }
                Row::Bad(why) => Err(failed(address, format!("line {line}: {why}"))),
            };
            stopped = done.err();
            Ok(stopped.is_none())
        });
        match (stopped, read) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(failed(address, error)),
            (None, Ok(())) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_lead_out_of_what_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let (data, other) = (dir.path().join("data"), dir.path().join("other"));
        for folder in [&data, &other] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("a.csv"), "1").unwrap();
        }
        std::os::unix::fs::symlink(other.join("a.csv"), data.join("link.csv")).unwrap();
        let mut around = Surroundings { data: Some(data.clone()), ..Surroundings::default() };
        assert!(allowed(Path::new("a.csv"), &around).is_ok());
        for path in ["../other/a.csv", "link.csv", "/etc/passwd", "none.csv"] {
            assert!(allowed(Path::new(path), &around).is_err(), "{path}");
        }
        assert!(allowed(&other.join("a.csv"), &around).is_err());
        around.folders.push(other.clone());
        assert!(allowed(&other.join("a.csv"), &around).is_ok());
    }
}
