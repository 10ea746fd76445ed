//! What a plan gives to whoever asked: tables of Arrow batches, cut at the limit of rows.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, SchemaRef};

use super::batch::{Batch, lean};
use super::column::{Result, data_type, flat};
use super::exec::Execution;
use crate::engine::{Request, ResultTable};
use crate::kql::{Plan, Schema};

/// Runs every output of a plan.
pub fn run(execution: &Execution<'_>, plan: &Plan, request: &Request) -> Result<Vec<ResultTable>> {
    let mut tables = Vec::with_capacity(plan.outputs.len());
    // Every table is held until the last is there.
    let mut held = Vec::with_capacity(plan.outputs.len());
    for output in &plan.outputs {
        let most = request.limits.rows;
        let mut batches = execution.rows(&output.rel, Some(most.saturating_add(1)))?;
        let mut account = execution.runner.control.account("the result");
        account.hold(batches.iter().map(Batch::bytes).sum())?;
        held.push(account);
        let mut left = most as usize;
        let mut cut = None;
        for batch in &mut batches {
            if batch.rows > left {
                *batch = batch.slice(0, left);
                cut =
                    Some(format!("only the first {most} rows are here: summarize, filter, or raise the limit of rows"));
            }
            left -= batch.rows;
        }
        batches.retain(|b| b.rows > 0);
        let schema = &output.rel.schema;
        let arrow = arrow_schema(schema);
        let batches = batches.iter().map(|b| record(b, &arrow)).collect::<Result<Vec<_>>>()?;
        tables.push(ResultTable {
            name: Arc::clone(&output.name),
            schema: schema.clone(),
            batches,
            render: output.render.clone(),
            cut,
        });
    }
    Ok(tables)
}

/// The Arrow schema of a result: text as `Utf8View`, whatever it was inside.
fn arrow_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema.iter().map(|c| Field::new(&*c.name, data_type(c.ty), true)).collect();
    Arc::new(arrow::datatypes::Schema::new(fields))
}

fn record(batch: &Batch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns.iter().map(|c| lean(flat(c)?)).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
