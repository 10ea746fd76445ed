//! Import of files into a table. All files are read twice: first for their columns and types, then for their rows, which go into one
//! Parquet file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::cells::{Column as Building, data_type};
use super::source::{Columns, Row, Source, input};
use super::{Imported, SCHEMA_KEY, Table, TableFile, check_name, write_schema};
use crate::base::time::Ticks;
use crate::kql::{Column, Schema, Type};
use crate::store::StoreError;
use crate::store::lock::WriterLock;

/// Rows of a row group: the least that a scan reads or leaves.
const ROW_GROUP: usize = 65_536;
/// Bad rows that are named; the others are counted.
pub(super) const NAMED: usize = 20;
/// Rows between two looks at whether to go on.
const LOOK: u64 = 4_096;

/// What is imported, and as what.
#[derive(Debug)]
pub struct Request<'a> {
    pub table: &'a str,
    pub sources: &'a [Source],
    /// Types that the person says.
    pub schema: &'a Schema,
    /// The rows take the place of the table's.
    pub replace: bool,
    pub now: Ticks,
}

/// How far an import has come: bytes of both readings together.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub bytes: u64,
    pub total: u64,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// `file:line`
    pub place: String,
    pub why: String,
}

/// What an import did.
#[derive(Clone, Debug, Default)]
pub struct Done {
    pub rows: u64,
    pub bad: u64,
    /// The first of them.
    pub named: Vec<Bad>,
    /// Cells that their column's type cannot hold, by column: they are null.
    pub unfit: BTreeMap<Arc<str>, u64>,
    /// Columns that the table did not have before.
    pub added: Vec<Arc<str>>,
    pub schema: Schema,
    /// Files whose rows the table has already, and since when: they were left out.
    pub known: Vec<(Arc<str>, Ticks)>,
    /// It was broken off: nothing was imported.
    pub stopped: bool,
}

impl Done {
    fn bad(&mut self, source: &Source, line: u64, why: &str) {
        self.bad += 1;
        if self.named.len() < NAMED {
            self.named.push(Bad { place: format!("{}:{line}", source.name), why: why.to_owned() });
        }
    }
}

/// The columns of the sources with the types that hold: what the person says, what the source says, what the values show.
pub fn wanted_schema(columns: &Columns, said: &Schema) -> Schema {
    let ty = |c: &super::source::Found| {
        let said = said.position(&c.name).map(|at| said.0[at].ty);
        said.or(c.declared).unwrap_or_else(|| c.seen.ty())
    };
    let found = columns.list.iter().map(|c| Column { name: Arc::clone(&c.name), ty: ty(c) });
    let absent = said.iter().filter(|c| !columns.list.iter().any(|f| f.name == c.name)).cloned();
    found.chain(absent).collect()
}

