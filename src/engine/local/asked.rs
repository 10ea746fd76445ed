//! For tests: a query without a store, and its answer as lines.

use super::column::Vector;
use super::functions::convert::Cells;
use super::{Local, Options};
use crate::base::time::Ticks;
use crate::engine::format::kusto;
use crate::engine::{Answer, QueryEngine, QueryError, Request};

pub fn run(text: &str) -> Result<Answer, QueryError> {
    let now = Ticks::parse_rfc3339("2026-01-02T03:04:05Z").unwrap();
    let ask = |unoptimised| Local::without_store(Options { workers: 1, unoptimised }).run(&Request::new(text, now));
    let plain = ask(true)?;
    let answer = ask(false)?;
    assert_eq!(lines(&plain), lines(&answer), "optimised and not: {text}");
    Ok(answer)
}

/// `name:type` of the columns, then the rows as JSON lists, of every table.
fn lines(answer: &Answer) -> Vec<String> {
    let mut out = Vec::new();
    for table in &answer.tables {
        let columns: Vec<_> = table.schema.iter().map(|c| format!("{}:{}", c.name, c.ty)).collect();
        out.push(columns.join(" "));
        let one = Answer { tables: vec![table.clone()], statistics: answer.statistics.clone(), warnings: Vec::new() };
        let mut json = Vec::new();
        kusto::write(&mut json, &one).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        out.extend(json["tables"][0]["rows"].as_array().unwrap().iter().map(ToString::to_string));
    }
    out
}

/// The code and message of the first error.
#[track_caller]
pub fn refusal(text: &str) -> String {
    match run(text) {
        Err(QueryError::Invalid(diagnostics)) => {
            let wrong = diagnostics.iter().find(|d| d.severity == crate::kql::Severity::Error).unwrap();
            format!("{} {}", wrong.code, wrong.message)
        }
        Err(error) => error.to_string(),
        Ok(answer) => panic!("{text}\nis no error: {:?}", lines(&answer)),
    }
}

/// The rows alone, a line each, cells as JSON with bars between: arrays read as they are written.
#[track_caller]
pub fn rows(text: &str) -> String {
    let answer = run(text).unwrap_or_else(|error| panic!("{text}\n{error:#?}"));
    let mut out = String::new();
    for table in &answer.tables {
        for batch in &table.batches {
            let columns: Vec<Vector> = batch.columns().iter().map(|c| Vector::Array(c.clone())).collect();
            let cells: Vec<_> = columns.iter().zip(&table.schema).map(|(c, s)| Cells::of(c, s.ty).unwrap()).collect();
            for row in 0..batch.num_rows() {
                for (n, cell) in cells.iter().enumerate() {
                    out.push_str(if n > 0 { " | " } else { "" });
                    cell.write_json(row, &mut out);
                }
                out.push('\n');
            }
        }
    }
    out.trim_end().to_owned()
}

/// `name:type` of the first result's columns.
#[track_caller]
pub fn columns(text: &str) -> String {
    lines(&run(text).unwrap_or_else(|error| panic!("{text}\n{error:#?}"))).swap_remove(0)
}
