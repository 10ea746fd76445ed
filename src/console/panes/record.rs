//! One event over the whole width: what the store knows of it, then every field.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::console::state::State;
use crate::console::state::nav::View;
use crate::console::state::record::Kind;
use crate::console::theme::Theme;
use crate::console::widgets::rule::rule;
use crate::console::widgets::text::put;

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let record = &state.record;
    let crumbs = crumbs(state, theme);
    let height = state.record_rows();
    let position = match record.rows().len() {
        rows if rows > height => {
            format!("{} to {} of {rows} rows", record.scroll + 1, (record.scroll + height).min(rows))
        }
        _ => String::new(),
    };
    let form = if record.raw { "as it came" } else { "laid out" };
    rule(buf, area, theme, true, &[(&crumbs, theme.title)], &[(form, theme.dim), (&position, theme.dim)]);
    let mut y = area.y + 1;
    if let Some(problem) = &record.problem {
        put(buf, area.x + 2, y + 1, area.width.saturating_sub(4), problem, theme.error);
        return;
    }
    if record.loading {
        put(buf, area.x + 2, y + 1, area.width.saturating_sub(4), "Reading the event…", theme.dim);
        return;
    }
    let widest = record.facts.iter().map(|(name, _)| name.len() as u16).max().unwrap_or(0);
    for (name, value) in &record.facts {
        put(buf, area.x + 2, y, widest, name, theme.dim);
        put(buf, area.x + widest + 4, y, area.width.saturating_sub(widest + 5), value, theme.strong);
        y += 1;
    }
    y += 1;
    for (y, row) in (y..area.bottom()).zip(record.rows().iter().skip(record.scroll)) {
        let mut x = area.x + 2;
        for piece in row {
            x = put(buf, x, y, area.right().saturating_sub(x + 1), &piece.text, style(theme, piece.kind));
        }
    }
}

/// The places from the top level down to here.
pub fn crumbs(state: &State, theme: &Theme) -> String {
    let between = if theme.ascii { " > " } else { " › " };
    state.nav.crumbs().iter().map(View::title).collect::<Vec<_>>().join(between)
}

const fn style(theme: &Theme, kind: Kind) -> Style {
    match kind {
        Kind::Mark => theme.dim,
        Kind::Field => theme.field,
        Kind::String => theme.string,
        Kind::Number => theme.number,
        Kind::Literal => theme.literal,
    }
}
