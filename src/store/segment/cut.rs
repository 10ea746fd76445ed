//! The text of events as it lies in a segment's file: without what the columns beside it hold.
//!
//! Most of an event's bytes are random: its own id, those of session, vault, item, people and devices, its time. zstd can do nothing about
//! them, and each of them is a column already. So, in a segment of version 2, whatever stands between two quotation marks and is the value of
//! one of `VALUES` in the same row is one byte there, a control character, which JSON never holds; the beginning of a time that is the
//! event's `timestamp` is one, too. What is left is nearly the same for all events of a kind.
//!
//! A text that holds such a byte itself, or does not come back byte for byte, lies there as it is behind a byte `00`: this is looked at for
//! every text that is written, so that what was received is what is read, whatever it was.
//!
//! A reference to a value that is not there stays as it is. Nobody wrote it, so the file is damaged; the text is not the one that was
//! committed, and `verify` names the event.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int64Array, LargeStringBuilder, RecordBatch, StringArray,
    StringViewArray, StringViewBuilder,
};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::error::ArrowError;

use crate::base::time::Ticks;
use crate::event::schema::position;

/// What stands before a text that nothing is cut out of.
const VERBATIM: char = '\0';
/// The event's `timestamp`, `2026-01-02T03:04:05.6789000`: what follows (more digits, `Z`) stands in the text.
const TIME: u8 = 0x01;
/// The same without zeros at its end, `2026-01-02T03:04:05.6789`.
const SHORT_TIME: u8 = 0x02;
/// Its first three digits after the seconds, `2026-01-02T03:04:05.678`.
const MILLIS: u8 = 0x1b;
/// The columns whose values are cut out, and the byte in the place of each. It is a part of the format: these never change, and another one
/// is a new version. These pay: with them a text takes 7 bytes and not 77; all others together would save 3 more, and cost every reader of
/// the text twenty columns.
const VALUES: [(u8, &str); 21] = [
    (0x03, "uuid_s"),
    (0x04, "object_uuid"),
    (0x05, "session.uuid"),
    (0x06, "session_uuid"),
    (0x07, "item_uuid"),
    (0x08, "vault_uuid"),
    (0x0b, "aux_uuid"),
    (0x0c, "session.device_uuid"),
    (0x0e, "session.login_time"),
    (0x0f, "actor_uuid"),
    (0x10, "user.uuid"),
    (0x11, "target_user.uuid"),
    (0x12, "user.email"),
    (0x13, "target_user.email"),
    (0x14, "actor_details.email"),
    (0x15, "user.name"),
    (0x16, "target_user.name"),
    (0x17, "actor_details.name"),
    (0x18, "session.ip"),
    (0x19, "client.ip_address"),
    (0x1a, "client.platform_name"),
];
/// No event is longer; a damaged text of references only could be.
const LONGEST: usize = 64 << 20;

/// The stored columns that a text is put together from, by position, ascending; `raw` is one of them.
pub(in crate::store) fn needed() -> &'static [usize] {
    static NEEDED: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let names = VALUES.iter().map(|(_, name)| *name).chain(["timestamp", "raw"]);
        let mut all: Vec<usize> = names.filter_map(position).collect();
        all.sort_unstable();
        all
    });
    &NEEDED
}

/// Rows as they go into a file.
pub(in crate::store) fn cut(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (at, raw) = raw_of(rows)?;
    let columns = Columns::of(rows);
    let (mut clock, mut text, mut back) = (Clock::default(), String::new(), String::new());
    let mut all = StringViewBuilder::with_capacity(rows.num_rows()).with_fixed_block_size(1 << 20);
    for row in 0..rows.num_rows() {
        let whole = raw.value(row);
        text.clear();
        back.clear();
        if next_reference(whole.as_bytes()).is_none() {
            columns.cut(whole, row, &mut clock, &mut text);
            columns.restore(&text, row, &mut clock, &mut back);
        }
        if back != whole {
            text.clear();
            text.push(VERBATIM);
            text.push_str(whole);
        }
        all.append_value(&text);
    }
    with_raw(rows, at, Arc::new(all.finish()))
}

