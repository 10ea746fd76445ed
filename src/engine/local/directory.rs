//! `VaultscopeNames`: the names beside UUIDs as a table, those that stand and those that do not, each with where it comes from.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringViewArray};

use super::batch::Batch;
use super::column::Result;
use super::control::Control;
use super::pipeline::Source;
use super::scan::held::Held;
use crate::kql::plan::ScanColumn;
use crate::kql::{Column, Expr, Schema, Type};
use crate::store::names::{Directory, Name};

/// The table.
pub const NAME: &str = "VaultscopeNames";

/// Its columns.
pub fn schema(table: &str) -> Option<&'static Schema> {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
        let texts = ["kind", "uuid", "name", "email", "vault_uuid", "source", "account"];
        let texts = texts.into_iter().map(|name| Column::new(name, Type::String));
        let first = Column::new("TimeGenerated", Type::DateTime);
        std::iter::once(first).chain(texts).chain([Column::new("stands", Type::Bool)]).collect()
    });
    (table == NAME).then(|| &*SCHEMA)
}

/// The rows.
pub fn scan(
    directory: &Directory,
    columns: &[ScanColumn],
    filter: &[Expr],
    control: &Arc<Control>,
) -> Result<Arc<dyn Source>> {
    let names = directory.all();
    let text =
        |of: fn(&Name) -> &str| -> ArrayRef { Arc::new(StringViewArray::from_iter_values(names.iter().map(of))) };
    let columns_of_rows: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(names.iter().map(|name| name.at.0))),
        text(|name| name.kind.name()),
        text(|name| &name.uuid),
        text(|name| &name.name),
        text(|name| &name.email),
        text(|name| &name.vault),
        text(|name| name.origin.name()),
        text(|name| &name.account),
        Arc::new(names.iter().map(|name| Some(name.stands)).collect::<BooleanArray>()),
    ];
    let schema = schema(NAME).cloned().unwrap_or_default();
    let mut account = control.account(NAME);
    let rows = Batch::new(names.len(), columns_of_rows);
    account.hold(rows.bytes())?;
    Ok(Arc::new(Held::new(&schema, &rows, columns, filter, control)?.accounted(account)))
}
