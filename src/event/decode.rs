//! One event out of its bytes: what the stored columns hold, and nothing is lost where they cannot.
//!
//! Every field but `uuid` is optional, every enumeration open. Decoding never fails for what a field holds; it fails only
//! where there is no event to keep (`Undecodable`), and such an item goes to quarantine with its reason.

pub mod connect;
mod keys;
mod v3;

use std::borrow::Cow;

use keys::{Keys, Kind, Target};

use super::Feed;
use super::scan::{Quoted, Scanner, Stop, Token};
use super::schema::STORED;
use crate::base::time::Ticks;

/// The largest event that is taken, in bytes.
pub const MAX_EVENT: usize = 1 << 20;
/// How deep an event may nest.
pub const MAX_DEPTH: usize = 64;

/// Why an item is no event. `at` is a byte offset in the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    #[error("the item has {0} bytes, more than the {MAX_EVENT} that an event may have")]
    TooLarge(usize),
    #[error("the item is not UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("the item is not JSON at byte {at}")]
    NotJson { at: usize },
    #[error("the item nests deeper than {MAX_DEPTH} at byte {at}")]
    TooDeep { at: usize },
    #[error("the item is not a JSON object")]
    NotAnObject,
    #[error("the item has no uuid: a string that is not empty under the key `uuid`")]
    NoUuid,
    #[error("the request has no id: a string that is not empty under the key `requestId`")]
    NoRequestId,
    #[error("the item has two uuids, so that its identity is open")]
    RepeatedUuid,
}

impl From<Stop> for Undecodable {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Malformed { at } => Self::NotJson { at },
            Stop::TooDeep { at } => Self::TooDeep { at },
        }
    }
}

/// What stands at a stored column.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    #[default]
    Null,
    Text(Cow<'a, str>),
    /// A number, or ticks where the column is a time.
    Int(i64),
    Float(f64),
}

const WIDTH: usize = STORED.len();
// A bit a column marks what was seen.
const _: () = assert!(WIDTH <= 128);

/// A decoded event, borrowing from its bytes.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    raw: &'a str,
    values: [Value<'a>; WIDTH],
    /// Some stored column could not hold what the event has there (another type, a repeated key, a number that does not
    /// fit): it is null here, and the truth is in the text.
    pub irregular: bool,
}

impl<'a> Decoded<'a> {
    /// The event's text, byte for byte.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// What stands at a position of `schema::STORED`. The store's own columns are null.
    pub fn value(&self, column: usize) -> &Value<'a> {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    /// The string at a position of `schema::STORED`.
    pub fn text(&self, column: usize) -> Option<&str> {
        match self.value(column) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The event's identity within its account and feed; never empty.
    pub fn uuid(&self) -> &str {
        self.text(Keys::get().uuid).unwrap_or_default()
    }

    /// When it happened; `None` where the time is missing or unreadable.
    pub fn timestamp(&self) -> Option<Ticks> {
        match self.value(Keys::get().timestamp) {
            Value::Int(ticks) => Some(Ticks(*ticks)),
            _ => None,
        }
    }

    /// The sign-in's category, where it has one.
    pub fn category(&self) -> Option<&str> {
        self.text(Keys::get().category)
    }

    /// Whether the time is missing or unreadable.
    pub fn undated(&self) -> bool {
        self.timestamp().is_none()
    }
}

/// Decodes one event's exact bytes, whichever its feed of the Events API: a key means the same in all three.
pub fn decode(item: &[u8]) -> Result<Decoded<'_>, Undecodable> {
    decode_of(Feed::AuditEvents, item)
}

/// Decodes one item's exact bytes.
pub fn decode_of(feed: Feed, item: &[u8]) -> Result<Decoded<'_>, Undecodable> {
    if item.len() > MAX_EVENT {
        return Err(Undecodable::TooLarge(item.len()));
    }
    let raw = std::str::from_utf8(item).map_err(|e| Undecodable::NotUtf8 { at: e.valid_up_to() })?;
    let keys = Keys::get();
    let mut scanner = Scanner::new(raw, MAX_DEPTH);
    scanner.blanks();
    if scanner.peek() != Some(b'{') {
        scanner.value()?;
        scanner.end()?;
        return Err(Undecodable::NotAnObject);
    }
    let mut reading = Reading {
        keys,
        event: Decoded { raw, values: [const { Value::Null }; WIDTH], irregular: false },
        seen: 0,
        groups: 0,
        repeated_uuid: false,
        inserted: false,
    };
    scanner.members(|s, key| reading.member(s, key))?;
    scanner.end()?;
    if !feed.is_of_events_api() {
        connect::fill(&mut reading.event)?;
        return if reading.event.uuid().is_empty() { Err(Undecodable::NoRequestId) } else { Ok(reading.event) };
    }
    if reading.inserted {
        v3::fill(&mut reading.event);
    }
    if reading.repeated_uuid {
        return Err(Undecodable::RepeatedUuid);
    }
    if reading.event.uuid().is_empty() {
        return Err(Undecodable::NoUuid);
    }
    Ok(reading.event)
}

