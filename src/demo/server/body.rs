//! The request's body: a cursor, or a reset, and nothing else.

use serde_json::{Map, Value};

use crate::base::time::Ticks;
use crate::demo::{HOUR, Nanos, nanos};

/// The page size of a reset that names none.
const DEFAULT_LIMIT: u16 = 100;
const MOST: u16 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Cursor(String),
    Reset { limit: u16, start: Nanos, end: Nanos },
}

impl Body {
    /// Reads a body; the error is what the API would answer with its 400.
    pub fn read(text: &[u8], now: Nanos) -> Result<Self, &'static str> {
        let Ok(Value::Object(members)) = serde_json::from_slice(text) else {
            return Err("the body must be a JSON object");
        };
        match members.get("cursor") {
            None => Self::reset(&members, now),
            Some(_) if members.len() > 1 => Err("a cursor must not be sent with anything else"),
            // What an empty cursor means: the client starts again, without noticing.
            Some(Value::String(cursor)) if cursor.is_empty() => Self::reset(&Map::new(), now),
            Some(Value::String(cursor)) => Ok(Self::Cursor(cursor.clone())),
            Some(_) => Err("cursor must be a string"),
        }
    }

    fn reset(members: &Map<String, Value>, now: Nanos) -> Result<Self, &'static str> {
        if members.keys().any(|key| !matches!(key.as_str(), "limit" | "start_time" | "end_time")) {
            return Err("the body has an unknown field");
        }
        let limit = match members.get("limit") {
            None | Some(Value::Null) => DEFAULT_LIMIT,
            Some(value) => value
                .as_u64()
                .and_then(|n| u16::try_from(n).ok())
                .filter(|n| (1..=MOST).contains(n))
                .ok_or("limit must be a number from 1 to 1000")?,
        };
        let time = |key, wrong| match members.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ticks::parse_rfc3339(text).map(|t| Some(nanos(t))).ok_or(wrong),
            Some(_) => Err(wrong),
        };
        let end = time("end_time", "end_time must be an RFC 3339 time")?;
        let start = time("start_time", "start_time must be an RFC 3339 time")?;
        let start = start.unwrap_or_else(|| end.unwrap_or(now).saturating_sub(HOUR));
        Ok(Self::Reset { limit, start, end: end.unwrap_or(Nanos::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Body, &'static str> {
        Body::read(text.as_bytes(), 10 * HOUR)
    }

    #[test]
    fn a_reset_has_its_defaults() {
        let reset = |limit, start, end| Ok(Body::Reset { limit, start, end });
        assert_eq!(read("{}"), reset(100, 9 * HOUR, Nanos::MAX));
        assert_eq!(read(r#"{"limit":null}"#), reset(100, 9 * HOUR, Nanos::MAX));
        assert_eq!(read(r#"{"end_time":"1970-01-01T05:00:00Z"}"#), reset(100, 4 * HOUR, 5 * HOUR));
        assert_eq!(read(r#"{"limit":1000,"start_time":"1970-01-01T01:00:00Z"}"#), reset(1000, HOUR, Nanos::MAX));
        assert_eq!(read(r#"{"cursor":""}"#), read("{}"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "[]",
            "null",
            "{",
            r#"{"cursor":"a","limit":5}"#,
            r#"{"cursor":null}"#,
            r#"{"limit":0}"#,
            r#"{"limit":1001}"#,
            r#"{"limit":"5"}"#,
            r#"{"limit":1.5}"#,
            r#"{"limit":-1}"#,
            r#"{"start_time":"yesterday"}"#,
            r#"{"start_time":5}"#,
            r#"{"end_time":"2026-01-01"}"#,
            r#"{"since":"2026-01-01T00:00:00Z"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read(r#"{"cursor":"abc"}"#), Ok(Body::Cursor("abc".into())));
    }
}
