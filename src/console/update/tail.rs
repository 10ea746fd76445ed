//! What the keys do in the live tail.

use super::super::action::{Action, Context};
use super::super::message::Effect;
use super::super::state::filter::Filter;
use super::super::state::input::Input;
use super::super::state::layer::Layer;
use super::super::state::line::Line;
use super::super::state::nav::View;
use super::super::state::{NoticeKind, State};
use super::{arrive, timeline};

/// Takes events in, whatever is on the screen.
pub fn take_in(state: &mut State, lines: Vec<Line>) {
    for line in &lines {
        state.timeline.count(line);
    }
    state.intake.add(state.now, lines.len() as u32);
    state.tail.push(lines);
}

pub fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let height = state.tail_rows();
    let page = height.saturating_sub(1) as isize;
    match action {
        Action::Up => state.tail.move_by(-1, height),
        Action::Down => state.tail.move_by(1, height),
        Action::PageUp => state.tail.move_by(-page, height),
        Action::PageDown => state.tail.move_by(page, height),
        Action::Top => state.tail.go_to_top(height),
        Action::Bottom => state.tail.go_to_bottom(height),
        Action::Open => {
            let seq = state.tail.selected()?.seq;
            // The event that is opened is the one that is selected on the way back.
            state.tail.select_seq(seq, height);
            state.nav.push(View::Record(seq));
            return Some(arrive(state));
        }
        Action::Copy => {
            let line = state.tail.selected()?;
            let fields = [&*line.action, &line.who, &line.target, &line.address, &line.country, &line.client];
            let text = format!("{}\t{}\t{}", line.when(), line.feed.name(), fields.join("\t"));
            state.notify(NoticeKind::Info, "the event's row is on its way to the terminal's clipboard");
            return Some(vec![Effect::Copy(text)]);
        }
        Action::OnlySevere => {
            let on = !state.tail.only_severe();
            state.tail.set_only_severe(on, height);
        }
        Action::Plumbing => {
            let on = !state.tail.hides_plumbing();
            state.tail.set_hide_plumbing(on, height);
        }
        Action::FilterLike => {
            let who = state.tail.selected().map(|line| line.who.clone()).filter(|who| !who.is_empty())?;
            state.tail.set_filter(Filter::parse(&format!("user:\"{who}\"")), height);
        }
        action => return shared(state, action),
    }
    Some(Vec::new())
}

/// What works in the tail and in the timeline above it.
pub fn shared(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let height = state.tail_rows();
    match action {
        Action::Follow if state.tail.range().is_some() => drop_range(state),
        Action::Follow if state.tail.follows() => state.tail.pause(height),
        Action::Follow => state.tail.resume(),
        Action::Filter => {
            let before = state.tail.filter().text().to_owned();
            let input = Input::new(&before);
            state.layer = Some(Layer::Filter { input, before });
        }
        Action::ClearFilter => {
            drop_range(state);
            state.tail.set_only_severe(false, height);
            state.tail.set_filter(Filter::default(), height);
        }
        Action::Back if state.timeline.marked().is_some() => drop_range(state),
        Action::Back if state.tail.is_filtered() => return shared(state, Action::ClearFilter),
        Action::ToggleTimeline => {
            state.timeline.visible = !state.timeline.visible;
            if !state.timeline.visible {
                state.nav.focus_on(Context::Tail);
            }
            let height = state.tail_rows();
            state.tail.keep_selection_visible(height);
            return Some(timeline::missing(state));
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// Back to the live events.
pub fn drop_range(state: &mut State) {
    state.timeline.drop_range();
    state.tail.clear_range();
}
