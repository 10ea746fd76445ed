//! Rows out of files: JSON a line, JSON documents, answers of the Log Analytics query API, CSV and Parquet.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::cells::Cell;
use super::infer::Seen;
use super::parquet_rows;
use crate::base::csv::{Csv, CsvError, Record};
use crate::event::json::{self, Kind};
use crate::kql::Type;
use crate::store::StoreError;
use crate::store::import::Places;

/// A longer line is no row, and a longer document is not read whole.
const LONGEST: u64 = 512 << 20;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A value a line, or one document.
    Json,
    /// Fields between these; the first record names them.
    Csv(u8),
    Parquet,
}

impl Format {
    /// By the end of the name, else by the first bytes.
    fn of(path: &Path, head: &[u8]) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, end)| end) {
            Some("json" | "ndjson" | "jsonl") => Self::Json,
            Some("csv") => Self::Csv(b','),
            Some("tsv") => Self::Csv(b'\t'),
            Some("parquet") => Self::Parquet,
            _ if head.starts_with(b"PAR1") => Self::Parquet,
            _ => match head.trim_ascii_start().strip_prefix(b"\xef\xbb\xbf").unwrap_or(head.trim_ascii_start()).first()
            {
                Some(b'{' | b'[') => Self::Json,
                _ if head.split(|b| *b == b'\n').next().is_some_and(|line| line.contains(&b'\t')) => Self::Csv(b'\t'),
                _ => Self::Csv(b','),
            },
        }
    }
}

/// A file to read rows of, as often as is needed.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    /// The file's own name, for places.
    pub name: Arc<str>,
    format: Format,
    /// What cannot be read twice is held.
    held: Option<Bytes>,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A row, or what stands in the place of one.
#[derive(Debug)]
pub enum Row<'a> {
    /// Cells by the position of their column.
    Cells(&'a [(usize, Cell<'a>)]),
    Bad(String),
}

/// The columns of the files, in the order in which they were met.
#[derive(Debug, Default)]
pub struct Columns {
    pub list: Vec<Found>,
    index: HashMap<Arc<str>, usize>,
}

/// A column, and what is known of its type.
#[derive(Debug)]
pub struct Found {
    pub name: Arc<str>,
    /// What the source says.
    pub declared: Option<Type>,
    pub seen: Seen,
}

impl Columns {
    /// The position of a column.
    pub fn at(&mut self, name: &str) -> usize {
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        let name: Arc<str> = name.into();
        self.list.push(Found { name: Arc::clone(&name), declared: None, seen: Seen::default() });
        self.index.insert(name, self.list.len() - 1);
        self.list.len() - 1
    }

    fn declared(&mut self, name: &str, ty: Option<Type>) -> usize {
        let at = self.at(name);
        self.list[at].declared = self.list[at].declared.or(ty);
        at
    }
}

