//! JSON for programs: an array of objects a table, or one object a line. Dynamic values are JSON, not text.

use std::io::Write;

use super::{FormatError, each_row};
use crate::base::shown::in_json;
use crate::engine::local::functions::convert::Cells;
use crate::engine::local::functions::dynamic::quote;
use crate::engine::{Answer, ResultTable};

/// An object a line, the rows of all tables one after another.
pub fn write_lines(out: &mut impl Write, answer: &Answer) -> Result<(), FormatError> {
    let mut text = String::new();
    for table in &answer.tables {
        each_row(table, out, |out, cells, row| {
            text.clear();
            object(&mut text, table, cells, row);
            text.push('\n');
            out.write_all(in_json(&text).as_bytes())
        })?;
    }
    Ok(())
}

/// The rows of one table as an array; of several as an object of arrays by their names.
pub fn write(out: &mut impl Write, answer: &Answer) -> Result<(), FormatError> {
    let mut text = String::new();
    let several = answer.tables.len() > 1;
    if several {
        out.write_all(b"{")?;
    }
    for (n, table) in answer.tables.iter().enumerate() {
        text.clear();
        if several {
            text.push_str(if n > 0 { ",\n" } else { "" });
            quote(&mut text, &table.name);
            text.push(':');
        }
        text.push('[');
        out.write_all(text.as_bytes())?;
        let mut first = true;
        each_row(table, out, |out, cells, row| {
            text.clear();
            text.push_str(if std::mem::take(&mut first) { "\n" } else { ",\n" });
            object(&mut text, table, cells, row);
            out.write_all(in_json(&text).as_bytes())
        })?;
        out.write_all(b"\n]")?;
    }
    out.write_all(if several { b"}\n" } else { b"\n" })?;
    Ok(())
}

fn object(text: &mut String, table: &ResultTable, cells: &[Cells<'_>], row: usize) {
    text.push('{');
    for (at, (cell, column)) in cells.iter().zip(&table.schema).enumerate() {
        if at > 0 {
            text.push(',');
        }
        quote(text, &column.name);
        text.push(':');
        cell.write_json(row, text);
    }
    text.push('}');
}
