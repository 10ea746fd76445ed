//! What names mean over a store: Sentinel's table, and the shipped views over it.

use std::sync::{Arc, LazyLock, OnceLock};

use super::column::Result;
use super::control::Control;
use super::pipeline::Source;
use super::scan::Tables;
use super::scan::columns::{EVENTS, STORED_EVENTS, schema};
use super::scan::events::Events;
use crate::engine::QueryError;
use crate::event::normalised;
use crate::kql::plan::ScanColumn;
use crate::kql::{Catalog, Expr, Schema};
use crate::store::{Reader, Snapshot};

/// The names of a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreCatalog;

/// The normalised view as it reads here: over the table that has what only a store knows. Elsewhere the same text reads Sentinel's table, and these
/// columns are empty.
static NORMALISED: LazyLock<String> = LazyLock::new(|| normalised::KQL.replace(EVENTS, STORED_EVENTS));

impl Catalog for StoreCatalog {
    fn table(&self, name: &str) -> Option<Schema> {
        schema(name).cloned()
    }

    fn view(&self, name: &str) -> Option<&str> {
        matches!(name, normalised::NAME | normalised::ALIAS).then(|| NORMALISED.as_str())
    }

    fn names(&self) -> Vec<String> {
        [EVENTS, normalised::NAME, normalised::ALIAS].map(str::to_owned).to_vec()
    }
}

/// The tables of one query: one snapshot, taken when first asked for.
#[derive(Debug)]
pub struct StoreTables<'a> {
    reader: &'a Reader,
    snapshot: OnceLock<Snapshot>,
}

impl<'a> StoreTables<'a> {
    pub fn new(reader: &'a Reader) -> Self {
        Self { reader, snapshot: OnceLock::new() }
    }

    fn snapshot(&self) -> Result<&Snapshot> {
        if let Some(taken) = self.snapshot.get() {
            return Ok(taken);
        }
        let taken = self.reader.snapshot().map_err(|e| QueryError::Store(e.to_string()))?;
        Ok(self.snapshot.get_or_init(|| taken))
    }
}

impl Tables for StoreTables<'_> {
    fn scan(
        &self,
        table: &str,
        columns: &[ScanColumn],
        _: &Schema,
        filter: &[Expr],
        control: &Arc<Control>,
    ) -> Result<Arc<dyn Source>> {
        if schema(table).is_none() {
            return Err(unknown(table));
        }
        Ok(Arc::new(Events::new(self.snapshot()?, columns, filter, control)?))
    }
}

/// The tables over given rows alone.
#[derive(Clone, Copy, Debug)]
pub struct GivenTables<'a>(pub &'a Snapshot);

impl Tables for GivenTables<'_> {
    fn scan(
        &self,
        table: &str,
        columns: &[ScanColumn],
        _: &Schema,
        filter: &[Expr],
        control: &Arc<Control>,
    ) -> Result<Arc<dyn Source>> {
        if schema(table).is_none() {
            return Err(unknown(table));
        }
        Ok(Arc::new(Events::new(self.0, columns, filter, control)?))
    }
}

/// No tables at all.
#[derive(Clone, Copy, Debug)]
pub struct NoTables;

impl Tables for NoTables {
    fn scan(&self, table: &str, _: &[ScanColumn], _: &Schema, _: &[Expr], _: &Arc<Control>) -> Result<Arc<dyn Source>> {
        Err(unknown(table))
    }
}

fn unknown(table: &str) -> QueryError {
    QueryError::Runtime(format!("there is no table {table} here"))
}
