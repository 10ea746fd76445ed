//! Dynamic values: JSON text, read in place. Arrays, bags and sets are lists of slices; no tree is built.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use super::convert::Cells;
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector, collect_texts};
use crate::event::json::{self, Kind};
pub use crate::event::json::{compact, quote};
use crate::kql::Type;
use crate::kql::plan::Step;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "array_length" => |c| {
            let a = c.texts(0)?;
            Ok(c.give_whole(|i| json::elements(a.get(i)?).map(|e| e.len() as i64)))
        },
        "array_concat" => array_concat,
        "array_slice" => array_slice,
        "array_reverse" => |c| {
            elements_to(c, |mut list| {
                list.reverse();
                list
            })
        },
        "array_sum" => |c| {
            let a = c.texts(0)?;
            Ok(c.give_reals(|i| {
                json::elements(a.get(i)?)?
                    .into_iter()
                    .filter_map(present)
                    .try_fold(0.0, |sum, e| e.parse::<f64>().ok().map(|n| sum + n))
            }))
        },
        "array_sort_asc" => |c| array_sort(c, false),
        "array_sort_desc" => |c| array_sort(c, true),
        "array_index_of" => array_index_of,
        "array_iff" => array_iff,
        "pack_array" => pack_array,
        "repeat" => repeat,
        "range" => range,
        "zip" => zip,
        "bag_pack" => bag_pack,
        "bag_keys" => |c| {
            let a = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                let Some(members) = a.get(i).and_then(json::members) else { return false };
                write_list(out, members.iter(), |out, (key, _)| quote(out, key));
                true
            }))
        },
        "bag_merge" => bag_merge,
        "bag_has_key" => bag_has_key,
        "bag_remove_keys" => bag_remove_keys,
        "bag_set_key" => bag_set_key,
        "set_union" => |c| set(c, |sets| distinct(sets.concat())),
        "set_intersect" => |c| {
            set(c, |sets| {
                let (first, rest) = sets.split_first().map_or((Vec::new(), &[][..]), |(f, r)| (f.clone(), r));
                distinct(first.into_iter().filter(|e| rest.iter().all(|s| s.contains(e))).collect())
            })
        },
        "set_difference" => |c| {
            set(c, |sets| {
                let (first, rest) = sets.split_first().map_or((Vec::new(), &[][..]), |(f, r)| (f.clone(), r));
                distinct(first.into_iter().filter(|e| !rest.iter().any(|s| s.contains(e))).collect())
            })
        },
        "set_has_element" => |c| {
            let (a, e) = (c.texts(0)?, Cells::of(c.arg(1)?, c.types[1])?);
            let mut wanted = String::new();
            Ok(c.maybe_bools(|i| {
                wanted.clear();
                e.write_json(i, &mut wanted);
                Some(json::elements(a.get(i)?)?.contains(&wanted.as_str()))
            }))
        },
        "set_equals" => |c| {
            let (a, b) = (c.texts(0)?, c.texts(1)?);
            Ok(c.maybe_bools(|i| {
                let (a, b) = (json::elements(a.get(i)?)?, json::elements(b.get(i)?)?);
                Some(a.iter().all(|e| b.contains(e)) && b.iter().all(|e| a.contains(e)))
            }))
        },
        "treepath" => |c| {
            let a = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                let Some(text) = a.get(i) else { return false };
                let mut paths = Vec::new();
                tree(text, "$", &mut paths);
                write_list(out, paths.iter().skip(1), |out, p| quote(out, p));
                true
            }))
        },
        "dynamic_to_json" => |c| {
            let a = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                if let Some(text) = a.get(i) {
                    write_sorted(out, text);
                }
                true
            }))
        },
        "gettype" => gettype,
        "extract_json" => extract_json,
        "[]" => index,
        _ => return None,
    })
}

/// A JSON value as a dynamic cell: `null` is none.
pub fn present(value: &str) -> Option<&str> {
    (value != "null").then_some(value)
}

