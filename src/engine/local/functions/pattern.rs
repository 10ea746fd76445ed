//! Regular expressions, of the `regex` crate as in Kusto. Compiled patterns are kept per thread: a pattern is nearly always a constant.

use std::cell::RefCell;

use regex::Regex;

use super::text::offset;
use super::{Call, Eval, dynamic};
use crate::engine::QueryError;
use crate::engine::local::column::{Result, Texts, Vector};
use crate::event::json;
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "matches regex" => matches,
        "!matches regex" => |c| {
            let (t, p) = (c.texts(0)?, c.texts(1)?);
            each(c, &p, |p, i| Ok(!p.is_match(t.text(i))))
        },
        "extract" => extract,
        "extract_all" => extract_all,
        "replace_regex" => replace,
        "trim" => |c| trim(c, true, true),
        "trim_start" => |c| trim(c, true, false),
        "trim_end" => |c| trim(c, false, true),
        "countof" => countof,
        "indexof_regex" => indexof_regex,
        _ => return None,
    })
}

/// Patterns kept per thread.
const KEPT: usize = 64;
/// Bytes that a compiled pattern may take.
const LARGEST: usize = 4 << 20;

thread_local! {
    static COMPILED: RefCell<Vec<(String, Regex)>> = const { RefCell::new(Vec::new()) };
}

/// The compiled pattern; a wrong one is the query's error, with the place in the pattern.
pub fn compiled(pattern: &str) -> Result<Regex> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some((_, regex)) = kept.iter().find(|(p, _)| p == pattern) {
            return Ok(regex.clone());
        }
        let regex = regex::RegexBuilder::new(pattern)
            .size_limit(LARGEST)
            .build()
            .map_err(|e| QueryError::Runtime(format!("the regular expression cannot be used: {e}")))?;
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((pattern.into(), regex.clone()));
        Ok(regex)
    })
}

/// A bool a row, the pattern compiled once where it is a constant.
fn each(call: &Call<'_>, patterns: &Texts<'_>, test: impl Fn(&Regex, usize) -> Result<bool>) -> Result<Vector> {
    let constant = if let Texts::Constant(p) = patterns { Some(compiled(p.unwrap_or_default())?) } else { None };
    let mut answers = Vec::with_capacity(call.rows);
    for i in 0..call.rows {
        answers.push(match &constant {
            Some(p) => test(p, i)?,
            None => test(&compiled(patterns.text(i))?, i)?,
        });
    }
    Ok(call.bools(|i| answers[i]))
}

fn matches(call: &Call<'_>) -> Result<Vector> {
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    each(call, &patterns, |p, i| Ok(p.is_match(texts.text(i))))
}

/// One pattern for all rows, or one a row.
fn per_row(patterns: &Texts<'_>, rows: usize) -> Result<Vec<Regex>> {
    match patterns {
        Texts::Constant(p) => Ok(vec![compiled(p.unwrap_or_default())?]),
        _ => (0..rows).map(|i| compiled(patterns.text(i))).collect(),
    }
}

fn at(list: &[Regex], row: usize) -> &Regex {
    if list.len() == 1 { &list[0] } else { &list[row] }
}

fn extract(call: &Call<'_>) -> Result<Vector> {
    let (patterns, groups, texts) = (call.texts(0)?, call.whole(1)?, call.texts(2)?);
    let patterns = per_row(&patterns, call.rows)?;
    let found = call.give_texts(|i| {
        let group = usize::try_from(groups.get(i).unwrap_or(0)).unwrap_or(usize::MAX);
        let m = at(&patterns, i).captures(texts.text(i)).and_then(|c| c.get(group).map(|m| m.as_str()));
        Some(m.unwrap_or_default())
    });
    if call.ty == Type::String {
        return Ok(found);
    }
    // With `typeof(…)` the text is converted.
    let to = super::scalar(crate::kql::functions::conversions::conversion(call.ty).name);
    let to = to.ok_or_else(|| crate::engine::local::column::internal("no conversion"))?;
    (to.eval)(&Call { args: &[found], types: &[Type::String], ty: call.ty, rows: call.rows })
}

