//! Queries over nothing but themselves, and their answers as text.

use crate::base::time::Ticks;
use crate::engine::format::cell;
use crate::engine::local::{Local, Options};
use crate::engine::{Answer, QueryEngine as _, QueryError, Request};

/// 2026-01-02T03:04:05Z.
fn request(text: &str) -> Request {
    Request::new(text, Ticks::parse_rfc3339("2026-01-02T03:04:05Z").unwrap())
}

fn local(unoptimised: bool) -> Local {
    Local::without_store(Options { workers: 2, unoptimised })
}

/// A table as lines: `name:type, …`, then a line a row with bars between the cells, `∅` for null.
fn shown(answer: &Answer, n: usize) -> Vec<String> {
    let table = &answer.tables[n];
    let names: Vec<_> = table.schema.iter().map(|c| format!("{}:{}", c.name, c.ty)).collect();
    let mut lines = vec![names.join(", ")];
    for batch in &table.batches {
        for row in 0..batch.num_rows() {
            let cells = table.schema.iter().zip(batch.columns());
            let cells = cells
                .map(|(c, array)| cell::text(array, row, c.ty).map_or("∅".to_owned(), std::borrow::Cow::into_owned));
            lines.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    lines
}

/// Every result table of one run: its name, and its lines.
#[track_caller]
pub fn tables_of_one_run(text: &str, unoptimised: bool) -> Vec<(String, Vec<String>)> {
    let answer = match local(unoptimised).run(&request(text)) {
        Ok(answer) => answer,
        Err(QueryError::Invalid(diagnostics)) => panic!("{text}\n{diagnostics:#?}"),
        Err(error) => panic!("{text}\n{error}"),
    };
    (0..answer.tables.len()).map(|n| (answer.tables[n].name.to_string(), shown(&answer, n))).collect()
}

/// Every result table: its name, and its lines. The plan as it was bound gives the same as the optimised one.
#[track_caller]
pub fn tables(text: &str) -> Vec<(String, Vec<String>)> {
    let (bound, optimised) = (tables_of_one_run(text, true), tables_of_one_run(text, false));
    assert_eq!(bound, optimised, "as bound, optimised: {text}");
    optimised
}

/// The lines of the first result table.
#[track_caller]
pub fn table(text: &str) -> Vec<String> {
    tables(text).swap_remove(0).1
}

/// The query gives these columns and rows, in this order.
#[track_caller]
pub fn gives(text: &str, want: &[&str]) {
    assert_eq!(table(text), want, "{text}");
}

/// The query gives these columns, and these rows in any order.
#[track_caller]
pub fn gives_in_any_order(text: &str, want: &[&str]) {
    let (mut got, mut want) = (table(text), want.to_vec());
    got[1..].sort();
    want[1..].sort_unstable();
    assert_eq!(got, want, "{text}");
}

/// The query is refused; the error as `code place: message`, the place in the query's own words.
#[track_caller]
pub fn refused(text: &str) -> String {
    match local(false).run(&request(text)) {
        Err(QueryError::Invalid(diagnostics)) => {
            let d = diagnostics.iter().find(|d| d.severity == crate::kql::Severity::Error).unwrap();
            format!("{} {}: {}", d.code, d.range.of(text), d.message)
        }
        Err(error) => error.to_string(),
        Ok(answer) => panic!("{text}\n{:#?}", shown(&answer, 0)),
    }
}
