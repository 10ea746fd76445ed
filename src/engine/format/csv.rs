//! CSV (RFC 4180) that a spreadsheet may open: a cell that would be a formula there gets an apostrophe before it, characters that are not seen
//! are escaped.

use std::io::Write;

use super::FormatError;
use super::cell::text;
use crate::base::shown::is_unseen;
use crate::engine::Answer;
use crate::kql::Type;

pub fn write(out: &mut impl Write, answer: &Answer) -> Result<(), FormatError> {
    let mut line = String::new();
    for (n, table) in answer.tables.iter().enumerate() {
        line.clear();
        if n > 0 {
            line.push_str("\r\n");
        }
        for (at, column) in table.schema.iter().enumerate() {
            if at > 0 {
                line.push(',');
            }
            field(&mut line, &column.name, true);
        }
        line.push_str("\r\n");
        out.write_all(line.as_bytes())?;
        for batch in &table.batches {
            for row in 0..batch.num_rows() {
                line.clear();
                for (at, (array, column)) in batch.columns().iter().zip(&table.schema).enumerate() {
                    if at > 0 {
                        line.push(',');
                    }
                    let text = text(array, row, column.ty).unwrap_or_default();
                    field(&mut line, &text, matches!(column.ty, Type::String | Type::Dynamic));
                }
                line.push_str("\r\n");
                out.write_all(line.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// One field. Numbers and times are ours; text comes from outside.
pub fn field(line: &mut String, text: &str, outside: bool) {
    let formula = outside && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted = formula || text.contains(['"', ',', '\n', '\r']) || text.chars().any(is_unseen);
    if !quoted {
        line.push_str(text);
        return;
    }
    line.push('"');
    if formula {
        line.push('\'');
    }
    for c in text.chars() {
        match c {
            '"' => line.push_str("\"\""),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if is_unseen(c) && c != '\u{a0}' => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        let written = |text: &str| {
            let mut line = String::new();
            field(&mut line, text, true);
            line
        };
        assert_eq!(written("=1+1"), "\"'=1+1\"");
        assert_eq!(written("a\u{1b}[2Jb"), "\"a\\u{1b}[2Jb\"");
        assert_eq!(written("a\u{202e}b\u{9b}"), "\"a\\u{202e}b\\u{9b}\"");
        assert_eq!(written("say \"hi\", twice"), "\"say \"\"hi\"\", twice\"");
        assert_eq!(written("plain"), "plain");
    }
}
