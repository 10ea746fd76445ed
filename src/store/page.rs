//! What goes into the store: a page of events with all that must be committed beside it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::time::Ticks;
use crate::event::{Feed, Source};

/// A page: events of one feed of one account that arrived together. Committed whole, or not at all.
#[derive(Clone, Debug)]
pub struct Page {
    /// The account's UUID, as introspection or the configuration names it.
    pub account: Arc<str>,
    pub feed: Feed,
    /// How the events came. Live and demo rows get their arrival as `TimeGenerated`, others their own time.
    pub source: Source,
    pub arrived: Ticks,
    /// The text of each event, byte for byte.
    pub items: Vec<Bytes>,
    /// The cursor to continue from, committed with the events it follows.
    pub cursor: Option<CursorUpdate>,
    pub poll: Option<PollRecord>,
    /// The time by the service's own clock, where it told: the cursor is dated with it, for ours may be wrong.
    pub contact: Option<Ticks>,
    /// For events out of a file: where each stood, named when one cannot be read.
    pub origin: Option<Origin>,
    /// For events out of another workspace: when each had arrived there. It counts as its arrival here. As many as items, or none.
    pub generated: Vec<Option<Ticks>>,
    /// What of the reading beside the tail this page is part of.
    pub errand: Option<Errand>,
    /// What the rules of suppression say of its items.
    pub suppressed: Option<Suppressed>,
}

impl Page {
    pub fn new(account: Arc<str>, feed: Feed, source: Source, arrived: Ticks, items: Vec<Bytes>) -> Self {
        Self {
            account,
            feed,
            source,
            arrived,
            items,
            cursor: None,
            poll: None,
            contact: None,
            origin: None,
            generated: Vec::new(),
            errand: None,
            suppressed: None,
        }
    }
}

/// Reading beside the tail, recorded in the transaction of the page that it brought.
#[derive(Clone, Debug)]
pub enum Errand {
    /// The cursor was refused: a gap from when the service was last heard to now, or from the beginning of what was still being read, which
    /// the tail fills as it reads on from before it.
    Reset { from: Option<Ticks>, to: Option<Ticks>, why: String, version: u8 },
    /// A gap that the service cannot fill: it has forgotten these times. One that is known already becomes as long as this.
    Lost { from: Option<Ticks>, to: Ticks, why: String },
    /// The tail is at its end again after a reset: it has filled the gaps that it was to fill.
    CaughtUp,
    /// A gap is filled by reading its range once more. `lost`: up to there the service has forgotten it.
    Refill { gap: i64, lost: Option<Ticks>, step: Step },
    /// The last days are read once more; what is new in the page had been missed.
    Sweep { began: Ticks, first: Ticks, last: Ticks, step: Step },
}

/// Where such a reading stands after a page.
#[derive(Clone, Debug)]
pub struct Step {
    /// Of the cursor.
    pub version: u8,
    pub cursor: Option<Cursor>,
    /// It has come to its end.
    pub done: bool,
}

/// What the rules of suppression say of a page's items.
#[derive(Clone, Debug)]
pub struct Suppressed {
    pub rules: Arc<[SuppressedBy]>,
    /// For each item the rule that suppresses it, if one does.
    pub items: Vec<Option<u16>>,
}

/// A rule, as it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedBy {
    pub rule: Arc<str>,
    /// `hide`, `sample` or `discard`.
    pub action: &'static str,
    /// The events are not stored.
    pub discards: bool,
}

/// Where items of an imported page stood.
#[derive(Clone, Debug)]
pub struct Origin {
    pub file: Arc<str>,
    /// The line of each item, from 1.
    pub lines: Vec<u64>,
}

/// A cursor of the Events API. Whoever holds it and a token can read on from it, so it is never shown whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(Arc<str>);

impl Cursor {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, for the request that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Its length and at most its last four characters, never more than a quarter: enough to tell two apart in a log.
impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.chars().count();
        let tail: String = self.0.chars().skip(count - (count / 4).min(4)).collect();
        write!(f, "…{} ({count} characters)", tail.escape_default())
    }
}

/// What happens to the cursor of (account, feed, API version) with a page.
#[derive(Clone, Debug)]
pub enum CursorUpdate {
    /// Read on from here. `reading` is what the pages of this cursor are (`Live` at the tail, `Backfill` on first contact, `Gap`), so
    /// that a restart goes on as what it was.
    Advance { version: u8, cursor: Cursor, reading: Source },
    /// The server refused the cursor: it is set aside with the reason, and none is current.
    Reject { version: u8, reason: String },
}

/// One or more calls to the API that ended in this page, or in an error and an empty page.
#[derive(Clone, Debug)]
pub struct PollRecord {
    pub started: Ticks,
    pub millis: u64,
    /// The HTTP status, 0 where no answer came.
    pub status: u16,
    /// Bytes of the answer.
    pub bytes: u64,
    /// What went wrong, in a few words without secrets.
    pub error: Option<String>,
}

/// A stretch of time whose events may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapRecord {
    pub account: Arc<str>,
    pub feed: Option<Feed>,
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    pub why: String,
    pub noticed: Ticks,
}

/// Bytes that belong to no page because not even their feed is known.
#[derive(Clone, Debug)]
pub struct BadItem {
    pub raw: Bytes,
    /// `events.ndjson:17`.
    pub place: String,
    pub reason: String,
    pub arrived: Ticks,
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// New events.
    pub stored: u64,
    /// Events that were there already, byte for byte.
    pub duplicates: u64,
    /// Events whose UUID was there with other bytes.
    pub variants: u64,
    /// Items that could not be read as events.
    pub quarantined: u64,
    /// Of the stored: without a readable timestamp.
    pub undated: u64,
    /// Of the stored: kept out of the tail by a rule.
    pub hidden: u64,
    /// Arrivals that were not stored, because a rule says so. An event that comes again is one more of them: nothing of it is kept to know it
    /// by in the ledger. What a rule discarded, each event once, is counted in `suppressed`.
    pub discarded: u64,
    /// Events older than retention keeps, which are not stored again.
    pub expired: u64,
    /// The newest sequence number after it.
    pub through: i64,
}

impl Committed {
    /// Adds the counts of a later commit.
    pub fn add(&mut self, later: Self) {
        self.stored += later.stored;
        self.duplicates += later.duplicates;
        self.variants += later.variants;
        self.quarantined += later.quarantined;
        self.undated += later.undated;
        self.hidden += later.hidden;
        self.discarded += later.discarded;
        self.expired += later.expired;
        self.through = self.through.max(later.through);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_never_formatted_whole() {
        for text in ["", "q", "qwbd", "aGVsbG8gd29ybGQgdGhpcyBpcyBhIGN1cnNvcg"] {
            let shown = format!("{:?}", Cursor::new(text));
            assert!(text.is_empty() || !shown.contains(text), "{shown}");
        }
        assert!(!format!("{:?}", Cursor::new("a\u{1b}]0;x")).contains('\u{1b}'));
    }
}
