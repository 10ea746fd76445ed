//! String predicates: `has`, `contains`, `startswith` and kin, with and without case, one text or a list.
//!
//! A term is a maximal run of Unicode letters and digits; `has` wants a boundary on both sides of what it finds.

use std::borrow::Cow;

use super::fold::{Needle, equal, folded};
use super::{Call, Eval};
use crate::engine::local::column::{Result, Texts, Vector};
use crate::event::json;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Anywhere,
    Term,
    TermStart,
    TermEnd,
    Start,
    End,
}

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "has" => |c| one(c, Where::Term, false, false),
        "!has" => |c| one(c, Where::Term, false, true),
        "has_cs" => |c| one(c, Where::Term, true, false),
        "!has_cs" => |c| one(c, Where::Term, true, true),
        "hasprefix" => |c| one(c, Where::TermStart, false, false),
        "!hasprefix" => |c| one(c, Where::TermStart, false, true),
        "hasprefix_cs" => |c| one(c, Where::TermStart, true, false),
        "!hasprefix_cs" => |c| one(c, Where::TermStart, true, true),
        "hassuffix" => |c| one(c, Where::TermEnd, false, false),
        "!hassuffix" => |c| one(c, Where::TermEnd, false, true),
        "hassuffix_cs" => |c| one(c, Where::TermEnd, true, false),
        "!hassuffix_cs" => |c| one(c, Where::TermEnd, true, true),
        "contains" => |c| one(c, Where::Anywhere, false, false),
        "!contains" => |c| one(c, Where::Anywhere, false, true),
        "contains_cs" => |c| one(c, Where::Anywhere, true, false),
        "!contains_cs" => |c| one(c, Where::Anywhere, true, true),
        "startswith" => |c| one(c, Where::Start, false, false),
        "!startswith" => |c| one(c, Where::Start, false, true),
        "startswith_cs" => |c| one(c, Where::Start, true, false),
        "!startswith_cs" => |c| one(c, Where::Start, true, true),
        "endswith" => |c| one(c, Where::End, false, false),
        "!endswith" => |c| one(c, Where::End, false, true),
        "endswith_cs" => |c| one(c, Where::End, true, false),
        "!endswith_cs" => |c| one(c, Where::End, true, true),
        "=~" => |c| same(c, false),
        "!~" => |c| same(c, true),
        "has_any" => |c| many(c, true),
        "has_all" => |c| many(c, false),
        "has_any_index" => has_any_index,
        _ => return None,
    })
}

fn needle(text: &str, case: bool) -> Needle {
    if case { Needle::exact(text) } else { Needle::any_case(text) }
}

fn matches(text: &str, needle: &Needle, place: Where) -> bool {
    if needle.is_empty() {
        return true;
    }
    let before = |at: usize| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    let after = |at: usize| !text[at..].chars().next().is_some_and(char::is_alphanumeric);
    match place {
        Where::Anywhere => needle.is_in(text),
        Where::Term => needle.any(text, |start, end| before(start) && after(end)),
        Where::TermStart => needle.any(text, |start, _| before(start)),
        Where::TermEnd => needle.any(text, |_, end| after(end)),
        Where::Start | Where::End => false, // `at_edge` answers these
    }
}

/// `startswith` and `endswith`, without searching.
fn at_edge(text: &str, part: &str, place: Where, case: bool) -> bool {
    match (place, case) {
        (Where::Start, true) => text.starts_with(part),
        (Where::End, true) => text.ends_with(part),
        (Where::Start, false) => {
            text.get(..part.len()).is_some_and(|t| equal(t, part)) || folded(text).starts_with(&*folded(part))
        }
        (_, false) => {
            let from = text.len().checked_sub(part.len());
            from.and_then(|f| text.get(f..)).is_some_and(|t| equal(t, part)) || folded(text).ends_with(&*folded(part))
        }
        _ => false,
    }
}

fn one(call: &Call<'_>, place: Where, case: bool, negated: bool) -> Result<Vector> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    if matches!(place, Where::Start | Where::End) {
        return Ok(call.bools(|i| at_edge(left.text(i), right.text(i), place, case) != negated));
    }
    if let Texts::Constant(text) = right {
        let needle = needle(text.unwrap_or_default(), case);
        return Ok(call.bools(|i| matches(left.text(i), &needle, place) != negated));
    }
    Ok(call.bools(|i| matches(left.text(i), &needle(right.text(i), case), place) != negated))
}

fn same(call: &Call<'_>, negated: bool) -> Result<Vector> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    Ok(call.bools(|i| equal(left.text(i), right.text(i)) != negated))
}

/// The place in the list of the first term that the text has; numbers in the list are looked for by their text.
fn has_any_index(call: &Call<'_>) -> Result<Vector> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    let needles = |list: &str| -> Vec<Needle> {
        json::elements(list)
            .unwrap_or_default()
            .into_iter()
            .map(|e| needle(&json::string(e).unwrap_or(Cow::Borrowed(e)), false))
            .collect()
    };
    let constant = if let Texts::Constant(list) = right { Some(needles(list.unwrap_or_default())) } else { None };
    Ok(call.give_longs(|i| {
        let own = if constant.is_none() { needles(right.text(i)) } else { Vec::new() };
        let needles = constant.as_ref().unwrap_or(&own);
        Some(needles.iter().position(|n| matches(left.text(i), n, Where::Term)).map_or(-1, |n| n as i64))
    }))
}

/// `has_any`, `has_all`: the rest are texts, or lists of texts.
fn many(call: &Call<'_>, any: bool) -> Result<Vector> {
    let left = call.texts(0)?;
    let rest = (1..call.args.len()).map(|n| call.texts(n)).collect::<Result<Vec<_>>>()?;
    if rest.iter().all(|t| matches!(t, Texts::Constant(_))) {
        let mut needles = Vec::new();
        for (texts, ty) in rest.iter().zip(&call.types[1..]) {
            terms(texts.text(0), *ty, |term| needles.push(Needle::any_case(term)));
        }
        return Ok(call.bools(|i| {
            let text = left.text(i);
            let mut hits = needles.iter().map(|n| matches(text, n, Where::Term));
            if any { hits.any(|h| h) } else { hits.all(|h| h) }
        }));
    }
    Ok(call.bools(|i| {
        let (mut some, mut all) = (false, true);
        for (texts, ty) in rest.iter().zip(&call.types[1..]) {
            terms(texts.text(i), *ty, |term| {
                let hit = matches(left.text(i), &Needle::any_case(term), Where::Term);
                some |= hit;
                all &= hit;
            });
        }
        if any { some } else { all }
    }))
}

fn terms(text: &str, ty: crate::kql::Type, mut each: impl FnMut(&str)) {
    if ty == crate::kql::Type::Dynamic {
        match json::elements(text) {
            Some(list) => list.into_iter().for_each(|e| each(&json::string(e).unwrap_or(Cow::Borrowed(e)))),
            None => each(&json::string(text).unwrap_or(Cow::Borrowed(text))),
        }
    } else {
        each(text);
    }
}
