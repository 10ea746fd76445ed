//! Arrays inside dynamic values: lists of slices of the JSON text, written back in a new order. No tree is built.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::convert::Cells;
use super::dynamic::{self, give_list, present, write_list};
use super::{Call, Eval, Whole, real_text};
use crate::base::time::{HOUR, Span, Ticks};
use crate::engine::local::column::{Result, Vector};
use crate::event::json::{self, Kind};
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "array_length" => |c| {
            let a = c.texts(0)?;
            Ok(c.give_whole(|i| json::elements(a.get(i)?).map(|e| e.len() as i64)))
        },
        "array_concat" => array_concat,
        "array_slice" => array_slice,
        "array_split" => array_split,
        "array_reverse" => |c| {
            elements_to(c, |mut list| {
                list.reverse();
                list
            })
        },
        "array_rotate_left" => |c| rotate(c, false),
        "array_rotate_right" => |c| rotate(c, true),
        "array_shift_left" => |c| shift(c, false),
        "array_shift_right" => |c| shift(c, true),
        "array_sum" => |c| {
            let a = c.texts(0)?;
            Ok(c.give_reals(|i| {
                json::elements(a.get(i)?)?
                    .into_iter()
                    .filter_map(present)
                    .try_fold(0.0, |sum, e| number(e).map(|n| sum + n))
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
        _ => return None,
    })
}

/// A JSON number or boolean, as a number.
fn number(value: &str) -> Option<f64> {
    match json::kind(value)? {
        Kind::Number => value.parse().ok(),
        Kind::Boolean => Some(if value == "true" { 1.0 } else { 0.0 }),
        _ => None,
    }
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

/// A place in a list of `n`: negative counts from the end.
fn place(at: i64, n: usize) -> i64 {
    if at < 0 { at.saturating_add(n as i64) } else { at }
}

fn array_slice(call: &Call<'_>) -> Result<Vector> {
    let (a, from, to) = (call.texts(0)?, call.whole(1)?, call.whole(2)?);
    Ok(call.write_texts(|i, out| {
        let Some(list) = a.get(i).and_then(json::elements) else { return false };
        let (Some(from), Some(to)) = (from.get(i), to.get(i)) else { return false };
        let (from, to) = (place(from, list.len()).max(0), place(to, list.len()).min(list.len() as i64 - 1));
        give_list(out, if from <= to { &list[from as usize..=to as usize] } else { &[] });
        true
    }))
}

/// The array cut at one index, or at each of an array of them.
fn array_split(call: &Call<'_>) -> Result<Vector> {
    let (a, at) = (call.texts(0)?, Cells::of(call.arg(1)?, call.types[1])?);
    let mut text = String::new();
    Ok(call.write_texts(|i, out| {
        let Some(list) = a.get(i).and_then(json::elements) else { return false };
        text.clear();
        at.write_json(i, &mut text);
        let cuts = json::elements(&text).unwrap_or_else(|| vec![&text]);
        let mut from = 0;
        let mut pieces = Vec::with_capacity(cuts.len() + 1);
        for cut in cuts {
            let Ok(cut) = cut.parse::<i64>() else { return false };
            let to = place(cut, list.len()).clamp(from as i64, list.len() as i64) as usize;
            pieces.push(&list[from..to]);
            from = to;
        }
        pieces.push(&list[from..]);
        write_list(out, pieces, give_list);
        true
    }))
}

fn rotate(call: &Call<'_>, right: bool) -> Result<Vector> {
    let (a, by) = (call.texts(0)?, call.whole(1)?);
    Ok(call.write_texts(|i, out| {
        let (Some(mut list), Some(by)) = (a.get(i).and_then(json::elements), by.get(i)) else { return false };
        if !list.is_empty() {
            let by = by.rem_euclid(list.len() as i64) as usize;
            if right { list.rotate_right(by) } else { list.rotate_left(by) }
        }
        give_list(out, list);
        true
    }))
}

/// Elements move; the places left behind take the default: the one given, else "" among strings and null among others.
fn shift(call: &Call<'_>, right: bool) -> Result<Vector> {
    let (a, by) = (call.texts(0)?, call.whole(1)?);
    let default = if call.args.len() > 2 { Some(Cells::of(call.arg(2)?, call.types[2])?) } else { None };
    let mut filler = String::new();
    Ok(call.write_texts(|i, out| {
        let (Some(list), Some(by)) = (a.get(i).and_then(json::elements), by.get(i)) else { return false };
        filler.clear();
        match &default {
            Some(cells) => cells.write_json(i, &mut filler),
            None if list.iter().all(|e| json::kind(e) == Some(Kind::Text)) => filler.push_str("\"\""),
            None => filler.push_str("null"),
        }
        let by = if right { by.saturating_neg() } else { by };
        write_list(out, 0..list.len() as i64, |out, n| {
            let from = usize::try_from(n.saturating_add(by)).ok();
            out.push_str(from.and_then(|from| list.get(from)).copied().unwrap_or(&filler));
        });
        true
    }))
}

/// What an element is sorted by: numbers, datetimes and timespans, then text, then the rest; nulls are set aside by the caller.
fn sort_key(value: &str) -> (u8, f64, Cow<'_, str>) {
    let none = Cow::Borrowed("");
    let text = |rank| (rank, 0.0, json::string(value).unwrap_or(Cow::Borrowed(value)));
    match dynamic::type_name(value) {
        "long" | "double" => (0, number(value).unwrap_or(f64::NAN), none),
        "datetime" => text(1),
        "timespan" => {
            let ticks = super::parse_time::timespan(value.trim_matches('"')).unwrap_or_default();
            (2, ticks as f64, none)
        }
        "string" => text(3),
        "bool" => (4, 0.0, Cow::Borrowed(value)),
        _ => (5, 0.0, Cow::Borrowed(value)),
    }
}

/// The places of the elements of a list in their order; nulls where asked for.
pub fn sorted(list: &[&str], descending: bool, nulls_first: bool) -> Vec<usize> {
    let (mut nulls, mut rest): (Vec<_>, Vec<_>) = (0..list.len()).partition(|n| list[*n] == "null");
    let keys: Vec<_> = list.iter().map(|value| sort_key(value)).collect();
    let order = |a: usize, b: usize| {
        let (a, b) = (&keys[a], &keys[b]);
        a.0.cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)).then_with(|| a.2.cmp(&b.2))
    };
    rest.sort_by(|a, b| if descending { order(*b, *a) } else { order(*a, *b) });
    if nulls_first {
        nulls.append(&mut rest);
        nulls
    } else {
        rest.append(&mut nulls);
        rest
    }
}

