//! What the keys do in an open event.

use super::super::action::Action;
use super::super::message::Effect;
use super::super::state::nav::View;
use super::super::state::record::Record;
use super::super::state::{NoticeKind, State, layout};
use super::query;

/// Opens an event: its row is there, its bytes come.
pub fn load(state: &mut State, seq: i64) -> Vec<Effect> {
    state.record = Record::loading(seq);
    vec![Effect::LoadEvent(seq)]
}

/// The event comes; one that is no longer waited for is dropped.
pub fn fill(state: &mut State, event: Record) {
    if state.record.seq == event.seq {
        let as_it_came = state.record.raw;
        state.record = event;
        state.record.raw |= as_it_came;
    }
}

pub fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let height = state.record_rows();
    let page = height.saturating_sub(1).max(1) as isize;
    match action {
        Action::Up => state.record.scroll_by(-1, height),
        Action::Down => state.record.scroll_by(1, height),
        Action::PageUp => state.record.scroll_by(-page, height),
        Action::PageDown => state.record.scroll_by(page, height),
        Action::Top => state.record.scroll = 0,
        Action::Bottom => state.record.scroll_by(isize::MAX / 2, height),
        Action::ToggleRaw => {
            state.record.raw = !state.record.raw;
            state.record.scroll = 0;
        }
        Action::NextRecord => return Some(turn(state, 1)),
        Action::PreviousRecord => return Some(turn(state, -1)),
        Action::Copy => {
            state.notify(NoticeKind::Info, "the event is on its way to the terminal's clipboard");
            return Some(vec![Effect::Copy(state.record.text.clone())]);
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// The next event of the tail (1), or the one before (-1).
fn turn(state: &mut State, by: isize) -> Vec<Effect> {
    if let View::Row(row) = *state.nav.view() {
        return turn_row(state, row, by);
    }
    let Some(seq) = state.tail.neighbour(state.record.seq, by).map(|line| line.seq) else {
        state.notify(
            NoticeKind::Info,
            if by > 0 { "this is the newest event" } else { "this is the oldest event held" },
        );
        return Vec::new();
    };
    let raw = state.record.raw;
    let height = state.tail_rows();
    state.tail.select_seq(seq, height);
    state.nav.replace(View::Record(seq));
    let effects = load(state, seq);
    state.record.raw = raw;
    effects
}

/// The next row of the result (1), or the one before (-1).
fn turn_row(state: &mut State, row: usize, by: isize) -> Vec<Effect> {
    let height = layout::result_rows(state.size, false);
    let Some(table) = state.query.table_mut() else { return Vec::new() };
    table.selected = row;
    table.move_by(by, height);
    let to = table.selected;
    if to == row {
        state.notify(NoticeKind::Info, if by > 0 { "this is the last row" } else { "this is the first row" });
        return Vec::new();
    }
    state.nav.replace(View::Row(to));
    query::load_row(state, to)
}
