//! Property bags inside dynamic values: members as slices of the JSON text, in the order they stand. Of a key that stands twice the first counts.

use std::borrow::Cow;

use super::convert::Cells;
use super::dynamic::{key_or_path, quote, write_list};
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};
use crate::event::json::{self, Kind};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "bag_pack" => |c| bag_pack(c, false),
        "bag_pack_present" => |c| bag_pack(c, true),
        "bag_keys" => |c| {
            let a = c.texts(0)?;
            Ok(c.write_texts(|i, out| {
                let Some(members) = a.get(i).and_then(json::members) else { return false };
                write_list(out, members.iter(), |out, (key, _)| quote(out, key));
                true
            }))
        },
        "bag_merge" => bag_merge,
        "bag_has_key" => |c| {
            let (a, key) = (c.texts(0)?, c.texts(1)?);
            Ok(c.maybe_bools(|i| {
                let bag = a.get(i).filter(|t| json::kind(t) == Some(Kind::Object))?;
                Some(key_or_path(bag, key.text(i)).is_some())
            }))
        },
        "bag_remove_keys" => bag_remove_keys,
        "bag_set_key" => bag_set_key,
        "bag_zip" => bag_zip,
        _ => return None,
    })
}

/// A bag of members.
pub fn write_bag<'a>(out: &mut String, members: impl IntoIterator<Item = (Cow<'a, str>, &'a str)>) {
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

/// Keys and values by turns. `present`: nulls and empty texts are left out, as by `pack_all(true)`.
fn bag_pack(call: &Call<'_>, present: bool) -> Result<Vector> {
    let cells = call.args.iter().zip(call.types).map(|(a, ty)| Cells::of(a, *ty)).collect::<Result<Vec<_>>>()?;
    let mut key = String::new();
    Ok(call.write_texts(|i, out| {
        out.push('{');
        for pair in cells.chunks_exact(2) {
            let before = out.len();
            if before > 1 {
                out.push(',');
            }
            key.clear();
            pair[0].write(i, &mut key);
            quote(out, &key);
            out.push(':');
            let value = out.len();
            pair[1].write_json(i, out);
            if present && matches!(&out[value..], "null" | "\"\"") {
                out.truncate(before);
            }
        }
        out.push('}');
        true
    }))
}

/// The members of all bags; of a key the first stands.
pub fn merged<'a>(bags: impl IntoIterator<Item = &'a str>) -> Vec<(Cow<'a, str>, &'a str)> {
    let mut all: Vec<(Cow<'a, str>, &'a str)> = Vec::new();
    let mut seen = hashbrown::HashSet::new();
    for (key, value) in bags.into_iter().filter_map(json::members).flatten() {
        if seen.insert(key.clone()) {
            all.push((key, value));
        }
    }
    all
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

fn removed(out: &mut String, bag: &str, keys: &[Cow<'_, str>], prefix: &str) {
    let members = json::members(bag).unwrap_or_default();
    let mut kept: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for (key, value) in members {
        let path = format!("{prefix}.{key}");
        let quoted = [format!("{prefix}['{key}']"), format!("{prefix}[\"{key}\"]")];
        if keys.iter().any(|k| *k == path || quoted.iter().any(|q| k == q) || (prefix == "$" && *k == key)) {
            continue;
        }
        let deeper = [format!("{path}."), format!("{path}[")];
        if keys.iter().any(|k| deeper.iter().any(|d| k.starts_with(d))) && json::kind(value) == Some(Kind::Object) {
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

/// Writes a bag with a value set at the end of a path of keys; bags on the way are made where they are missing.
fn set(out: &mut String, bag: &str, path: &[&str], value: &str) {
    let Some((key, rest)) = path.split_first() else { return out.push_str(value) };
    let mut members = json::members(bag).unwrap_or_default();
    let old = members.iter().position(|(k, _)| k == key);
    let mut inner = String::new();
    set(&mut inner, old.map_or("{}", |at| members[at].1), rest, value);
    match old {
        Some(at) => members[at].1 = &inner,
        None => members.push((Cow::Borrowed(key), &inner)),
    }
    write_bag(out, members);
}

/// The keys of a path, `$.a['b c']`; `None` for one that leads into an array, or is none.
fn path_keys(path: &str) -> Option<Vec<&str>> {
    let mut rest = path.strip_prefix('$')?;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let key;
        if let Some(name) = rest.strip_prefix('.') {
            (key, rest) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
        } else {
            let quoted = rest.strip_prefix('[')?;
            let quote = quoted.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            (key, rest) = quoted[1..].split_once(quote)?;
            rest = rest.strip_prefix(']')?;
        }
        keys.push(key);
    }
    if keys.is_empty() { None } else { Some(keys) }
}

fn bag_set_key(call: &Call<'_>) -> Result<Vector> {
    let (a, key, value) = (call.texts(0)?, call.texts(1)?, Cells::of(call.arg(2)?, call.types[2])?);
    let mut text = String::new();
    Ok(call.write_texts(|i, out| {
        let Some(bag) = a.get(i).filter(|t| json::kind(t) == Some(Kind::Object)) else { return false };
        text.clear();
        value.write_json(i, &mut text);
        let key = key.text(i);
        let Some(path) = (if key.starts_with('$') { path_keys(key) } else { Some(vec![key]) }) else { return false };
        set(out, bag, &path, &text);
        true
    }))
}

/// A bag of an array of keys and one of values; missing values are null, keys that are no text are passed over.
fn bag_zip(call: &Call<'_>) -> Result<Vector> {
    let (keys, values) = (call.texts(0)?, call.texts(1)?);
    Ok(call.write_texts(|i, out| {
        let Some(keys) = keys.get(i).and_then(json::elements) else { return false };
        let values = values.get(i).and_then(json::elements).unwrap_or_default();
        let pairs = keys.iter().enumerate().map(|(n, k)| (k, values.get(n).copied().unwrap_or("null")));
        write_bag(out, pairs.filter_map(|(k, v)| Some((json::string(k)?, v))));
        true
    }))
}