fn write_list<T>(out: &mut String, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (n, item) in items.enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

fn give_list<S: AsRef<str>>(out: &mut String, items: impl IntoIterator<Item = S>) {
    write_list(out, items.into_iter(), |out, e| out.push_str(e.as_ref()));
}

/// Writes the dynamic value that a text stands for; false for null.
pub fn of_text(text: &str, out: &mut String) -> bool {
    let bare = text.trim();
    if bare.is_empty() || bare == "null" {
        return false;
    }
    if json::valid(bare) {
        out.push_str(&compact(bare));
    } else {
        quote(out, text);
    }
    true
}

/// Text that is JSON becomes the value, compact; other text a dynamic string; "" null.
pub fn parse_json(call: &Call<'_>) -> Result<Vector> {
    if call.types.first() == Some(&Type::Dynamic) {
        // A dynamic that holds a string is looked into.
        let t = call.texts(0)?;
        return Ok(call.give_texts(|i| {
            let text = t.get(i)?;
            match json::string(text) {
                Some(inner) if json::valid(&inner) => present(compact(&inner).trim()).map(str::to_owned),
                _ => Some(text.to_owned()),
            }
        }));
    }
    if call.types.first() != Some(&Type::String) {
        let cells = Cells::of(call.arg(0)?, call.types[0])?;
        return Ok(call.write_texts(|i, out| {
            cells.write_json(i, out);
            !cells.is_null(i)
        }));
    }
    let t = call.texts(0)?;
    Ok(call.write_texts(|i, out| of_text(t.text(i), out)))
}

/// The value at the end of a path in each row; missing is null.
pub fn path(base: &Vector, steps: &[Step], rows: usize) -> Result<Vector> {
    let base = base.texts()?;
    Ok(Vector::Array(collect_texts(rows, |i| walk(base.get(i)?, steps))))
}

/// The value at the end of a path, as it stands in the text.
pub fn walk<'a>(text: &'a str, steps: &[Step]) -> Option<&'a str> {
    let end = steps.iter().try_fold(text, |value, step| match step {
        Step::Key(key) => json::key(value, key),
        Step::Index(at) => json::index(value, *at),
    })?;
    present(end)
}

/// `value[expression]`.
fn index(call: &Call<'_>) -> Result<Vector> {
    let base = call.texts(0)?;
    if matches!(call.types.get(1), Some(Type::Int | Type::Long)) {
        let at = call.whole(1)?;
        return Ok(call.give_texts(|i| json::index(base.get(i)?, at.get(i)?).and_then(present)));
    }
    let key = Cells::of(call.arg(1)?, call.types[1])?;
    let mut name = String::new();
    Ok(call.give_texts(|i| {
        name.clear();
        key.write(i, &mut name);
        let value = base.get(i)?;
        match json::kind(value)? {
            Kind::List => json::index(value, name.parse().ok()?),
            _ => json::key(value, &name),
        }
        .and_then(present)
    }))
}

/// Lists of all arguments that are arrays, one after another.
fn array_concat(call: &Call<'_>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let lists: Vec<_> = all.iter().filter_map(|t| t.get(i)).collect();
        give_list(out, lists.iter().flat_map(|l| json::elements(l).unwrap_or_else(|| vec![l])));
        !lists.is_empty()
    }))
}

fn elements_to(call: &Call<'_>, f: impl Fn(Vec<&str>) -> Vec<&str>) -> Result<Vector> {
    let a = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        let Some(list) = a.get(i).and_then(json::elements) else { return false };
        give_list(out, f(list));
        true
    }))
}

fn array_slice(call: &Call<'_>) -> Result<Vector> {
    let (a, from, to) = (call.texts(0)?, call.whole(1)?, call.whole(2)?);
    Ok(call.write_texts(|i, out| {
        let Some(list) = a.get(i).and_then(json::elements) else { return false };
        let n = list.len() as i64;
        let place = |at: i64| if at < 0 { n.saturating_add(at) } else { at };
        let (Some(from), Some(to)) = (from.get(i), to.get(i)) else { return false };
        let (from, to) = (place(from).max(0), place(to).min(n - 1));
        give_list(out, if from <= to { &list[from as usize..=to as usize] } else { &[] });
        true
    }))
}

