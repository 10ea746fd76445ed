//! Parts of text, joining, replacing.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::convert::Cells;
use super::{Call, Eval, dynamic};
use crate::engine::local::column::{Result, Vector};
use crate::event::json;
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "strlen" => |c| measure(c, |t| t.chars().count()),
        "string_size" => |c| measure(c, str::len),
        "tolower" => |c| map(c, |t, out| out.extend(t.chars().flat_map(char::to_lowercase))),
        "toupper" => |c| map(c, |t, out| out.extend(t.chars().map(upper))),
        "reverse" => |c| {
            let cells = Cells::of(c.arg(0)?, c.types[0])?;
            let mut text = String::new();
            Ok(c.write_texts(|i, out| {
                text.clear();
                cells.write(i, &mut text);
                out.extend(text.chars().rev());
                true
            }))
        },
        "strcat" => |c| join(c, None, 0),
        "strcat_delim" => |c| join(c, Some(0), 1),
        "strcat_array" => strcat_array,
        "strcmp" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.give_whole(|i| Some(a.text(i).cmp(b.text(i)) as i64)))
        },
        "strrep" => strrep,
        "substring" => substring,
        "split" => split,
        "indexof" => indexof,
        "replace_string" => |c| {
            let (t, what, with) = (c.texts(0)?, c.texts(1)?, c.texts(2)?);
            Ok(c.give_texts(|i| {
                let what = what.text(i);
                Some(if what.is_empty() { t.text(i).to_owned() } else { t.text(i).replace(what, with.text(i)) })
            }))
        },
        "isascii" => |c| {
            let t = c.texts(0)?;
            Ok(c.bools(|i| t.text(i).is_ascii()))
        },
        "translate" => translate,
        "tohex" => tohex,
        "isutf8" => |c| {
            // Text is UTF-8 wherever it lies here.
            Ok(c.bools(|_| true))
        },
        "regex_quote" => |c| map(c, |t, out| out.push_str(&regex::escape(t))),
        "replace_strings" => replace_strings,
        "format_bytes" => format_bytes,
        _ => return None,
    })
}

fn measure(call: &Call<'_>, f: impl Fn(&str) -> usize) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.give_longs(|i| Some(f(t.text(i)) as i64)))
}

fn map(call: &Call<'_>, f: impl Fn(&str, &mut String)) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        f(t.text(i), out);
        true
    }))
}

fn join(call: &Call<'_>, delimiter: Option<usize>, from: usize) -> Result<Vector> {
    let cells = (from..call.args.len()).map(|k| Cells::of(&call.args[k], call.types[k])).collect::<Result<Vec<_>>>()?;
    let delimiter = delimiter.map(|k| call.texts(k)).transpose()?;
    Ok(call.write_texts(|i, out| {
        for (n, cell) in cells.iter().enumerate() {
            if n > 0
                && let Some(d) = &delimiter
            {
                out.push_str(d.text(i));
            }
            cell.write(i, out);
        }
        true
    }))
}

fn strcat_array(call: &Call<'_>) -> Result<Vector> {
    let (a, d) = (call.texts(0)?, call.texts(1)?);
    Ok(call.write_texts(|i, out| {
        for (n, e) in json::elements(a.text(i)).unwrap_or_default().into_iter().enumerate() {
            if n > 0 {
                out.push_str(d.text(i));
            }
            match json::string(e) {
                Some(text) => out.push_str(&text),
                None if e == "null" => {}
                None => out.push_str(e),
            }
        }
        true
    }))
}

fn strrep(call: &Call<'_>) -> Result<Vector> {
    /// Kusto's own bound.
    const MOST: i64 = 1024;
    let (cells, n) = (Cells::of(call.arg(0)?, call.types[0])?, call.whole(1)?);
    let delimiter = if call.args.len() > 2 { Some(call.texts(2)?) } else { None };
    let mut text = String::new();
    Ok(call.write_texts(|i, out| {
        text.clear();
        cells.write(i, &mut text);
        for k in 0..n.get(i).unwrap_or(0).min(MOST) {
            if k > 0
                && let Some(d) = &delimiter
            {
                out.push_str(d.text(i));
            }
            out.push_str(&text);
        }
        true
    }))
}

/// Byte offset of the n-th character; the text's length past its end.
pub fn offset(text: &str, n: usize) -> usize {
    if text.is_ascii() { n.min(text.len()) } else { text.char_indices().nth(n).map_or(text.len(), |(at, _)| at) }
}

fn substring(call: &Call<'_>) -> Result<Vector> {
    let (t, from) = (call.texts(0)?, call.whole(1)?);
    let length = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
    Ok(call.give_texts(|i| {
        let text = t.text(i);
        let from = from.get(i).unwrap_or(0);
        let from = if from < 0 { (text.chars().count() as i64).saturating_add(from) } else { from };
        if from < 0 {
            // Before the beginning there is nothing.
            return Some("");
        }
        let rest = &text[offset(text, usize::try_from(from).unwrap_or(usize::MAX))..];
        match length.as_ref().map(|l| l.get(i)) {
            None => Some(rest),
            Some(n) => {
                let n = n.unwrap_or(0);
                // A negative length means to the end, as in Kusto.
                if n < 0 { Some(rest) } else { Some(&rest[..offset(rest, usize::try_from(n).unwrap_or(usize::MAX))]) }
            }
        }
    }))
}

