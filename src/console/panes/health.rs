//! How the feeds are doing: what came last, how far behind, what was called, what went wrong.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::header::mark;
use crate::base::time::Ticks;
use crate::console::action::Action;
use crate::console::state::State;
use crate::console::state::health::{Doing, FeedHealth};
use crate::console::theme::Theme;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{count, number, put};
use crate::console::widgets::when;

/// (head, least width of the screen, columns)
const COLUMNS: [(&str, u16, u16); 8] = [
    ("FEED", 0, 14),
    ("STATE", 0, 26),
    ("LAST PAGE", 0, 11),
    ("NEWEST EVENT", 0, 15),
    ("LAG", 100, 9),
    ("EVENTS", 0, 10),
    ("PAGES", 110, 8),
    ("ERRORS", 90, 8),
];

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let health = &state.health;
    let pace = if health.live { "polling every 10 seconds" } else { "polling every 5 minutes" };
    let pace = if state.has_collector { pace } else { "" };
    rule(buf, area, theme, true, &[("Feeds", theme.title), (&health.source, theme.header)], &[(pace, theme.notice)]);
    let mut y = area.y + 2;
    let mut x = area.x + 2;
    for (head, _, width) in columns(area.width) {
        put(buf, x, y, width - 1, head, theme.dim);
        x += width;
    }
    y += 1;
    for feed in &health.feeds {
        let stored = health.stored.feeds.iter().find(|(of, ..)| *of == feed.feed);
        row(state, theme, feed, stored.map_or((0, None), |(_, events, last)| (*events, *last)), (area.x + 2, y), buf);
        y += 1;
    }
    y += 1;
    for (name, (used, allowed)) in [("this minute", health.minute), ("this hour", health.hour)] {
        if allowed > 0 {
            calls(theme, (area.x + 2, y), name, used, allowed, buf);
            y += 1;
        }
    }
    y += 1;
    let stored = &health.stored;
    for (n, what) in [
        (stored.quarantined, "were no events and are kept aside"),
        (stored.variants, "came again with other bytes; both are kept"),
        (stored.undated, "have no readable time and lie nowhere on the timeline"),
    ] {
        if n > 0 {
            y = line(buf, area, y, &format!("{} {what}", count(n, "item")), theme.warning);
        }
    }
    for feed in &health.feeds {
        if let Some(error) = &feed.last_error {
            let text = format!("{}: {}, the last: {error}", feed.feed.title(), count(feed.errors, "error"));
            y = line(buf, area, y, &text, theme.warning);
        }
    }
    if state.has_collector {
        let key = state.keymap.key(Action::LivePolling);
        let text = if health.live {
            format!("{key} goes back to a poll every five minutes.")
        } else {
            format!(
                "{key} polls every ten seconds. Calls are counted above; the account's limits are twice what is used here."
            )
        };
        line(buf, area, y + 1, &text, theme.dim);
    }
}

fn columns(width: u16) -> impl Iterator<Item = (&'static str, usize, u16)> {
    COLUMNS
        .into_iter()
        .enumerate()
        .filter(move |(_, (_, least, _))| width >= *least)
        .map(|(at, (head, _, columns))| (head, at, columns))
}

fn line(buf: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) -> u16 {
    if y < area.bottom() {
        put(buf, area.x + 2, y, area.width.saturating_sub(4), text, style);
    }
    y + 1
}

/// One feed: what the collector says of it, what the store does (its events and the last arrival).
fn row(
    state: &State,
    theme: &Theme,
    feed: &FeedHealth,
    (events, last): (u64, Option<Ticks>),
    at: (u16, u16),
    buf: &mut Buffer,
) {
    let (glyph, style) = mark(&feed.doing, theme);
    let time = |at: Option<Ticks>| at.map_or_else(|| "never".to_owned(), |at| when::clock(state, at));
    let (mut x, y) = at;
    for (_, column, room) in columns(buf.area.width) {
        let (text, style) = match column {
            0 => (feed.feed.title().to_owned(), theme.feed(feed.feed)),
            1 => (format!("{glyph} {}", doing(state, feed)), style),
            2 => (time(feed.last_page.or(last)), theme.text),
            3 => (feed.last_event.map_or_else(|| "none".to_owned(), |at| when::day_clock(state, at)), theme.text),
            4 => (feed.lag.map(when::age).unwrap_or_default(), theme.text),
            5 => (number(events), theme.text),
            6 => (number(feed.pages), theme.text),
            _ => (number(feed.errors), if feed.errors > 0 { theme.warning } else { theme.dim }),
        };
        put(buf, x, y, room - 1, &text, style);
        x += room;
    }
}

fn doing(state: &State, feed: &FeedHealth) -> String {
    match &feed.doing {
        Doing::Unknown => "no report".to_owned(),
        Doing::Waiting => match feed.next_poll {
            Some(at) => format!("next poll {}", when::clock(state, at)),
            None => "waiting".to_owned(),
        },
        Doing::Polling => "polling".to_owned(),
        Doing::Backfilling { permille: Some(done) } => format!("reading history, {}%", done / 10),
        Doing::Backfilling { permille: None } => "reading history".to_owned(),
        Doing::BackingOff { until } => format!("backing off until {}", when::clock(state, *until)),
        Doing::NotPermitted => "token may not read it".to_owned(),
        Doing::Off => "off".to_owned(),
    }
}

/// Calls used of those allowed, as a bar.
fn calls(theme: &Theme, at: (u16, u16), name: &str, used: u32, allowed: u32, buf: &mut Buffer) {
    const BAR: u32 = 24;
    let filled = (used.saturating_mul(BAR)).div_ceil(allowed.max(1)).min(BAR);
    let [full, rest] = if theme.ascii { ["#", "."] } else { ["█", "░"] };
    let style = match used.saturating_mul(10) / allowed.max(1) {
        0..7 => theme.good,
        7..9 => theme.warning,
        _ => theme.error,
    };
    let mut x = put(buf, at.0, at.1, 18, &format!("calls {name}"), theme.dim).max(at.0 + 18);
    x = put(buf, x, at.1, BAR as u16, &full.repeat(filled as usize), style);
    x = put(buf, x, at.1, BAR as u16, &rest.repeat((BAR - filled) as usize), theme.border);
    let text = format!("  {} of {}", number(used.into()), number(allowed.into()));
    put(buf, x, at.1, 30, &text, theme.text);
}
