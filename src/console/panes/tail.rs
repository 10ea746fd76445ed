//! The live tail: a row an event, over the whole width.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::console::action::{Action, Context};
use crate::console::state::State;
use crate::console::state::line::{Line, Outcome, Severity};
use crate::console::theme::Theme;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{count, number, put};
use crate::console::widgets::when;
use crate::event::Feed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Time,
    Mark,
    Feed,
    Who,
    Action,
    Target,
    Address,
    Country,
    Place,
    Client,
}

/// (column, head, the screen's width from which it is shown, least width, most width, share of what is left)
const COLUMNS: [(Column, &str, u16, u16, u16, u16); 10] = [
    (Column::Time, "TIME", 0, 8, 8, 0),
    (Column::Mark, "", 0, 1, 1, 0),
    (Column::Feed, "FEED", 100, 7, 7, 0),
    (Column::Who, "WHO", 0, 18, 34, 5),
    (Column::Action, "WHAT", 0, 18, 48, 4),
    (Column::Target, "TARGET", 0, 11, 28, 1),
    (Column::Address, "ADDRESS", 0, 15, 16, 1),
    (Column::Country, "COUNTRY", 0, 2, 14, 1),
    (Column::Place, "PLACE", 150, 12, 18, 1),
    (Column::Client, "CLIENT", 130, 14, 36, 2),
];

/// From this width on, times have their day.
const WITH_DAY: u16 = 110;

/// The columns that fit: which, where it begins, how wide.
fn columns(width: u16) -> Vec<(Column, &'static str, u16, u16)> {
    let mut fitting: Vec<_> = COLUMNS.into_iter().filter(|(_, _, from, ..)| width >= *from).collect();
    if width >= WITH_DAY {
        for (column, _, _, least, most, _) in &mut fitting {
            match column {
                Column::Time => (*least, *most) = (14, 14),
                // Some feeds have a code here, others a name.
                Column::Country => *least = 7,
                _ => {}
            }
        }
    }
    let least: u16 = fitting.iter().map(|(_, _, _, least, ..)| least + 1).sum::<u16>();
    let mut left = width.saturating_sub(least);
    let mut shares: u16 = fitting.iter().map(|(.., share)| share).sum();
    let mut x = 1;
    let mut placed = Vec::with_capacity(fitting.len());
    for (column, head, _, least, most, share) in fitting {
        let more = (left * share).checked_div(shares).unwrap_or(0).min(most - least);
        left -= more;
        shares -= share;
        placed.push((column, head, x, least + more));
        x += least + more + 1;
    }
    placed
}

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    title(state, theme, area, buf);
    let columns = columns(area.width);
    for (_, head, x, width) in &columns {
        // A head that does not fit is worse than none.
        if head.len() <= usize::from(*width) {
            put(buf, *x, area.y + 1, *width, head, theme.dim);
        }
    }
    let top = area.y + 2;
    let height = usize::from(area.bottom().saturating_sub(top));
    let list = state.tail.list();
    if list.is_empty() {
        empty(state, theme, Rect { y: top, height: height as u16, ..area }, buf);
    }
    for (y, (line, selected)) in (top..).zip(state.tail.rows(height)) {
        for (column, _, x, width) in &columns {
            cell(state, theme, line, *column, (*x, y), *width, buf);
        }
        if selected {
            buf.set_style(Rect { y, height: 1, ..area }, theme.selection.patch(keep_colours(theme)));
        }
    }
}

/// The highlight changes the ground and leaves the colours of the text, where the theme has a ground for it.
fn keep_colours(theme: &Theme) -> Style {
    let mut style = theme.selection;
    if theme.selection.fg == theme.text.fg {
        style.fg = None;
    }
    style
}

fn cell(state: &State, theme: &Theme, line: &Line, column: Column, at: (u16, u16), width: u16, buf: &mut Buffer) {
    let glyph = |shown, plain| if theme.ascii { plain } else { shown };
    let time;
    let (text, style): (&str, Style) = match column {
        Column::Time => {
            let at = line.when();
            time = if width > 8 { when::day_clock(state, at) } else { when::clock(state, at) };
            (&time, if line.late { theme.notice } else { theme.dim })
        }
        Column::Mark if line.altered => (glyph("‹", "?"), theme.warning),
        Column::Mark => match line.severity {
            // It stands where it came in, not where it happened.
            Severity::Info | Severity::Low if line.late => (glyph("◷", "L"), theme.notice),
            Severity::Info => (glyph("·", "."), theme.severity_info),
            Severity::Low => (glyph("▪", "-"), theme.severity_low),
            Severity::Medium => (glyph("◆", "+"), theme.severity_medium),
            Severity::High => (glyph("▲", "!"), theme.severity_high),
        },
        Column::Feed => (short_feed(line.feed), theme.feed(line.feed)),
        Column::Who if line.plumbing => (&line.who, theme.dim),
        Column::Who => (&line.who, theme.person),
        Column::Action => (&line.action, action_style(theme, line)),
        Column::Target => (&line.target, theme.target),
        Column::Address => (&line.address, theme.address),
        // Sign-ins have a code, the other feeds a name: two letters of a name would be read as a code.
        Column::Country if usize::from(width) < line.country.len().min(4) => ("", theme.place),
        Column::Country => (&line.country, theme.place),
        Column::Place => (&line.place, theme.dim),
        Column::Client => (&line.client, theme.dim),
    };
    put(buf, at.0, at.1, width, text, style);
}

