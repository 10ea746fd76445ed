//! What the keys do in the list of hunts.

use super::super::action::Action;
use super::super::message::Effect;
use super::super::state::hunts::Outcome;
use super::super::state::{NoticeKind, State, layout};
use super::query;
use crate::base::shown::Shown;
use crate::hunt::Hunt;
use crate::hunt::run::{Asked, Ready};

pub fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let height = usize::from(layout::hunt_areas(state.size).0.height.saturating_sub(2));
    let page = height.saturating_sub(1).max(1) as isize;
    match action {
        Action::Up => state.hunts.move_by(-1, height),
        Action::Down => state.hunts.move_by(1, height),
        Action::PageUp => state.hunts.move_by(-page, height),
        Action::PageDown => state.hunts.move_by(page, height),
        Action::Top => state.hunts.move_by(isize::MIN / 2, height),
        Action::Bottom => state.hunts.move_by(isize::MAX / 2, height),
        Action::CancelQuery => return Some(query::cancel(state)),
        Action::Back if state.hunts.running() > 0 => return Some(query::cancel(state)),
        Action::Open => {
            let hunt = state.hunts.selected()?.clone();
            let Some(ready) = ready(state, &hunt) else { return Some(Vec::new()) };
            let effects = query::ask(state, &ready.text, Some(hunt.about.name.clone()));
            state.query.entities = hunt.about.entities.clone();
            warn_of_missing(state, &ready);
            return Some(effects);
        }
        Action::EditHunt => {
            let hunt = state.hunts.selected()?.clone();
            let Some(ready) = ready(state, &hunt) else { return Some(Vec::new()) };
            state.nav.go(2);
            state.query.editor.set(&ready.text);
            state.nav.focus_on(super::Context::Editor);
            return Some(query::begin(state));
        }
        Action::RunAllHunts => {
            let hunts: Vec<Hunt> = state.hunts.pack.iter().cloned().collect();
            let mut asked = Vec::with_capacity(hunts.len());
            for hunt in hunts {
                if let Some(ready) = ready(state, &hunt) {
                    state.hunts.outcomes.insert(hunt.id().to_owned(), Outcome::Running);
                    asked.push((hunt.id().to_owned(), ready.text));
                }
            }
            return Some(vec![Effect::RunHunts(asked)]);
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// The text to run, with what the organisation's configuration knows in it.
fn ready(state: &mut State, hunt: &Hunt) -> Option<Ready> {
    let asked = Asked { organisation: Some(&state.organisation), ..Asked::default() };
    match hunt.ask(&asked) {
        Ok(ready) => Some(ready),
        Err(error) => {
            let problem = Shown::with_limit(&error.to_string(), 400).into_string();
            state.hunts.outcomes.insert(hunt.id().to_owned(), Outcome::Failed(problem.clone()));
            state.notify(NoticeKind::Error, problem);
            None
        }
    }
}

fn warn_of_missing(state: &mut State, ready: &Ready) {
    if !ready.missing.is_empty() {
        let missing = ready.missing.join(", ");
        let text = format!(
            "[organisation] in the configuration does not say: {missing}; the hunt may find nothing for that reason"
        );
        state.notify(NoticeKind::Warning, text);
    }
}
