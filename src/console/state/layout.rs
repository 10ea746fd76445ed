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

/// Editor and results: the two parts of the query view. The one with the focus has the greater share.
pub fn query_areas(size: Size, editing: bool) -> (Rect, Rect) {
    let body = areas(size).body;
    let share = if editing { body.height / 2 } else { body.height / 4 };
    let [editor, results] = Layout::vertical([Constraint::Length(share.clamp(6, 24)), Constraint::Fill(1)]).areas(body);
    (editor, results)
}

/// Lines of the query: what title and message leave of the editor.
pub fn editor_rows(size: Size, editing: bool) -> usize {
    usize::from(query_areas(size, editing).0.height.saturating_sub(2))
}

/// Rows of the result: what title and heads leave.
pub fn result_rows(size: Size, editing: bool) -> usize {
    usize::from(query_areas(size, editing).1.height.saturating_sub(2))
}

/// The list of hunts and what is said of the selected one.
pub fn hunt_areas(size: Size) -> (Rect, Rect) {
    let body = areas(size).body;
    let [list, detail] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length((body.height / 2).min(16))]).areas(body);
    (list, detail)
}

/// A page about one thing: facts, timeline, and the ground of its lists.
pub fn page_areas(size: Size) -> (Rect, Rect, Rect) {
    let body = areas(size).body;
    let chart = match size.height {
        ..30 => 4,
        30..50 => 6,
        _ => 9,
    };
    let [facts, chart, lists] =
        Layout::vertical([Constraint::Length(3), Constraint::Length(chart), Constraint::Fill(1)]).areas(body);
    (facts, chart, lists)
}

/// The place of each list of a page: side by side as the width allows, as many rows as that takes.
pub fn page_lists(size: Size, count: usize) -> Vec<Rect> {
    let ground = page_areas(size).2;
    let across = if size.width >= 160 { 3 } else { 2 };
    let down = count.div_ceil(across).max(1) as u16;
    let (width, height) = (ground.width / across as u16, ground.height / down);
    (0..count)
        .map(|i| {
            let (column, row) = ((i % across) as u16, (i / across) as u16);
            Rect { x: ground.x + column * width, y: ground.y + row * height, width, height }
        })
        .collect()
}

/// Entries of a page's list that are in view: its title takes a row.
pub fn page_rows(size: Size, count: usize) -> usize {
    page_lists(size, count).first().map_or(1, |area| usize::from(area.height.saturating_sub(1)).max(1))
}

pub fn is_too_small(size: Size) -> bool {
    size.width < SMALLEST.width || size.height < SMALLEST.height
}