/// Takes a row that began at a line (or, where there are no lines, a row of that number), after so many bytes of the file; false ends it.
pub type Each<'a> = &'a mut dyn FnMut(u64, u64, Row<'_>, &mut Columns) -> Result<bool, StoreError>;

impl Source {
    /// A file, or standard input under `-`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let io = |e| StoreError::io(path, e);
        let name: Arc<str> = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into();
        let (held, bytes) = if path.as_os_str() == "-" {
            let mut all = Vec::new();
            std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut all).map_err(io)?;
            let bytes = all.len() as u64;
            if bytes > LONGEST {
                return Err(input(path, format!("more than {} MiB: import it from a file", LONGEST >> 20)));
            }
            (Some(Bytes::from(all)), bytes)
        } else {
            (None, std::fs::metadata(path).map_err(io)?.len())
        };
        let mut source = Self { path: path.to_owned(), name, format: Format::Json, held, bytes };
        let mut head = Vec::new();
        source.reader()?.take(4_096).read_to_end(&mut head).map_err(io)?;
        source.format = Format::of(path, &head);
        Ok(source)
    }

    /// Bytes that are there already, in a known format.
    pub fn of_bytes(name: &str, bytes: Bytes, format: Format) -> Self {
        let length = bytes.len() as u64;
        Self { path: PathBuf::from(name), name: name.into(), format, held: Some(bytes), bytes: length }
    }

    /// The text, unpacked where it is packed.
    fn reader(&self) -> Result<Box<dyn BufRead>, StoreError> {
        let io = |e| StoreError::io(&self.path, e);
        let mut plain: Box<dyn BufRead> = match &self.held {
            Some(bytes) => Box::new(Cursor::new(bytes.clone())),
            None => Box::new(BufReader::with_capacity(1 << 20, File::open(&self.path).map_err(io)?)),
        };
        let packed = plain.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        Ok(if packed { Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(plain))) } else { plain })
    }

    /// SHA-256 of the file as it is.
    pub fn digest(&self) -> Result<[u8; 32], StoreError> {
        let Some(held) = &self.held else {
            let io = |e| StoreError::io(&self.path, e);
            let (mut file, mut digest) = (File::open(&self.path).map_err(io)?, Sha256::new());
            let mut part = vec![0; 1 << 20];
            loop {
                match file.read(&mut part).map_err(io)? {
                    0 => return Ok(digest.finalize().into()),
                    read => digest.update(&part[..read]),
                }
            }
        };
        Ok(Sha256::digest(held).into())
    }

    /// Every row, in order.
    pub fn each(&self, columns: &mut Columns, each: Each<'_>) -> Result<(), StoreError> {
        match self.format {
            Format::Json => self.json(columns, each),
            Format::Csv(delimiter) => self.csv(delimiter, columns, each),
            Format::Parquet => parquet_rows::each(&self.path, self.held.as_ref(), columns, each),
        }
    }

    fn csv(&self, delimiter: u8, columns: &mut Columns, each: Each<'_>) -> Result<(), StoreError> {
        let mut csv = Csv::new(self.reader()?, delimiter);
        let mut record = Record::default();
        let failed = |e: CsvError, line: u64| input(&self.path, format!("line {line}: {e}"));
        if !csv.read(&mut record).map_err(|e| failed(e, 1))? {
            return Ok(());
        }
        let mut header: Vec<usize> = Vec::with_capacity(record.len());
        for (n, field) in record.fields().enumerate() {
            let name = field.trim();
            // The portal says the zone of a date in its heading.
            let (name, ty) = match name.strip_suffix(" [UTC]") {
                Some(name) => (name, Some(Type::DateTime)),
                None => (name, None),
            };
            let name = if name.is_empty() { format!("Column{}", n + 1) } else { name.to_owned() };
            let mut at = columns.declared(&name, ty);
            let mut more = 0;
            while header.contains(&at) {
                more += 1;
                at = columns.declared(&format!("{name}{more}"), ty);
            }
            header.push(at);
        }
        let mut read = 0;
        loop {
            match csv.read(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(CsvError::Io(e)) => return Err(StoreError::io(&self.path, e)),
                Err(e @ CsvError::Unclosed) => {
                    each(record.line, self.bytes, Row::Bad(e.to_string()), columns)?;
                    return Ok(());
                }
                Err(e @ CsvError::NotUtf8) => {
                    each(record.line, read, Row::Bad(e.to_string()), columns)?;
                    continue;
                }
            }
            read += record.fields().map(|f| f.len() as u64 + 1).sum::<u64>();
            let on = if record.len() == header.len() {
                let cells: Vec<_> =
                    header.iter().zip(record.fields()).map(|(at, field)| (*at, Cell::Text(field))).collect();
                each(record.line, read, Row::Cells(&cells), columns)?
            } else {
                let why = format!("it has {} fields, the heading {}", record.len(), header.len());
                each(record.line, read, Row::Bad(why), columns)?
            };
            if !on {
                return Ok(());
            }
        }
    }

    fn json(&self, columns: &mut Columns, each: Each<'_>) -> Result<(), StoreError> {
        let io = |e| StoreError::io(&self.path, e);
        let mut lines = self.reader()?;
        let mut line = Vec::new();
        let (mut number, mut bytes) = (0, 0);
        loop {
            line.clear();
            let read = (&mut lines).take(LONGEST).read_until(b'\n', &mut line).map_err(io)? as u64;
            if read == 0 {
                return Ok(());
            }
            number += 1;
            bytes += read;
            if read == LONGEST {
                return Err(input(&self.path, format!("line {number} is longer than {} MiB", LONGEST >> 20)));
            }
            let mut text = line.trim_ascii();
            if number == 1 {
                text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
            }
            if text.is_empty() {
                continue;
            }
            // A first line that is no object of its own is the first line of a document.
            let alone =
                text.first() == Some(&b'{') && std::str::from_utf8(text).is_ok_and(|t| json::valid(t) && !is_answer(t));
            if bytes == read && !alone {
                let mut whole = text.to_vec();
                whole.push(b'\n');
                lines.take(LONGEST).read_to_end(&mut whole).map_err(io)?;
                if whole.len() as u64 >= LONGEST {
                    let most = LONGEST >> 20;
                    return Err(input(
                        &self.path,
                        format!("a document of more than {most} MiB: write it as JSON a line"),
                    ));
                }
                if let Some(text) = std::str::from_utf8(&whole).ok().filter(|t| json::valid(t)) {
                    return self.document(text, columns, each);
                }
                for (at, line) in whole.split(|b| *b == b'\n').enumerate() {
                    let line = line.trim_ascii();
                    if !line.is_empty() && !object(line, number + at as u64, bytes, columns, each)? {
                        break;
                    }
                }
                return Ok(());
            }
            if !object(text, number, bytes, columns, each)? {
                return Ok(());
            }
        }
    }

    /// One JSON value: an answer of a query API, a list of objects, or one object.
    fn document(&self, text: &str, columns: &mut Columns, each: Each<'_>) -> Result<(), StoreError> {
        if let Some(table) = answer_table(text) {
            return self.answer(text, table, columns, each);
        }
        let Some(elements) = json::elements(text) else {
            return object(text.trim().as_bytes(), 1, self.bytes, columns, each).map(drop);
        };
        let mut places = Places::of(text);
        for element in elements {
            let line = places.line_of(element);
            if !object(element.as_bytes(), line, places.at as u64, columns, each)? {
                break;
            }
        }
        Ok(())
    }

    /// `{"name", "columns": [{"name", "type"}], "rows": [[…]]}`
    fn answer(&self, text: &str, table: &str, columns: &mut Columns, each: Each<'_>) -> Result<(), StoreError> {
        let part = |names: [&str; 2]| names.iter().find_map(|n| json::key(table, n)).and_then(json::elements);
        let (Some(heading), Some(rows)) = (part(["columns", "Columns"]), part(["rows", "Rows"])) else {
            return Err(input(&self.path, "its table has no columns or no rows".into()));
        };
        let mut header = Vec::with_capacity(heading.len());
        for column in heading {
            let text = |names: &[&str]| names.iter().find_map(|n| json::key(column, n)).and_then(json::string);
            let name = text(&["name", "ColumnName"]).unwrap_or_default();
            // Kusto's first version names the type of .NET beside its own.
            let ty = text(&["type", "ColumnType", "DataType"]).and_then(|t| type_named(&t));
            let name = if name.is_empty() { format!("Column{}", header.len() + 1) } else { name.into_owned() };
            header.push(columns.declared(&name, ty));
        }
        let mut places = Places::of(text);
        for row in rows {
            let line = places.line_of(row);
            let cells = json::elements(row).filter(|cells| cells.len() == header.len());
            let on = match cells {
                Some(cells) => {
                    let cells: Vec<_> = header.iter().zip(cells).map(|(at, c)| (*at, Cell::Json(c))).collect();
                    each(line, places.at as u64, Row::Cells(&cells), columns)?
                }
                None => {
                    let why = format!("it is no list of {} values, one a column", header.len());
                    each(line, places.at as u64, Row::Bad(why), columns)?
                }
            };
            if !on {
                break;
            }
        }
        Ok(())
    }
}

