//! Rows that a query's memory has no room for: written to a file without a name, and read again from there.
//!
//! A `Spool` is one such file: blocks of rows, each an Arrow IPC stream of its own, so that any of them can be read alone and several threads may
//! write at once. The file never has a name that another process could open, and whatever ends this one ends it too. `Held` keeps rows in their
//! order, in memory while there is room. `Parting` sends rows to parts by the hash of their key: rows of one key are in one part, which then fits.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema as ArrowSchema};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::batch::{Batch, lean};
use super::column::{Result, flat, internal};
use super::control::{Account, Control};
use super::pipeline::{Emit, MORSEL, Pipeline, Runner, Source};
use crate::engine::QueryError;

mod parting;
#[cfg(test)]
mod tests;

pub use parting::{Hashes, LEVELS, PARTS, Parting, Parts};

/// A file of blocks, made when the first is written.
#[derive(Debug)]
pub struct Spool {
    control: Arc<Control>,
    file: OnceLock<File>,
    end: AtomicU64,
    /// Bytes that a block should have: many of them are in memory at once.
    block: u64,
}

/// Where rows lie in their spool.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    at: u64,
    pub bytes: u64,
}

impl Spool {
    pub fn new(runner: &Runner) -> Arc<Self> {
        // A block of each part, of each worker, is an eighth of the memory.
        let block = runner.control.share(8) / (PARTS * runner.workers.max(1)) as u64;
        Arc::new(Self {
            control: Arc::clone(&runner.control),
            file: OnceLock::new(),
            end: AtomicU64::new(0),
            block: block.clamp(4 << 10, 1 << 20),
        })
    }

    /// Bytes that a block should have.
    pub fn block(&self) -> u64 {
        self.block
    }

    /// Rows of a block, for rows like these.
    pub fn rows_of_a_block(&self, batch: &Batch) -> usize {
        let row = batch.bytes() / batch.rows.max(1) as u64 + 1;
        ((self.block / row) as usize).clamp(16, MORSEL)
    }

    fn file(&self) -> Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let folder = self.control.folder();
        let file = unnamed(folder).map_err(|error| unwritten(folder, &error))?;
        Ok(self.file.get_or_init(|| file))
    }

    /// Writes rows; text of any make comes back as `Utf8View`.
    pub fn write(&self, batch: &Batch) -> Result<Block> {
        self.control.check()?;
        let columns = batch.columns.iter().map(|c| lean(flat(c)?)).collect::<Result<Vec<_>>>()?;
        let fields: Vec<Field> = columns.iter().map(|c| Field::new("", c.data_type().clone(), true)).collect();
        let schema = Arc::new(ArrowSchema::new(fields));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.rows));
        let record = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        writer.write(&record)?;
        let encoded = writer.into_inner()?;
        let bytes = encoded.len() as u64;
        let at = self.end.fetch_add(bytes, Ordering::Relaxed);
        self.file()?.write_all_at(&encoded, at).map_err(|error| unwritten(self.control.folder(), &error))?;
        self.control.counters.spilled.fetch_add(bytes, Ordering::Relaxed);
        Ok(Block { at, bytes })
    }

    pub fn read(&self, block: Block) -> Result<Batch> {
        self.control.check()?;
        let mut encoded = vec![0; block.bytes as usize];
        self.file()?.read_exact_at(&mut encoded, block.at).map_err(|error| {
            QueryError::Runtime(format!(
                "rows set aside in {} could not be read again: {error}",
                self.control.folder().display()
            ))
        })?;
        let mut reader = StreamReader::try_new(encoded.as_slice(), None)?;
        let record = reader.next().ok_or_else(|| internal("a block without rows"))??;
        Ok(Batch::new(record.num_rows(), record.columns().to_vec()))
    }
}

/// Tells this process's files apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A private file that no folder lists: opened without a name where the system can, else unlinked as soon as it is open.
fn unnamed(folder: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        // A file system that has no such files says so in several ways; whatever else is wrong, the next attempt says.
        if let Ok(file) = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
            return Ok(file.into());
        }
    }
    let name = format!(".spool-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = folder.join(name);
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn unwritten(folder: &Path, error: &io::Error) -> QueryError {
    let folder = folder.display();
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let why = if full { "the disk is full".to_owned() } else { error.to_string() };
    let fix = if full { "free some space there" } else { "make the folder writable" };
    QueryError::Runtime(format!(
        "rows that do not fit in memory cannot be set aside in {folder}: {why}; {fix}, narrow the time range, or raise `memory` under `[limits.console]` or \
         `[limits.headless]` in the configuration"
    ))
}

/// Rows in the order in which they came: in memory up to so many bytes, in a spool beyond.
#[derive(Debug)]
pub struct Held {
    spool: Arc<Spool>,
    pieces: Vec<Piece>,
    account: Account,
    most: u64,
}

#[derive(Debug)]
enum Piece {
    Here(Batch),
    Spooled(Block),
}

impl Held {
    pub fn new(spool: &Arc<Spool>, what: &'static str, most: u64) -> Self {
        Self { spool: Arc::clone(spool), pieces: Vec::new(), account: spool.control.account(what), most }
    }

    pub fn push(&mut self, batch: &Batch) -> Result<()> {
        let room = self.account.bytes() + batch.bytes() <= self.most;
        let rows = if room { MORSEL } else { self.spool.rows_of_a_block(batch) };
        for from in (0..batch.rows).step_by(rows) {
            let part = batch.slice(from, rows.min(batch.rows - from));
            self.pieces.push(if room { Piece::Here(part) } else { Piece::Spooled(self.spool.write(&part)?) });
        }
        if room { self.account.add(batch.bytes()) } else { Ok(()) }
    }

    /// The rows, in order.
    pub fn pipeline(self) -> Pipeline {
        let mut pipeline = Pipeline::new(Arc::new(self));
        pipeline.ordered = true;
        pipeline
    }
}

impl Source for Held {
    fn morsels(&self) -> usize {
        self.pieces.len()
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        let batch = match &self.pieces[morsel] {
            Piece::Here(batch) => batch.clone(),
            Piece::Spooled(block) => self.spool.read(*block)?,
        };
        emit(batch).map(drop)
    }
}
