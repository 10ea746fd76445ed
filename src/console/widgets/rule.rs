//! A line across the screen with a title at its left and facts at its right: what parts the panes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::text::put;
use crate::console::theme::Theme;

/// Pieces of text, each in its style. Those at the right are dropped from the left when there is no room.
pub fn rule(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    focused: bool,
    left: &[(&str, Style)],
    right: &[(&str, Style)],
) {
    if area.width < 4 || area.height == 0 {
        return;
    }
    let line = if focused { theme.border_focus } else { theme.border };
    let dash = if theme.ascii { "-" } else { "─" };
    put(buf, area.x, area.y, area.width, &dash.repeat(usize::from(area.width)), line);
    let end = area.right() - 2;
    let mut x = area.x + 2;
    for (i, (text, style)) in left.iter().filter(|(text, _)| !text.is_empty()).enumerate() {
        x = put(buf, x, area.y, end.saturating_sub(x), if i == 0 { " " } else { "" }, line);
        x = put(buf, x, area.y, end.saturating_sub(x), text, *style);
        x = put(buf, x, area.y, end.saturating_sub(x), " ", line);
    }
    let mut edge = end;
    for (text, style) in right.iter().rev().filter(|(text, _)| !text.is_empty()) {
        let width = text.width() as u16 + 2;
        if edge < x + width + 1 {
            break;
        }
        edge -= width;
        put(buf, edge, area.y, width, &format!(" {text} "), *style);
    }
}
