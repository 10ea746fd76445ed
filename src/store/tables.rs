//! Imported tables: rows of any shape, beside the evidence.
//!
//! ```text
//! tables/NAME/table.json       the columns with their KQL types, and the files that hold the rows; replaced whole
//! tables/NAME/000001.parquet   rows of one import; KQL's types stand in its metadata too
//! tables/NAME/import.lock      held while rows are imported
//! ```
//!
//! A reader takes `table.json` and opens what it names. An import writes its file under a name of its own, syncs it, and only then
//! names it in `table.json`: an import that ends early leaves no row of it, and what it had written is removed by the next. A file is
//! known by its digest: importing it again adds nothing.

mod cells;
mod events;
mod evidence;
mod import;
mod infer;
mod parquet_rows;
mod source;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use serde_json::{Value as Json, json};

pub use cells::{Cell, Column as ColumnBuilder};
pub use events::NAMES as EVENT_TABLES;
pub use evidence::{Stored, import_events};
pub use import::{Bad, Done, Progress, Request, import, wanted_schema};
pub use source::{Columns as FoundColumns, Format, Row, Source};

use super::StoreError;
use crate::base::time::Ticks;
use crate::kql::syntax::{ExprKind, StatementKind};
use crate::kql::{Column, Schema, parser};

/// The key of a Parquet file's metadata that holds its KQL types: `a: long, ['b c']: datetime`.
pub const SCHEMA_KEY: &str = "kql.schema";
/// The longest name of a table.
const LONGEST_NAME: usize = 128;

/// The folder of imported tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    root: PathBuf,
}

/// A table: its columns, and the files that hold its rows, oldest first.
#[derive(Debug)]
pub struct Table {
    pub name: Arc<str>,
    pub schema: Schema,
    pub files: Vec<TableFile>,
}

/// Rows of one import.
#[derive(Debug)]
pub struct TableFile {
    pub path: PathBuf,
    pub rows: u64,
    pub bytes: u64,
    /// When they were imported.
    pub imported: Ticks,
    /// What they came from: the SHA-256 of each file, by which it is recognised.
    pub sources: Vec<[u8; 32]>,
    metadata: OnceLock<ArrowReaderMetadata>,
}

impl Table {
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|f| f.rows).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }
}

impl TableFile {
    pub fn open(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(|e| StoreError::io(&self.path, e))
    }

    /// The footer, read at the first call and kept.
    pub fn metadata(&self) -> Result<&ArrowReaderMetadata, StoreError> {
        if let Some(known) = self.metadata.get() {
            return Ok(known);
        }
        let options = ArrowReaderOptions::new();
        let read = ArrowReaderMetadata::load(&self.open()?, options).map_err(StoreError::parquet(&self.path))?;
        Ok(self.metadata.get_or_init(|| read))
    }
}

