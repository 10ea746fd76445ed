//! Screens as people see them, at three sizes.

use std::fmt::Write as _;
use std::sync::Arc;

use ratatui::layout::Size;

use super::*;
use crate::base::time::{HOUR, SECOND, Span, Ticks};
use crate::collect::budget::Used;
use crate::collect::health::{FeedHealth, FeedState, Health};
use crate::collect::poller::Pace;
use crate::console::action::{Action, Context};
use crate::console::keymap::Keymap;
use crate::console::message::{Effect, Message};
use crate::console::state::health::StoreHealth;
use crate::console::state::hunts::Outcome as HuntOutcome;
use crate::console::state::line::tests::line;
use crate::console::state::line::{Line, Outcome};
use crate::console::state::nav::Nav;
use crate::console::state::record::Record;
use crate::console::state::table::tests::answer_of;
use crate::console::terminal::frame::Frames;
use crate::console::theme::Depth;
use crate::console::update::update;
use crate::event::Feed;
use crate::hunt::Pack;
use crate::kql::{Diagnostic, TextRange};

const SIZES: [Size; 3] = [Size::new(80, 24), Size::new(120, 40), Size::new(200, 60)];

fn theme(name: &str, depth: Depth, ascii: bool) -> Theme {
    Theme::load(name, None, depth, ascii).unwrap()
}

fn dark() -> Theme {
    theme("dark", Depth::Indexed256, false)
}

/// A console some minutes into a demo.
fn state(size: Size) -> State {
    let now = line(260).time.unwrap();
    let mut state = State::new(size, now, Keymap::default());
    state.demo = true;
    let hour = |i: i64| Ticks(now.0.div_euclid(HOUR) * HOUR - i * HOUR);
    let mut bins = Vec::new();
    for i in 0..200 {
        let n = [0, 3, 8, 14, 9, 4, 0, 1][i as usize % 8] + (i as u32 % 5);
        bins.push((hour(i), Feed::SignInAttempts, Outcome::Success, n));
        bins.push((hour(i), Feed::SignInAttempts, Outcome::Failure, n / 4));
        bins.push((hour(i), Feed::ItemUsages, Outcome::Success, n * 2));
        bins.push((hour(i), Feed::AuditEvents, Outcome::Unknown, n / 3));
    }
    update(&mut state, Message::Hours(bins));
    update(&mut state, Message::Backlog((1..=240).map(line).collect()));
    update(&mut state, Message::Fresh((241..=260).map(line).collect()));
    update(&mut state, Message::Health { account: 0, health: Box::new(health(now)) });
    let feeds = Feed::ALL.map(|feed| (feed, 12_345, Some(now))).to_vec();
    update(&mut state, Message::Stored(Box::new(StoreHealth { feeds, quarantined: 2, ..StoreHealth::default() })));
    state
}

fn health(now: Ticks) -> Health {
    let states = [
        FeedState::Idle { until: Ticks(now.0 + 10 * SECOND) },
        FeedState::BackFilling { from: Ticks(now.0 - 100 * HOUR), to: now, at: Some(Ticks(now.0 - 58 * HOUR)) },
        FeedState::BackingOff { until: Ticks(now.0 + HOUR) },
    ];
    let feeds = Feed::ALL.into_iter().zip(states).map(|(feed, state)| FeedHealth {
        state,
        last_page: Some(now),
        newest_event: Some(Ticks(now.0 - HOUR)),
        lag: Some(Span(90 * SECOND)),
        pages: 130,
        ..FeedHealth::new(feed)
    });
    let mut health = Health {
        account: "acme".to_owned(),
        place: "events.1password.com".to_owned(),
        stored_as: Some("ACCOUNT".to_owned()),
        pace: Pace::Live,
        feeds: feeds.collect(),
        used: Used { minute: 18, minute_limit: 300, hour: 1_022, hour_limit: 15_000 },
        ..Health::default()
    };
    health.feeds[2].errors = 3;
    health.feeds[2].last_error = Some("429: too many requests".into());
    health
}

