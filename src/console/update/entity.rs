//! What the keys do on a page about one thing, and how such a page is reached.

use super::super::action::Action;
use super::super::message::Effect;
use super::super::state::nav::View;
use super::super::state::pivot::Subject;
use super::super::state::{NoticeKind, State, layout};
use super::{arrive, query};
use crate::hunt::EntityKind;

/// The subject of the page in view.
pub fn subject(state: &State) -> Option<Subject> {
    match state.nav.view() {
        View::Entities => Some(Subject::Everything),
        View::Entity(subject) => Some(subject.clone()),
        _ => None,
    }
}

/// One place deeper: the page about a thing.
pub fn open(state: &mut State, subject: Subject) -> Vec<Effect> {
    state.nav.push(View::Entity(subject));
    arrive(state)
}

/// The question of the page in view, unless its answer is there.
pub fn load(state: &mut State, again: bool) -> Vec<Effect> {
    let Some(subject) = subject(state) else { return Vec::new() };
    let window = state.entities.window;
    let range = state.timeline.range();
    let known = state
        .entities
        .page(&subject)
        .is_some_and(|page| page.window == window && page.range == range && page.problem.is_none());
    if known && !again {
        return Vec::new();
    }
    let (from, to) = range.unwrap_or_else(|| (window.from(state.now, state.timeline.oldest()), state.now));
    let question = subject.question(from, to);
    state.entities.ask(question.clone(), range);
    vec![Effect::AskPage(Box::new(question))]
}

pub fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let subject = subject(state)?;
    match action {
        Action::PageWindow => {
            state.entities.window = state.entities.window.next();
            return Some(load(state, true));
        }
        Action::PageAgain => return Some(load(state, true)),
        Action::PageEvents => {
            let page = state.entities.page(&subject)?;
            let text = subject.events(page.question.from, page.question.to);
            return Some(query::ask(state, &text, None));
        }
        Action::CancelQuery => return Some(vec![Effect::CancelAll]),
        _ => {}
    }
    let size = state.size;
    let page = state.entities.page_mut(&subject)?;
    let height = layout::page_rows(size, page.sections.len());
    match action {
        Action::Up => page.move_by(-1, height),
        Action::Down => page.move_by(1, height),
        Action::PageUp => page.move_by(-(height as isize), height),
        Action::PageDown => page.move_by(height as isize, height),
        Action::Top => page.move_by(isize::MIN / 2, height),
        Action::Bottom => page.move_by(isize::MAX / 2, height),
        Action::NextPane | Action::Right => page.turn(1),
        Action::PreviousPane | Action::Left => page.turn(-1),
        Action::Open => {
            let (section, entry) = page.entry()?;
            let (kind, id) = (section.list.kind, entry.id.clone());
            return Some(if let Some(kind) = kind {
                open(state, Subject::One { kind, id })
            } else {
                state.notify(NoticeKind::Info, "e opens the events of this page");
                Vec::new()
            });
        }
        Action::Copy => {
            let id = page.entry()?.1.id.to_string();
            state.notify(NoticeKind::Info, "the entry is on its way to the terminal's clipboard");
            return Some(vec![Effect::Copy(id)]);
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// From what is selected, in the tail, an event or a result, to the page about its user, vault or address.
pub fn pivot(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let kind = match action {
        Action::PivotUser => EntityKind::User,
        Action::PivotVault => EntityKind::Vault,
        Action::PivotAddress => EntityKind::Ip,
        _ => return None,
    };
    let subject = match state.nav.view() {
        View::Tail => state.tail.selected().and_then(|line| line.names(kind)).map(|id| Subject::one(kind, id)),
        View::Record(_) => state.record.names(kind).map(|id| Subject::one(kind, &id)),
        View::Query | View::Row(_) => state.query.subject(Some(kind)),
        _ => None,
    };
    Some(if let Some(subject) = subject {
        open(state, subject)
    } else {
        state.notify(NoticeKind::Info, format!("what is selected names no {}", kind.name()));
        Vec::new()
    })
}
