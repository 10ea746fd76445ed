//! The top row: name, DEMO, the views and their numbers, how the feeds are, how fast events come.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::collect::health::FeedState;
use crate::console::action::Action;
use crate::console::state::State;
use crate::console::state::nav::TOP;
use crate::console::theme::Theme;
use crate::console::widgets::text::{count, number, put, put_right};
use crate::event::Feed;

const VIEWS: [Action; 5] =
    [Action::ViewTail, Action::ViewHunts, Action::ViewQuery, Action::ViewEntities, Action::ViewHealth];

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let (y, right) = (area.y, area.right());
    let mut x = put(buf, area.x + 1, y, right, "Vaultscope", theme.title) + 1;
    if state.demo {
        x = put(buf, x, y, 6, " DEMO ", theme.demo) + 1;
    }
    if state.profile != "default" && !state.demo && area.width >= 100 {
        x = put(buf, x, y, 20, &state.profile, theme.header) + 1;
    }
    for (i, (view, action)) in TOP.iter().zip(VIEWS).enumerate() {
        let here = state.nav.top() == i;
        let (key, title) = if here { (theme.selection, theme.selection) } else { (theme.key, theme.header) };
        x = put(buf, x, y, 8, &format!(" {}", state.keymap.key(action)), key);
        x = put(buf, x, y, 14, &format!(" {} ", view.title()), title);
    }
    let mut edge = right.saturating_sub(1);
    let rate = match state.intake.rate(state.now) {
        rate @ 100.0.. => format!("{}/s", number(rate as u64)),
        rate => format!("{rate:.1}/s"),
    };
    edge = put_right(buf, edge, y, edge.saturating_sub(x), &rate, theme.dim).saturating_sub(2);
    if area.width >= 110 {
        let total = count(state.timeline.total(), "event");
        edge = put_right(buf, edge, y, edge.saturating_sub(x), &total, theme.header).saturating_sub(2);
    }
    for feed in Feed::ALL.into_iter().rev() {
        let (mut glyph, mut style) = mark(state.health.worst(feed), theme);
        if state.health.accounts.is_empty() && state.health.stored.writer.is_some() {
            // Another process collects and shows how it goes; here it is only known that it is there.
            (glyph, style) = (if theme.ascii { "*" } else { "●" }, theme.dim);
        }
        if area.width >= 150 {
            edge = put_right(buf, edge, y, edge.saturating_sub(x), feed.title(), theme.dim).saturating_sub(1);
        }
        edge = put_right(buf, edge, y, edge.saturating_sub(x), glyph, style).saturating_sub(1);
    }
}

/// A feed's state in one glyph.
pub const fn mark(feed: Option<&FeedState>, theme: &Theme) -> (&'static str, Style) {
    let (glyph, plain, style) = match feed {
        None | Some(FeedState::Starting) => ("○", "o", theme.dim),
        Some(FeedState::Idle { .. } | FeedState::Polling | FeedState::ReadingAgain { .. }) => ("●", "*", theme.good),
        Some(FeedState::BackFilling { .. }) => ("◐", "~", theme.notice),
        Some(FeedState::BackingOff { .. }) => ("▲", "!", theme.warning),
        Some(FeedState::Unauthorised { .. }) => ("✕", "x", theme.error),
        Some(FeedState::NotPermitted { .. }) => ("✕", "x", theme.dim),
        Some(FeedState::Paused | FeedState::Stopped) => ("-", "-", theme.warning),
    };
    (if theme.ascii { plain } else { glyph }, style)
}
