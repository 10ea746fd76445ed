//! Plugins: nodes that look at all rows of their inputs at once. A file a family.

use super::batch::Batch;
use super::column::{Result, Vector, internal};
use super::control::Account;
use super::pipeline::{Pipeline, Runner};
use crate::kql::plan::Plugin;
use crate::kql::{Diagnostic, Schema, TextRange, Type};

mod activity;
mod events;
mod lookup;
mod mining;
mod pivot;
mod properties;
mod rolling;
mod rows;
mod sequence;
mod texts;

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
    let name = plugin.name();
    let mut inputs = inputs.into_iter();
    let first = inputs.next().ok_or_else(|| internal(format!("{name} without its input")))?;
    let second = inputs.next();
    // Those that look at a row at a time need not hold the rows.
    match plugin {
        Plugin::Properties => return Ok(Pipeline::of(vec![properties::properties(runner, first.pipeline)?])),
        Plugin::Lookup(lookup) => {
            let table = second.ok_or_else(|| internal(format!("{name} without its table")))?;
            return lookup::lookup(runner, lookup, first, table);
        }
        _ => {}
    }
    if plugin.is_approximate() {
        runner.control.note(Diagnostic::warning(
            "KQL901",
            TextRange::default(),
            format!("{name} is approximate: Kusto does not document how it chooses, so its rows may be others"),
        ));
    }
    let rows = Rows::of(runner, first, name)?;
    let batch = match plugin {
        Plugin::Properties | Plugin::Lookup(_) => return Err(internal(name)),
        Plugin::Narrow { names } => return Ok(Pipeline::of(rows::narrow(runner, rows, names)?)),
        Plugin::Pivot { names, empty } => pivot::pivot(runner, rows, names, empty, schema)?,
        Plugin::SchemaMerge { keep_order } => rows::schema_merge(&rows, *keep_order)?,
        Plugin::RowsNear { before, after } => rows::near(runner, &rows, *before, *after)?,
        Plugin::Activity { metric, bins } => {
            let known = second.map(|input| Rows::of(runner, input, name)).transpose()?;
            activity::activity(runner, metric, bins, rows, known.as_ref())?
        }
        Plugin::RollingPercentile { percent, bin, bins } => rolling::percentile(runner, rows, *percent, *bin, *bins)?,
        Plugin::SequenceDetect { steps, gap, span } => sequence::detect(runner, rows, *steps, *gap, *span)?,
        Plugin::Funnel { bins, gap, sequence, shows } => sequence::funnel(runner, rows, bins, *gap, sequence, *shows)?,
        Plugin::FunnelCompletion { bins, sequence, periods } => {
            sequence::completion(runner, rows, bins, sequence, periods)?
        }
        Plugin::Patterns(patterns) => mining::patterns(runner, rows, patterns)?,
        Plugin::DifferentTexts { least, threshold, most } => {
            texts::difference(runner, rows, *least, *threshold, *most)?
        }
        Plugin::Reduce { threshold, separators, keep_rows } => {
            texts::reduce(runner, rows, *threshold, separators.as_deref(), *keep_rows)?
        }
        Plugin::External(_) => return Err(internal("rows that lie elsewhere come from the tables")),
    };
    Ok(Pipeline::of(vec![batch]))
}

#[cfg(test)]
mod tests;
