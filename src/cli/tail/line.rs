//! One event as one line.

use std::fmt::Write as _;
use std::io::{self, Write};

use arrow::array::Array;

use crate::base::shown::{Shown, in_json};
use crate::engine::Answer;
use crate::engine::format::cell::text;
use crate::kql::Type;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: time, feed, what, who, from where
    Text,
    /// {"endpoint", "event"} a line, the event's text as it came
    Ndjson,
}

/// What a line is made of, in order; the event's own text is the last.
const COLUMNS: &str = "timestamp, feed, event_type, outcome, user_email, user_uuid, target_email, object_type, client_ip, country, app_name, raw";
/// The columns that a line of text shows before its free end, and how wide.
const WIDTHS: [usize; 3] = [23, 14, 20];

/// The question that finds the events of a tail.
pub fn query(predicate: Option<&str>) -> String {
    let filter = predicate.map_or_else(String::new, |predicate| format!("| where {predicate}\n"));
    format!("OnePasswordEvents\n{filter}| project {COLUMNS}\n")
}

/// Writes events; `screen` where a person looks.
pub fn write(out: &mut impl Write, format: Format, screen: bool, answer: &Answer) -> io::Result<()> {
    for table in &answer.tables {
        for batch in &table.batches {
            let cells = |column: usize, row: usize| {
                let array: &dyn Array = batch.column(column);
                text(array, row, table.schema.0.get(column).map_or(Type::String, |column| column.ty))
                    .unwrap_or_default()
            };
            for row in 0..batch.num_rows() {
                match format {
                    Format::Text => writeln!(out, "{}", line(|column| cells(column, row).into_owned()))?,
                    // The event stands in the line as it came, which is JSON of its own; only a screen gets it escaped.
                    Format::Ndjson => {
                        let event = one_line(&cells(11, row));
                        let event = if screen { in_json(&event) } else { event.as_str().into() };
                        writeln!(out, "{{\"endpoint\":\"{}\",\"event\":{event}}}", cells(1, row))?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// JSON text on one line: line breaks stand only between tokens, where a blank means the same.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

fn line(cell: impl Fn(usize) -> String) -> String {
    let shown = |column: usize| Shown::with_limit(&cell(column), 200).into_string();
    let mut text = String::new();
    let time = cell(0);
    // To the millisecond.
    let time = time.get(..WIDTHS[0]).unwrap_or("(no time)").replace('T', " ");
    for (width, part) in WIDTHS.into_iter().zip([time, shown(1), shown(2)]) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{part:<width$}  ");
    }
    let who = if cell(4).is_empty() { shown(5) } else { shown(4) };
    let whom = if cell(6).is_empty() { String::new() } else { format!("> {}", shown(6)) };
    let failed = if cell(3) == "failure" { "FAILED".to_owned() } else { String::new() };
    let parts = [failed, who, whom, shown(7), shown(8), shown(9), shown(10)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    text + &parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let cells = [
            "2026-03-01T08:00:00.1234567Z",
            "itemusages",
            "reveal\u{1b}[2J",
            "failure",
            "a@b\n",
            "",
            "",
            "",
            "192.0.2.7",
        ];
        let text = line(|column| cells.get(column).copied().unwrap_or_default().to_owned());
        assert!(text.starts_with("2026-03-01 08:00:00.123  itemusages"), "{text}");
        assert!(text.contains("FAILED  a@b␊  192.0.2.7") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(one_line("{\"a\":\n1}"), "{\"a\": 1}");
    }
}