pub(super) fn input(path: &Path, what: String) -> StoreError {
    StoreError::Input { path: path.into(), what }
}

/// One object as a row.
fn object(text: &[u8], line: u64, bytes: u64, columns: &mut Columns, each: Each<'_>) -> Result<bool, StoreError> {
    let members =
        std::str::from_utf8(text).ok().filter(|t| json::kind(t) == Some(Kind::Object)).and_then(json::members);
    let Some(members) = members else {
        return each(line, bytes, Row::Bad("it is no JSON object".into()), columns);
    };
    let mut cells: Vec<(usize, Cell<'_>)> = Vec::with_capacity(members.len());
    for (name, value) in &members {
        let at = columns.at(name);
        // Of a repeated key the first counts.
        if !cells.iter().any(|(have, _)| *have == at) {
            cells.push((at, Cell::Json(value)));
        }
    }
    each(line, bytes, Row::Cells(&cells), columns)
}

/// Is it the answer of a query API?
fn is_answer(text: &str) -> bool {
    answer_table(text).is_some()
}

/// The first result of the answer of a query API.
fn answer_table(text: &str) -> Option<&str> {
    if json::kind(text)? == Kind::List {
        // Frames of Kusto's second version.
        let frames = json::elements(text)?;
        let is = |frame: &str, name: &str, value: &str| {
            json::key(frame, name).and_then(json::string).is_some_and(|found| found == value)
        };
        return frames.into_iter().find(|f| is(f, "FrameType", "DataTable") && is(f, "TableKind", "PrimaryResult"));
    }
    let tables = ["tables", "Tables"].iter().find_map(|name| json::key(text, name)).and_then(json::elements)?;
    tables.into_iter().find(|t| json::key(t, "columns").or_else(|| json::key(t, "Columns")).is_some())
}

fn type_named(name: &str) -> Option<Type> {
    Type::from_name(name).or_else(|| {
        Some(match name {
            "Int64" => Type::Long,
            "Int32" => Type::Int,
            "Double" => Type::Real,
            "SqlDecimal" => Type::Decimal,
            "String" => Type::String,
            "DateTime" => Type::DateTime,
            "TimeSpan" => Type::TimeSpan,
            "Guid" => Type::Guid,
            "SByte" | "Boolean" => Type::Bool,
            "Object" => Type::Dynamic,
            _ => return None,
        })
    })
}
