//! The command palette: every action by some of its letters, with its key; what cannot be used now says why.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::console::palette::find;
use crate::console::state::input::Input;
use crate::console::state::{Availability, State};
use crate::console::theme::Theme;
use crate::console::widgets::popup::popup;
use crate::console::widgets::text::{put, put_right};

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer, input: &Input, selected: usize) -> Position {
    let found = find(input.text());
    let inner = popup(buf, area, 100.min(area.width - 4), (area.height - 2).min(22), "Commands", theme);
    let x = put(buf, inner.x, inner.y, 2, "> ", theme.key);
    put(buf, x, inner.y, inner.width - 2, input.text(), theme.text);
    let cursor = Position::new((x + input.before().width() as u16).min(inner.right().saturating_sub(1)), inner.y);
    if found.is_empty() {
        put(buf, inner.x, inner.y + 2, inner.width, "No action has these letters.", theme.dim);
    }
    let rows = usize::from(inner.height.saturating_sub(2));
    let top = (selected + 1).saturating_sub(rows);
    for (y, (at, found)) in (inner.y + 2..inner.bottom()).zip(found.iter().enumerate().skip(top)) {
        let spec = found.action.spec();
        let (name, prose, why) = match state.availability(found.action) {
            Availability::Now => (theme.text, theme.dim, String::new()),
            Availability::No(reason) => (theme.dim, theme.dim, format!("({reason})")),
            Availability::Elsewhere(place) => (theme.dim, theme.dim, format!("(in {place})")),
        };
        put(buf, inner.x, y, 20, spec.name, name);
        let text = if why.is_empty() { spec.description.to_owned() } else { format!("{why} {}", spec.description) };
        put(buf, inner.x + 21, y, inner.width.saturating_sub(21 + 11), &text, prose);
        put_right(buf, inner.right(), y, 10, &state.keymap.key(found.action), theme.key);
        if at == selected {
            let row = Rect { x: inner.x - 1, y, width: inner.width + 2, height: 1 };
            let mut style = theme.selection;
            if style.fg == theme.text.fg {
                style.fg = None;
            }
            buf.set_style(row, style);
        }
    }
    cursor
}
