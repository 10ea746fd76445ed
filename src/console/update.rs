//! The one place where the state changes: a message in, effects out. Nothing here waits, reads or writes.

mod entity;
mod hunts;
mod layer;
mod query;
mod record;
mod tail;
mod timeline;

use super::action::{Action, Context};
use super::keymap::Key;
use super::message::{Effect, Message};
use super::state::hunts::Outcome as HuntOutcome;
use super::state::input::Input;
use super::state::layer::Layer;
use super::state::nav::View;
use super::state::query::Completions;
use super::state::{Availability, NoticeKind, State, TimeFormat};
use crate::base::shown::Shown;
use crate::collect::health::Health;

/// Takes a message in.
pub fn update(state: &mut State, message: Message) -> Vec<Effect> {
    state.dirty = true;
    match message {
        Message::Key(key) => press(state, key),
        Message::Paste(text) => paste(state, &text),
        Message::Resize(size) => {
            state.size = size;
            state.tail.keep_selection_visible(state.tail_rows());
            let rows = state.record_rows();
            state.record.scroll_by(0, rows);
            timeline::missing(state)
        }
        Message::Do(action) => perform(state, action),
        Message::Backlog(lines) => {
            state.tail.push(lines);
            Vec::new()
        }
        Message::Older(lines) => {
            state.tail.push_older(lines);
            Vec::new()
        }
        Message::Fresh(lines) => {
            tail::take_in(state, lines);
            Vec::new()
        }
        Message::Skipped(events) => {
            state.tail.skipped += events;
            state.intake.add(state.now, u32::try_from(events).unwrap_or(u32::MAX));
            Vec::new()
        }
        Message::Hours(bins) => {
            state.timeline.set_hours(bins);
            Vec::new()
        }
        Message::Minutes { from, to, bins } => {
            state.timeline.set_minutes(from, to, bins);
            Vec::new()
        }
        Message::RangeRows { from, to, lines, cut } => {
            state.tail.fill_range(from, to, lines, cut);
            Vec::new()
        }
        Message::Event(event) => {
            record::fill(state, *event);
            Vec::new()
        }
        Message::EventMissing { seq, problem } => {
            if state.record.seq == seq {
                state.record.loading = false;
                state.record.problem = Some(problem.into());
            }
            Vec::new()
        }
        Message::Health { account, health } => {
            let accounts = &mut state.health.accounts;
            accounts.resize(accounts.len().max(account + 1), Health::default());
            accounts[account] = *health;
            Vec::new()
        }
        Message::Stored(stored) => {
            state.health.stored = *stored;
            Vec::new()
        }
        Message::Progress { id, progress } => {
            if let Some(running) = state.query.running.as_mut().filter(|running| running.id == id) {
                running.progress = progress;
            }
            Vec::new()
        }
        Message::Answer { id, result } => {
            let whose = state.query.hunt.clone();
            if state.query.end(id, &result)
                && let (Some(hunt), Some(table)) = (whose, state.query.table())
            {
                let rows = table.rows() as u64;
                let id = state.hunts.pack.iter().find(|h| h.about.name == hunt).map(|h| h.id().to_owned());
                if let Some(id) = id {
                    state.hunts.outcomes.insert(id, HuntOutcome::Found { rows, at: state.now });
                }
            }
            query::scroll(state);
            Vec::new()
        }
        Message::Page { question, result } => {
            let answer = result.as_ref().map_err(|error| Shown::with_limit(&error.to_string(), 400).into_string());
            state.entities.fill(&question, answer);
            Vec::new()
        }
        Message::Hunted { hunt, outcome } => {
            state.hunts.outcomes.insert(hunt, outcome);
            Vec::new()
        }
        Message::Checked { version, diagnostics } => {
            if state.query.editor.version == version {
                state.query.editor.diagnostics = diagnostics;
            }
            Vec::new()
        }
        Message::Completed { version, items } => {
            if state.query.editor.version == version {
                if items.is_empty() {
                    state.notify(NoticeKind::Info, "nothing fits here");
                }
                state.query.completions = (!items.is_empty()).then_some(Completions { items, selected: 0 });
            }
            Vec::new()
        }
        Message::Notice(kind, text) => {
            state.notify(kind, text);
            Vec::new()
        }
        Message::Terminate => vec![Effect::Quit],
        Message::Resumed => vec![Effect::Redraw],
    }
}

