//! Plugins: nodes that look at all rows of their inputs at once. A file a family.

use super::batch::Batch;
use super::column::{Result, Vector, internal};
use super::control::Account;
use super::pipeline::{Pipeline, Runner};
use crate::kql::plan::Plugin;
use crate::kql::{Schema, Type};

mod pivot;
mod properties;

/// An input of a plugin.
#[derive(Debug)]
pub struct Input<'a> {
    pub pipeline: Pipeline,
    pub schema: &'a Schema,
}

/// All rows of an input, held and accounted for while the plugin works.
struct Rows {
    batch: Batch,
    types: Vec<Type>,
    account: Account,
}

impl Rows {
    fn of(runner: &Runner, input: Input<'_>, what: &'static str) -> Result<Self> {
        let batches = runner.collect(input.pipeline, what, None)?;
        let batch = if batches.is_empty() {
            let columns = input.schema.iter().map(|c| super::column::concat(c.ty, &[])).collect::<Result<_>>()?;
            Batch::new(0, columns)
        } else {
            Batch::concat(input.schema, &batches)?
        };
        let mut account = runner.control.account(what);
        account.hold(batch.bytes())?;
        Ok(Self { batch, types: input.schema.iter().map(|c| c.ty).collect(), account })
    }

    fn column(&self, n: usize) -> Result<Vector> {
        let column = self.batch.columns.get(n).ok_or_else(|| internal(format!("a plugin without column {n}")))?;
        Ok(Vector::Array(column.clone()))
    }
}

/// The rows that a plugin gives.
pub fn run(runner: &Runner, plugin: &Plugin, inputs: Vec<Input<'_>>, schema: &Schema) -> Result<Pipeline> {
    let mut inputs = inputs.into_iter();
    let mut next = || inputs.next().ok_or_else(|| internal(format!("{} without its input", plugin.name())));
    let batches = match plugin {
        Plugin::Properties => vec![properties::properties(runner, next()?.pipeline)?],
        Plugin::Pivot { names, empty } => {
            vec![pivot::pivot(runner, Rows::of(runner, next()?, "pivot")?, names, empty, schema)?]
        }
    };
    Ok(Pipeline::of(batches))
}

#[cfg(test)]
mod tests;
