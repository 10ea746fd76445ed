//! A table for people: columns aligned, numbers to the right, every text from outside made safe to show, long cells cut.

use std::io::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::FormatError;
use super::cell::text;
use crate::base::shown::Shown;
use crate::engine::Answer;
use crate::kql::Type;

/// Cells of the screen that one column may take.
const WIDEST: usize = 60;
/// Rows that widths are measured on; a wider cell further down is cut.
const MEASURED: usize = 2_000;

pub fn write(out: &mut impl Write, answer: &Answer) -> Result<(), FormatError> {
    for (n, table) in answer.tables.iter().enumerate() {
        if n > 0 {
            out.write_all(b"\n")?;
        }
        if answer.tables.len() > 1 {
            writeln!(out, "{}", Shown::new(&table.name))?;
        }
        let header: Vec<String> = table.schema.iter().map(|c| Shown::new(&c.name).into_string()).collect();
        let mut widths: Vec<usize> = header.iter().map(|h| h.width().min(WIDEST)).collect();
        let mut left = MEASURED;
        for batch in &table.batches {
            for ((array, column), width) in batch.columns().iter().zip(&table.schema).zip(&mut widths) {
                for row in 0..batch.num_rows().min(left) {
                    let text = text(array, row, column.ty).unwrap_or_default();
                    *width = (*width).max(Shown::with_limit(&text, 4 * WIDEST).as_str().width()).min(WIDEST);
                }
            }
            left = left.saturating_sub(batch.num_rows());
        }
        let right: Vec<bool> = table.schema.iter().map(|c| is_number(c.ty)).collect();
        let mut line = String::new();
        for ((name, width), right) in header.iter().zip(&widths).zip(&right) {
            place(&mut line, name, *width, *right);
        }
        writeln!(out, "{}", line.trim_end())?;
        line.clear();
        for width in &widths {
            place(&mut line, &"-".repeat(*width), *width, false);
        }
        writeln!(out, "{}", line.trim_end())?;
        for batch in &table.batches {
            for row in 0..batch.num_rows() {
                line.clear();
                for (((array, column), width), right) in
                    batch.columns().iter().zip(&table.schema).zip(&widths).zip(&right)
                {
                    let text = text(array, row, column.ty).unwrap_or_default();
                    place(&mut line, Shown::with_limit(&text, 4 * WIDEST).as_str(), *width, *right);
                }
                writeln!(out, "{}", line.trim_end())?;
            }
        }
    }
    Ok(())
}

const fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Long | Type::Real | Type::Decimal | Type::TimeSpan)
}

/// One cell, filled or cut to its width, two blanks after it.
fn place(line: &mut String, text: &str, width: usize, right: bool) {
    let own = text.width();
    let fill = width.saturating_sub(own);
    if right {
        line.extend(std::iter::repeat_n(' ', fill));
    }
    if own <= width {
        line.push_str(text);
    } else {
        let mut left = width.saturating_sub(1);
        for grapheme in text.graphemes(true) {
            let w = grapheme.width();
            if w > left {
                break;
            }
            left -= w;
            line.push_str(grapheme);
        }
        line.extend(std::iter::repeat_n(' ', left));
        line.push('…');
    }
    if !right {
        line.extend(std::iter::repeat_n(' ', fill));
    }
    line.push_str("  ");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_fill_their_width_whatever_their_script() {
        for (text, right, want) in
            [("ab", false, "ab    "), ("12", true, "  12  "), ("日本語", false, "日 …  "), ("abcdef", false, "abc…  ")]
        {
            let mut line = String::new();
            place(&mut line, text, 4, right);
            assert_eq!(line, want, "{text}");
        }
    }
}