impl Imported {
    /// The imported tables of a data folder.
    pub fn of(data_dir: &Path) -> Self {
        Self { root: data_dir.join("tables") }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The names of the tables, in order.
    pub fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|name| check_name(name).is_ok() && self.dir(name).join("table.json").is_file())
            .collect();
        names.sort();
        names
    }

    /// The table of a name; `None` where there is none.
    pub fn table(&self, name: &str) -> Result<Option<Table>, StoreError> {
        if check_name(name).is_err() {
            return Ok(None);
        }
        let path = self.dir(name).join("table.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(e) => return Err(StoreError::io(&path, e)),
        };
        let damaged = || StoreError::Input {
            path: path.clone(),
            what: "it is damaged: import the table again with --replace".into(),
        };
        let manifest: Json = serde_json::from_slice(&text).map_err(|_| damaged())?;
        let schema = manifest["columns"].as_str().and_then(|s| read_schema(s).ok()).ok_or_else(damaged)?;
        let mut files = Vec::new();
        for file in manifest["files"].as_array().ok_or_else(damaged)? {
            let name = file["file"].as_str().filter(|n| !n.contains('/')).ok_or_else(damaged)?;
            files.push(TableFile {
                path: self
                    .dir(manifest["name"].as_str().filter(|n| check_name(n).is_ok()).ok_or_else(damaged)?)
                    .join(name),
                rows: file["rows"].as_u64().ok_or_else(damaged)?,
                bytes: file["bytes"].as_u64().unwrap_or(0),
                imported: Ticks(file["imported"].as_i64().unwrap_or(0)),
                sources: file["sources"].as_array().into_iter().flatten().filter_map(read_digest).collect(),
                metadata: OnceLock::new(),
            });
        }
        Ok(Some(Table { name: name.into(), schema, files }))
    }

    /// All tables that can be read.
    pub fn tables(&self) -> Vec<Table> {
        self.names().iter().filter_map(|name| self.table(name).ok().flatten()).collect()
    }

    /// Makes `table` what the name stands for, in one step.
    fn put(&self, table: &Table) -> Result<(), StoreError> {
        let dir = self.dir(&table.name);
        let files: Vec<Json> = table
            .files
            .iter()
            .map(|f| {
                let file = f.path.file_name().unwrap_or_default().to_string_lossy();
                let sources: Vec<String> = f.sources.iter().map(hex).collect();
                json!({"file": file, "rows": f.rows, "bytes": f.bytes, "imported": f.imported.0, "sources": sources})
            })
            .collect();
        let manifest =
            json!({"version": 1, "name": &*table.name, "columns": write_schema(&table.schema), "files": files});
        let (new, path) = (dir.join("table.json.new"), dir.join("table.json"));
        let io = |e| StoreError::io(&path, e);
        let mut file = File::create(&new).map_err(io)?;
        file.write_all(format!("{manifest:#}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        fs::rename(&new, &path).map_err(io)?;
        File::open(&dir).and_then(|dir| dir.sync_all()).map_err(io)
    }
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read_digest(text: &Json) -> Option<[u8; 32]> {
    let text = text.as_str().filter(|text| text.len() == 64 && text.is_ascii())?;
    let mut digest = [0; 32];
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}

/// May a table have this name? It becomes the name of a folder too.
pub fn check_name(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    let rest = chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '));
    if first && rest && name.len() <= LONGEST_NAME && !name.ends_with([' ', '.']) {
        return Ok(());
    }
    Err(format!(
        "a table's name has letters and digits of ASCII, `_`, and inside it `-`, `.` and blanks, {LONGEST_NAME} at most"
    ))
}

/// Columns as `a: long, ['b c']: datetime`.
pub fn write_schema(schema: &Schema) -> String {
    let mut out = String::new();
    for (n, column) in schema.iter().enumerate() {
        let comma = if n > 0 { ", " } else { "" };
        let name = crate::kql::literal::print_string(&column.name);
        // Writing to a string cannot fail.
        let _ = write!(out, "{comma}[{name}]: {}", column.ty);
    }
    out
}

/// Reads what `write_schema` writes, and what a person does: `a:long, b:datetime`.
pub fn read_schema(text: &str) -> Result<Schema, String> {
    let help = "write columns with their types: --schema 'a: long, [\"b c\"]: datetime'";
    let parsed = parser::parse(&format!("datatable({text})[]"));
    if let Some(fault) = parsed.diagnostics.first() {
        return Err(format!("{}; {help}", fault.message));
    }
    if let [statement] = parsed.query.statements.as_slice()
        && let StatementKind::Expr(e) = &statement.kind
        && let ExprKind::DataTable { columns, values } = &e.kind
        && values.is_empty()
        && !columns.is_empty()
    {
        let schema: Schema = columns.iter().map(|c| Column { name: Arc::clone(&c.name.text), ty: c.ty }).collect();
        if let Some(twice) = schema.iter().enumerate().find(|(n, c)| schema.position(&c.name) != Some(*n)) {
            return Err(format!("the column `{}` stands twice", twice.1.name));
        }
        return Ok(schema);
    }
    Err(help.to_owned())
}

#[cfg(test)]
mod tests;