fn split(call: &Call<'_>) -> Result<Vector> {
    let (t, d) = (call.texts(0)?, call.texts(1)?);
    let index = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
    Ok(call.write_texts(|i, out| {
        let (text, d) = (t.text(i), d.text(i));
        let parts: Vec<&str> = if d.is_empty() { vec![text] } else { text.split(d).collect() };
        let chosen = match &index {
            None => parts.as_slice(),
            Some(n) => {
                let at = n.get(i).unwrap_or(0);
                let at = if at < 0 { parts.len() as i64 + at } else { at };
                match usize::try_from(at).ok().and_then(|at| parts.get(at..=at)) {
                    Some(one) => one,
                    None => return false,
                }
            }
        };
        out.push('[');
        for (n, part) in chosen.iter().enumerate() {
            if n > 0 {
                out.push(',');
            }
            dynamic::quote(out, part);
        }
        out.push(']');
        true
    }))
}

/// Where the n-th occurrence stands, in characters, within [start, start + length).
fn indexof(call: &Call<'_>) -> Result<Vector> {
    let (cells, what) = (Cells::of(call.arg(0)?, call.types[0])?, Cells::of(call.arg(1)?, call.types[1])?);
    let option = |k: usize| if call.args.len() > k { call.whole(k).map(Some) } else { Ok(None) };
    let (start, length, occurrence) = (option(2)?, option(3)?, option(4)?);
    let (mut text, mut needle) = (String::new(), String::new());
    Ok(call.give_longs(|i| {
        text.clear();
        needle.clear();
        cells.write(i, &mut text);
        what.write(i, &mut needle);
        if needle.is_empty() {
            return None;
        }
        let count = text.chars().count() as i64;
        let from = start.as_ref().and_then(|s| s.get(i)).unwrap_or(0);
        let from = if from < 0 { (count + from).max(0) } else { from };
        let most = length.as_ref().and_then(|l| l.get(i)).unwrap_or(-1);
        let nth = occurrence.as_ref().and_then(|o| o.get(i)).unwrap_or(1);
        if nth < 1 || most < -1 {
            return None;
        }
        // The length counts anew from behind each occurrence's beginning.
        let needle = super::fold::Needle::exact(&needle);
        let mut from = from;
        for left in (0..nth).rev() {
            let rest = &text[offset(&text, usize::try_from(from).unwrap_or(usize::MAX))..];
            let within = usize::try_from(most).map_or(rest, |n| &rest[..offset(rest, n)]);
            let mut found = None;
            needle.any(within, |at, _| {
                found = Some(at);
                true
            });
            let Some(at) = found else { return Some(-1) };
            from += within[..at].chars().count() as i64;
            if left > 0 {
                from += 1;
            }
        }
        Some(from)
    }))
}

fn translate(call: &Call<'_>) -> Result<Vector> {
    let (search, with, t) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    Ok(call.write_texts(|i, out| {
        let with: Vec<char> = with.text(i).chars().collect();
        for c in t.text(i).chars() {
            match search.text(i).chars().position(|s| s == c) {
                None => out.push(c),
                Some(at) => out.extend(with.get(at).or(with.last())),
            }
        }
        true
    }))
}

fn tohex(call: &Call<'_>) -> Result<Vector> {
    let n = call.whole(0)?;
    let width = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    Ok(call.write_texts(|i, out| {
        let Some(n) = n.get(i) else { return true };
        let width = width.as_ref().and_then(|w| w.get(i)).unwrap_or(0).clamp(0, 16) as usize;
        // A negative number is as wide as its type.
        if call.types[0] == Type::Int { write!(out, "{:0width$x}", n as i32) } else { write!(out, "{n:0width$x}") }
            .is_ok()
    }))
}

/// The capital of a letter where it is one letter: `ß` stays.
fn upper(c: char) -> char {
    let mut capital = c.to_uppercase();
    match (capital.next(), capital.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Every text of one array replaced by the one at the same place of another, in a single pass. What is no text is never found, and
/// what is found but has no text in its place stays.
fn replace_strings(call: &Call<'_>) -> Result<Vector> {
    fn strings(list: &str) -> Vec<Option<Cow<'_, str>>> {
        json::elements(list).unwrap_or_default().into_iter().map(json::string).collect()
    }
    let (t, what, with) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    Ok(call.write_texts(|i, out| {
        let (what, with) = (strings(what.text(i)), strings(with.text(i)));
        let mut rest = t.text(i);
        while let Some(c) = rest.chars().next() {
            let found = what.iter().enumerate().find_map(|(n, what)| {
                let what = what.as_ref().filter(|w| !w.is_empty() && rest.starts_with(&***w))?;
                Some((n, what.len()))
            });
            let (own, end) = match found {
                Some((n, end)) => (with.get(n).and_then(Option::as_deref), end),
                None => (None, c.len_utf8()),
            };
            out.push_str(own.unwrap_or(&rest[..end]));
            rest = &rest[end..];
        }
        true
    }))
}

/// A size with its unit, each 1,024 of the one before.
fn format_bytes(call: &Call<'_>) -> Result<Vector> {
    const UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let size = call.number(0)?;
    let precision = if call.args.len() > 1 { Some(call.whole(1)?) } else { None };
    let units = if call.args.len() > 2 { Some(call.texts(2)?) } else { None };
    Ok(call.write_texts(|i, out| {
        let Some(size) = size.get(i) else { return true };
        let digits = precision.as_ref().and_then(|p| p.get(i)).unwrap_or(0).clamp(0, 15) as usize;
        let unit = match units.as_ref().map(|u| u.text(i)).filter(|u| !u.is_empty()) {
            Some(name) => UNITS.iter().position(|u| u.eq_ignore_ascii_case(name)),
            None => Some((1..UNITS.len()).take_while(|n| size.abs() >= 1024_f64.powi(*n as i32)).count()),
        };
        let Some(unit) = unit else { return true };
        let text = format!("{:.digits$}", size / 1024_f64.powi(unit as i32));
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(out, "{text} {}", UNITS[unit]).is_ok()
    }))
}
