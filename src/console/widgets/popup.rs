//! A box over the panes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::text::put;
use crate::console::theme::Theme;

/// Draws an empty box in the middle of `area`, a little above its centre; answers what is inside.
pub fn popup(buf: &mut Buffer, area: Rect, width: u16, height: u16, title: &str, theme: &Theme) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let outer = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 3, width, height };
    if width < 6 || height < 3 {
        return Rect { width: 0, height: 0, ..outer };
    }
    Clear.render(outer, buf);
    buf.set_style(outer, theme.text);
    let [corner, across, down] = if theme.ascii { ["+", "-", "|"] } else { ["", "─", "│"] };
    let corners = if theme.ascii { [corner; 4] } else { ["╭", "╮", "╰", "╯"] };
    let line = across.repeat(usize::from(width) - 2);
    for (y, left, right) in [(outer.y, corners[0], corners[1]), (outer.bottom() - 1, corners[2], corners[3])] {
        put(buf, outer.x, y, width, &format!("{left}{line}{right}"), theme.border_focus);
    }
    for y in outer.y + 1..outer.bottom() - 1 {
        put(buf, outer.x, y, 1, down, theme.border_focus);
        put(buf, outer.right() - 1, y, 1, down, theme.border_focus);
    }
    put(buf, outer.x + 2, outer.y, width.saturating_sub(4), &format!(" {title} "), theme.title);
    Rect { x: outer.x + 2, y: outer.y + 1, width: width - 4, height: height - 2 }
}
