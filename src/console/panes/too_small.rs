//! What a screen says that nothing fits on. The program goes on and draws again when there is room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::console::state::State;
use crate::console::state::layout::SMALLEST;
use crate::console::theme::Theme;
use crate::console::widgets::text::put;

pub fn render(state: &State, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let need = format!("needs {}x{}", SMALLEST.width, SMALLEST.height);
    let is = format!("this is {}x{}", area.width, area.height);
    let both = format!("{need}, {is}");
    let events = format!("{} events, still taking in", state.timeline.total());
    let (name, quit) = (("Vaultscope", theme.title), ("q quits", theme.dim));
    let lines = if usize::from(area.width) >= both.len().max(events.len()) {
        [name, (&*both, theme.warning), (&*events, theme.dim), quit]
    } else {
        [name, (&*need, theme.warning), (&*is, theme.warning), quit]
    };
    let top = area.y + area.height.saturating_sub(lines.len() as u16) / 2;
    for (y, (text, style)) in (top..area.bottom()).zip(lines) {
        let x = area.x + area.width.saturating_sub(text.len() as u16) / 2;
        put(buf, x, y, area.width, text, style);
    }
}
