//! How the feeds are doing: what came last, how far behind, what was called, what went wrong.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::header::mark;
use crate::base::shown::Shown;
use crate::base::time::{SECOND, Ticks};
use crate::collect::collector::expiry_warning;
use crate::collect::health::{Again, FeedHealth, FeedState, Health};
use crate::console::action::Action;
use crate::console::state::State;
use crate::console::state::health::attention;
use crate::console::theme::Theme;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{count, number, paragraph, put};
use crate::console::widgets::when;

/// (head, least width of the screen, columns)
const COLUMNS: [(&str, u16, u16); 8] = [
    ("FEED", 0, 14),
    ("STATE", 0, 29),
    ("LAST PAGE", 0, 10),
    ("NEWEST EVENT", 0, 16),
    ("LAG", 100, 9),
    ("EVENTS", 0, 10),
    ("PAGES", 110, 8),
    ("ERRORS", 90, 8),
];

/// Writes lines from top to bottom, as long as there is room.
struct Writer<'a> {
    buf: &'a mut Buffer,
    area: Rect,
    y: u16,
}

impl Writer<'_> {
    fn line(&mut self, text: &str, style: Style) {
        if self.y < self.area.bottom() {
            put(self.buf, self.area.x + 2, self.y, self.area.width.saturating_sub(4), text, style);
        }
        self.y += 1;
    }

    /// What must be read whole, on as many lines as it takes; those after the first begin below the text.
    fn told(&mut self, lead: &str, text: &str, style: Style) {
        let room = usize::from(self.area.width.saturating_sub(4)).saturating_sub(lead.width());
        for (n, line) in paragraph(text, room).iter().enumerate() {
            let lead = if n == 0 { lead.to_owned() } else { " ".repeat(lead.width()) };
            self.line(&format!("{lead}{line}"), style);
        }
    }
}

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let accounts = &state.health.accounts;
    let pace = match (accounts.is_empty(), state.health.is_live()) {
        (true, _) => "",
        (false, true) => "live: polling often",
        (false, false) => "polling every few minutes",
    };
    rule(buf, area, theme, true, &[("Feeds", theme.title)], &[(pace, theme.notice)]);
    let mut out = Writer { buf, area, y: area.y + 2 };
    if accounts.is_empty() {
        elsewhere(state, theme, &mut out);
    }
    let size = Size::of(accounts, area.height.saturating_sub(2));
    if size == Size::Table {
        heads(theme, true, &mut out);
    }
    for account in accounts {
        match size {
            Size::Full => one(state, theme, account, &mut out),
            Size::Table | Size::Line => small(state, theme, account, size, &mut out),
        }
    }
    if size != Size::Full {
        troubles(state, theme, accounts, &mut out);
    }
    let stored = &state.health.stored;
    for (place, why) in &stored.copies {
        out.told("", &format!("heads are not copied to {place}: {why}"), theme.error);
    }
    for (n, what) in [
        (stored.damaged, "segment that cannot be read: its events are in no answer (vaultscope store verify)"),
        (stored.gaps[0], "gap that is open: its events may be missing until they are fetched again"),
        (stored.gaps[2], "gap that can no longer be filled: the service had forgotten its events"),
        (stored.late, "found late by a sweep: the tail had missed them"),
        (stored.quarantined, "no event, kept aside"),
        (stored.variants, "the same event with other bytes; both are kept"),
        (stored.undated, "without a readable time, nowhere on the timeline"),
    ] {
        if n > 0 {
            out.told(&format!("{:>9}  ", number(n)), what, theme.warning);
        }
    }
    collection(state, theme, &mut out);
    if !accounts.is_empty() {
        out.y += 1;
        let key = state.keymap.key(Action::LivePolling);
        let text = if state.health.is_live() {
            format!("{key} goes back to the normal pace.")
        } else {
            format!("{key} polls live, every few seconds; the calls it takes are counted above.")
        };
        out.line(&text, theme.dim);
    }
}

/// Gaps that are filled, the last sweep, and what rules suppress.
fn collection(state: &State, theme: &Theme, out: &mut Writer<'_>) {
    let stored = &state.health.stored;
    if stored.gaps[1] > 0 {
        out.line(&format!("{:>9}  filled again", count(stored.gaps[1], "gap")), theme.dim);
    }
    if let Some(swept) = stored.swept {
        let found = number(stored.late);
        out.line(&format!("last sweep {}; {found} found late by sweeps", when::day_clock(state, swept)), theme.dim);
    }
    for (rule, action, events, bytes) in &stored.suppressed {
        let does = match &**action {
            "discard" => "not stored",
            "sample" => "sampled out of the tail",
            _ => "kept out of the tail",
        };
        let style = if &**action == "discard" { theme.warning } else { theme.dim };
        let size = format!("{:.1} MB", *bytes as f64 / 1e6);
        out.told(
            &format!("{:>9}  ", number(*events)),
            &format!("{does} in seven days by the rule {rule} ({size})"),
            style,
        );
    }
}

