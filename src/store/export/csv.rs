//! CSV (RFC 4180) for spreadsheets: what one would take for a formula gets an apostrophe before it, and is counted.

use std::collections::BTreeMap;
use std::io::{self, Write};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

use crate::base::shown::is_unseen;
use crate::base::time::Ticks;
use crate::event::columns::text_at;
use crate::event::schema::STORED;

/// What makes a spreadsheet run a cell, full-width forms included.
const FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// Stored as ticks, written as times.
const TIMES: [&str; 3] = ["arrived", "TimeGenerated", "timestamp"];

#[derive(Debug)]
pub(super) struct Sheet {
    raw: bool,
    altered: Vec<u64>,
    line: String,
}

impl Sheet {
    pub fn new(raw: bool) -> Self {
        Self { raw, altered: vec![0; STORED.len()], line: String::new() }
    }

    pub fn rows(&mut self, out: &mut impl Write, batch: &RecordBatch, keep: &[bool]) -> io::Result<()> {
        for row in (0..batch.num_rows()).filter(|row| keep[*row]) {
            self.line.clear();
            for (at, column) in STORED.iter().enumerate() {
                if at > 0 {
                    self.line.push(',');
                }
                let array = batch.column(at);
                match array.data_type() {
                    DataType::Dictionary(..) | DataType::Utf8View => {
                        let text = text_at(array.as_ref(), row).unwrap_or_default();
                        self.altered[at] += u64::from(field(&mut self.line, text, self.raw));
                    }
                    _ => self.line.push_str(&number(array.as_ref(), row, TIMES.contains(&column.name))),
                }
            }
            self.line.push_str("\r\n");
            out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    /// Cells that are not as they came, by column.
    pub fn altered(self) -> BTreeMap<String, u64> {
        let named = STORED.iter().zip(self.altered).filter(|(_, n)| *n > 0);
        named.map(|(column, n)| (column.name.to_owned(), n)).collect()
    }
}

/// The names of the columns.
pub(super) fn header(out: &mut impl Write) -> io::Result<()> {
    let names: Vec<&str> = STORED.iter().map(|column| column.name).collect();
    write!(out, "{}\r\n", names.join(","))
}

/// Numbers, times and truths are the store's own.
fn number(array: &dyn Array, row: usize, is_time: bool) -> String {
    if array.is_null(row) {
        return String::new();
    }
    match array.data_type() {
        DataType::Int64 if is_time => Ticks(array.as_primitive::<Int64Type>().value(row)).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        _ => String::new(),
    }
}

/// Writes a text; true where it is not the text that came.
fn field(line: &mut String, text: &str, raw: bool) -> bool {
    let formula = !raw && text.starts_with(FORMULAS);
    let unseen = |c: char| !raw && is_unseen(c) && c != '\u{a0}';
    let hidden = text.chars().any(|c| unseen(c) && !matches!(c, '\n' | '\r' | '\t'));
    if !formula && !hidden && !text.contains(['"', ',', '\n', '\r']) {
        line.push_str(text);
        return false;
    }
    line.push('"');
    if formula {
        line.push('\'');
    }
    for c in text.chars() {
        match c {
            '"' => line.push_str("\"\""),
            '\n' | '\r' | '\t' => line.push(c),
            c if unseen(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line.push('"');
    formula || hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_text_and_counted() {
        let written = |text: &str, raw| {
            let mut line = String::new();
            let altered = field(&mut line, text, raw);
            (line, altered)
        };
        for formula in ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"] {
            assert_eq!(written(formula, false), (format!("\"'{formula}\""), true), "{formula:?}");
            assert!(!written(formula, true).1, "{formula:?}");
        }
        assert_eq!(written("a\u{202e}b", false), ("\"a\\u{202e}b\"".into(), true));
        assert_eq!(written("a,\"b\"", false), ("\"a,\"\"b\"\"\"".into(), false));
        assert_eq!(written("plain", false), ("plain".into(), false));
    }
}
