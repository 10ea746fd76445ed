//! Exports: a range of the store in a folder of its own, with what proves it.
//!
//! `events.ndjson`, `events.parquet` or `events.csv` hold the events, `manifest.json` says what they are, and `manifest.sig` signs its
//! digest. An NDJSON export is the evidence bundle: its manifest has every batch from the first that it holds events of to the next signed
//! head, with the hashes of what is not in the bundle, so that each event is proven to have been committed as it stands there
//! (`docs/ledger.md`; [`check`] reads it, and so does `tools/verify_export.py`).

mod bundle;
mod check;
mod csv;
mod files;
mod range;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::filter_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use sha2::{Digest as _, Sha256};

pub use bundle::{BatchProof, EventsFile, FeedSummary, GapSummary, Manifest, QuerySummary};
pub use check::{Checked, Wrong, check, check_folder};

use super::checkpoint::SignedHead;
use super::signing::{Signer, hex};
use super::{Head, Layout, Reader, Root, SCHEMA_VERSION, StoreError};
use crate::base::time::Ticks;
use crate::event::{Feed, schema};
use files::Folder;
pub use files::NewFile;
use range::Range;

/// How the events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An event a line with its exact text, and the proof in the manifest.
    Ndjson,
    /// The stored columns.
    Parquet,
    /// The stored columns, for a spreadsheet.
    Csv,
}

/// Which events, beside the range: yes or no for each row of a batch.
pub type Predicate<'p> = dyn FnMut(&RecordBatch) -> Result<Vec<bool>, Box<dyn std::error::Error + Send + Sync>> + 'p;

/// What to export.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bounds of the event's time (of its arrival where it has none): from (inclusive), to (exclusive).
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    /// Empty: every feed.
    pub feeds: Vec<Feed>,
    /// The text of the predicate, for the manifest.
    pub predicate: Option<String>,
    pub format: Format,
    /// CSV cells as they are, formulas and all.
    pub raw_csv: bool,
    /// The events are made up: the manifest and the names of the files say so.
    pub demo: bool,
}

/// Why an export was not made. What was written by then is not under its name.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of the predicate.
    #[error("the predicate cannot be evaluated: {0}")]
    Predicate(Box<dyn std::error::Error + Send + Sync>),
    #[error("{0}")]
    Name(String),
}

/// What was exported.
#[derive(Clone, Debug)]
pub struct Exported {
    pub events: u64,
    pub bytes: u64,
    /// Of the file of events.
    pub digest: Root,
    /// Of the manifest, where there is one.
    pub manifest: Option<Root>,
    pub head: Head,
    /// Is the manifest signed? Only who may use the store's key can.
    pub signed: bool,
    /// CSV cells that were altered, by column.
    pub altered: BTreeMap<String, u64>,
}

/// Exports the events alone, without a manifest, to where `sink` leads: a new file, or a pipe. Nothing but its digest says then that it is what
/// was exported.
pub fn export_events(
    data_dir: &Path,
    sink: std::fs::File,
    options: &Options,
    predicate: Option<&mut Predicate<'_>>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let reader = Reader::open(data_dir)?;
    let layout = Layout::of(data_dir);
    let out = Out::new(io::BufWriter::with_capacity(256 * 1024, sink), options)?;
    let mut range = Range::new(&reader, &layout, options, out)?;
    range.walk(predicate, progress)?;
    let found = range.finish()?;
    let (events, bytes, digest, head, altered) = (found.count, found.bytes, found.digest, found.head, found.altered);
    Ok(Exported { events, bytes, digest, manifest: None, head, signed: false, altered })
}

/// A new file for exported events, with a name that says that it is not whole yet. Nothing is written over.
pub fn new_file(path: &Path) -> Result<NewFile, ExportError> {
    NewFile::create(path)
}