/// Imports the sources into a table. `watch` is told now and then how far it is, and may break it off: then nothing is imported. A file that
/// was imported into the table before adds nothing, unless it is to take the place of everything.
pub fn import(
    tables: &Imported,
    request: &Request<'_>,
    mut watch: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Done, StoreError> {
    let dir = tables.dir(request.table);
    check_name(request.table).map_err(|what| input(&dir, what))?;
    fs::create_dir_all(&dir).map_err(|e| StoreError::io(&dir, e))?;
    let _lock = WriterLock::take(&dir.join("import.lock"))?;
    remove_leftovers(tables, request.table);
    let old = if request.replace { None } else { tables.table(request.table)? };
    let mut done = Done::default();
    let (sources, digests) = unknown(request, old.as_ref(), &mut done)?;
    if let (true, Some(old)) = (sources.is_empty(), &old) {
        done.schema = old.schema.clone();
        return Ok(done);
    }
    let total = 2 * sources.iter().map(|s| s.bytes).sum::<u64>();

    let mut columns = Columns::default();
    let (mut before, mut rows) = (0, 0_u64);
    for source in &sources {
        source.each(&mut columns, &mut |_, at, row, columns| {
            if let Row::Cells(cells) = row {
                for (at, cell) in cells {
                    columns.list[*at].seen.see(*cell);
                }
            }
            rows += 1;
            if rows.is_multiple_of(LOOK) && watch(&Progress { bytes: before + at, total }).is_break() {
                done.stopped = true;
            }
            Ok(!done.stopped)
        })?;
        before += source.bytes;
    }
    if done.stopped {
        return Ok(done);
    }

    let schema = wanted_schema(&columns, request.schema);
    if schema.is_empty() {
        return Err(input(&dir, "the files hold no row and no column".into()));
    }
    let schema = match &old {
        Some(old) => {
            joined(&old.schema, &schema, &columns, request.schema, &mut done).map_err(|what| input(&dir, what))?
        }
        None => schema,
    };

    let number = fs::read_dir(&dir)
        .map_err(|e| StoreError::io(&dir, e))?
        .flatten()
        .filter_map(|e| e.path().file_stem()?.to_str()?.parse::<u64>().ok())
        .max()
        .map_or(1, |n| n + 1);
    let path = dir.join(format!("{number:06}.parquet"));
    let new = dir.join(format!("{number:06}.new"));
    let mut writing = Writing::new(&new, &schema, &columns)?;
    for source in &sources {
        source.each(&mut columns, &mut |line, at, row, columns| {
            match row {
                Row::Cells(cells) => writing.row(cells, columns.list.len())?,
                Row::Bad(why) => done.bad(source, line, &why),
            }
            if (writing.rows + done.bad).is_multiple_of(LOOK)
                && watch(&Progress { bytes: before + at, total }).is_break()
            {
                done.stopped = true;
            }
            Ok(!done.stopped)
        })?;
        before += source.bytes;
    }
    if done.stopped {
        drop(writing);
        let _ = fs::remove_file(&new);
        return Ok(done);
    }
    for (column, n) in schema.iter().zip(&writing.unfit) {
        if *n > 0 {
            done.unfit.insert(Arc::clone(&column.name), *n);
        }
    }
    done.rows = writing.rows;
    let bytes = writing.end()?;
    fs::rename(&new, &path).map_err(|e| StoreError::io(&path, e))?;

    let superseded: Vec<PathBuf> = match &old {
        None => tables
            .table(request.table)
            .ok()
            .flatten()
            .map_or_else(Vec::new, |t| t.files.into_iter().map(|f| f.path).collect()),
        Some(_) => Vec::new(),
    };
    let mut files = old.map_or_else(Vec::new, |old| old.files);
    let imported = request.now;
    files.push(TableFile { path, rows: done.rows, bytes, imported, sources: digests, metadata: OnceLock::new() });
    tables.put(&Table { name: request.table.into(), schema: schema.clone(), files })?;
    for file in superseded {
        // A query that has it open reads it to its end.
        let _ = fs::remove_file(file);
    }
    let _ = watch(&Progress { bytes: total, total });
    done.schema = schema;
    Ok(done)
}

/// The sources whose rows the table does not have, each once, and what they are known by.
fn unknown<'a>(
    request: &Request<'a>,
    old: Option<&Table>,
    done: &mut Done,
) -> Result<(Vec<&'a Source>, Vec<[u8; 32]>), StoreError> {
    let (mut sources, mut digests) = (Vec::new(), Vec::new());
    for source in request.sources {
        let digest = source.digest()?;
        let before = old.and_then(|old| old.files.iter().find(|file| file.sources.contains(&digest)));
        let since = before.map(|file| file.imported).or_else(|| digests.contains(&digest).then_some(request.now));
        match since {
            Some(since) => done.known.push((Arc::clone(&source.name), since)),
            None => {
                sources.push(source);
                digests.push(digest);
            }
        }
    }
    Ok((sources, digests))
}

/// Removes what an import left that was killed: files with rows that the table does not name.
fn remove_leftovers(tables: &Imported, name: &str) {
    // A table that cannot be read may name any of them.
    let Ok(known) = tables.table(name) else { return };
    let named = |path: &PathBuf| known.iter().flat_map(|table| &table.files).any(|file| file.path == *path);
    for path in fs::read_dir(tables.dir(name)).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let numbered = path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.parse::<u64>().is_ok());
        let of_rows = path.extension().is_some_and(|end| end == "new" || end == "parquet");
        if numbered && of_rows && !named(&path) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The table's columns and those that are new to it. A column that is there keeps its type, which must hold what comes.
