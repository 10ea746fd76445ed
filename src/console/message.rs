//! What comes in, and what goes out: `update` turns the one into the other.

use std::sync::Arc;

use ratatui::layout::Size;

use super::action::Action;
use super::keymap::Key;
use super::state::NoticeKind;
use super::state::health::StoreHealth;
use super::state::hunts::Outcome as HuntOutcome;
use super::state::line::{Line, Outcome};
use super::state::pivot::Question;
use super::state::query::Completion;
use super::state::record::Record;
use crate::base::time::Ticks;
use crate::collect::health::Health;
use crate::engine::{Answer, QueryError};
use crate::event::Feed;
use crate::kql::Diagnostic;

/// Events in a bin: its start, the feed, the outcome, how many.
pub type Bin = (Ticks, Feed, Outcome, u32);

/// Something happened.
#[derive(Clone, Debug)]
pub enum Message {
    Key(Key),
    /// Pasted text; it is text, whatever it holds, and never runs anything.
    Paste(String),
    Resize(Size),
    /// An action by its name: from the palette, or a test.
    Do(Action),
    /// Events the store already held when the console started, the oldest first. They are in the counts.
    Backlog(Vec<Line>),
    /// Events older than those of the backlog.
    Older(Vec<Line>),
    /// Events that came since, the oldest first.
    Fresh(Vec<Line>),
    /// Events that were passed over because there were too many at once; they are in the store and in the counts.
    Skipped(u64),
    /// Events by hour, of the whole store.
    Hours(Vec<Bin>),
    /// Events by minute, of a stretch.
    Minutes {
        from: Ticks,
        to: Ticks,
        bins: Vec<Bin>,
    },
    /// Events of the chosen range, the oldest first.
    RangeRows {
        from: Ticks,
        to: Ticks,
        lines: Vec<Line>,
        cut: bool,
    },
    /// An event that was asked for.
    Event(Box<Record>),
    /// An event could not be read.
    EventMissing {
        seq: i64,
        problem: String,
    },
    /// What an account's collector knows of the feeds.
    Health {
        account: usize,
        health: Box<Health>,
    },
    /// What the store knows of them.
    Stored(Box<StoreHealth>),
    /// How far a query is: rows done, rows in all.
    Progress {
        id: u64,
        progress: (u64, u64),
    },
    /// The answer to the query in the editor.
    Answer {
        id: u64,
        result: Result<Arc<Answer>, Arc<QueryError>>,
    },
    /// What a page about one thing shows.
    Page {
        question: Box<Question>,
        result: Result<Arc<Answer>, Arc<QueryError>>,
    },
    /// What a hunt found.
    Hunted {
        hunt: String,
        outcome: HuntOutcome,
    },
    /// What is wrong with the query as it was at that version.
    Checked {
        version: u64,
        diagnostics: Vec<Diagnostic>,
    },
    /// What fits at the cursor.
    Completed {
        version: u64,
        items: Vec<Completion>,
    },
    Notice(NoticeKind, String),
    /// A signal asked for the end.
    Terminate,
    /// The terminal is ours again after a stop.
    Resumed,
}

/// Something is to be done outside of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Quit,
    /// Give the terminal back and stop the process, until it is continued.
    Suspend,
    /// Clear the screen and write everything.
    Redraw,
    LoadEvent(i64),
    LoadRange {
        from: Ticks,
        to: Ticks,
    },
    LoadMinutes {
        from: Ticks,
        to: Ticks,
    },
    /// Run the editor's query.
    Run {
        id: u64,
        text: String,
        /// The range chosen on the timeline: only events in it take part.
        window: Option<(Ticks, Ticks)>,
    },
    /// Stop everything that runs.
    CancelAll,
    AskPage(Box<Question>),
    /// Run hunts one after another and count: id and text.
    RunHunts(Vec<(String, String)>),
    Check {
        version: u64,
        text: String,
    },
    FindCompletions {
        version: u64,
        text: String,
        offset: usize,
    },
    /// To the terminal's clipboard (OSC 52).
    Copy(String),
    /// Poll every ten seconds, or every five minutes.
    SetLive(bool),
    NextTheme,
    /// Leave the console and go on with one of the first-run choices.
    Leave(Action),
}