fn press(state: &mut State, key: Key) -> Vec<Effect> {
    state.notice = None;
    if let Some(action) = state.keymap.action(&state.contexts(), key) {
        return perform(state, action);
    }
    if state.layer.is_some() {
        return layer::key(state, key);
    }
    if state.nav.pane() == Context::Editor {
        return query::key(state, key);
    }
    Vec::new()
}

fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if let Some(layer) = &mut state.layer {
        layer.input().paste(text);
        layer::changed(state);
    } else if state.nav.pane() == Context::Editor {
        return query::paste(state, text);
    }
    Vec::new()
}

/// Does an action where the analyst is: the layer on top first, then the pane with the focus, then what works everywhere.
fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(effects) = layer::perform(state, action) {
        return effects;
    }
    let of_pane = match state.nav.pane() {
        Context::Tail => tail::perform(state, action),
        Context::Timeline => timeline::perform(state, action),
        Context::Record => record::perform(state, action),
        Context::Hunts => hunts::perform(state, action),
        Context::Editor => query::editor(state, action),
        Context::Results => query::results(state, action),
        Context::Entities => entity::perform(state, action),
        _ => None,
    };
    let of_pane = of_pane.or_else(|| entity::pivot(state, action));
    of_pane.unwrap_or_else(|| everywhere(state, action))
}

fn everywhere(state: &mut State, action: Action) -> Vec<Effect> {
    if let Availability::No(reason) = state.availability(action) {
        if action != Action::Back {
            state.notify(NoticeKind::Info, format!("{}: {reason}", action.spec().label));
        }
        return Vec::new();
    }
    match action {
        Action::Help => state.layer = Some(Layer::Help { input: Input::default(), scroll: 0 }),
        Action::Palette => state.layer = Some(Layer::Palette { input: Input::default(), selected: 0 }),
        Action::Quit | Action::QuitNow => return vec![Effect::Quit],
        Action::Back => {
            state.nav.back();
        }
        Action::ViewTail => return go(state, 0),
        Action::ViewHunts => return go(state, 1),
        Action::ViewQuery => return go(state, 2),
        Action::ViewEntities => return go(state, 3),
        Action::ViewHealth => return go(state, 4),
        Action::LastView => state.nav.last(),
        Action::HistoryBack => state.nav.history_back(),
        Action::HistoryForward => state.nav.history_forward(),
        Action::NextPane => state.nav.turn_focus(1),
        Action::PreviousPane => state.nav.turn_focus(-1),
        Action::LivePolling => {
            let live = !state.health.is_live();
            return vec![Effect::SetLive(live)];
        }
        Action::TimeFormat => {
            state.time = match state.time {
                TimeFormat::Utc => TimeFormat::Local,
                TimeFormat::Local => TimeFormat::Age,
                TimeFormat::Age => TimeFormat::Utc,
            };
        }
        Action::NextTheme => return vec![Effect::NextTheme],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        // The letters are the arrows' other names; a pane only knows the arrows.
        Action::UpLetter => return perform(state, Action::Up),
        Action::DownLetter => return perform(state, Action::Down),
        Action::StartDemo | Action::StartConnect | Action::StartImport if *state.nav.view() == View::FirstRun => {
            return vec![Effect::Leave(action)];
        }
        _ => {}
    }
    arrive(state)
}

fn go(state: &mut State, top: usize) -> Vec<Effect> {
    state.nav.go(top);
    arrive(state)
}

/// What a place needs when it comes on the screen.
fn arrive(state: &mut State) -> Vec<Effect> {
    match *state.nav.view() {
        View::Record(seq) if state.record.seq != seq => record::load(state, seq),
        View::Row(row) if state.record.seq != query::row_number(row) => query::load_row(state, row),
        View::Entities | View::Entity(_) => entity::load(state, false),
        View::Query => query::begin(state),
        View::Tail => {
            if !state.timeline.visible && state.nav.pane() == Context::Timeline {
                state.nav.focus_on(Context::Tail);
            }
            if state.nav.pane() == Context::Timeline {
                let columns = state.timeline_columns();
                state.timeline.focus(columns, state.now);
            }
            timeline::missing(state)
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod asking_tests;
#[cfg(test)]
mod tests;