/// The order of elements: numbers before text before the rest; nulls are set aside by the caller.
fn order(a: &str, b: &str) -> Ordering {
    let rank = |v: &str| match json::kind(v) {
        Some(Kind::Boolean) => 0,
        Some(Kind::Number) => 1,
        Some(Kind::Text) => 2,
        _ => 3,
    };
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) => x.total_cmp(&y),
        _ => rank(a).cmp(&rank(b)).then_with(|| match (json::string(a), json::string(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.cmp(b),
        }),
    }
}

fn array_sort(call: &Call<'_>, descending: bool) -> Result<Vector> {
    let nulls_first = match call.types.get(1) {
        Some(Type::Bool) => !call.arg(1)?.bools()?.get(0).unwrap_or(true),
        _ => false,
    };
    elements_to(call, |list| {
        let (nulls, mut rest): (Vec<_>, Vec<_>) = list.into_iter().partition(|e| *e == "null");
        rest.sort_by(|a, b| if descending { order(b, a) } else { order(a, b) });
        if nulls_first { [nulls, rest].concat() } else { [rest, nulls].concat() }
    })
}

fn array_index_of(call: &Call<'_>) -> Result<Vector> {
    let (a, value) = (call.texts(0)?, Cells::of(call.arg(1)?, call.types[1])?);
    let option = |k: usize| if call.args.len() > k { call.whole(k).map(Some) } else { Ok(None) };
    let (start, length, occurrence) = (option(2)?, option(3)?, option(4)?);
    let mut wanted = String::new();
    Ok(call.give_whole(|i| {
        let list = json::elements(a.get(i)?)?;
        wanted.clear();
        value.write_json(i, &mut wanted);
        let n = list.len() as i64;
        let from = start.as_ref().and_then(|s| s.get(i)).unwrap_or(0);
        let from = if from < 0 { (n + from).max(0) } else { from.min(n) };
        let most = length.as_ref().and_then(|l| l.get(i)).filter(|l| *l >= 0).unwrap_or(n);
        let nth = occurrence.as_ref().and_then(|o| o.get(i)).unwrap_or(1).max(1) as usize;
        let hits = list.iter().enumerate().skip(from as usize).take(most as usize).filter(|(_, e)| **e == wanted);
        Some(hits.map(|(at, _)| at as i64).nth(nth - 1).unwrap_or(-1))
    }))
}

fn array_iff(call: &Call<'_>) -> Result<Vector> {
    let conditions = call.texts(0)?;
    let (yes, no) = (Cells::of(call.arg(1)?, call.types[1])?, Cells::of(call.arg(2)?, call.types[2])?);
    let side = |cells: &Cells<'_>, ty: Type, i: usize| {
        let mut text = String::new();
        cells.write_json(i, &mut text);
        let list = if ty == Type::Dynamic {
            json::elements(&text).map(|l| l.into_iter().map(str::to_owned).collect::<Vec<_>>())
        } else {
            None
        };
        (text, list)
    };
    Ok(call.write_texts(|i, out| {
        let Some(list) = conditions.get(i).and_then(json::elements) else { return false };
        let sides = [side(&yes, call.types[1], i), side(&no, call.types[2], i)];
        write_list(out, list.into_iter().enumerate(), |out, (n, c)| {
            let truth = match json::kind(c) {
                Some(Kind::Boolean) => Some(c == "true"),
                Some(Kind::Number) => c.parse::<f64>().ok().map(|n| n != 0.0),
                _ => None,
            };
            let (text, list) = &sides[usize::from(truth == Some(false))];
            out.push_str(match (truth, list) {
                (None, _) => "null",
                (_, Some(list)) => list.get(n).map_or("null", String::as_str),
                (_, None) => text,
            });
        });
        true
    }))
}

