//! Help: the keys that work here first, then all others, from the registry; typing searches.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::console::action::{Action, Context, REGISTRY, Spec};
use crate::console::state::State;
use crate::console::state::input::Input;
use crate::console::theme::Theme;
use crate::console::widgets::popup::popup;
use crate::console::widgets::text::put;

enum Row {
    Head(&'static str),
    Action(&'static Spec),
    Gap,
}

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer, input: &Input, scroll: usize) -> Position {
    let inner = popup(buf, area, 104.min(area.width - 4), area.height - 2, "Help", theme);
    let x = put(buf, inner.x, inner.y, 8, "search ", theme.key);
    put(buf, x, inner.y, inner.width.saturating_sub(8), input.text(), theme.text);
    if input.text().is_empty() {
        let hint = "type to search; up and down scroll; esc closes";
        put(buf, x + 2, inner.y, inner.width.saturating_sub(10), hint, theme.dim);
    }
    let rows = rows(state, input.text());
    let room = usize::from(inner.height.saturating_sub(2));
    let top = scroll.min(rows.len().saturating_sub(room));
    for (y, row) in (inner.y + 2..inner.bottom()).zip(rows.iter().skip(top)) {
        match row {
            Row::Head(title) => {
                put(buf, inner.x, y, inner.width, title, theme.title);
            }
            Row::Action(spec) => {
                let keys = state.keymap.keys(spec.action);
                let keys = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ");
                put(buf, inner.x + 2, y, 16, &keys, theme.key);
                let end = put(buf, inner.x + 19, y, inner.width.saturating_sub(19), spec.description, theme.text);
                let name: Style = theme.dim;
                let width = spec.name.len() as u16;
                if end + width + 2 < inner.right() {
                    put(buf, inner.right() - width, y, width, spec.name, name);
                }
            }
            Row::Gap => {}
        }
    }
    Position::new((x + input.before().width() as u16).min(inner.right().saturating_sub(1)), inner.y)
}

/// The rows that the search leaves, grouped by place: this one, everywhere, the others.
fn rows(state: &State, search: &str) -> Vec<Row> {
    let here = state.nav.pane();
    let others = Context::ALL.into_iter().filter(|context| *context != here && *context != Context::Global);
    let search = search.to_lowercase();
    let mut shown = hashbrown::HashSet::new();
    let mut rows = Vec::new();
    for context in [here, Context::Global].into_iter().chain(others) {
        let found: Vec<&Spec> = REGISTRY
            .iter()
            .filter(|spec| {
                spec.contexts.contains(&context) && !matches!(spec.action, Action::UpLetter | Action::DownLetter)
            })
            .filter(|spec| {
                search.is_empty() || spec.description.to_lowercase().contains(&search) || spec.name.contains(&search)
            })
            .filter(|spec| shown.insert(spec.action))
            .collect();
        if !found.is_empty() {
            if !rows.is_empty() {
                rows.push(Row::Gap);
            }
            rows.push(Row::Head(context.title()));
            rows.extend(found.into_iter().map(Row::Action));
        }
    }
    rows
}