/// Exports into a new folder. `progress` hears how many events of how many were looked at.
pub fn export(
    data_dir: &Path,
    folder: &Path,
    options: &Options,
    predicate: Option<&mut Predicate<'_>>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let reader = Reader::open(data_dir)?;
    let layout = Layout::of(data_dir);
    let folder = Folder::create(folder)?;
    let stem = if options.demo { "DEMO-events" } else { "events" };
    let name = match options.format {
        Format::Ndjson => format!("{stem}.ndjson"),
        Format::Parquet => format!("{stem}.parquet"),
        Format::Csv => format!("{stem}.csv"),
    };
    let file = folder.file(&name)?;
    let out = Out::new(file.writer()?, options)?;
    let mut range = Range::new(&reader, &layout, options, out)?;
    range.walk(predicate, progress)?;
    let found = range.finish()?;
    let (bytes, digest) = (found.bytes, found.digest);
    folder.keep(&file)?;

    let manifest = Manifest {
        format: bundle::FORMAT.to_owned(),
        version: bundle::VERSION,
        tool: format!("vaultscope {}", env!("CARGO_PKG_VERSION")),
        schema_version: SCHEMA_VERSION,
        demo: options.demo,
        exported: Ticks::now().to_string(),
        query: QuerySummary {
            from: options.from.map(|t| t.to_string()),
            to: options.to.map(|t| t.to_string()),
            feeds: options.feeds.iter().map(|f| f.name().to_owned()).collect(),
            predicate: options.predicate.clone(),
        },
        events: EventsFile {
            file: name,
            sha256: hex(&digest),
            bytes,
            count: found.count,
            first_seq: found.seqs.map(|s| s.0),
            last_seq: found.seqs.map(|s| s.1),
            feeds: found.feeds,
        },
        altered_cells: found.altered.clone(),
        gaps: found.gaps,
        batches: found.batches,
        key: found.checkpoint.as_ref().map(|c| c.key.to_string()),
        checkpoint: found.checkpoint.as_ref().map(SignedHead::note),
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| StoreError::io(folder.path(), e.into()))? + "\n";
    let manifest_digest = super::chain::sha256(&[text.as_bytes()]);
    let signer = Signer::existing(&layout);
    if let Some(signer) = &signer {
        let note = signer.note(&bundle::signed_text(signer.verifier().name(), &manifest_digest));
        folder.put("manifest.sig", note.as_bytes())?;
    }
    // Last: an export without a manifest is one that was broken off.
    folder.put("manifest.json", text.as_bytes())?;
    Ok(Exported {
        events: found.count,
        bytes,
        digest,
        manifest: Some(manifest_digest),
        head: found.head,
        signed: signer.is_some(),
        altered: found.altered,
    })
}

/// The events' file under way.
enum Out {
    Lines(Hashed),
    Csv(Hashed, csv::Sheet),
    Parquet(Box<ArrowWriter<Hashed>>),
}

impl Out {
    fn new(file: io::BufWriter<std::fs::File>, options: &Options) -> Result<Self, ExportError> {
        let mut file = Hashed { file, hash: Sha256::new(), bytes: 0 };
        Ok(match options.format {
            Format::Ndjson => Self::Lines(file),
            Format::Csv => {
                let sheet = csv::Sheet::new(options.raw_csv);
                csv::header(&mut file).map_err(|e| StoreError::io(Path::new("events.csv"), e))?;
                Self::Csv(file, sheet)
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
                    .set_created_by(format!("vaultscope {}", env!("CARGO_PKG_VERSION")));
                let writer = ArrowWriter::try_new(file, schema::arrow(), Some(properties.build()));
                Self::Parquet(Box::new(writer.map_err(StoreError::parquet(Path::new("events.parquet")))?))
            }
        })
    }

    /// Writes the kept rows; `batch_of` tells which batch an event belongs to.
    fn write(&mut self, batch: &RecordBatch, keep: &[bool], batch_of: &dyn Fn(i64) -> u64) -> Result<(), StoreError> {
        let io = |e| StoreError::io(Path::new("the export"), e);
        if !keep.contains(&true) {
            return Ok(());
        }
        match self {
            Self::Lines(out) => bundle::lines(out, batch, keep, batch_of).map_err(io),
            Self::Csv(out, sheet) => sheet.rows(out, batch, keep).map_err(io),
            Self::Parquet(out) => {
                let kept =
                    filter_record_batch(batch, &keep.to_vec().into()).map_err(StoreError::arrow("filter events"))?;
                out.write(&kept).map_err(StoreError::parquet(Path::new("events.parquet")))
            }
        }
    }

    /// Syncs the file; its digest, its length and what was altered in it.
    fn finish(self) -> Result<(Root, u64, BTreeMap<String, u64>), StoreError> {
        let (out, altered) = match self {
            Self::Lines(out) => (out, BTreeMap::new()),
            Self::Csv(out, sheet) => (out, sheet.altered()),
            Self::Parquet(out) => {
                (out.into_inner().map_err(StoreError::parquet(Path::new("events.parquet")))?, BTreeMap::new())
            }
        };
        let io = |e| StoreError::io(Path::new("the export"), e);
        let Hashed { file, hash, bytes } = out;
        let file = file.into_inner().map_err(|e| io(e.into_error()))?;
        // A pipe has nothing to sync.
        if file.metadata().is_ok_and(|file| file.is_file()) {
            file.sync_all().map_err(io)?;
        }
        Ok((hash.finalize().into(), bytes, altered))
    }
}

/// A file whose digest grows with it.
struct Hashed {
    file: io::BufWriter<std::fs::File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hash.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