fn pack_array(call: &Call<'_>) -> Result<Vector> {
    let cells = call.args.iter().zip(call.types).map(|(a, ty)| Cells::of(a, *ty)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        write_list(out, cells.iter(), |out, cell| cell.write_json(i, out));
        true
    }))
}

/// Elements of an array that a query makes out of nothing.
const MOST_MADE: i64 = 1 << 20;

fn repeat(call: &Call<'_>) -> Result<Vector> {
    let (value, n) = (Cells::of(call.arg(0)?, call.types[0])?, call.whole(1)?);
    Ok(call.write_texts(|i, out| {
        let Some(n) = n.get(i) else { return false };
        write_list(out, 0..n.clamp(0, MOST_MADE), |out, _| value.write_json(i, out));
        true
    }))
}

fn range(call: &Call<'_>) -> Result<Vector> {
    let whole = call.types.iter().all(|t| matches!(t, Type::Int | Type::Long));
    if whole || matches!(call.types.first(), Some(Type::DateTime | Type::TimeSpan)) {
        let (from, to) = (call.whole(0)?, call.whole(1)?);
        let step = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
        let default = match call.types[0] {
            Type::DateTime | Type::TimeSpan => crate::base::time::HOUR,
            _ => 1,
        };
        let ty = call.types[0];
        return Ok(call.write_texts(|i, out| {
            let (Some(from), Some(to)) = (from.get(i), to.get(i)) else { return false };
            let step = step.as_ref().map_or(Some(default), |s| s.get(i)).unwrap_or(0);
            if step == 0 {
                return false;
            }
            let count = if (to < from) == (step < 0) || to == from {
                (to.saturating_sub(from) / step).saturating_add(1)
            } else {
                0
            };
            write_list(out, (0..count.min(MOST_MADE)).map(|n| from + n * step), |out, n| {
                let written = match ty {
                    Type::DateTime => write!(out, "\"{}\"", crate::base::time::Ticks(n)),
                    Type::TimeSpan => write!(out, "\"{}\"", crate::base::time::Span(n)),
                    _ => write!(out, "{n}"),
                };
                debug_assert!(written.is_ok());
            });
            true
        }));
    }
    let (from, to) = (call.number(0)?, call.number(1)?);
    let step = if call.args.len() > 2 { Some(call.number(2)?) } else { None };
    Ok(call.write_texts(|i, out| {
        let (Some(from), Some(to)) = (from.get(i), to.get(i)) else { return false };
        let step = step.as_ref().map_or(Some(1.0), |s| s.get(i)).unwrap_or(0.0);
        let count = ((to - from) / step + 1e-9).floor() + 1.0;
        if !count.is_finite() || step == 0.0 {
            return false;
        }
        write_list(
            out,
            (0..(count as i64).clamp(0, MOST_MADE)).map(|n| from + n as f64 * step),
            super::parse_number::write_real,
        );
        true
    }))
}

fn zip(call: &Call<'_>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let lists: Vec<_> = all.iter().map(|t| t.get(i).and_then(json::elements).unwrap_or_default()).collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        write_list(out, 0..longest, |out, n| give_list(out, lists.iter().map(|l| *l.get(n).unwrap_or(&"null"))));
        true
    }))
}

fn write_bag<'a>(out: &mut String, members: impl IntoIterator<Item = (Cow<'a, str>, &'a str)>) {
    out.push('{');
    for (n, (key, value)) in members.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        quote(out, &key);
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
}

fn bag_pack(call: &Call<'_>) -> Result<Vector> {
    let cells = call.args.iter().zip(call.types).map(|(a, ty)| Cells::of(a, *ty)).collect::<Result<Vec<_>>>()?;
    let mut key = String::new();
    Ok(call.write_texts(|i, out| {
        out.push('{');
        for (n, pair) in cells.chunks_exact(2).enumerate() {
            if n > 0 {
                out.push(',');
            }
            key.clear();
            pair[0].write(i, &mut key);
            quote(out, &key);
            out.push(':');
            pair[1].write_json(i, out);
        }
        out.push('}');
        true
    }))
}

