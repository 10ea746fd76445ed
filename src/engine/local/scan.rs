//! Reading tables: what KQL's columns are in the store, which row groups can hold what a filter asks for, and the rows themselves, late.

use std::sync::Arc;

use super::column::Result;
use super::control::Control;
use super::pipeline::Source;
use crate::engine::QueryError;
use crate::kql::plan::{External, ScanColumn};
use crate::kql::{Expr, Schema};

pub mod columns;
pub mod events;
mod given;
pub mod held;
pub mod imported;
mod need;
mod pass;
mod prune;
pub mod purpose;
mod stored;

use purpose::Purpose;

/// Where scans find their tables.
pub trait Tables: Send + Sync {
    /// A source of a table's rows: the columns in the order asked for, only rows for which every conjunct is true.
    fn scan(
        &self,
        table: &str,
        columns: &[ScanColumn],
        schema: &Schema,
        filter: &[Expr],
        control: &Arc<Control>,
    ) -> Result<Arc<dyn Source>>;

    /// The same where it is known what the rows are for: a column may be null where nothing that is computed depends on it, and rows that a `top`
    /// would drop may be missing.
    fn scan_for(
        &self,
        table: &str,
        columns: &[ScanColumn],
        schema: &Schema,
        filter: &[Expr],
        _purpose: &Purpose,
        control: &Arc<Control>,
    ) -> Result<Arc<dyn Source>> {
        self.scan(table, columns, schema, filter, control)
    }

    /// The rows of `externaldata`, under the schema that it declares.
    fn external(&self, external: &External, _schema: &Schema, _control: &Arc<Control>) -> Result<Arc<dyn Source>> {
        let place = external.addresses.first().map_or("nothing", |a| a.place());
        Err(QueryError::Runtime(format!("externaldata: {place} cannot be read here")))
    }
}
