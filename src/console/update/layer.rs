//! What the keys do in what is laid over the panes.

use super::super::action::Action;
use super::super::keymap::Key;
use super::super::message::Effect;
use super::super::palette;
use super::super::state::filter::Filter;
use super::super::state::layer::Layer;
use super::super::state::{Availability, NoticeKind, State};

/// A key that is no action here: text for the line.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    if let Some(layer) = &mut state.layer
        && layer.input().key(key)
    {
        changed(state);
    }
    Vec::new()
}

/// The text of the layer changed: a filter works while it is typed, lists begin at the top.
pub fn changed(state: &mut State) {
    let height = state.tail_rows();
    match &mut state.layer {
        Some(Layer::Filter { input, .. }) => state.tail.set_filter(Filter::parse(input.text()), height),
        Some(Layer::Palette { selected, .. }) => *selected = 0,
        Some(Layer::Help { scroll, .. }) => *scroll = 0,
        Some(Layer::Rename { .. }) | None => {}
    }
}

/// Does an action in the layer; `None` when there is no layer or the action is not one of its own.
pub fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let height = state.tail_rows();
    let page = usize::from(state.size.height.saturating_sub(8)).max(1) as isize;
    match (state.layer.as_mut()?, action) {
        (Layer::Filter { before, .. }, Action::Back) => {
            let before = Filter::parse(before);
            state.tail.set_filter(before, height);
            state.layer = None;
        }
        (Layer::Filter { .. }, Action::Open)
        | (Layer::Palette { .. } | Layer::Help { .. } | Layer::Rename { .. }, Action::Back) => {
            state.layer = None;
        }
        (Layer::Rename { input }, Action::Open) => {
            let name = input.text().trim().to_owned();
            state.layer = None;
            return Some(super::query::rename(state, &name));
        }
        // While typing a filter the arrows still move in the tail.
        (Layer::Filter { .. }, Action::Up) => state.tail.move_by(-1, height),
        (Layer::Filter { .. }, Action::Down) => state.tail.move_by(1, height),
        (Layer::Palette { input, selected }, Action::Up | Action::Down | Action::PageUp | Action::PageDown) => {
            let most = palette::find(input.text()).len().saturating_sub(1);
            *selected = selected.saturating_add_signed(step(action, page)).min(most);
        }
        (Layer::Help { scroll, .. }, Action::Up | Action::Down | Action::PageUp | Action::PageDown) => {
            *scroll = scroll.saturating_add_signed(step(action, page)).min(super::super::action::REGISTRY.len());
        }
        (Layer::Palette { input, selected }, Action::Open) => {
            let found = palette::find(input.text()).get(*selected).map(|found| found.action);
            return Some(found.map_or_else(Vec::new, |action| choose(state, action)));
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Does what the palette found, or says why it cannot.
fn choose(state: &mut State, action: Action) -> Vec<Effect> {
    match state.availability(action) {
        Availability::Now => {
            state.layer = None;
            let contexts = action.spec().contexts;
            if !contexts.contains(&state.nav.pane()) {
                contexts.iter().any(|context| state.nav.focus_on(*context));
                super::arrive(state);
            }
            super::perform(state, action)
        }
        Availability::No(reason) => {
            state.notify(NoticeKind::Warning, format!("{}: {reason}", action.spec().label));
            Vec::new()
        }
        Availability::Elsewhere(place) => {
            state.notify(NoticeKind::Warning, format!("{}: works in {place}", action.spec().label));
            Vec::new()
        }
    }
}

const fn step(action: Action, page: isize) -> isize {
    match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        _ => page,
    }
}