fn joined(old: &Schema, new: &Schema, columns: &Columns, said: &Schema, done: &mut Done) -> Result<Schema, String> {
    let mut all = old.clone();
    for column in new {
        let Some(at) = old.position(&column.name) else {
            done.added.push(Arc::clone(&column.name));
            all.0.push(column.clone());
            continue;
        };
        let have = old.0[at].ty;
        let nothing = columns
            .list
            .iter()
            .find(|c| c.name == column.name)
            .is_none_or(|c| c.declared.is_none() && c.seen.is_empty());
        let fits = have == column.ty
            || (nothing && said.position(&column.name).is_none())
            || matches!(have, Type::String | Type::Dynamic)
            || matches!(
                (column.ty, have),
                (Type::Long, Type::Int | Type::Real | Type::Decimal)
                    | (Type::Int, Type::Long | Type::Real | Type::Decimal)
                    | (Type::Real, Type::Decimal)
                    | (Type::String, Type::Guid | Type::TimeSpan)
            );
        if !fits {
            return Err(format!(
                "its column `{}` is {have}, the files have {}: import them with --replace, or into a table of another name",
                column.name, column.ty
            ));
        }
    }
    Ok(all)
}

/// The Parquet file under way.
struct Writing {
    path: PathBuf,
    arrow: SchemaRef,
    writer: ArrowWriter<File>,
    building: Vec<Building>,
    /// The column of the table by the position in the sources.
    targets: Vec<Option<usize>>,
    /// Scratch: the cells of a row by column of the table.
    unfit: Vec<u64>,
    held: usize,
    rows: u64,
}

impl Writing {
    fn new(path: &std::path::Path, schema: &Schema, columns: &Columns) -> Result<Self, StoreError> {
        let few: Vec<bool> = schema
            .iter()
            .map(|c| columns.list.iter().find(|f| f.name == c.name).is_none_or(|f| f.seen.few()))
            .collect();
        let fields: Vec<Field> =
            schema.iter().zip(&few).map(|(c, few)| Field::new(&*c.name, data_type(c.ty, *few), true)).collect();
        let arrow: SchemaRef = Arc::new(ArrowSchema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(StoreError::parquet(path))?))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_key_value_metadata(Some(vec![KeyValue::new(SCHEMA_KEY.to_owned(), write_schema(schema))]))
            .build();
        let file = File::create(path).map_err(|e| StoreError::io(path, e))?;
        let writer =
            ArrowWriter::try_new(file, Arc::clone(&arrow), Some(properties)).map_err(StoreError::parquet(path))?;
        let targets = columns.list.iter().map(|c| schema.position(&c.name)).collect();
        let building = schema.iter().zip(&few).map(|(c, few)| Building::new(c.ty, *few)).collect();
        let unfit = vec![0; schema.len()];
        Ok(Self { path: path.to_owned(), arrow, writer, building, targets, unfit, held: 0, rows: 0 })
    }

    fn row(&mut self, cells: &[(usize, super::Cell<'_>)], known: usize) -> Result<(), StoreError> {
        if known > self.targets.len() {
            // The file changed between its two readings.
            return Err(input(&self.path, "the source changed while it was read: import it again".into()));
        }
        let mut by_column = vec![None; self.building.len()];
        for (at, cell) in cells {
            if let Some(target) = self.targets[*at] {
                by_column[target] = Some(*cell);
            }
        }
        for ((column, cell), unfit) in self.building.iter_mut().zip(by_column).zip(&mut self.unfit) {
            *unfit += u64::from(!column.put(cell));
        }
        self.held += 1;
        self.rows += 1;
        if self.held == ROW_GROUP { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let columns = self.building.iter_mut().map(Building::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.arrow), columns)
            .map_err(StoreError::arrow("put imported rows together"))?;
        self.held = 0;
        self.writer.write(&batch).map_err(StoreError::parquet(&self.path))
    }

    /// Bytes of the file.
    fn end(mut self) -> Result<u64, StoreError> {
        if self.held > 0 {
            self.flush()?;
        }
        let file = self.writer.into_inner().map_err(StoreError::parquet(&self.path))?;
        let io = |e| StoreError::io(&self.path, e);
        file.sync_all().map_err(io)?;
        Ok(file.metadata().map_err(io)?.len())
    }
}
