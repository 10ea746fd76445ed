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
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{count, number, put, put_right};
use crate::console::widgets::when;
use crate::event::Feed;

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
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

/// Where the parts of a column end, in eighths of a row; what is not nothing is at least seen.
fn tops(parts: &[u64; 3], most: u64, full: u64) -> [u64; 3] {
    let mut sum = 0;
    parts.map(|part| {
        sum += part;
        (sum * full).div_ceil(most.max(1)).min(full)
    })
}

/// One stacked column, in eighths of a row; without colours in whole rows, a shade a part.
fn column(theme: &Theme, area: Rect, tops: &[u64; 3], styles: &[Style; 3], ground: Style, buf: &mut Buffer) {
    let x = area.x;
    let shades = if theme.ascii { ["#", "=", "."] } else { ["█", "▓", "░"] };
    for row in 0..u64::from(area.height) {
        let y = area.bottom() - 1 - row as u16;
        let bottom = row * 8;
        let Some(part) = tops.iter().position(|top| *top > bottom) else {
            put(buf, x, y, 1, " ", ground);
            continue;
        };
        if theme.mono || theme.ascii {
            let middle = tops.iter().position(|top| *top > bottom + 3);
            let (glyph, style) = match middle.or((row == 0).then_some(part)) {
                Some(part) => (shades[part], ground.patch(Style { bg: None, ..styles[part] })),
                None => (" ", ground),
            };
            put(buf, x, y, 1, glyph, style);
            continue;
        }
        let filled = (tops[part] - bottom).min(8);
        let mut style = Style { bg: ground.bg, ..styles[part] };
        // A part that begins within the cell is its ground, when it reaches the cell's top.
        let next = tops.iter().position(|top| *top >= bottom + 8);
        let (filled, glyph_style) = match next {
            Some(next) if filled < 8 => {
                style.bg = styles[next].fg;
                (filled, style)
            }
            // The column ends in this cell: one part gives it its colour.
            _ if filled < 8 => (tops[2] - bottom, style),
            _ => (8, style),
        };
        put(buf, x, y, 1, EIGHTHS[filled.min(8) as usize], glyph_style);
    }
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

/// The next round number: the scale then stays while the newest column grows, and so does what stands on the screen.
fn round_up(n: u64) -> u64 {
    let power = 10_u64.pow(n.max(1).ilog10());
    let steps = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100];
    steps.into_iter().map(|step| (step * power).div_ceil(10)).find(|round| *round >= n).unwrap_or(n)
}

/// A count in six columns.
fn compact(n: u64) -> String {
    match n {
        0..1_000_000 => number(n).replace(',', if n < 100_000 { "," } else { "" }),
        1_000_000..1_000_000_000 => format!("{:.1}M", n as f64 / 1e6),
        _ => format!("{:.1}G", n as f64 / 1e9),
    }
}
