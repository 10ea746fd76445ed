//! The body of the Log Analytics query API: `{"tables":[{"name","columns":[{"name","type"}],"rows":[[…]]}]}`. Datetimes are ISO 8601 with up to seven
//! digits, timespans `[-][d.]hh:mm:ss[.fffffff]`, dynamic values JSON text, reals that are no number text.

use std::io::Write;

use super::{FormatError, each_row};
use crate::base::shown::in_json;
use crate::engine::local::functions::convert::Cells;
use crate::engine::local::functions::dynamic::quote;
use crate::engine::{Answer, QueryError};
use crate::kql::Type;

/// A whole answer.
pub fn write(out: &mut impl Write, answer: &Answer) -> Result<(), FormatError> {
    out.write_all(b"{\"tables\":[")?;
    let mut text = String::new();
    for (n, table) in answer.tables.iter().enumerate() {
        text.clear();
        text.push_str(if n > 0 { ",{\"name\":" } else { "{\"name\":" });
        quote(&mut text, &table.name);
        text.push_str(",\"columns\":[");
        for (at, column) in table.schema.iter().enumerate() {
            text.push_str(if at > 0 { ",{\"name\":" } else { "{\"name\":" });
            quote(&mut text, &column.name);
            text.push_str(",\"type\":\"");
            text.push_str(column.ty.name());
            text.push_str("\"}");
        }
        text.push_str("],\"rows\":[");
        out.write_all(text.as_bytes())?;
        let mut first = true;
        each_row(table, out, |out, cells, row| {
            text.clear();
            text.push_str(if std::mem::take(&mut first) { "[" } else { ",[" });
            for (at, (cell, column)) in cells.iter().zip(&table.schema).enumerate() {
                if at > 0 {
                    text.push(',');
                }
                self::cell(&mut text, cell, column.ty, row);
            }
            text.push(']');
            out.write_all(in_json(&text).as_bytes())
        })?;
        out.write_all(b"]}")?;
    }
    out.write_all(b"]}\n")?;
    Ok(())
}

fn cell(text: &mut String, cell: &Cells<'_>, ty: Type, row: usize) {
    match ty {
        // JSON text inside a JSON string; of a dynamic that is a string, the string; a truth as itself, so that it is not taken for one.
        Type::Dynamic if !cell.is_null(row) => {
            let mut json = String::new();
            cell.write_json(row, &mut json);
            if matches!(json.as_str(), "true" | "false") {
                text.push_str(&json);
            } else {
                json.clear();
                cell.write(row, &mut json);
                quote(text, &json);
            }
        }
        // A decimal has more digits than a JSON number keeps.
        Type::Decimal if !cell.is_null(row) => {
            text.push('"');
            cell.write(row, text);
            text.push('"');
        }
        _ => cell.write_json(row, text),
    }
}

/// A failed query, as the service says it.
pub fn write_error(out: &mut impl Write, error: &QueryError) -> Result<(), FormatError> {
    let code = match error {
        QueryError::Invalid(_) => "BadArgumentError",
        QueryError::Memory { .. } | QueryError::Time(_) => "QueryLimitsExceeded",
        QueryError::Cancelled => "Cancelled",
        QueryError::Runtime(_) => "QueryExecutionError",
        QueryError::Store(_) => "StoreError",
        QueryError::Internal(_) => "InternalError",
    };
    let mut text = String::from("{\"error\":{\"code\":");
    quote(&mut text, code);
    text.push_str(",\"message\":");
    quote(&mut text, &error.to_string());
    if let QueryError::Invalid(diagnostics) = error {
        let first = diagnostics.iter().find(|d| d.severity == crate::kql::Severity::Error);
        if let Some(d) = first {
            text.push_str(",\"innererror\":{\"code\":");
            quote(&mut text, d.code);
            text.push_str(",\"message\":");
            quote(&mut text, &d.message);
            text.push('}');
        }
    }
    text.push_str("}}\n");
    out.write_all(in_json(&text).as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::local::asked::run;

    #[test]
    fn dynamic_values_are_json_text_strings_bare_and_truths_themselves() {
        let answer =
            run("print a = dynamic([true]), b = dynamic('true'), c = dynamic(true), d = dynamic(5), e = dynamic(null)")
                .unwrap();
        let mut out = Vec::new();
        write(&mut out, &answer).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r#""rows":[["[true]","true",true,"5",null]]"#), "{text}");
    }
}
