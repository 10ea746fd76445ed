//! The tables of one query: the evidence store's, of one snapshot taken when first asked for; imported ones; watch-lists.

use std::sync::{Arc, OnceLock};

use super::column::Result;
use super::control::Control;
use super::directory;
use super::names::Names;
use super::own;
use super::pipeline::Source;
use super::scan::Tables;
use super::scan::columns::schema;
use super::scan::events::Events;
use super::scan::held::Held;
use super::scan::imported::Stored;
use super::scan::purpose::Purpose;
use super::surroundings::Surroundings;
use crate::engine::QueryError;
use crate::kql::plan::{External, ScanColumn};
use crate::kql::{Expr, Schema};
use crate::store::names::Directory;
use crate::store::own::Own;
use crate::store::{Reader, Snapshot, Workspace};

pub use super::names::StoreCatalog;

/// The tables of one query.
#[derive(Debug)]
pub struct LocalTables<'a> {
    names: &'a Names,
    around: &'a Surroundings,
    reader: Option<&'a Reader>,
    snapshot: OnceLock<Snapshot>,
    directory: OnceLock<Arc<Directory>>,
}

impl<'a> LocalTables<'a> {
    /// `given` are rows that stand in for the store's.
    pub fn new(
        names: &'a Names,
        around: &'a Surroundings,
        reader: Option<&'a Reader>,
        given: Option<&Snapshot>,
    ) -> Self {
        let snapshot = given.cloned().map_or_else(OnceLock::new, OnceLock::from);
        Self { names, around, reader, snapshot, directory: OnceLock::new() }
    }

    fn snapshot(&self) -> Result<&Snapshot> {
        if let Some(taken) = self.snapshot.get() {
            return Ok(taken);
        }
        let taken = match self.reader {
            Some(reader) => reader.snapshot().map_err(|e| QueryError::Store(e.to_string()))?,
            None => Snapshot::default(),
        };
        Ok(self.snapshot.get_or_init(|| taken))
    }

    /// The names beside UUIDs, as they are when a query first asks for one.
    fn directory(&self) -> Result<Arc<Directory>> {
        if let Some(read) = self.directory.get() {
            return Ok(Arc::clone(read));
        }
        let workspace = self.around.workspace.as_deref().map(Workspace::open_if_there).transpose()?.flatten();
        let read = Arc::new(Directory::read(self.reader, workspace.as_ref())?);
        Ok(Arc::clone(self.directory.get_or_init(|| read)))
    }
}

impl Tables for LocalTables<'_> {
    fn scan(
        &self,
        table: &str,
        columns: &[ScanColumn],
        _: &Schema,
        filter: &[Expr],
        control: &Arc<Control>,
    ) -> Result<Arc<dyn Source>> {
        self.scan_for(table, columns, &Schema::default(), filter, &Purpose::default(), control)
    }

    fn scan_for(
        &self,
        table: &str,
        columns: &[ScanColumn],
        _: &Schema,
        filter: &[Expr],
        purpose: &Purpose,
        control: &Arc<Control>,
    ) -> Result<Arc<dyn Source>> {
        if schema(table).is_some() {
            return Ok(Arc::new(Events::new(
                self.snapshot()?,
                table,
                columns,
                filter,
                purpose,
                &|| self.directory(),
                control,
            )?));
        }
        if table == directory::NAME {
            return directory::scan(&*self.directory()?, columns, filter, control);
        }
        if let Some(own) = Own::named(table) {
            return own::scan(own, self.reader, self.around, columns, filter, control);
        }
        if let Some(list) = self.names.watchlist(table) {
            return Ok(Arc::new(Held::new(&list.schema, &list.rows, columns, filter, control)?));
        }
        match self.names.imported(table) {
            Some(table) => Ok(Arc::new(Stored::new(table, columns, filter, control)?)),
            None => Err(QueryError::Runtime(format!("there is no table {table} here"))),
        }
    }

    fn external(&self, external: &External, schema: &Schema, control: &Arc<Control>) -> Result<Arc<dyn Source>> {
        super::external::read(external, schema, self.around, control)
    }
}