/// Rows out of a file, their text whole. They must have the columns of `needed`.
pub(in crate::store) fn restore(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (at, raw) = raw_of(rows)?;
    let columns = Columns::of(rows);
    let mut clock = Clock::default();
    // Written in one go, then looked at as views: no text is copied twice.
    let mut all = LargeStringBuilder::with_capacity(rows.num_rows(), rows.num_rows().saturating_mul(700));
    for row in 0..rows.num_rows() {
        columns.restore(raw.value(row), row, &mut clock, &mut all);
        all.append_value("");
    }
    with_raw(rows, at, Arc::new(StringViewArray::from(&all.finish())))
}

fn raw_of(rows: &RecordBatch) -> Result<(usize, &StringViewArray), ArrowError> {
    let at = rows.schema_ref().index_of("raw")?;
    let raw = rows.column(at).as_string_view_opt();
    raw.map(|raw| (at, raw)).ok_or_else(|| ArrowError::SchemaError("the events' text is of another type".into()))
}

fn with_raw(rows: &RecordBatch, at: usize, raw: ArrayRef) -> Result<RecordBatch, ArrowError> {
    let mut columns = rows.columns().to_vec();
    columns[at] = raw;
    RecordBatch::try_new(rows.schema(), columns)
}

/// Where the first byte stands that would be a reference: a control character that JSON does not allow, not even between its values.
fn next_reference(text: &[u8]) -> Option<usize> {
    let is_reference = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r');
    let mut at = 0;
    while let Some(eight) = text.get(at..at + 8) {
        // The lowest byte below 0x20, eight at a time: the borrow of the subtraction reaches higher bytes only.
        let word = u64::from_le_bytes(eight.try_into().unwrap_or_default());
        let below = word.wrapping_sub(0x2020_2020_2020_2020) & !word & 0x8080_8080_8080_8080;
        if below == 0 {
            at += 8;
            continue;
        }
        at += below.trailing_zeros() as usize / 8;
        if is_reference(text[at]) {
            return Some(at);
        }
        at += 1;
    }
    text[at..].iter().position(|b| is_reference(*b)).map(|n| at + n)
}

/// One column of `VALUES`.
#[derive(Clone, Copy)]
enum Values<'a> {
    Absent,
    Texts(&'a StringViewArray),
    Coded(&'a DictionaryArray<Int32Type>, &'a StringArray),
}

impl<'a> Values<'a> {
    fn of(column: &'a ArrayRef) -> Self {
        if let Some(texts) = column.as_string_view_opt() {
            return Self::Texts(texts);
        }
        let coded = column.as_dictionary_opt::<Int32Type>();
        coded.and_then(|d| d.values().as_string_opt::<i32>().map(|v| Self::Coded(d, v))).unwrap_or(Self::Absent)
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Absent => None,
            Self::Texts(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Coded(coded, values) => {
                let key = coded.key(row)?;
                (key < values.len() && values.is_valid(key)).then(|| values.value(key))
            }
        }
    }
}

