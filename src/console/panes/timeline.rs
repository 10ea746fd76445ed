//! The timeline: a stacked column a bin, a scale at its left, times below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::base::time::{DAY, HOUR, MINUTE, Ticks};
use crate::console::action::Context;
use crate::console::state::State;
use crate::console::state::layout::SCALE;
use crate::console::state::line::Outcome;
use crate::console::state::timeline::{Counts, Stack};
use crate::console::theme::Theme;
use crate::console::widgets::chart::{column, compact, round_up, tops};
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{count, number, put, put_right};
use crate::console::widgets::when;
use crate::event::Feed;

/// Columns between two times of the axis, at least.
const LABEL_ROOM: i64 = 13;

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let chart = Rect {
        x: area.x + SCALE + 1,
        y: area.y + 1,
        width: state.timeline_columns(),
        height: area.height.saturating_sub(2),
    };
    let columns = state.timeline.columns(chart.width, state.now);
    let focused = state.nav.pane() == Context::Timeline;
    title(state, theme, area, focused, &columns, buf);
    let most = round_up(columns.iter().map(|(_, counts)| counts.total()).max().unwrap_or(0));
    put_right(buf, area.x + SCALE, chart.y, SCALE, &compact(most), theme.dim);
    if most > 0 {
        put_right(buf, area.x + SCALE, chart.bottom() - 1, SCALE, "0", theme.dim);
    }
    let styles = part_styles(state.timeline.stack, theme);
    let marked = state.timeline.marked();
    for (x, (at, counts)) in (chart.x..).zip(&columns) {
        let chosen = marked.is_some_and(|(from, to)| from <= *at && *at < to);
        let under_cursor = focused && state.timeline.cursor() == Some(*at);
        let ground = if chosen || under_cursor { theme.range } else { theme.text };
        let tops = tops(&counts.parts(state.timeline.stack), most, u64::from(chart.height) * 8);
        column(theme, Rect { x, width: 1, ..chart }, &tops, &styles, ground, buf);
    }
    axis(state, theme, chart, &columns, focused, buf);
}

const fn part_styles(stack: Stack, theme: &Theme) -> [Style; 3] {
    match stack {
        Stack::Feed => [theme.feed_signin, theme.feed_item, theme.feed_audit],
        Stack::Outcome => [theme.outcome_success, theme.outcome_failure, theme.outcome_other],
    }
}

fn names(stack: Stack) -> [&'static str; 3] {
    match stack {
        Stack::Feed => Feed::ALL.map(Feed::title),
        Stack::Outcome => Outcome::ALL.map(Outcome::name),
    }
}

fn title(state: &State, theme: &Theme, area: Rect, focused: bool, columns: &[(Ticks, Counts)], buf: &mut Buffer) {
    let timeline = &state.timeline;
    let styles = part_styles(timeline.stack, theme);
    let names = names(timeline.stack);
    let shades = match (theme.ascii, theme.mono) {
        (true, _) => ["#", "=", "."],
        (false, true) => ["█", "▓", "░"],
        (false, false) => ["■"; 3],
    };
    let cursor = timeline.cursor().filter(|_| focused);
    let marked = timeline.marked();
    let told = match (marked, cursor) {
        (Some((from, to)), _) if focused || timeline.range().is_some() => {
            let inside =
                columns.iter().filter(|(at, _)| from <= *at && *at < to).map(|(_, counts)| counts.total()).sum();
            format!("{} to {}: {}", when::short(state, from), when::short(state, to), count(inside, "event"))
        }
        (_, Some(at)) => {
            let counts = columns.iter().find(|(start, _)| *start == at).map(|(_, counts)| *counts).unwrap_or_default();
            let parts = counts.parts(timeline.stack);
            let parts: Vec<String> = parts
                .iter()
                .zip(names)
                .filter(|(n, _)| **n > 0)
                .map(|(n, name)| format!("{} {name}", number(*n)))
                .collect();
            let detail = if parts.is_empty() { "no events".to_owned() } else { parts.join(", ") };
            format!("{}  {detail}", when::short(state, at))
        }
        _ => String::new(),
    };
    let legend: Vec<String> = shades.iter().zip(names).map(|(shade, name)| format!("{shade} {name}")).collect();
    let window = timeline.window(columns.len() as u16, state.now);
    let span =
        format!("{} a column, from {} {}", when::bin(timeline.bin()), when::short(state, window.0), when::zone(state));
    let select = if timeline.is_selecting() { " SELECTING " } else { "" };
    let mut left = vec![("Timeline", theme.title), (select, theme.badge)];
    if told.is_empty() {
        left.extend(legend.iter().zip(styles).map(|(text, style)| (text.as_str(), style)));
    } else {
        left.push((&told, theme.notice));
    }
    rule(buf, area, theme, focused, &left, &[(&span, theme.dim)]);
}

/// Times below the columns, at round ones and with room between them.
fn axis(state: &State, theme: &Theme, chart: Rect, columns: &[(Ticks, Counts)], focused: bool, buf: &mut Buffer) {
    let y = chart.bottom();
    let bin = state.timeline.bin();
    let steps = [
        5 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        4 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        7 * DAY,
        14 * DAY,
        28 * DAY,
    ];
    let step = steps.into_iter().find(|step| step / bin >= LABEL_ROOM).unwrap_or(28 * DAY);
    for (x, (at, _)) in (chart.x..).zip(columns) {
        let local = when::zoned(state, *at);
        if local.0.rem_euclid(step) < bin && x + 6 < chart.right() {
            let c = local.civil();
            let text = if local.0.rem_euclid(DAY) < bin.min(DAY) {
                when::day(local)
            } else {
                format!("{:02}:{:02}", c.hour, c.minute)
            };
            let tick = if theme.ascii { "'" } else { "╵" };
            put(buf, x, y, 1, tick, theme.border);
            put(buf, x + 1, y, 6, &text, theme.dim);
        }
    }
    let cursor = columns.iter().position(|(at, _)| focused && state.timeline.cursor() == Some(*at));
    if let Some(at) = cursor {
        put(buf, chart.x + at as u16, y, 1, if theme.ascii { "^" } else { "▲" }, theme.border_focus);
    }
}
