//! What a newcomer sees: nothing is configured, and three ways on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::state::State;
use crate::console::theme::Theme;
use crate::console::widgets::text::{paragraph, put};

const CHOICES: [(Action, &str, &str); 3] = [
    (
        Action::StartDemo,
        "Look around",
        "A simulated organisation with 30 days of events and a few stories to find. Nothing leaves this machine.",
    ),
    (
        Action::StartConnect,
        "Connect a 1Password account",
        "You need an Events API token. Vaultscope shows what it may read and never changes anything.",
    ),
    (
        Action::StartImport,
        "Import files",
        "Events that you already have: NDJSON from the Events API, or an export of Microsoft Sentinel.",
    ),
];

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let width = 76.min(area.width.saturating_sub(4));
    let x = area.x + (area.width - width) / 2;
    let mut y = area.y + area.height.saturating_sub(17) / 3;
    put(buf, x, y, width, "Vaultscope", theme.title);
    put(buf, x, y + 1, width, "An investigation console for 1Password audit events.", theme.text);
    put(buf, x, y + 3, width, "There is no configuration yet. What would you like to do?", theme.dim);
    y += 5;
    for (action, title, text) in CHOICES {
        let key = state.keymap.key(action);
        put(buf, x, y, 3, &key, theme.key);
        put(buf, x + 3, y, width - 3, title, theme.strong);
        for (i, line) in paragraph(text, usize::from(width).saturating_sub(3)).iter().enumerate() {
            put(buf, x + 3, y + 1 + i as u16, width - 3, line, theme.dim);
        }
        y += 4;
    }
}
