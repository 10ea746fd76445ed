//! Keys in, state out.

use ratatui::layout::Size;

use super::*;
use crate::base::time::{HOUR, Ticks};
use crate::console::keymap::Keymap;
use crate::console::state::line::tests::line;
use crate::console::state::record::Record;

fn state() -> State {
    let now = line(100).time.unwrap();
    let mut state = State::new(Size::new(80, 24), now, Keymap::default());
    update(&mut state, Message::Backlog((1..=100).map(line).collect()));
    state
}

fn press(state: &mut State, keys: &str) -> Vec<Effect> {
    keys.split(' ').flat_map(|key| update(state, Message::Key(key.parse().unwrap()))).collect()
}

/// What of the state a row of a table looks at.
fn told(state: &State) -> String {
    let crumbs: Vec<_> = state.nav.crumbs().iter().map(View::title).collect();
    let layer = match &state.layer {
        None => "",
        Some(Layer::Filter { .. }) => " +filter",
        Some(Layer::Rename { .. }) => " +rename",
        Some(Layer::Palette { .. }) => " +palette",
        Some(Layer::Help { .. }) => " +help",
    };
    let follow = if state.tail.follows() { "follows" } else { "stays" };
    format!("{} [{}] {follow}{layer}", crumbs.join(" > "), state.nav.pane().title())
}

#[test]
fn keys_lead_through_the_views() {
    for (keys, want) in [
        ("1", "Tail [live tail] follows"),
        ("5", "Feeds [feeds] follows"),
        ("2 -", "Tail [live tail] follows"),
        ("tab", "Tail [timeline] follows"),
        ("tab tab", "Tail [live tail] follows"),
        ("up", "Tail [live tail] stays"),
        ("space", "Tail [live tail] stays"),
        ("space space", "Tail [live tail] follows"),
        ("k k j j j", "Tail [live tail] follows"),
        ("g G", "Tail [live tail] follows"),
        ("up enter", "Tail > Event 99 [event] stays"),
        ("enter", "Tail > Event 100 [event] stays"),
        ("enter esc", "Tail [live tail] stays"),
        ("enter p p n", "Tail > Event 99 [event] stays"),
        ("enter 5 1", "Tail > Event 100 [event] stays"),
        ("enter [", "Tail [live tail] stays"),
        ("enter [ ]", "Tail > Event 100 [event] stays"),
        ("?", "Tail [live tail] follows +help"),
        ("? esc", "Tail [live tail] follows"),
        (": esc", "Tail [live tail] follows"),
        ("/ q", "Tail [live tail] follows +filter"),
        ("/ q enter", "Tail [live tail] follows"),
        ("esc", "Tail [live tail] follows"),
        ("tab t", "Tail [live tail] follows"),
    ] {
        let mut state = state();
        press(&mut state, keys);
        assert_eq!(told(&state), want, "{keys}");
    }
}

#[test]
fn a_filter_works_while_it_is_typed_and_is_dropped_by_escape() {
    let mut state = state();
    press(&mut state, "/ c o u n t r y : d e");
    assert_eq!(state.tail.list().len(), 25);
    press(&mut state, "esc");
    assert_eq!(state.tail.list().len(), 100);
    press(&mut state, "/ r e v e a l enter");
    assert_eq!((state.tail.filter().text(), state.tail.list().len()), ("reveal", 25));
    press(&mut state, "/ x esc");
    assert_eq!(state.tail.filter().text(), "reveal");
    press(&mut state, "x");
    assert_eq!(state.tail.list().len(), 100);
}

#[test]
fn the_user_of_an_event_becomes_the_filter() {
    let mut state = state();
    press(&mut state, "up =");
    assert_eq!(state.tail.filter().text(), "user:\"person14@example.com\"");
    assert!(state.tail.rows(20).all(|(line, _)| &*line.who == "person14@example.com"));
}

#[test]
fn a_let_gets_another_name_wherever_it_is_meant() {
    let mut state = state();
    press(&mut state, "3");
    state.nav.focus_on(Context::Editor);
    state.query.editor.set("let old = 5; print old + 1");
    state.query.editor.jump(20);
    press(&mut state, "f2 n e w enter");
    assert_eq!(state.query.editor.text(), "let new = 5; print new + 1");
    press(&mut state, "ctrl-z ctrl-z");
    assert_eq!(state.query.editor.text(), "let old = 5; print old + 1");
    // Where nothing can be renamed it is said, and no name is asked for.
    state.query.editor.jump(11);
    press(&mut state, "f2");
    assert!(state.layer.is_none() && state.notice.is_some());
}

#[test]
fn events_are_taken_in_while_the_view_is_paused() {
    let mut state = state();
    press(&mut state, "space");
    update(&mut state, Message::Fresh((101..=130).map(line).collect()));
    assert_eq!((state.tail.fresh(), state.tail.list().held()), (30, 130));
    assert_eq!(state.timeline.total(), 30);
    assert_eq!(state.tail.selected().unwrap().seq, 100);
    update(&mut state, Message::Skipped(369));
    update(&mut state, Message::Skipped(1));
    assert_eq!(state.tail.skipped, 370);
}

