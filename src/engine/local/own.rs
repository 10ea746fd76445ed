//! The product's own records as tables: read when a query names them, and only the columns it needs.

use std::sync::{Arc, LazyLock};

use super::batch::Batch;
use super::column::Result;
use super::control::Control;
use super::pipeline::Source;
use super::scan::held::Held;
use super::surroundings::Surroundings;
use crate::engine::QueryError;
use crate::kql::plan::ScanColumn;
use crate::kql::{Column, Expr, Schema};
use crate::store::own::{OWN, Own};
use crate::store::{Reader, StoreError, Workspace};

/// The schema of a table of own records.
pub fn schema(table: &str) -> Option<&'static Schema> {
    static SCHEMAS: LazyLock<Vec<Schema>> = LazyLock::new(|| OWN.iter().map(of).collect());
    let at = OWN.iter().position(|own| own.name == table)?;
    SCHEMAS.get(at)
}

fn of(own: &Own) -> Schema {
    own.columns.iter().map(|(name, cell)| Column::new(*name, cell.kql())).collect()
}

/// The names of these tables.
pub fn names() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|own| own.name)
}

/// Reads the rows of a table.
pub fn scan(
    own: &Own,
    reader: Option<&Reader>,
    around: &Surroundings,
    columns: &[ScanColumn],
    filter: &[Expr],
    control: &Arc<Control>,
) -> Result<Arc<dyn Source>> {
    let needed = |name: &str| {
        columns.iter().any(|column| match column {
            ScanColumn::Column(of) | ScanColumn::Path { column: of, .. } => &**of == name,
        })
    };
    let schema: Schema = of(own).0.into_iter().filter(|column| needed(&column.name)).collect();
    let names: Vec<&str> = schema.iter().map(|column| &*column.name).collect();
    let workspace = around.workspace.as_deref().map(Workspace::open_if_there).transpose()?.flatten();
    let mut account = control.account(own.name);
    let read = own.rows::<QueryError>(reader, workspace.as_ref(), &names, |bytes| {
        control.check()?;
        account.hold(bytes)
    })?;
    let rows = Batch::new(read.rows, read.columns);
    Ok(Arc::new(Held::new(&schema, &rows, columns, filter, control)?.accounted(account)))
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}
