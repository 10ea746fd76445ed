//! Dynamic values: JSON text, read in place. Arrays, bags and sets are lists of slices; no tree is built.

use super::convert::Cells;
use super::{Call, Eval, real_text};
use crate::engine::local::column::{Result, Vector, collect_texts};
use crate::event::json::{self, Kind};
pub use crate::event::json::{compact, quote};
use crate::kql::Type;
use crate::kql::plan::Step;

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "treepath" => treepath,
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

pub fn write_list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

pub fn give_list<S: AsRef<str>>(out: &mut String, items: impl IntoIterator<Item = S>) {
    write_list(out, items, |out, e| out.push_str(e.as_ref()));
}

/// Writes JSON as Kusto gives it back: without blanks, reals at their shortest (`1e3` is `1000.0`), nothing escaped that need not be.
pub fn write_normal(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let (mut from, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                let mut escapes = false;
                while let Some(byte) = bytes.get(at).filter(|b| **b != b'"') {
                    let escape = *byte == b'\\';
                    escapes |= escape;
                    at += 1 + usize::from(escape);
                }
                at = (at + 1).min(bytes.len());
                if let Some(plain) = escapes.then(|| json::string(&text[start..at])).flatten() {
                    out.push_str(&text[from..start]);
                    quote(out, &plain);
                    from = at;
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&text[from..start]);
                from = at;
            }
            b'-' | b'0'..=b'9' => {
                let more = bytes[at..].iter().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b));
                at += more.count();
                let number = &text[start..at];
                // Whole numbers stand as they are, but for those that no long holds.
                let short = number.len() < 19 && !number.contains(['.', 'e', 'E']);
                if !short
                    && number.parse::<i64>().is_err()
                    && let Some(real) = number.parse::<f64>().ok().filter(|n| n.is_finite())
                {
                    out.push_str(&text[from..start]);
                    real_text::write_real(out, real);
                    from = at;
                }
            }
            _ => {}
        }
    }
    out.push_str(&text[from..]);
}

/// Writes the dynamic value that a text stands for; false for null.
pub fn of_text(text: &str, out: &mut String) -> bool {
    let bare = text.trim();
    if bare.is_empty() || bare == "null" {
        return false;
    }
    if json::valid(bare) {
        write_normal(out, bare);
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
        return Ok(call.write_texts(|i, out| {
            let Some(text) = t.get(i) else { return false };
            match json::string(text) {
                Some(inner) if json::valid(&inner) => return of_text(&inner, out),
                _ => out.push_str(text),
            }
            true
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

/// The same as `path` over `parse_json` of the texts. What is found is cut out; only then has the rest to be JSON too.
pub fn path_in_text(texts: &Vector, steps: &[Step], rows: usize) -> Result<Vector> {
    let texts = texts.texts()?;
    Ok(Vector::Array(collect_texts(rows, |i| {
        let text = texts.text(i).trim();
        let found = walk(text, steps)?;
        json::valid(text).then(|| compact(found))
    })))
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

/// A key, or a path after `$.`.
pub fn key_or_path<'a>(bag: &'a str, key: &str) -> Option<&'a str> {
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
        Some(Kind::List) => write_list(out, json::elements(value).unwrap_or_default(), write_sorted),
        _ => out.push_str(value),
    }
}

/// Every path inside a value; Kusto writes them without the `$`, and `[0]` for the elements of an array.
fn treepath(call: &Call<'_>) -> Result<Vector> {
    let a = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        let Some(text) = a.get(i) else { return false };
        let mut paths = Vec::new();
        tree(text, "", &mut paths);
        write_list(out, paths.iter(), |out, p| quote(out, p));
        true
    }))
}

fn tree(value: &str, at: &str, paths: &mut Vec<String>) {
    let inside: Vec<(String, &str)> = match json::kind(value) {
        Some(Kind::Object) => {
            let members = json::members(value).unwrap_or_default();
            members.into_iter().map(|(key, inner)| (format!("{at}['{key}']"), inner)).collect()
        }
        // All elements under one path, as one stands for them all.
        Some(Kind::List) => {
            let elements = json::elements(value).unwrap_or_default();
            elements.into_iter().map(|inner| (format!("{at}[0]"), inner)).collect()
        }
        _ => Vec::new(),
    };
    for (path, inner) in inside {
        if !paths.contains(&path) {
            paths.push(path.clone());
        }
        tree(inner, &path, paths);
    }
}

fn gettype(call: &Call<'_>) -> Result<Vector> {
    let ty = call.types.first().copied().unwrap_or(Type::Dynamic);
    if ty != Type::Dynamic {
        return Ok(call.give_texts(|_| Some(ty.name())));
    }
    let a = call.texts(0)?;
    Ok(call.give_texts(|i| Some(a.get(i).map_or("null", type_name))))
}

/// What a dynamic value holds. Text in exactly the form that a datetime or timespan takes inside a dynamic value is one.
pub fn type_name(value: &str) -> &'static str {
    match json::kind(value) {
        None | Some(Kind::Null) => "null",
        Some(Kind::Boolean) => "bool",
        Some(Kind::Number) if value.contains(['.', 'e', 'E']) => "double",
        Some(Kind::Number) => "long",
        Some(Kind::Text) if is_datetime(value) => "datetime",
        Some(Kind::Text) if is_timespan(value) => "timespan",
        Some(Kind::Text) => "string",
        Some(Kind::List) => "array",
        Some(Kind::Object) => "dictionary",
    }
}

/// `"2026-01-02T03:04:05.0000000Z"`, quotes included.
fn is_datetime(value: &str) -> bool {
    const FORM: &[u8] = b"\"0000-00-00T00:00:00.0000000Z\"";
    value.len() == FORM.len()
        && value.bytes().zip(FORM).all(|(b, f)| if *f == b'0' { b.is_ascii_digit() } else { b == *f })
}

/// `"1.02:03:04"`, `"00:00:00.1230000"`: what a timespan's text is.
fn is_timespan(value: &str) -> bool {
    let text = value.trim_matches('"');
    text.contains(':')
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-'))
        && super::parse_time::timespan(text).is_some_and(|t| crate::base::time::Span(t).to_string() == text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_in_text_as_in_its_value() {
        let texts = [
            r#"{"a": {"b" : [1, 2 ]}}"#,
            r#" {"a":{"b":"x y"}} "#,
            r#"{"a":{"b":1}} x"#,
            "",
            "null",
            "x",
            r#"{"a":null}"#,
        ];
        let column = Vector::Array(collect_texts(texts.len(), |i| Some(texts[i])));
        let steps = [Step::Key("a".into()), Step::Key("b".into())];
        let types = [Type::String];
        let call = Call { args: std::slice::from_ref(&column), types: &types, ty: Type::Dynamic, rows: texts.len() };
        let slow = path(&parse_json(&call).unwrap(), &steps, texts.len()).unwrap();
        let quick = path_in_text(&column, &steps, texts.len()).unwrap();
        let (slow, quick) = (slow.texts().unwrap(), quick.texts().unwrap());
        for (i, text) in texts.iter().enumerate() {
            assert_eq!(quick.get(i), slow.get(i), "{text}");
        }
        assert_eq!(quick.get(0), Some("[1,2]"));
    }
}