/// The members of all bags; of a key the first stands.
pub fn merged<'a>(bags: impl IntoIterator<Item = &'a str>) -> Vec<(Cow<'a, str>, &'a str)> {
    let mut all: Vec<(Cow<'a, str>, &'a str)> = Vec::new();
    for (key, value) in bags.into_iter().filter_map(json::members).flatten() {
        if !all.iter().any(|(k, _)| *k == key) {
            all.push((key, value));
        }
    }
    all
}

/// A bag of members.
pub fn bag<'a>(out: &mut String, members: Vec<(Cow<'a, str>, &'a str)>) {
    write_bag(out, members);
}

fn bag_merge(call: &Call<'_>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let bags: Vec<_> = all.iter().filter_map(|t| t.get(i)).collect();
        let any = bags.iter().any(|b| json::kind(b) == Some(Kind::Object));
        write_bag(out, merged(bags));
        any
    }))
}

/// A key, or a path after `$.`.
fn key_or_path<'a>(bag: &'a str, key: &str) -> Option<&'a str> {
    match key.strip_prefix('$') {
        Some(path) => walk_json_path(bag, path),
        None => json::key(bag, key),
    }
}

/// `.name`, `['name']`, `[0]`, … after the `$`.
fn walk_json_path<'a>(value: &'a str, path: &str) -> Option<&'a str> {
    let (mut value, mut rest) = (value, path);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            value = json::key(value, &after[..end])?;
            rest = &after[end..];
        } else {
            let inside = rest.strip_prefix('[')?;
            let end = inside.find(']')?;
            let name = &inside[..end];
            value = match name.parse::<i64>() {
                Ok(at) => json::index(value, at)?,
                Err(_) => json::key(value, name.trim_matches(['\'', '"']))?,
            };
            rest = &inside[end + 1..];
        }
    }
    Some(value)
}

fn bag_has_key(call: &Call<'_>) -> Result<Vector> {
    let (a, key) = (call.texts(0)?, call.texts(1)?);
    Ok(call.maybe_bools(|i| {
        let bag = a.get(i).filter(|t| json::kind(t) == Some(Kind::Object))?;
        Some(key_or_path(bag, key.text(i)).is_some())
    }))
}

fn removed(out: &mut String, bag: &str, keys: &[Cow<'_, str>], prefix: &str) {
    let members = json::members(bag).unwrap_or_default();
    let mut kept: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for (key, value) in members {
        let path = format!("{prefix}.{key}");
        if keys.iter().any(|k| *k == path || (prefix == "$" && *k == key)) {
            continue;
        }
        let deeper = format!("{path}.");
        if keys.iter().any(|k| k.starts_with(&deeper)) && json::kind(value) == Some(Kind::Object) {
            let mut inner = String::new();
            removed(&mut inner, value, keys, &path);
            kept.push((key, Cow::Owned(inner)));
        } else {
            kept.push((key, Cow::Borrowed(value)));
        }
    }
    write_bag(out, kept.iter().map(|(k, v)| (Cow::Borrowed(&**k), &**v)));
}

fn bag_remove_keys(call: &Call<'_>) -> Result<Vector> {
    let (a, keys) = (call.texts(0)?, call.texts(1)?);
    Ok(call.write_texts(|i, out| {
        let Some(bag) = a.get(i).filter(|t| json::kind(t) == Some(Kind::Object)) else { return false };
        let keys: Vec<_> =
            json::elements(keys.text(i)).unwrap_or_default().into_iter().filter_map(json::string).collect();
        removed(out, bag, &keys, "$");
        true
    }))
}

fn bag_set_key(call: &Call<'_>) -> Result<Vector> {
    let (a, key, value) = (call.texts(0)?, call.texts(1)?, Cells::of(call.arg(2)?, call.types[2])?);
    let mut text = String::new();
    Ok(call.write_texts(|i, out| {
        let Some(mut members) = a.get(i).and_then(json::members) else { return false };
        text.clear();
        value.write_json(i, &mut text);
        let key = key.text(i);
        match members.iter_mut().find(|(k, _)| k == key) {
            Some((_, v)) => *v = &text,
            None => members.push((Cow::Borrowed(key), &text)),
        }
        write_bag(out, members);
        true
    }))
}

fn distinct(list: Vec<&str>) -> Vec<&str> {
    let mut seen = hashbrown::HashSet::new();
    list.into_iter().filter(|e| seen.insert(*e)).collect()
}

fn set(call: &Call<'_>, f: for<'a> fn(&[Vec<&'a str>]) -> Vec<&'a str>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let Some(sets) = all.iter().map(|t| t.get(i).and_then(json::elements)).collect::<Option<Vec<_>>>() else {
            return false;
        };
        give_list(out, f(&sets));
        true
    }))
}

