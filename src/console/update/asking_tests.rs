//! Asking: the editor, its results, hunts and pages, as keys in and effects out.

use std::sync::Arc;

use ratatui::layout::Size;

use super::*;
use crate::base::time::Ticks;
use crate::console::keymap::Keymap;
use crate::console::state::line::tests::line;
use crate::console::state::table::tests::answer;
use crate::engine::{Answer, QueryError};
use crate::hunt::Pack;
use crate::kql::{Diagnostic, TextRange};

fn state() -> State {
    let mut state = State::new(Size::new(120, 40), line(100).time.unwrap(), Keymap::default());
    state.hunts.pack = Pack::built_in();
    update(&mut state, Message::Backlog((1..=100).map(line).collect()));
    state
}

fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    keys.split(' ').flat_map(|key| update(state, Message::Key(key.parse().unwrap()))).collect()
}

/// Runs what stands in the editor and answers it.
fn run(state: &mut State, result: Result<Answer, QueryError>) -> Vec<Effect> {
    let effects = press(state, "3 f5");
    let id = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Run { id, .. } => Some(*id),
            _ => None,
        })
        .unwrap();
    update(state, Message::Answer { id, result: result.map(Arc::new).map_err(Arc::new) })
}

fn two_users() -> Answer {
    answer("user_email", &[("alice@example.com", Some(3)), ("bob@example.com", None)])
}

#[test]
fn the_first_query_runs_as_it_stands() {
    let mut state = state();
    let effects = press(&mut state, "3 f5");
    assert!(
        matches!(&effects[..], [.., Effect::Run { id: 1, text, .. }] if text.starts_with("OnePasswordEvents")),
        "{effects:?}"
    );
    assert!(state.query.running.is_some());
    let effects = press(&mut state, "esc");
    assert_eq!(effects, [Effect::CancelAll]);
    assert!(state.query.running.as_ref().unwrap().stopping);
}

#[test]
fn letters_are_text_in_the_editor_and_each_change_is_checked() {
    let mut state = state();
    press(&mut state, "3");
    let effects = press(&mut state, "q");
    assert!(state.query.editor.text().starts_with('q'));
    assert!(matches!(effects[..], [Effect::Check { .. }]));
    let version = state.query.editor.version;
    let found = vec![Diagnostic::error("KQL113", TextRange::new(0, 1), "no table is called `q`")];
    update(&mut state, Message::Checked { version: version - 1, diagnostics: Vec::new() });
    update(&mut state, Message::Checked { version, diagnostics: found.clone() });
    assert_eq!(state.query.editor.diagnostics, found);
    press(&mut state, "ctrl-z");
    assert!(state.query.editor.text().starts_with("OnePasswordEvents"), "undo takes it back");
}

#[test]
fn an_answer_of_an_older_run_is_not_wanted() {
    let mut state = state();
    press(&mut state, "3 f5 f5");
    update(&mut state, Message::Answer { id: 1, result: Ok(Arc::new(two_users())) });
    assert!(state.query.tables.is_empty() && state.query.running.is_some());
    update(&mut state, Message::Answer { id: 2, result: Ok(Arc::new(two_users())) });
    assert_eq!(state.query.table().unwrap().rows(), 2);
}

#[test]
fn a_mistake_that_the_run_finds_takes_the_cursor_there() {
    let mut state = state();
    let wrong = Diagnostic::error("KQL111", TextRange::new(20, 25), "no column is called `x`");
    run(&mut state, Err(QueryError::Invalid(vec![wrong])));
    assert_eq!(state.query.editor.offset(), 20);
    assert_eq!(state.query.problem.as_deref(), Some("no column is called `x`"));
}

