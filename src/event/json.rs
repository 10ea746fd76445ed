//! Values out of JSON text, without building a tree: dynamic columns and paths that have no column of their own are read
//! from an event's text this way.
//!
//! A value is the exact slice of the text that holds it. Malformed text answers `None` and never panics; only what
//! stands before the value found is looked at. Of a repeated key the first counts.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::scan::{Scanner, Stop, Token};

/// How deep containers may nest in text that is read here.
pub const DEPTH: usize = 200;

/// A step of a path: a key of an object, or a position in a list, from its end where negative (-1 is the last).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    Key(&'a str),
    Index(i64),
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Boolean,
    Number,
    Text,
    List,
    Object,
}

/// Stops a walk: at what it looked for, or where the text is not JSON.
enum Halt<'a> {
    Found(&'a str),
    Stopped,
}

impl From<Stop> for Halt<'_> {
    fn from(_: Stop) -> Self {
        Self::Stopped
    }
}

impl<'a> Halt<'a> {
    fn found(self) -> Option<&'a str> {
        match self {
            Self::Found(value) => Some(value),
            Self::Stopped => None,
        }
    }
}

/// The value under a key of the object that `text` is.
///
/// `key(r#"{"a": {"b": 1}}"#, "a")` is `{"b": 1}`.
pub fn key<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut scanner = Scanner::new(text, DEPTH);
    scanner.blanks();
    if scanner.peek() != Some(b'{') {
        return None;
    }
    let walk = scanner.members(|s, name| {
        let start = s.at;
        s.value()?;
        if name.is(key) { Err(Halt::Found(s.since(start))) } else { Ok(()) }
    });
    walk.err()?.found()
}

/// The value at a position of the list that `text` is.
pub fn index(text: &str, at: i64) -> Option<&str> {
    let mut scanner = Scanner::new(text, DEPTH);
    scanner.blanks();
    if scanner.peek() != Some(b'[') {
        return None;
    }
    if at < 0 {
        let elements = elements(text)?;
        let from_end = usize::try_from(at.unsigned_abs()).ok()?;
        return elements.len().checked_sub(from_end).map(|i| elements[i]);
    }
    let mut left = at;
    let walk = scanner.elements(|s| {
        let start = s.at;
        s.value()?;
        if left == 0 {
            return Err(Halt::Found(s.since(start)));
        }
        left -= 1;
        Ok(())
    });
    walk.err()?.found()
}

/// The value at the end of a path; the empty path is the text itself.
pub fn path<'a>(text: &'a str, steps: &[Step<'_>]) -> Option<&'a str> {
    steps.iter().try_fold(text, |value, step| match step {
        Step::Key(name) => key(value, name),
        Step::Index(at) => index(value, *at),
    })
}

/// The elements of the list that `text` is; `None` where it is no well-formed list.
pub fn elements(text: &str) -> Option<Vec<&str>> {
    let mut scanner = Scanner::new(text, DEPTH);
    scanner.blanks();
    if scanner.peek() != Some(b'[') {
        return None;
    }
    let mut all = Vec::new();
    scanner
        .elements(|s| {
            let start = s.at;
            s.value()?;
            all.push(s.since(start));
            Ok::<(), Stop>(())
        })
        .ok()?;
    scanner.end().ok()?;
    Some(all)
}

/// The members of the object that `text` is, in order, keys decoded, repeated ones included; `None` where it is no
/// well-formed object.
pub fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let mut scanner = Scanner::new(text, DEPTH);
    scanner.blanks();
    if scanner.peek() != Some(b'{') {
        return None;
    }
    let mut all = Vec::new();
    scanner
        .members(|s, name| {
            let start = s.at;
            s.value()?;
            all.push((name.text().unwrap_or(Cow::Borrowed(name.inner)), s.since(start)));
            Ok::<(), Stop>(())
        })
        .ok()?;
    scanner.end().ok()?;
    Some(all)
}

/// What the value is, by its first character. The rest is not looked at.
pub fn kind(value: &str) -> Option<Kind> {
    Some(match value.trim_start_matches([' ', '\t', '\n', '\r']).as_bytes().first()? {
        b'"' => Kind::Text,
        b'{' => Kind::Object,
        b'[' => Kind::List,
        b't' | b'f' => Kind::Boolean,
        b'n' => Kind::Null,
        b'-' | b'0'..=b'9' => Kind::Number,
        _ => return None,
    })
}

/// The decoded string that `value` is, borrowed where it has no escapes. `None` for anything else, and where an escape is
/// half of a surrogate pair.
pub fn string(value: &str) -> Option<Cow<'_, str>> {
    let mut scanner = Scanner::new(value, DEPTH);
    scanner.blanks();
    let quoted = scanner.string().ok()?;
    scanner.end().ok()?;
    quoted.text()
}

/// Whether the text is one JSON value, nested no deeper than `DEPTH`.
pub fn valid(text: &str) -> bool {
    let mut scanner = Scanner::new(text, DEPTH);
    scanner.blanks();
    scanner.value().is_ok_and(|_: Token<'_>| scanner.end().is_ok())
}

/// Text as a JSON string.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, b) in text.bytes().enumerate() {
        let escape = match b {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            8 => "\\b",
            12 => "\\f",
            0..=31 => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        if escape.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{b:04x}");
        } else {
            out.push_str(escape);
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// JSON without blanks between its tokens.
pub fn compact(text: &str) -> Cow<'_, str> {
    let blank = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    if !text.bytes().any(blank) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut from, mut inside, mut escaped) = (String::with_capacity(text.len()), 0, false, false);
    for (at, b) in text.bytes().enumerate() {
        if inside {
            inside = escaped || b != b'"';
            escaped = b == b'\\' && !escaped;
        } else if b == b'"' {
            inside = true;
        } else if blank(b) {
            out.push_str(&text[from..at]);
            from = at + 1;
        }
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