fn tree(value: &str, at: &str, paths: &mut Vec<String>) {
    paths.push(at.to_owned());
    match json::kind(value) {
        Some(Kind::Object) => {
            for (key, inner) in json::members(value).unwrap_or_default() {
                // Kusto writes the top without its `$`.
                let path = if at == "$" { format!("['{key}']") } else { format!("{at}['{key}']") };
                tree(inner, &path, paths);
            }
        }
        Some(Kind::List) => {
            let path = if at == "$" { "[0]".to_owned() } else { format!("{at}[0]") };
            if let Some(first) = json::index(value, 0) {
                tree(first, &path, paths);
            }
        }
        _ => {}
    }
}

fn write_sorted(out: &mut String, value: &str) {
    match json::kind(value) {
        Some(Kind::Object) => {
            let mut members = json::members(value).unwrap_or_default();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (n, (key, inner)) in members.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                quote(out, key);
                out.push(':');
                write_sorted(out, inner);
            }
            out.push('}');
        }
        Some(Kind::List) => write_list(out, json::elements(value).unwrap_or_default().into_iter(), write_sorted),
        _ => out.push_str(value),
    }
}

fn gettype(call: &Call<'_>) -> Result<Vector> {
    let ty = call.types.first().copied().unwrap_or(Type::Dynamic);
    if ty != Type::Dynamic {
        return Ok(call.give_texts(|_| Some(ty.name())));
    }
    let a = call.texts(0)?;
    Ok(call.give_texts(|i| {
        Some(match a.get(i).and_then(json::kind) {
            None | Some(Kind::Null) => "null",
            Some(Kind::Boolean) => "bool",
            Some(Kind::Number) if a.text(i).contains(['.', 'e', 'E']) => "double",
            Some(Kind::Number) => "long",
            Some(Kind::Text) => "string",
            Some(Kind::List) => "array",
            Some(Kind::Object) => "dictionary",
        })
    }))
}

fn extract_json(call: &Call<'_>) -> Result<Vector> {
    let path = call.texts(0)?;
    let cells = Cells::of(call.arg(1)?, call.types[1])?;
    let mut text = String::new();
    let found = call.write_texts(|i, out| {
        text.clear();
        cells.write(i, &mut text);
        let value = path.text(i).strip_prefix('$').and_then(|p| walk_json_path(&text, p)).and_then(present);
        if let Some(value) = value {
            out.push_str(&compact(value));
        }
        value.is_some()
    });
    let ty = if call.ty == Type::Dynamic { return Ok(found) } else { call.ty };
    let to = super::scalar(crate::kql::functions::conversions::conversion(ty).name)
        .ok_or_else(|| crate::engine::local::column::internal("no conversion"))?;
    (to.eval)(&Call { args: &[found], types: &[Type::Dynamic], ty, rows: call.rows })
}