/// The columns of some rows that texts are made of.
struct Columns<'a> {
    /// By the byte that stands for a value.
    values: [Values<'a>; 32],
    times: Option<&'a Int64Array>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a RecordBatch) -> Self {
        let mut values = [Values::Absent; 32];
        for (byte, name) in VALUES {
            values[usize::from(byte)] = rows.column_by_name(name).map_or(Values::Absent, Values::of);
        }
        Self { values, times: rows.column_by_name("timestamp").and_then(|c| c.as_primitive_opt::<Int64Type>()) }
    }

    fn time(&self, row: usize) -> Option<Ticks> {
        self.times.and_then(|times| times.is_valid(row).then(|| Ticks(times.value(row))))
    }

    /// A text with references in the place of values. It need not come back: that is looked at after it.
    fn cut(&self, whole: &str, row: usize, clock: &mut Clock, out: &mut String) {
        let mut values = [""; VALUES.len()];
        // By length, the columns whose value is so long.
        let mut of_length = [0_u32; 64];
        for (n, (byte, _)) in VALUES.iter().enumerate() {
            if let Some(value) = self.values[usize::from(*byte)].get(row).filter(|value| value.len() > 1) {
                values[n] = value;
                of_length[value.len() % 64] |= 1 << n;
            }
        }
        let time = self.time(row).and_then(|at| clock.text(at));
        for (n, piece) in whole.split('"').enumerate() {
            if n > 0 {
                out.push('"');
            }
            let mut like = of_length[piece.len() % 64];
            while like != 0 && values[like.trailing_zeros() as usize] != piece {
                like &= like - 1;
            }
            if like != 0 {
                out.push(char::from(VALUES[like.trailing_zeros() as usize].0));
            } else if let Some((time, rest)) = time.and_then(|time| after_time(time, piece)) {
                out.push(char::from(time));
                out.push_str(rest);
            } else {
                out.push_str(piece);
            }
        }
    }

    /// The text that was cut.
    fn restore(&self, text: &str, row: usize, clock: &mut Clock, out: &mut impl Write) {
        // A buffer in memory takes everything.
        let mut put = |text: &str| {
            let _ = out.write_str(text);
        };
        if let Some(whole) = text.strip_prefix(VERBATIM) {
            return put(whole);
        }
        let (mut rest, mut length) = (text, 0);
        while let Some(at) = next_reference(rest.as_bytes()) {
            let (before, from) = rest.split_at(at);
            let (reference, after) = from.split_at(1);
            put(before);
            let value = match reference.as_bytes()[0] {
                _ if length > LONGEST => None,
                TIME => self.time(row).and_then(|at| clock.text(at)),
                SHORT_TIME => self.time(row).and_then(|at| clock.text(at)).map(short),
                MILLIS => self.time(row).and_then(|at| clock.text(at)).map(millis),
                byte => self.values[usize::from(byte)].get(row),
            };
            let value = value.unwrap_or(reference);
            put(value);
            length += before.len() + value.len();
            rest = after;
        }
        put(rest);
    }
}

/// The reference to a time that a piece of text begins with, and what follows it there.
fn after_time<'p>(time: &str, piece: &'p str) -> Option<(u8, &'p str)> {
    let brief = |rest: &&str| !rest.starts_with(|c: char| c == '.' || c.is_ascii_digit());
    let strip = |byte, text: &str| piece.strip_prefix(text).map(|rest| (byte, rest));
    strip(SHORT_TIME, short(time))
        .filter(|(_, rest)| brief(rest))
        .or_else(|| strip(TIME, time))
        .or_else(|| strip(MILLIS, millis(time)))
}

/// A time without zeros at its end.
fn short(time: &str) -> &str {
    time.trim_end_matches('0').trim_end_matches('.')
}

fn millis(time: &str) -> &str {
    &time[..23]
}

/// Writes times: `2026-01-02T03:04:05.6789000`.
#[derive(Default)]
struct Clock {
    known: Option<Ticks>,
    text: [u8; 27],
}

impl Clock {
    /// `None` for a year that has not four digits.
    fn text(&mut self, at: Ticks) -> Option<&str> {
        if self.known != Some(at) {
            let c = at.civil();
            let year = u32::try_from(c.year).ok().filter(|year| *year <= 9_999)?;
            let mut to = 0;
            let mut put = |number: u32, digits: usize, end: &[u8]| {
                let mut left = number;
                for digit in self.text[to..to + digits].iter_mut().rev() {
                    *digit = b'0' + (left % 10) as u8;
                    left /= 10;
                }
                self.text[to + digits..to + digits + end.len()].copy_from_slice(end);
                to += digits + end.len();
            };
            put(year, 4, b"-");
            put(c.month, 2, b"-");
            put(c.day, 2, b"T");
            put(c.hour, 2, b":");
            put(c.minute, 2, b":");
            put(c.second, 2, b".");
            put(c.tick, 7, b"");
            self.known = Some(at);
        }
        std::str::from_utf8(&self.text).ok()
    }
}
