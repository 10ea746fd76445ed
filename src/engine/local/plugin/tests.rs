//! Plugins as queries call them.

use crate::base::time::Ticks;
use crate::engine::local::{Local, Options};
use crate::engine::{Answer, QueryEngine, QueryError, Request, format};

mod columns;
mod lookups;
mod mining;
mod timelines;

pub(super) fn answer(query: &str) -> Result<Answer, QueryError> {
    let engine = Local::without_store(Options { workers: 2, unoptimised: false });
    engine.run(&Request::new(query, Ticks::parse_rfc3339("2026-01-02T03:04:05Z").unwrap()))
}

/// The result as CSV under `name:type` headings, the rows sorted.
pub(super) fn table(query: &str) -> String {
    let answer = answer(query).unwrap_or_else(|e| panic!("{query}\n{e}"));
    let mut out = Vec::new();
    format::csv::write(&mut out, &answer).unwrap();
    let text = String::from_utf8(out).unwrap();
    let table = &answer.tables[0];
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    rows.sort_unstable();
    let heading: Vec<String> = table.schema.iter().map(|c| format!("{}:{}", c.name, c.ty)).collect();
    format!("{}\n{}", heading.join(","), rows.join("\n"))
}

/// The message of the first error, and what it says to do.
pub(super) fn wrong(query: &str) -> String {
    match answer(query) {
        Err(QueryError::Invalid(diagnostics)) => {
            let first = diagnostics.iter().find(|d| d.severity == crate::kql::Severity::Error).unwrap();
            let place = first.range.of(query);
            format!("{} {place}: {} ({})", first.code, first.message, first.help.clone().unwrap_or_default())
        }
        Err(other) => other.to_string(),
        Ok(_) => panic!("{query} is right"),
    }
}