#[test]
fn a_cell_becomes_a_predicate_of_the_next_question() {
    for (keys, want) in [
        ("tab =", "| where user_email == \"alice@example.com\""),
        ("tab !", "| where user_email != \"alice@example.com\""),
        ("tab right =", "| where n == 3"),
        ("tab right down !", "| where isnotnull(n)"),
    ] {
        let mut state = state();
        run(&mut state, Ok(two_users()));
        let effects = press(&mut state, keys);
        let text = effects.iter().find_map(|effect| match effect {
            Effect::Run { text, .. } => Some(text.clone()),
            _ => None,
        });
        assert!(text.as_ref().is_some_and(|text| text.ends_with(want)), "{keys}: {text:?} {:?}", state.notice);
    }
}

#[test]
fn a_value_of_an_event_stays_a_value_in_the_next_question() {
    let mut state = state();
    run(&mut state, Ok(answer("user_email", &[("x\" or true // \\\n| take 1", Some(1))])));
    press(&mut state, "tab =");
    let parsed = crate::kql::parser::parse(state.query.editor.text());
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.query.statements.len(), 1);
    assert!(state.query.editor.text().trim_end().lines().last().unwrap().starts_with("| where user_email == \""));
}

#[test]
fn enter_opens_a_row_and_d_what_it_names() {
    let mut state = state();
    run(&mut state, Ok(two_users()));
    press(&mut state, "tab down enter");
    assert_eq!(*state.nav.view(), View::Row(1));
    assert!(state.record.text.contains("bob@example.com") && state.record.text.contains("\"n\":null"));
    press(&mut state, "p");
    assert_eq!(*state.nav.view(), View::Row(0));
    let effects = press(&mut state, "esc d");
    assert!(matches!(&effects[..], [.., Effect::AskPage(question)] if question.text.contains("\"alice@example.com\"")));
    press(&mut state, "esc");
    assert_eq!((state.nav.view(), state.nav.pane()), (&View::Query, Context::Results));
}

#[test]
fn the_user_of_an_event_is_one_key_away() {
    let mut state = state();
    let effects = press(&mut state, "u");
    assert!(matches!(&effects[..], [Effect::AskPage(_)]), "{effects:?}");
    assert!(matches!(state.nav.view(), View::Entity(_)));
    assert_eq!(press(&mut state, "esc u"), [], "the page is still there");
    press(&mut state, "esc v");
    assert_eq!(state.notice.as_ref().unwrap().text, "what is selected names no vault");
}

#[test]
fn a_hunt_is_asked_with_its_text_in_the_editor() {
    let mut state = state();
    let effects = press(&mut state, "2 down enter");
    let hunt = state.hunts.selected().unwrap().clone();
    assert!(matches!(&effects[..], [.., Effect::Run { text, .. }] if text == state.query.editor.text()));
    assert_eq!(state.query.hunt.as_deref(), Some(hunt.about.name.as_str()));
    assert_eq!(state.nav.pane(), Context::Results);
    update(&mut state, Message::Answer { id: 1, result: Ok(Arc::new(two_users())) });
    assert!(matches!(state.hunts.outcomes.get(hunt.id()), Some(HuntOutcome::Found { rows: 2, .. })));
}

#[test]
fn all_hunts_run_at_one_key() {
    let mut state = state();
    let effects = press(&mut state, "2 A");
    let Some(Effect::RunHunts(hunts)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((hunts.len(), state.hunts.running()), (state.hunts.len(), state.hunts.len()));
    update(
        &mut state,
        Message::Hunted { hunt: hunts[0].0.clone(), outcome: HuntOutcome::Found { rows: 0, at: Ticks(0) } },
    );
    assert_eq!(state.hunts.running(), state.hunts.len() - 1);
}

#[test]
fn a_paste_into_the_editor_runs_nothing() {
    let mut state = state();
    press(&mut state, "3");
    let effects = update(&mut state, Message::Paste("print 1\n\u{1b}[200~f5\n".to_owned()));
    assert!(effects.iter().all(|effect| matches!(effect, Effect::Check { .. })), "{effects:?}");
    assert!(state.query.running.is_none());
}