/// One array sorted, or an array of several in the order of the first; null stands for one of another length.
fn array_sort(call: &Call<'_>, descending: bool) -> Result<Vector> {
    let last = call.args.len() - 1;
    let explicit = call.types.get(last) == Some(&Type::Bool);
    let nulls_first = explicit && !call.arg(last)?.bools()?.get(0).unwrap_or(true);
    let count = call.args.len() - usize::from(explicit);
    let arrays = (0..count).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        let list = |n: usize| arrays.get(n).and_then(|t| t.get(i)).and_then(json::elements);
        let Some(first) = list(0) else { return false };
        let order = sorted(&first, descending, nulls_first);
        if count == 1 {
            give_list(out, order.into_iter().map(|n| first[n]));
            return true;
        }
        write_list(out, 0..count, |out, n| match list(n) {
            Some(own) if own.len() == first.len() => give_list(out, order.iter().map(|n| own[*n])),
            _ => out.push_str("null"),
        });
        true
    }))
}

/// Where a value stands; null for a length below -1 or an occurrence below 1.
fn array_index_of(call: &Call<'_>) -> Result<Vector> {
    let (a, value) = (call.texts(0)?, Cells::of(call.arg(1)?, call.types[1])?);
    let option = |k: usize| if call.args.len() > k { call.whole(k).map(Some) } else { Ok(None) };
    let (start, length, occurrence) = (option(2)?, option(3)?, option(4)?);
    let get = |option: &Option<Whole<'_>>, i: usize, default: i64| option.as_ref().map_or(Some(default), |o| o.get(i));
    let mut wanted = String::new();
    Ok(call.give_whole(|i| {
        let list = json::elements(a.get(i)?)?;
        wanted.clear();
        value.write_json(i, &mut wanted);
        let from = place(get(&start, i, 0)?, list.len()).max(0) as usize;
        let (length, nth) = (get(&length, i, -1)?, get(&occurrence, i, 1)?);
        if length < -1 || nth < 0 {
            return None;
        }
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        let mut hits = list.iter().enumerate().skip(from).take(most).filter(|(_, e)| equal(e, &wanted));
        Some(hits.nth((nth.max(1) - 1) as usize).map_or(-1, |(at, _)| at as i64))
    }))
}

/// Are two elements the same value? Numbers by what they are worth, texts by what they say.
pub fn equal(a: &str, b: &str) -> bool {
    a == b
        || match (json::kind(a), json::kind(b)) {
            (Some(Kind::Number), Some(Kind::Number)) => number(a) == number(b),
            (Some(Kind::Text), Some(Kind::Text)) => json::string(a) == json::string(b),
            _ => false,
        }
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
        let Some(n) = n.get(i).filter(|n| *n >= 0) else { return false };
        write_list(out, 0..n.min(MOST_MADE), |out, _| value.write_json(i, out));
        true
    }))
}

fn range(call: &Call<'_>) -> Result<Vector> {
    let whole = call.types.iter().all(|t| matches!(t, Type::Int | Type::Long));
    if whole || matches!(call.types.first(), Some(Type::DateTime | Type::TimeSpan)) {
        let (from, to) = (call.whole(0)?, call.whole(1)?);
        let step = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
        let default = match call.types[0] {
            Type::DateTime | Type::TimeSpan => HOUR,
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
                    Type::DateTime => write!(out, "\"{}\"", Ticks(n)),
                    Type::TimeSpan => write!(out, "\"{}\"", Span(n)),
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
        write_list(out, (0..(count as i64).clamp(0, MOST_MADE)).map(|n| from + n as f64 * step), real_text::write_real);
        true
    }))
}

fn zip(call: &Call<'_>) -> Result<Vector> {
    let all = (0..call.args.len()).map(|k| call.texts(k)).collect::<Result<Vec<_>>>()?;
    Ok(call.write_texts(|i, out| {
        // What is no array stands for an array of itself.
        let lists: Vec<Vec<&str>> = all
            .iter()
            .map(|t| t.get(i).map_or_else(Vec::new, |v| json::elements(v).unwrap_or_else(|| vec![v])))
            .collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        write_list(out, 0..longest, |out, n| give_list(out, lists.iter().map(|l| *l.get(n).unwrap_or(&"null"))));
        true
    }))
}

/// Lists of the texts that a list or one text holds: `dynamic(["a"])`, `"a"`.
pub fn texts_of(value: &str) -> Vec<Cow<'_, str>> {
    json::elements(value)
        .unwrap_or_else(|| vec![value])
        .into_iter()
        .map(|e| json::string(e).unwrap_or(Cow::Borrowed(e)))
        .collect()
}