/// No collector of ours: what the store tells.
fn elsewhere(state: &State, theme: &Theme, out: &mut Writer<'_>) {
    let stored = &state.health.stored;
    match &stored.writer {
        Some(writer) => out.line(&format!("Collected by {writer}; this console reads."), theme.text),
        None => out.told(
            "",
            "Nobody collects now. `vaultscope collect` does, or open the console with an account.",
            theme.warning,
        ),
    }
    out.y += 1;
    for (feed, events, last) in &stored.feeds {
        let last = last.map_or_else(|| "never".to_owned(), |at| when::day_clock(state, at));
        out.line(&format!("{:<14}{:>12}   last arrival {last}", feed.title(), count(*events, "event")), theme.text);
    }
    out.y += 1;
}

/// How much room each account gets, so that all are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// A table of its own, its calls as bars, its errors.
    Full,
    /// A line, its feeds under heads that all share, its calls in the line.
    Table,
    /// A line: the feed that needs most attention, its calls.
    Line,
}

impl Size {
    fn of(accounts: &[Health], height: u16) -> Self {
        let feeds: usize = accounts.iter().map(|account| account.feeds.len()).sum();
        let errors = |account: &Health| account.feeds.iter().filter(|feed| feed.last_error.is_some()).count();
        let full: usize = accounts.iter().map(|account| 7 + account.feeds.len() + errors(account)).sum();
        match usize::from(height) {
            _ if accounts.len() == 1 => Self::Full,
            room if full <= room => Self::Full,
            room if 1 + accounts.len() + feeds <= room => Self::Table,
            _ => Self::Line,
        }
    }
}

/// The heads of the columns. With several accounts the events are those of each since the program started: the store counts them together.
fn heads(theme: &Theme, several: bool, out: &mut Writer<'_>) {
    let mut x = out.area.x + 2;
    for (head, column, width) in columns(out.area.width) {
        put(out.buf, x, out.y, width - 1, if several && column == 5 { "NEW" } else { head }, theme.dim);
        x += width;
    }
    out.y += 1;
}

/// One account among several, in little room.
fn small(state: &State, theme: &Theme, account: &Health, size: Size, out: &mut Writer<'_>) {
    if out.y >= out.area.bottom() {
        return;
    }
    let used = account.used;
    let calls = match (used.minute_limit, out.area.width >= 100) {
        (0, _) => String::new(),
        (_, true) => format!(
            "calls {} of {} this minute, {} of {} this hour",
            number(used.minute.into()),
            number(used.minute_limit.into()),
            number(used.hour.into()),
            number(used.hour_limit.into())
        ),
        (_, false) => {
            format!("calls {}/{} a minute {}/{} an hour", used.minute, used.minute_limit, used.hour, used.hour_limit)
        }
    };
    let worst = account.feeds.iter().max_by_key(|feed| attention(&feed.state));
    let (_, style) = mark(worst.map(|feed| &feed.state), theme);
    let name = Shown::new(&account.account);
    let title = match (size, worst) {
        (Size::Line, Some(feed)) => format!("{name}  {}: {}", feed.feed.title(), doing(state, &feed.state)),
        _ => format!("{name}  at {}", account.place),
    };
    let (left, width) = (out.area.x + 2, out.area.width.saturating_sub(4));
    let room = width.saturating_sub(calls.len() as u16 + 2);
    put(out.buf, left, out.y, room, &title, if size == Size::Line { style } else { theme.strong });
    put(out.buf, left + room + 2, out.y, calls.len() as u16, &calls, pressure(theme, used.minute, used.minute_limit));
    out.y += 1;
    for feed in account.feeds.iter().filter(|_| size == Size::Table) {
        if out.y < out.area.bottom() {
            row(state, theme, feed, feed.taken.stored, out);
        }
    }
}

/// What went wrong, of all accounts that are shown small.
fn troubles(state: &State, theme: &Theme, accounts: &[Health], out: &mut Writer<'_>) {
    for account in accounts {
        let name = Shown::new(&account.account);
        if let Some(warning) = account.token_expires.and_then(|at| expiry_warning(at, state.now)) {
            out.told("", &format!("{name}: {warning}"), theme.warning);
        }
        for feed in &account.feeds {
            if let Some(error) = &feed.last_error {
                let count = count(feed.errors, "error");
                out.told("", &format!("{name} {}, {count}: {}", feed.feed.title(), Shown::new(error)), theme.warning);
            }
        }
    }
}