fn action_style(theme: &Theme, line: &Line) -> Style {
    match (line.severity, line.outcome) {
        (Severity::High, _) => theme.severity_high,
        (Severity::Medium, _) => theme.severity_medium,
        (_, Outcome::Failure) => theme.outcome_failure,
        _ if line.plumbing => theme.dim,
        _ => theme.text,
    }
}

/// A feed's name in seven letters.
const fn short_feed(feed: Feed) -> &'static str {
    match feed {
        Feed::SignInAttempts => "sign-in",
        Feed::ItemUsages => "item",
        Feed::AuditEvents => "audit",
        Feed::ConnectActivity => "connect",
    }
}

fn title(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let tail = &state.tail;
    let key = |action| state.keymap.key(action);
    let (name, badge, style) = if let Some(range) = tail.range() {
        let stretch =
            format!(" {} to {} {} ", when::short(state, range.from), when::short(state, range.to), when::zone(state));
        ("Events of", stretch, theme.badge)
    } else if tail.follows() {
        ("Live tail", "following".to_owned(), theme.good)
    } else if tail.fresh() > 0 {
        ("Live tail", format!(" PAUSED  +{} new ", number(tail.fresh())), theme.badge)
    } else {
        ("Live tail", " PAUSED ".to_owned(), theme.badge)
    };
    let hint = if tail.range().is_some() {
        format!("{} goes back to live", key(Action::ClearFilter))
    } else if tail.follows() {
        String::new()
    } else {
        format!("{} resumes", key(Action::Follow))
    };
    let mut filter = Vec::new();
    if !tail.filter().is_empty() {
        filter.push(format!("filter: {}", tail.filter().text()));
    }
    if tail.only_severe() {
        filter.push("only severe".to_owned());
    }
    if tail.hides_plumbing() {
        filter.push("no plumbing".to_owned());
    }
    let filter = filter.join(", ");
    let held = match (!tail.is_filtered(), tail.range().is_some_and(|range| range.cut)) {
        (true, false) => count(tail.list().len() as u64, "row"),
        (true, true) => format!("first {} rows, there are more", number(tail.list().len() as u64)),
        (false, _) => format!("{} of {}", number(tail.list().len() as u64), count(tail.list().held() as u64, "row")),
    };
    let history = match state.health.reading_history() {
        Some(done) => format!("reading history, {:.0}%", done * 100.0),
        None => String::new(),
    };
    let skipped = match tail.skipped {
        0 => String::new(),
        n => format!("{} passed over, all stored", number(n)),
    };
    let suppressed = match tail.suppressed {
        0 => String::new(),
        n => format!("{} hidden by rules", number(n)),
    };
    rule(
        buf,
        area,
        theme,
        state.nav.pane() == Context::Tail,
        &[(name, theme.title), (&badge, style), (&hint, theme.dim)],
        &[
            (&skipped, theme.warning),
            (&suppressed, theme.dim),
            (&history, theme.notice),
            (&filter, theme.found.remove_modifier(Modifier::UNDERLINED)),
            (&held, theme.dim),
        ],
    );
}

fn empty(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let tail = &state.tail;
    let text = if tail.range().is_some_and(|range| range.loading) {
        "Reading the events of this range…".to_owned()
    } else if tail.list().held() > 0 {
        format!("No event held passes the filter. {} drops it.", state.keymap.key(Action::ClearFilter))
    } else if tail.range().is_some() {
        format!("No event lies in this range. {} goes back to live.", state.keymap.key(Action::ClearFilter))
    } else {
        format!(
            "No events yet. They appear here as they are taken in; {} shows how the feeds are doing.",
            state.keymap.key(Action::ViewHealth)
        )
    };
    put(buf, area.x + 2, area.y + 1, area.width.saturating_sub(4), &text, theme.dim);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width_and_never_leave_it() {
        for width in 80..=400 {
            let columns = columns(width);
            let (_, _, x, last) = columns[columns.len() - 1];
            assert!(x + last <= width, "{width}");
            assert!(columns.windows(2).all(|pair| pair[0].2 + pair[0].3 < pair[1].2), "{width}");
        }
        assert_eq!(columns(80).len(), 7);
        assert_eq!(columns(200).len(), 10);
    }
}