/// An event while it is read.
struct Reading<'a> {
    keys: &'static Keys,
    event: Decoded<'a>,
    /// A bit for each column that was met.
    seen: u128,
    /// A bit for each dynamic column that was met.
    groups: u32,
    repeated_uuid: bool,
    /// It has a time of insertion, as events of version 3 alone do.
    inserted: bool,
}

impl<'a> Reading<'a> {
    fn member(&mut self, scanner: &mut Scanner<'a>, key: Quoted<'a>) -> Result<(), Stop> {
        match with_name(key, |name| self.keys.target(name)) {
            None => scanner.value().map(drop),
            Some(Target::Insertion) => {
                self.inserted = true;
                scanner.value().map(drop)
            }
            Some(Target::Column(column)) => {
                let token = scanner.value()?;
                self.take(column, token);
                Ok(())
            }
            Some(Target::Group(group)) => {
                let again = self.groups & (1 << group) != 0;
                self.groups |= 1 << group;
                if again {
                    // Which of the two counts is open: none of its paths can be held.
                    for &(_, column) in self.keys.paths(group) {
                        self.event.values[column] = Value::Null;
                    }
                    self.event.irregular = true;
                }
                if again || scanner.peek() != Some(b'{') {
                    // A path into what is no object is nothing, as KQL has it.
                    return scanner.value().map(drop);
                }
                scanner.members(|s, key| {
                    let column = with_name(key, |name| self.keys.path(group, name));
                    let token = s.value()?;
                    if let Some(column) = column {
                        self.take(column, token);
                    }
                    Ok(())
                })
            }
        }
    }

    fn take(&mut self, column: usize, token: Token<'a>) {
        let bit = 1 << column;
        if self.seen & bit != 0 {
            self.event.values[column] = Value::Null;
            self.event.irregular = true;
            self.repeated_uuid |= column == self.keys.uuid;
            return;
        }
        self.seen |= bit;
        match hold(self.keys.kinds[column], token) {
            Some(value) => self.event.values[column] = value,
            None => self.event.irregular = true,
        }
    }
}

fn with_name<T>(key: Quoted<'_>, find: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    if key.escaped { key.text().and_then(|name| find(&name)) } else { find(key.inner) }
}

/// What a column of this kind holds of a token; `None` where it cannot hold it.
fn hold(kind: Kind, token: Token<'_>) -> Option<Value<'_>> {
    match (kind, token) {
        (_, Token::Null) => Some(Value::Null),
        (Kind::Text, Token::Text(quoted)) => quoted.text().map(Value::Text),
        // An unreadable time is null and counted; the column could not say more if it were read again.
        (Kind::Time, Token::Text(quoted)) => {
            let ticks = quoted.text().and_then(|text| Ticks::parse_rfc3339(&text));
            Some(ticks.map_or(Value::Null, |t| Value::Int(t.0)))
        }
        (Kind::Int64, Token::Number(text)) => integer(text).map(Value::Int),
        (Kind::Int32, Token::Number(text)) => integer(text).filter(|&n| i32::try_from(n).is_ok()).map(Value::Int),
        (Kind::Real, Token::Number(text)) => real(text).map(Value::Float),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i64> {
    // "-0" is a number of its own in JSON.
    if text == "-0" { None } else { text.parse().ok() }
}

/// The number, where the shortest text of the double is the text that stands there, so that nothing is lost by keeping the
/// double. `43` and `43.50` are not: a path keeps a number's text and type.
fn real(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    if !digits(whole) || !digits(fraction) || fraction.ends_with('0') {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    // Up to 15 digits survive a double and back; past that, look.
    (whole.len() + fraction.len() <= 15 || number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests;