#[test]
fn a_range_of_the_timeline_is_read_from_the_store() {
    let mut state = state();
    let now = state.now;
    let hour = now.0.div_euclid(HOUR) * HOUR;
    let effects = press(&mut state, "tab left v left v");
    let (from, to) = (Ticks(hour - 2 * HOUR), Ticks(hour));
    assert_eq!(effects, [Effect::LoadRange { from, to }]);
    assert!(state.tail.range().unwrap().loading);
    update(&mut state, Message::RangeRows { from, to, lines: vec![line(3), line(4)], cut: false });
    assert_eq!(state.tail.list().len(), 2);
    press(&mut state, "esc");
    assert!(state.tail.range().is_none() && state.timeline.range().is_none());
    assert_eq!(told(&state), "Tail [timeline] follows");
    // Enter takes the bin under the cursor and goes to its events.
    let effects = press(&mut state, "enter");
    assert_eq!(effects, [Effect::LoadRange { from: Ticks(hour - 2 * HOUR), to: Ticks(hour - HOUR) }]);
    assert_eq!(state.nav.pane(), Context::Tail);
}

#[test]
fn short_bins_are_read_when_they_are_needed() {
    let mut state = state();
    let effects = press(&mut state, "tab z");
    assert!(matches!(effects[..], [Effect::LoadMinutes { .. }]), "{effects:?}");
}

#[test]
fn an_event_is_loaded_when_it_is_opened_and_only_the_one_waited_for_is_shown() {
    let mut state = state();
    assert_eq!(press(&mut state, "enter"), [Effect::LoadEvent(100)]);
    update(&mut state, Message::Event(Box::new(Record::new(7, Vec::new(), b"{}"))));
    assert!(state.record.loading);
    update(&mut state, Message::Event(Box::new(Record::new(100, Vec::new(), b"{\"a\":1}"))));
    assert_eq!(state.record.rows().len(), 3);
    press(&mut state, "r");
    assert_eq!(state.record.rows().len(), 1);
    assert_eq!(press(&mut state, "y"), [Effect::Copy("{\"a\":1}".to_owned())]);
    assert_eq!(press(&mut state, "p"), [Effect::LoadEvent(99)]);
}

#[test]
fn a_paste_is_text_and_runs_nothing() {
    let mut state = state();
    assert!(update(&mut state, Message::Paste("q\n:quit\n".into())).is_empty());
    assert_eq!(told(&state), "Tail [live tail] follows");
    press(&mut state, "/");
    assert!(update(&mut state, Message::Paste("alice\nbob\u{1b}".into())).is_empty());
    let Some(Layer::Filter { input, .. }) = &state.layer else { panic!("the prompt stays open") };
    assert!(input.text().starts_with("alice bob") && !input.text().contains('\u{1b}'));
}

#[test]
fn the_palette_does_what_it_finds_and_says_why_it_cannot() {
    let mut state = state();
    press(&mut state, ": f e e d s enter");
    assert_eq!(told(&state), "Feeds [feeds] follows");
    press(&mut state, ": z o o m enter");
    assert_eq!(state.notice.as_ref().unwrap().text, "zoom in: works in timeline");
    assert!(state.layer.is_some(), "it stays open for another choice");
    press(&mut state, "esc 1 : z o o m enter");
    assert_eq!(told(&state), "Tail [timeline] follows", "another pane of the same view gets the focus");
    press(&mut state, "L");
    assert_eq!(state.notice.as_ref().unwrap().text, "live: another process polls, or none does");
}

#[test]
fn the_program_ends_on_request_and_by_signal() {
    for keys in ["q", "5 q", "ctrl-c", "/ ctrl-c", "? ctrl-c", "enter ctrl-c"] {
        let effects = press(&mut state(), keys);
        assert_eq!(effects.last(), Some(&Effect::Quit), "{keys}");
    }
    assert_eq!(update(&mut state(), Message::Terminate), [Effect::Quit]);
    assert_eq!(press(&mut state(), "ctrl-z"), [Effect::Suspend]);
}

#[test]
fn no_sequence_of_keys_and_messages_ends_in_a_panic() {
    let keys: Vec<String> = super::super::action::REGISTRY
        .iter()
        .flat_map(|spec| spec.keys.iter().map(|key| (*key).to_owned()))
        .filter(|key| key != "ctrl-c")
        .collect();
    for seed in 0..5 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut state = state();
        for n in 0..300 {
            let message = match random.u8(..12) {
                0 => Message::Fresh((n..n + random.i64(1..40)).map(line).collect()),
                1 => Message::Resize(Size::new(random.u16(1..220), random.u16(1..70))),
                2 => Message::RangeRows { from: Ticks(0), to: Ticks(1), lines: vec![line(n)], cut: random.bool() },
                3 => Message::Paste("x y\nz".to_owned()),
                4 => Message::Event(Box::new(Record::new(random.i64(..200), Vec::new(), b"{\"a\":[1]}"))),
                _ => Message::Key(random.choice(&keys).unwrap().parse().unwrap()),
            };
            state.now = Ticks(state.now.0 + random.i64(0..HOUR));
            update(&mut state, message);
        }
    }
}
