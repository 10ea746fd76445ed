//! Version 3 of the audit feed, `GET /api/v3/auditevents`: a beta of 1Password's, off unless an account says `audit_version = 3`.
//!
//! A window of time is read page by page; then the next window begins where the last event of it was inserted. Both of its times are
//! excluded and speak of *insertion*, so late events are in the window that they came in. Our cursor is one of the two:
//!
//! ```text
//! {"since":"2026-06-25T10:00:00.123456789Z","page":"…"}    inside a window: the next page, and how far the events came
//! {"since":"2026-06-25T10:00:00.123456789Z"}               at the tail: the next window begins here
//! ```
//!
//! The documentation has changed under the beta; both spellings that it had are understood (`old`): `page_size`, `next_page_token`
//! and a token among the metadata of the page.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::events_api::{PAGE, answer, explain, page};
use super::source::{FetchError, Fetched, Position};
pub use crate::base::config::values::AuditVersion;
use crate::base::http::Answer;
use crate::base::time::Ticks;
use crate::event::json;
use crate::store::Cursor;

/// Of its cursors.
pub const VERSION: u8 = AuditVersion::Three.number();

const PATH: &str = "/api/v3/auditevents";

/// Where a chain of windows stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Standing {
    /// The newest time of insertion so far, as the service wrote it: it has more digits than our clock.
    since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// The end of a window that has one; the pages' tokens keep it from then on.
    #[serde(skip)]
    until: Option<String>,
    /// The page's token came in the older spelling.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    old: bool,
}

impl Standing {
    fn of(position: &Position) -> Result<Self, FetchError> {
        match position {
            Position::Since(start) => Ok(Self { since: start.to_string(), page: None, until: None, old: false }),
            Position::Between { from, to } => {
                Ok(Self { since: from.to_string(), page: None, until: Some(to.to_string()), old: false })
            }
            Position::Cursor(cursor) => serde_json::from_str(cursor.expose())
                .map_err(|_| FetchError::BadRequest("the stored cursor is none of version 3".into())),
        }
    }
}

/// The path and the query that ask for a page. A token of a page goes alone: with times the service refuses it.
pub(super) fn request(position: &Position, old: bool) -> Result<String, FetchError> {
    let Standing { since, page, until, old: old_token } = Standing::of(position)?;
    let size = if old || old_token { "page_size" } else { "max_page_size" };
    Ok(match page {
        Some(token) => {
            let name = if old_token { "next_page_token" } else { "page_token" };
            format!("{PATH}?{size}={PAGE}&{name}={}", encoded(&token))
        }
        None => {
            let until = until.map_or_else(String::new, |until| format!("&end_time={}", encoded(&until)));
            format!("{PATH}?{size}={PAGE}&start_time={}{until}", encoded(&since))
        }
    })
}

/// A value of a query: everything but letters, digits and `-._~` in percent.
pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// What stands in a page beside its events.
#[derive(Default)]
struct Paging {
    token: Option<String>,
    has_more: Option<bool>,
    old: bool,
}

impl Paging {
    /// A key of the page, and its value: a token, or an object that has one.
    fn look(&mut self, key: &str, value: &str) {
        match key {
            "next_page_token" => self.token = json::string(value).map(String::from).filter(|token| !token.is_empty()),
            "has_more" | "has_more_pages" | "has_next_page" => self.has_more = Some(value == "true"),
            _ => {
                for (key, value) in json::members(value).unwrap_or_default() {
                    if key == "next_page_token" || key.starts_with("has_") {
                        self.old = true;
                        self.look(&key, value);
                    }
                }
            }
        }
    }

    /// The next page's token; a page that says that it is the last has none, whatever stands there.
    fn next(self) -> Option<String> {
        self.token.filter(|_| self.has_more != Some(false))
    }
}

/// The page of an answer, and where it leaves us.
pub(super) fn fetched(answer: Answer, asked: &Position) -> Result<Fetched, FetchError> {
    let limits = answer::rate_headers(&answer);
    let server_time = answer::date(&answer);
    let Answer { status, body, took, .. } = answer;
    let mut paging = Paging::default();
    let items = page::split_object(&body, "audit_events", &mut |key, value| {
        if let (Ok(key), Ok(value)) = (std::str::from_utf8(key), std::str::from_utf8(value)) {
            paging.look(key.trim_matches('"'), value);
        }
        Ok(())
    })
    .map_err(|error| FetchError::Malformed(explain(&error, &body)))?;
    let before = Standing::of(asked)?;
    let old = paging.old;
    let page = paging.next();
    let has_more = page.is_some();
    let since = newest(&items).filter(|newest| is_later(newest, &before.since)).unwrap_or(before.since);
    let standing = Standing { since, old: old && page.is_some(), page, until: None };
    let cursor = serde_json::to_string(&standing).ok().map(|text| Cursor::new(&text));
    Ok(Fetched {
        items,
        cursor,
        has_more,
        status,
        bytes: body.len() as u64,
        took,
        limits,
        server_time,
        ..Fetched::default()
    })
}

/// The newest time of insertion among the events, as it stands there.
fn newest(items: &[Bytes]) -> Option<String> {
    let time = |item: &Bytes| {
        let text = std::str::from_utf8(item).ok()?;
        json::key(text, "insert_time").and_then(json::string).map(String::from)
    };
    items
        .iter()
        .filter_map(time)
        .filter(|time| Ticks::parse_rfc3339(time).is_some())
        .reduce(|newest, time| if is_later(&time, &newest) { time } else { newest })
}

/// By our clock; where that does not tell two apart, by the digits that it does not have.
fn is_later(time: &str, other: &str) -> bool {
    let fraction = |text: &str| {
        let digits = text.split_once('.').map_or("", |(_, rest)| rest);
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        format!("{digits:0<12}")
    };
    let ticks = |text| Ticks::parse_rfc3339(text);
    match (ticks(time), ticks(other)) {
        (Some(a), Some(b)) if a == b => fraction(time) > fraction(other),
        (a, b) => a > b,
    }
}

#[cfg(test)]
mod tests;
