//! What the keys do in the timeline.

use super::super::action::{Action, Context};
use super::super::message::Effect;
use super::super::state::State;
use super::super::state::timeline::Stack;
use super::tail;
use crate::base::time::Ticks;

pub fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let columns = state.timeline_columns();
    let (now, page) = (state.now, i64::from(columns) / 2);
    let timeline = &mut state.timeline;
    match action {
        Action::Left => timeline.move_by(-1, columns, now),
        Action::Right => timeline.move_by(1, columns, now),
        Action::PageUp => timeline.move_by(-page, columns, now),
        Action::PageDown => timeline.move_by(page, columns, now),
        Action::Top => timeline.go_to_start(columns, now),
        Action::Bottom => timeline.go_to_end(columns, now),
        Action::ZoomIn | Action::Up => timeline.zoom(1, columns, now),
        Action::ZoomOut | Action::Down => timeline.zoom(-1, columns, now),
        Action::StackBy => {
            timeline.stack = match timeline.stack {
                Stack::Feed => Stack::Outcome,
                Stack::Outcome => Stack::Feed,
            };
        }
        Action::SelectRange => {
            let range = timeline.select();
            return Some(choose(state, range));
        }
        Action::Open => {
            let range = timeline.choose();
            let effects = choose(state, range);
            state.nav.focus_on(Context::Tail);
            return Some(effects);
        }
        action => return tail::shared(state, action),
    }
    Some(missing(state))
}

fn choose(state: &mut State, range: Option<(Ticks, Ticks)>) -> Vec<Effect> {
    let Some((from, to)) = range else { return Vec::new() };
    state.tail.choose_range(from, to);
    vec![Effect::LoadRange { from, to }]
}

/// Asks for the minutes that the window needs.
pub fn missing(state: &State) -> Vec<Effect> {
    if !state.timeline.visible {
        return Vec::new();
    }
    let missing = state.timeline.missing(state.timeline_columns(), state.now);
    missing.map(|(from, to)| Effect::LoadMinutes { from, to }).into_iter().collect()
}
