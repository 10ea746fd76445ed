//! Which rows belong to what. Panes stand above one another over the full width, never side by side: rows that move together can then be moved by the
//! terminal itself.

use ratatui::layout::{Constraint, Layout, Rect, Size};

/// The smallest screen that everything fits on.
pub const SMALLEST: Size = Size::new(80, 24);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub body: Rect,
    pub footer: Rect,
}

/// Header, body, footer.
pub fn areas(size: Size) -> Areas {
    let all = Rect::new(0, 0, size.width, size.height);
    let [header, body, footer] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(all);
    Areas { header, body, footer }
}

/// Timeline and tail: the two parts of the body of the first view.
pub fn tail_areas(size: Size, timeline: bool) -> (Rect, Rect) {
    let body = areas(size).body;
    let rows = match (timeline, size.height) {
        (false, _) => 0,
        (true, ..34) => 6,
        (true, 34..50) => 8,
        (true, _) => 11,
    };
    let [timeline, tail] = Layout::vertical([Constraint::Length(rows), Constraint::Fill(1)]).areas(body);
    (timeline, tail)
}

/// Rows of events in the tail: what its title and its column heads leave.
pub fn tail_rows(size: Size, timeline: bool) -> usize {
    usize::from(tail_areas(size, timeline).1.height.saturating_sub(2))
}

/// Columns of the timeline's chart: what the scale at its left leaves.
pub fn timeline_columns(size: Size) -> u16 {
    size.width.saturating_sub(SCALE + 1)
}

/// Columns of the timeline's scale.
pub const SCALE: u16 = 7;

pub fn is_too_small(size: Size) -> bool {
    size.width < SMALLEST.width || size.height < SMALLEST.height
}
