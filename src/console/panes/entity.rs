//! All that is known of one thing: facts, a timeline of its own, and lists that lead deeper.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::record::crumbs;
use crate::base::time::Ticks;
use crate::console::state::State;
use crate::console::state::entity::{Entry, Fact, Page, Section};
use crate::console::state::layout;
use crate::console::state::nav::View;
use crate::console::state::pivot::{FACTS, Subject};
use crate::console::theme::Theme;
use crate::console::widgets::chart;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::{number, put, put_right};
use crate::console::widgets::when;
use crate::event::catalogue::Outcome;
use crate::hunt::EntityKind;

pub fn render(state: &State, theme: &Theme, buf: &mut Buffer) {
    let subject = match state.nav.view() {
        View::Entity(subject) => subject.clone(),
        _ => Subject::Everything,
    };
    let (top, bars, _) = layout::page_areas(state.size);
    let kind = match &subject {
        Subject::One { kind, .. } => kind.name(),
        Subject::Everything => "everything that is stored",
    };
    let page = state.entities.page(&subject);
    let name = page.and_then(|page| page.name.as_deref()).unwrap_or_default();
    let busy = if page.is_some_and(|page| page.loading) { " asking " } else { "" };
    let window = page.map_or_else(String::new, |page| match page.range {
        Some((from, to)) => format!("{} to {}", when::short(state, from), when::short(state, to)),
        None => page.window.title().to_owned(),
    });
    rule(
        buf,
        top,
        theme,
        true,
        &[(&crumbs(state, theme), theme.title), (kind, theme.notice), (name, theme.target), (busy, theme.badge)],
        &[(&window, theme.dim)],
    );
    let Some(page) = page else { return };
    if let Some(problem) = &page.problem {
        put(buf, top.x + 2, top.y + 1, top.width.saturating_sub(4), problem, theme.error);
        return;
    }
    if page.loading && page.facts.is_empty() {
        put(buf, top.x + 2, top.y + 1, top.width.saturating_sub(4), "Finding its events…", theme.dim);
        return;
    }
    facts(state, theme, page, top, buf);
    timeline(state, theme, page, bars, buf);
    for (i, (section, area)) in
        page.sections.iter().zip(layout::page_lists(state.size, page.sections.len())).enumerate()
    {
        let cursor = (page.at.0 == i).then_some(page.at.1);
        list(state, theme, section, cursor, area, buf);
    }
}

/// What is known at a glance, over two rows.
fn facts(state: &State, theme: &Theme, page: &Page, area: Rect, buf: &mut Buffer) {
    let mut x = area.x + 2;
    let mut y = area.y + 1;
    for name in FACTS {
        let Some(fact) = page.facts.get(name) else { continue };
        let (value, style) = match (name, fact) {
            ("failures", Fact::Count(n)) if *n > 0 => (number(*n), theme.outcome_failure),
            (_, Fact::Count(n)) => (number(*n), theme.strong),
            (_, Fact::Time(at)) => (when::short(state, *at), theme.strong),
        };
        let label = name.replace('_', " ");
        let width = (label.len() + value.len() + 4) as u16;
        if x + width > area.right() && y == area.y + 1 {
            (x, y) = (area.x + 2, y + 1);
        }
        x = put(buf, x, y, width, &label, theme.dim) + 1;
        x = put(buf, x, y, width, &value, style) + 3;
    }
    if page.facts.is_empty() && !page.loading {
        put(buf, x, y, area.width, "Nothing is stored of this in the time looked at.", theme.dim);
    }
}