/// `extract_all(regex, [groups,] text)`: a flat array of one group, an array of arrays of several.
fn extract_all(call: &Call<'_>) -> Result<Vector> {
    let with_groups = call.args.len() > 2;
    let patterns = per_row(&call.texts(0)?, call.rows)?;
    let texts = call.texts(if with_groups { 2 } else { 1 })?;
    let groups = if with_groups { Some(call.texts(1)?) } else { None };
    Ok(call.write_texts(|i, out| {
        let regex = at(&patterns, i);
        let wanted: Vec<usize> = match &groups {
            Some(list) => json::elements(list.text(i))
                .unwrap_or_default()
                .into_iter()
                .filter_map(|e| match json::string(e) {
                    Some(name) => regex.capture_names().position(|n| n == Some(&name)),
                    None => e.parse().ok(),
                })
                .collect(),
            None if regex.captures_len() == 1 => vec![0],
            None => (1..regex.captures_len()).collect(),
        };
        let mut any = false;
        out.push('[');
        for found in regex.captures_iter(texts.text(i)) {
            if any {
                out.push(',');
            }
            any = true;
            if let [one] = wanted.as_slice() {
                dynamic::quote(out, found.get(*one).map_or("", |m| m.as_str()));
            } else {
                out.push('[');
                for (n, group) in wanted.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    dynamic::quote(out, found.get(*group).map_or("", |m| m.as_str()));
                }
                out.push(']');
            }
        }
        out.push(']');
        any
    }))
}

/// `\1` is a group in Kusto, `$1` an ordinary text: turned into the crate's own notation.
fn replacement(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '$' => out.push_str("$$"),
            '\\' => match chars.next() {
                Some(d) if d.is_ascii_digit() => {
                    out.push_str("${");
                    out.push(d);
                    out.push('}');
                }
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

fn replace(call: &Call<'_>) -> Result<Vector> {
    let (texts, with) = (call.texts(0)?, call.texts(2)?);
    let patterns = per_row(&call.texts(1)?, call.rows)?;
    Ok(call.give_texts(|i| {
        let with = replacement(with.text(i));
        Some(at(&patterns, i).replace_all(texts.text(i), with.as_str()).into_owned())
    }))
}

/// One match at either end.
fn trim(call: &Call<'_>, start: bool, end: bool) -> Result<Vector> {
    let (patterns, texts) = (call.texts(0)?, call.texts(1)?);
    let (mut heads, mut tails) = (Vec::new(), Vec::new());
    let rows = if matches!(patterns, Texts::Constant(_)) { call.rows.min(1) } else { call.rows };
    for i in 0..rows {
        heads.push(compiled(&format!("^(?:{})", patterns.text(i)))?);
        tails.push(compiled(&format!("(?:{})$", patterns.text(i)))?);
    }
    Ok(call.give_texts(|i| {
        let mut text = texts.text(i);
        if start && let Some(m) = at(&heads, i).find(text) {
            text = &text[m.end()..];
        }
        if end && let Some(m) = at(&tails, i).find(text) {
            text = &text[..m.start()];
        }
        Some(text)
    }))
}

/// Plain matches may overlap, matches of a pattern may not.
fn countof(call: &Call<'_>) -> Result<Vector> {
    let (texts, what) = (call.texts(0)?, call.texts(1)?);
    if call.constant_text(2).is_some_and(|k| k == "regex") {
        let patterns = per_row(&what, call.rows)?;
        return Ok(call.give_longs(|i| Some(at(&patterns, i).find_iter(texts.text(i)).count() as i64)));
    }
    Ok(call.give_longs(|i| {
        let (text, what) = (texts.text(i), what.text(i));
        if what.is_empty() {
            return Some(0);
        }
        let mut n = 0;
        super::fold::Needle::exact(what).any(text, |_, _| {
            n += 1;
            false
        });
        Some(n)
    }))
}

/// Where the n-th match stands, in characters; null for a start before the text, a length below -1 or an occurrence below 0.
fn indexof_regex(call: &Call<'_>) -> Result<Vector> {
    let texts = call.texts(0)?;
    let patterns = per_row(&call.texts(1)?, call.rows)?;
    let option = |k: usize| if call.args.len() > k { call.whole(k).map(Some) } else { Ok(None) };
    let (start, length, occurrence) = (option(2)?, option(3)?, option(4)?);
    let get = |o: &Option<super::Whole<'_>>, i: usize, default: i64| o.as_ref().map_or(Some(default), |o| o.get(i));
    Ok(call.give_longs(|i| {
        let (text, regex) = (texts.text(i), at(&patterns, i));
        let (from, length, nth) = (get(&start, i, 0)?, get(&length, i, -1)?, get(&occurrence, i, 1)?);
        if from < 0 || length < -1 || nth < 0 {
            return None;
        }
        let begin = offset(text, usize::try_from(from).unwrap_or(usize::MAX));
        let rest = &text[begin..];
        let within = usize::try_from(length).map_or(rest, |n| &rest[..offset(rest, n)]);
        let hit = regex.find_iter(within).nth(usize::try_from(nth.max(1) - 1).unwrap_or(usize::MAX));
        Some(hit.map_or(-1, |m| from + within[..m.start()].chars().count() as i64))
    }))
}