fn press(state: &mut State, keys: &[&str]) {
    for key in keys {
        update(state, Message::Key(key.parse().unwrap()));
    }
}

fn paint(state: &State, theme: &Theme) -> Buffer {
    let mut buf = Buffer::empty(ratatui::layout::Rect::new(0, 0, state.size.width, state.size.height));
    draw(state, theme, &mut buf);
    buf
}

/// The text of the screen, rows without the blanks at their ends.
fn text(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width);
    let rows = buf.content.chunks(width).map(|row| {
        let mut text = String::new();
        let mut skip = 0;
        for cell in row {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            text.push_str(cell.symbol());
            skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
        }
        text.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// The looks of the screen: a letter for every style that stands there, explained below.
fn looks(buf: &Buffer) -> String {
    let mut known: Vec<(ratatui::style::Style, bool)> = Vec::new();
    let mut out = String::new();
    for row in buf.content.chunks(usize::from(buf.area.width)) {
        let mut line = String::new();
        for cell in row {
            let blank = cell.symbol() == " ";
            let mut style = cell.style();
            if blank {
                style.fg = None;
            }
            let at = known.iter().position(|known| *known == (style, blank)).unwrap_or_else(|| {
                known.push((style, blank));
                known.len() - 1
            });
            line.push(if blank && style.bg == Some(ratatui::style::Color::Reset) && style.add_modifier.is_empty() {
                ' '
            } else {
                char::from(b'A' + (at % 58) as u8)
            });
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    for (at, (style, _)) in known.iter().enumerate() {
        _ = writeln!(
            out,
            "{} {:?} on {:?} {:?}",
            char::from(b'A' + (at % 58) as u8),
            style.fg,
            style.bg,
            style.add_modifier
        );
    }
    out
}

#[test]
fn tail_and_timeline() {
    for size in SIZES {
        let screen = paint(&state(size), &dark());
        insta::assert_snapshot!(format!("tail-{}x{}", size.width, size.height), text(&screen));
    }
}

#[test]
fn tail_and_timeline_in_their_styles() {
    let mut state = state(SIZES[0]);
    press(&mut state, &["up", "up"]);
    insta::assert_snapshot!("tail-looks", looks(&paint(&state, &dark())));
}

#[test]
fn a_paused_tail_with_a_filter_says_so() {
    let mut state = state(SIZES[1]);
    press(&mut state, &["/", "r", "e", "v", "e", "a", "l", "enter", "up", "up", "up"]);
    update(&mut state, Message::Fresh((261..=300).map(line).collect()));
    insta::assert_snapshot!("tail-paused", text(&paint(&state, &dark())));
}

#[test]
fn the_timeline_with_a_range_in_ascii_without_colour() {
    let mut state = state(SIZES[0]);
    press(&mut state, &["tab", "left", "left", "v", "left", "left", "left", "o"]);
    let screen = paint(&state, &theme("mono", Depth::Mono, true));
    let all = text(&screen);
    assert!(all.is_ascii(), "{all}");
    insta::assert_snapshot!("timeline-ascii", all);
}

#[test]
fn an_open_event() {
    let mut state = state(SIZES[0]);
    press(&mut state, &["up", "enter"]);
    let facts = vec![("arrived", "2026-03-02T09:30:00.0000000Z".into()), ("source", "live".into())];
    let raw =
        br#"{"uuid":"A","timestamp":"2026-03-02T09:29:00Z","client":{"ip_address":"203.0.113.7","n":1},"ok":true}"#;
    update(&mut state, Message::Event(Box::new(Record::new(259, facts, raw))));
    insta::assert_snapshot!("record", text(&paint(&state, &dark())));
}

#[test]
fn health_of_the_feeds() {
    for size in [SIZES[0], SIZES[1]] {
        let mut state = state(size);
        press(&mut state, &["5"]);
        insta::assert_snapshot!(format!("health-{}x{}", size.width, size.height), text(&paint(&state, &dark())));
    }
}

#[test]
fn what_went_wrong_with_a_feed_is_read_whole_in_little_room() {
    let mut state = state(SIZES[0]);
    let mut ill = health(state.now);
    let error = "the token is not accepted (expired): it may be revoked, expired or of another account; issue a new one and store it where the configuration points";
    ill.feeds[2].last_error = Some(error.into());
    update(&mut state, Message::Health { account: 0, health: Box::new(ill) });
    press(&mut state, &["5"]);
    let screen = text(&paint(&state, &dark()));
    let words: Vec<&str> = screen.split_whitespace().collect();
    assert!(words.join(" ").contains(error), "{screen}");
}

#[test]
fn help_palette_and_first_run() {
    let mut state = state(SIZES[1]);
    press(&mut state, &["?"]);
    insta::assert_snapshot!("help", text(&paint(&state, &dark())));
    press(&mut state, &["esc", ":", "z", "o", "o", "m"]);
    insta::assert_snapshot!("palette", text(&paint(&state, &dark())));
    press(&mut state, &["esc"]);
    state.nav = Nav::first_run();
    insta::assert_snapshot!("first-run", text(&paint(&state, &dark())));
}

#[test]
fn a_screen_that_is_too_small_says_what_it_needs_and_works_again_after() {
    let mut state = state(SIZES[0]);
    update(&mut state, Message::Resize(Size::new(60, 20)));
    let small = text(&paint(&state, &dark()));
    assert!(small.contains("needs 80x24, this is 60x20"), "{small}");
    update(&mut state, Message::Resize(Size::new(20, 5)));
    let tiny = text(&paint(&state, &dark()));
    assert!(tiny.contains("needs 80x24\n") || tiny.contains("needs 80x24 "), "{tiny}");
    assert!(tiny.contains("this is 20x5") && tiny.contains("q quits"), "{tiny}");
    for (width, height) in [(1, 1), (20, 5), (5, 1), (300, 3), (80, 23)] {
        update(&mut state, Message::Resize(Size::new(width, height)));
        paint(&state, &dark());
    }
    update(&mut state, Message::Resize(SIZES[0]));
    assert!(text(&paint(&state, &dark())).contains("Live tail"));
}

#[test]
fn every_view_and_layer_draws_in_every_theme() {
    let sizes = [(80, 24), (81, 25), (140, 34), (201, 51)];
    for ((name, _), (width, height)) in crate::console::theme::BUILT_IN.into_iter().zip(sizes) {
        for ascii in [false, true] {
            let theme = theme(name, Depth::True, ascii);
            for keys in [&["1"][..], &["2"], &["3"], &["4"], &["5"], &["?"], &[":"], &["/"], &["tab"], &["enter"]] {
                let mut state = state(Size::new(width, height));
                press(&mut state, keys);
                paint(&state, &theme);
            }
        }
    }
}

/// An event whose every text tries something.
fn hostile(seq: i64) -> Line {
    let shown = |text: &str| crate::base::shown::Shown::new(text).into_string().into_boxed_str();
    let mut line = line(seq);
    line.who = shown("\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{9b}31m\r\nroot\u{202e}moc.elpmaxe");
    line.action = shown(&format!("z{}", "\u{301}".repeat(10_000)));
    line.target = shown("\u{e0041}\u{200b}\u{feff}日本語日本語日本語日本語日本語日本語");
    line.country = shown("\u{2066}\u{115f}");
    line.altered = true;
    line.indexed()
}

#[test]
fn what_keeps_events_from_being_stored_is_said_in_every_view_from_the_next_frame_on_until_it_is_mended() {
    let mut state = state(SIZES[0]);
    let mut ill = health(state.now);
    ill.feeds[1].not_stored = Some("the disk is full (commit a page)".into());
    for (told, is_said) in [(ill, true), (health(state.now), false)] {
        update(&mut state, Message::Health { account: 0, health: Box::new(told) });
        for view in [Action::ViewTail, Action::ViewHunts, Action::ViewHealth] {
            let key = state.keymap.keys(view)[0];
            update(&mut state, Message::Key(key));
            let screen = paint(&state, &dark());
            let last = screen.area.height - 1;
            let row: String = (0..screen.area.width).map(|x| screen[(x, last)].symbol()).collect();
            assert_eq!(row.contains("NOT STORED: the disk is full"), is_said, "{row}");
            assert!(!is_said || screen[(1, last)].style().fg == dark().error.fg, "{row}");
        }
    }
}

#[test]
fn hostile_text_never_reaches_the_cells() {
    for size in SIZES {
        let mut state = state(size);
        let lines = (300..340).map(hostile).collect();
        update(&mut state, Message::Fresh(lines));
        update(&mut state, Message::Notice(crate::console::state::NoticeKind::Error, "fine".into()));
        let screen = paint(&state, &dark());
        for cell in &screen.content {
            let hidden = |c: char| {
                c.is_control()
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
            };
            assert!(!cell.symbol().chars().any(hidden), "{:?}", cell.symbol());
            assert!(cell.symbol().len() <= 32, "{} bytes in a cell", cell.symbol().len());
        }
    }
}

/// The bytes of one more row at the end of the tail, 200x60, the mean of many.
fn bytes_of_one_row(theme: &Theme, size: Size) -> usize {
    let mut state = state(size);
    let mut frames = Frames::new(size);
    let mut sink = Vec::new();
    frames.draw(&mut sink, |buf| draw(&state, theme, buf)).unwrap();
    let rows = 10;
    let mut bytes = 0;
    for n in 0..rows {
        state.now = line(261 + n).time.unwrap();
        update(&mut state, Message::Fresh(vec![line(261 + n)]));
        bytes += frames.draw(&mut sink, |buf| draw(&state, theme, buf)).unwrap();
    }
    bytes / rows as usize
}

#[test]
fn one_new_row_of_the_tail_takes_at_most_600_bytes() {
    for name in ["dark", "mono"] {
        let bytes = bytes_of_one_row(&theme(name, Depth::Indexed256, false), SIZES[2]);
        assert!(bytes <= 600, "{name}: {bytes} bytes");
    }
    let small = bytes_of_one_row(&dark(), SIZES[0]);
    assert!(small <= 400, "{small} bytes at 80x24");
}

#[test]
fn a_frame_without_a_change_takes_no_byte() {
    let mut state = state(SIZES[2]);
    let mut frames = Frames::new(SIZES[2]);
    frames.draw(&mut Vec::new(), |buf| draw(&state, &dark(), buf)).unwrap();
    update(&mut state, Message::Do(Action::Redraw));
    state.now = Ticks(state.now.0 + 1);
    assert_eq!(frames.draw(&mut Vec::new(), |buf| draw(&state, &dark(), buf)).unwrap(), 0);
}

#[test]
fn hunts_and_what_they_say_of_themselves() {
    let mut state = state(SIZES[0]);
    state.hunts.pack = Pack::built_in();
    press(&mut state, &["2"]);
    let found = HuntOutcome::Found { rows: 3, at: Ticks(state.now.0 - 90 * SECOND) };
    let first = state.hunts.selected().unwrap().id().to_owned();
    update(&mut state, Message::Hunted { hunt: first, outcome: found });
    insta::assert_snapshot!("hunts", text(&paint(&state, &dark())));
}

#[test]
fn a_query_with_its_answer_and_with_a_mistake() {
    let mut state = state(SIZES[1]);
    press(&mut state, &["3", "f5"]);
    let answer = answer_of(
        "user_email",
        "events",
        &[("alice@example.com", Some(41)), ("bob\u{202e}@example.com", None), ("carol@example.com", Some(7))],
    );
    update(&mut state, Message::Answer { id: 1, result: Ok(Arc::new(answer)) });
    insta::assert_snapshot!("query-answered", text(&paint(&state, &dark())));
    press(&mut state, &["x"]);
    let version = state.query.editor.version;
    let found = vec![
        Diagnostic::error("KQL113", TextRange::new(0, 18), "no table is called `xOnePasswordEvents`")
            .with_help("did you mean `OnePasswordEvents`?"),
    ];
    update(&mut state, Message::Checked { version, diagnostics: found });
    insta::assert_snapshot!("query-mistake", text(&paint(&state, &dark())));
}

#[test]
fn the_form_of_a_call_is_shown_while_it_is_written() {
    let mut state = state(SIZES[0]);
    press(&mut state, &["3"]);
    state.nav.focus_on(Context::Editor);
    state.query.editor.set("print strcat(");
    state.query.editor.jump(13);
    let version = state.query.editor.version;
    let open = Diagnostic::error("KQL004", TextRange::new(12, 13), "this `(` is not closed");
    update(&mut state, Message::Checked { version, diagnostics: vec![open] });
    let screen = text(&paint(&state, &dark()));
    let form = crate::kql::functions::scalar("strcat").unwrap().signature();
    assert!(screen.contains(&form) && !screen.contains("is not closed"), "{screen}");
}

#[test]
fn a_page_about_everything() {
    for size in [SIZES[0], SIZES[1]] {
        let mut state = state(size);
        let effects = update(&mut state, Message::Key("4".parse().unwrap()));
        let Some(Effect::AskPage(question)) = effects.into_iter().next() else { panic!("the page asks") };
        let entries =
            [("alice@example.com", Some(1_200)), ("bob@example.com", Some(30)), ("carol@example.com", Some(7))];
        let mut all = answer_of("", "events", &[("", Some(1_237))]);
        all.tables.extend(answer_of("timestamp", "events", &[]).tables);
        for list in &question.lists {
            all.tables.extend(answer_of(list.column, "events", &entries).tables);
        }
        update(&mut state, Message::Page { question, result: Ok(Arc::new(all)) });
        press(&mut state, &["right", "down"]);
        insta::assert_snapshot!(format!("entities-{}x{}", size.width, size.height), text(&paint(&state, &dark())));
    }
}

#[test]
fn several_accounts_are_shown_apart_each_with_its_calls_in_whatever_room_there_is() {
    let names = ["labs", "bridge", "north", "east", "south"];
    for (size, others) in [(SIZES[0], 2), (SIZES[1], 2), (SIZES[0], 5)] {
        let mut state = state(size);
        for (n, name) in names.into_iter().enumerate().take(others) {
            let mut other = health(state.now);
            other.account = name.into();
            other.place = format!("{name}.example.test");
            other.used.minute = 7 + n as u32;
            other.feeds.truncate(if name == "bridge" { 1 } else { 3 });
            update(&mut state, Message::Health { account: n + 1, health: Box::new(other) });
        }
        press(&mut state, &["5"]);
        let screen = text(&paint(&state, &dark()));
        let calls = [18, 7, 8, 9, 10, 11];
        for (name, minute) in ["acme"].into_iter().chain(names.into_iter().take(others)).zip(calls) {
            // Beside its name, or as bars under it where there is room.
            let beside = screen.lines().any(|line| line.contains(name) && line.contains(&format!("calls {minute}")));
            let under = screen.contains(&format!("{name}  at")) && screen.contains(&format!("  {minute} of 300"));
            assert!(beside || under, "{name} at {size}:\n{screen}");
        }
        insta::assert_snapshot!(format!("health-{}-accounts-{}x{}", others + 1, size.width, size.height), screen);
    }
}