/// Successes and failures by time.
fn timeline(state: &State, theme: &Theme, page: &Page, area: Rect, buf: &mut Buffer) {
    let chart =
        Rect { x: area.x + 9, width: area.width.saturating_sub(10), height: area.height.saturating_sub(1), ..area };
    let (from, to) = (page.question.from.0, page.question.to.0);
    if chart.width == 0 || to <= from {
        return;
    }
    let mut columns = vec![[0_u64; 3]; usize::from(chart.width)];
    for (at, outcome, events) in &page.bars {
        let x = i128::from((at.0 - from).max(0)) * i128::from(chart.width) / i128::from(to - from);
        if let Some(column) = columns.get_mut(x as usize) {
            column[match outcome {
                Outcome::Success => 0,
                Outcome::Failure => 1,
                Outcome::Unknown => 2,
            }] += events;
        }
    }
    let most = chart::round_up(columns.iter().map(|parts| parts.iter().sum()).max().unwrap_or(0));
    put_right(buf, area.x + 8, chart.y, 7, &chart::compact(most), theme.dim);
    let styles = [theme.outcome_success, theme.outcome_failure, theme.outcome_other];
    for (x, parts) in (chart.x..).zip(&columns) {
        let tops = chart::tops(parts, most, u64::from(chart.height) * 8);
        chart::column(theme, Rect { x, width: 1, ..chart }, &tops, &styles, theme.text, buf);
    }
    let y = area.bottom() - 1;
    put(buf, chart.x, y, 20, &when::short(state, Ticks(from)), theme.dim);
    put_right(buf, chart.right(), y, 20, &when::short(state, Ticks(to)), theme.dim);
}

fn list(state: &State, theme: &Theme, section: &Section, cursor: Option<usize>, area: Rect, buf: &mut Buffer) {
    let focused = cursor.is_some();
    let count = section.entries.len();
    let count = if count == 50 { "top 50".to_owned() } else { number(count as u64) };
    let ground = Rect { width: area.width.saturating_sub(1), ..area };
    rule(buf, ground, theme, focused, &[(section.list.title, theme.title)], &[(&count, theme.dim)]);
    let most = section.entries.iter().map(|entry| entry.events).max().unwrap_or(1).max(1);
    let style = match section.list.kind {
        Some(EntityKind::User) => theme.person,
        Some(EntityKind::Ip) => theme.address,
        Some(EntityKind::Country) => theme.place,
        Some(_) => theme.target,
        None => theme.text,
    };
    let rows = section.entries.iter().enumerate().skip(section.top);
    for (y, (at, entry)) in (area.y + 1..area.bottom()).zip(rows) {
        row(state, theme, entry, most, style, Rect { y, height: 1, ..ground }, buf);
        if cursor == Some(at) {
            buf.set_style(Rect { y, height: 1, ..ground }, Style { fg: None, ..theme.selection });
        }
    }
    if section.entries.is_empty() {
        put(buf, area.x + 2, area.y + 1, area.width, "none", theme.dim);
    }
}

/// One entry: what, how often, how often it failed, when last. A bar behind the count shows its share.
fn row(state: &State, theme: &Theme, entry: &Entry, most: u64, style: Style, area: Rect, buf: &mut Buffer) {
    let last = if area.width >= 52 {
        entry.last.map(|at| when::age(state.now - at)).unwrap_or_default()
    } else {
        String::new()
    };
    let mut right = area.right() - 1;
    if area.width >= 52 {
        put_right(buf, right, area.y, 8, &last, theme.dim);
        right -= 9;
    }
    let failed = if entry.failures > 0 { format!("{} failed", number(entry.failures)) } else { String::new() };
    if area.width >= 64 {
        put_right(buf, right, area.y, 12, &failed, theme.outcome_failure);
        right -= 13;
    }
    put_right(buf, right, area.y, 8, &number(entry.events), theme.number);
    right -= 9;
    let bar = if area.width >= 46 { 8 } else { 0 };
    if bar > 0 {
        let filled = (entry.events * u64::from(bar)).div_ceil(most) as usize;
        let glyph = if theme.ascii { "#" } else { "━" };
        put(buf, right - bar, area.y, bar, &glyph.repeat(filled), theme.border_focus);
        right -= bar + 1;
    }
    let room = right.saturating_sub(area.x + 2);
    put(buf, area.x + 2, area.y, room, &entry.label, style);
}