/// One account.
fn one(state: &State, theme: &Theme, account: &Health, out: &mut Writer<'_>) {
    let stored_as =
        account.stored_as.as_deref().map_or_else(|| "not identified yet".to_owned(), |id| Shown::new(id).into_string());
    out.line(&format!("{}  at {}  ({stored_as})", Shown::new(&account.account), account.place), theme.strong);
    if out.y + 5 < out.area.bottom() {
        let several = state.health.accounts.len() > 1;
        heads(theme, several, out);
        for feed in &account.feeds {
            let stored = state.health.stored.feeds.iter().find(|(of, ..)| *of == feed.feed).map_or(0, |(_, n, _)| *n);
            row(state, theme, feed, if several { feed.taken.stored } else { stored }, out);
        }
    }
    out.y += 1;
    let used = account.used;
    calls(theme, "this minute", used.minute, used.minute_limit, out);
    calls(theme, "this hour", used.hour, used.hour_limit, out);
    if account.budget_shared {
        out.line("Calls of other processes for this account are counted with these.", theme.dim);
    }
    if let Some(skew) = account.clock_skew {
        let text = format!("this machine's clock is {} s from the service's: set it (NTP)", skew.0.abs() / SECOND);
        out.told("", &text, theme.warning);
    }
    out.y += 1;
    let expiry = account.token_expires.and_then(|at| expiry_warning(at, state.now));
    if let Some(warning) = expiry {
        out.told("", &warning, theme.warning);
    }
    for feed in &account.feeds {
        if let Some(error) = &feed.last_error {
            let text = format!("{}, {}: {}", feed.feed.title(), count(feed.errors, "error"), Shown::new(error));
            out.told("", &text, theme.warning);
        }
    }
}

fn columns(width: u16) -> impl Iterator<Item = (&'static str, usize, u16)> {
    COLUMNS
        .into_iter()
        .enumerate()
        .filter(move |(_, (_, least, _))| width >= *least)
        .map(|(at, (head, _, columns))| (head, at, columns))
}

fn row(state: &State, theme: &Theme, feed: &FeedHealth, events: u64, out: &mut Writer<'_>) {
    let (glyph, style) = mark(Some(&feed.state), theme);
    let time = |at: Option<Ticks>| at.map_or_else(|| "never".to_owned(), |at| when::clock(state, at));
    let mut x = out.area.x + 2;
    for (_, column, room) in columns(out.area.width) {
        let (text, style) = match column {
            0 => (feed.feed.title().to_owned(), theme.feed(feed.feed)),
            1 => (format!("{glyph} {}", doing(state, &feed.state)), style),
            2 => (time(feed.last_page), theme.text),
            3 => (feed.newest_event.map_or_else(|| "none".to_owned(), |at| when::day_clock(state, at)), theme.text),
            4 => (feed.lag.map(when::age).unwrap_or_default(), theme.text),
            5 => (number(events), theme.text),
            6 => (number(feed.pages), theme.text),
            _ => (number(feed.errors), if feed.errors > 0 { theme.warning } else { theme.dim }),
        };
        put(out.buf, x, out.y, room - 1, &text, style);
        x += room;
    }
    out.y += 1;
}

fn doing(state: &State, feed: &FeedState) -> String {
    let at = |at: Ticks| when::clock(state, at);
    match feed {
        FeedState::Starting => "starting".to_owned(),
        FeedState::BackFilling { .. } => {
            format!("reading history, {:.0}%", feed.progress().unwrap_or_default() * 100.0)
        }
        FeedState::Polling => "polling".to_owned(),
        FeedState::ReadingAgain { what, .. } => {
            let done = feed.progress_again().unwrap_or_default() * 100.0;
            match what {
                Again::Gap => format!("filling a gap, {done:.0}%"),
                Again::Sweep => format!("daily sweep, {done:.0}%"),
            }
        }
        FeedState::Idle { until } => format!("next poll {}", at(*until)),
        FeedState::BackingOff { until } => format!("back off until {}", at(*until)),
        FeedState::Unauthorised { until } => format!("token refused, again {}", at(*until)),
        FeedState::NotPermitted { .. } => "token may not read it".to_owned(),
        FeedState::Paused => "paused".to_owned(),
        FeedState::Stopped => "stopped".to_owned(),
    }
}

/// The colour of calls used of those allowed.
fn pressure(theme: &Theme, used: u32, allowed: u32) -> Style {
    match used.saturating_mul(10) / allowed.max(1) {
        0..7 => theme.good,
        7..9 => theme.warning,
        _ => theme.error,
    }
}

/// Calls used of those allowed, as a bar.
fn calls(theme: &Theme, name: &str, used: u32, allowed: u32, out: &mut Writer<'_>) {
    const BAR: u32 = 24;
    if allowed == 0 || out.y >= out.area.bottom() {
        return;
    }
    let filled = (used.saturating_mul(BAR)).div_ceil(allowed).min(BAR);
    let [full, rest] = if theme.ascii { ["#", "."] } else { ["█", "░"] };
    let style = pressure(theme, used, allowed);
    let (left, y) = (out.area.x + 2, out.y);
    put(out.buf, left, y, 18, &format!("calls {name}"), theme.dim);
    let x = put(out.buf, left + 18, y, BAR as u16, &full.repeat(filled as usize), style);
    let x = put(out.buf, x, y, BAR as u16, &rest.repeat((BAR - filled) as usize), theme.border);
    let text = format!("  {} of {}", number(used.into()), number(allowed.into()));
    put(out.buf, x, y, 30, &text, theme.text);
    out.y += 1;
}
