//! Collecting from a scripted source into a real store.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::*;
use crate::base::time::HOUR;
use crate::collect::source::{Asked, Fetched, Position};
use crate::store::{Cursor, GapRecord, Writer};

mod again;
mod clock;
mod house;
mod losses;
mod rotation;
mod storms;

use house::*;

const NOW: Ticks = Ticks(739_000 * DAY);
const AUDIT: Feed = Feed::AuditEvents;

#[tokio::test]
async fn first_contact_reads_120_days_back_to_the_tail() {
    let house = House::new();
    let script = Script::of([page(&["a", "b"], "one", true), page(&["c"], "two", true), page(&["d"], "three", false)]);
    let health = house.pass(Arc::clone(&script)).await;
    let start = Position::Since(NOW - Span(120 * DAY));
    assert_eq!(script.asked(), [start, cursor("one"), cursor("two")]);
    assert_eq!((health.taken.stored, health.pages), (4, 3));
    assert_eq!(health.newest_event, Some(NOW - Span(HOUR)));
    assert_eq!(health.lag, Some(Span(HOUR)));
    let batches = house.reader().batches(10).unwrap();
    assert!(batches.iter().all(|batch| batch.source == Source::Backfill), "{batches:?}");
    let saved = house.saved();
    assert_eq!((saved.cursor, saved.reading), (Some(Cursor::new("three")), Source::Live));
}

#[tokio::test]
async fn a_restart_reads_on_from_the_saved_cursor_and_calls_it_live() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    let script = Script::of([page(&["b"], "two", false)]);
    house.pass(Arc::clone(&script)).await;
    assert_eq!(script.asked(), [cursor("one")]);
    assert_eq!(house.reader().batches(1).unwrap()[0].source, Source::Live);
}

#[tokio::test]
async fn a_back_fill_that_was_broken_off_goes_on_as_one() {
    let house = House::new();
    let script = Script::of([page(&["a"], "one", true), Err(FetchError::Server { status: 500, said: String::new() })]);
    let collector = house.start(script);
    until(&collector, |h| matches!(state(h), FeedState::BackingOff { .. })).await;
    collector.stop().await;
    let script = Script::of([page(&["b"], "two", false)]);
    house.pass(Arc::clone(&script)).await;
    assert_eq!(script.asked(), [cursor("one")]);
    assert_eq!(house.reader().batches(1).unwrap()[0].source, Source::Backfill);
}

#[tokio::test]
async fn an_empty_page_with_more_to_come_is_not_the_end() {
    let house = House::new();
    let script = Script::of([page(&["a"], "one", true), page(&[], "two", true), page(&["b"], "three", false)]);
    assert_eq!(house.pass(script).await.taken.stored, 2);
}

#[tokio::test]
async fn the_same_cursor_again_is_the_end_whatever_else_the_page_says() {
    let house = House::new();
    let script = Script::of([page(&["a"], "one", true), page(&[], "one", true), page(&["never"], "two", false)]);
    let health = house.pass(Arc::clone(&script)).await;
    assert_eq!((health.pages, health.taken.stored), (2, 1));
}

#[tokio::test]
async fn a_service_without_end_or_events_is_left_alone() {
    let house = House::new();
    let script = Script::of((0..500).map(|n| page(&[], &format!("c{n}"), true)));
    let health = house.pass(Arc::clone(&script)).await;
    assert!(matches!(health.state, FeedState::Idle { .. }), "{:?}", health.state);
    assert!(script.asked().len() < 50);
}

#[tokio::test]
async fn a_page_without_a_cursor_is_kept_and_the_position_with_it() {
    let house = House::new();
    let mut bare = page(&["b"], "x", true).unwrap();
    bare.cursor = None;
    let health = house.pass(Script::of([page(&["a"], "one", true), Ok(bare)])).await;
    assert_eq!(health.taken.stored, 2);
    assert_eq!(house.saved().cursor, Some(Cursor::new("one")));
}

#[tokio::test]
async fn one_bad_item_does_not_hold_up_a_feed() {
    let house = House::new();
    let mut mixed = page(&["a", "b"], "one", false).unwrap();
    mixed.items.insert(1, Bytes::from_static(b"{\"uuid\" oops}"));
    let health = house.pass(Script::of([Ok(mixed)])).await;
    assert_eq!((health.taken.stored, health.taken.quarantined), (2, 1));
    assert_eq!(house.saved().cursor, Some(Cursor::new("one")));
    assert_eq!(house.reader().quarantined(1).unwrap()[0].raw, b"{\"uuid\" oops}");
}

#[tokio::test]
async fn a_failure_does_not_move_the_cursor() {
    let house = House::new();
    let failure = || Err(FetchError::Server { status: 500, said: "later".into() });
    let script = Script::of([page(&["a"], "one", true), failure(), page(&["b"], "two", false)]);
    let collector = house.start(Arc::clone(&script));
    let health = until(&collector, |h| matches!(state(h), FeedState::BackingOff { .. })).await;
    assert!(health.feed(AUDIT).unwrap().last_error.as_ref().unwrap().contains("“later”"));
    collector.poll_now();
    let health = until(&collector, Health::is_settled).await;
    collector.stop().await;
    assert_eq!(script.asked()[1..], [cursor("one"), cursor("one")]);
    let feed = health.feed(AUDIT).unwrap();
    assert_eq!((feed.taken.stored, feed.errors, feed.failures), (2, 1, 0));
    let polls = house.reader().polls(10).unwrap();
    assert!(polls.iter().any(|poll| poll.status == 500 && poll.error.is_some()), "{polls:?}");
}

#[tokio::test]
async fn a_rejected_cursor_is_kept_for_diagnosis_and_the_day_before_is_read_again() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    let script = Script::of([Err(FetchError::BadRequest("Bad Request".into())), page(&["a", "b"], "new", false)]);
    let collector = house.start_at(Arc::clone(&script), NOW + Span(2 * DAY));
    until(&collector, |h| matches!(state(h), FeedState::BackingOff { .. })).await;
    assert_eq!((house.saved().cursor, house.saved().previous), (None, Some(Cursor::new("one"))));
    collector.poll_now();
    let health = until(&collector, Health::is_settled).await;
    collector.stop().await;
    // A day before the newest event, which was an hour before the last contact.
    assert_eq!(script.asked(), [cursor("one"), Position::Since(NOW - Span(HOUR) - Span(DAY))]);
    let taken = health.feed(AUDIT).unwrap().taken;
    assert_eq!((taken.stored, taken.duplicates), (1, 1));
    let gaps = house.reader().gaps(10).unwrap();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].why.contains("Bad Request") && gaps[0].from == Some(NOW), "{gaps:?}");
    assert_eq!(gaps[0].state(), "filled", "{gaps:?}");
    let saved = house.saved();
    assert_eq!((saved.cursor, saved.reading), (Some(Cursor::new("new")), Source::Live));
}

#[tokio::test]
async fn a_feed_outside_the_scope_is_not_asked_for() {
    let house = House::new();
    let identity = Identity { feeds: vec![Feed::ItemUsages], ..owner("A1") };
    let script = Script::of([]).identified_as([Ok(identity)]);
    let health = house.pass(Arc::clone(&script)).await;
    assert!(matches!(health.state, FeedState::NotPermitted { .. }), "{:?}", health.state);
    assert!(script.asked().is_empty());
}

#[tokio::test]
async fn a_token_of_another_account_is_refused() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    let script = Script::of([page(&["x"], "two", false)]).identified_as([Ok(owner("B2"))]);
    let health = house.pass(Arc::clone(&script)).await;
    assert_eq!(health.state, FeedState::Stopped);
    assert!(health.last_error.unwrap().contains("belongs to account B2"));
    assert!(script.asked().is_empty());
    assert_eq!(house.reader().accounts().unwrap(), ["A1"]);
}

#[tokio::test]
async fn a_refused_token_rests_until_somebody_wants_it_tried() {
    let house = House::new();
    let script = Script::of([
        page(&["a"], "one", false),
        Err(FetchError::Unauthorized(String::new())),
        page(&["b"], "two", false),
    ])
    .identified_as([Err(FetchError::Unauthorized("expired".into()))]);
    let collector = house.start(Arc::clone(&script));
    let health = until(&collector, |h| matches!(state(h), FeedState::Unauthorised { .. })).await;
    assert_eq!(*state(&health), FeedState::Unauthorised { until: NOW + Span(5 * crate::base::time::MINUTE) });
    assert!(script.asked().is_empty());
    collector.poll_now();
    until(&collector, |h| matches!(state(h), FeedState::Idle { .. })).await;
    collector.poll_now();
    until(&collector, |h| matches!(state(h), FeedState::Unauthorised { .. })).await;
    // A change of pace is no wish to try a refused token.
    collector.set_pace(Pace::Live);
    tokio::task::yield_now().await;
    assert_eq!(script.asked().len(), 2);
    collector.poll_now();
    until(&collector, |h| h.taken().stored == 2).await;
    collector.stop().await;
}

#[tokio::test]
async fn whoever_is_sent_away_comes_back_when_told_to() {
    let house = House::new();
    let limited = FetchError::RateLimited { retry_after: Some(Duration::ZERO) };
    let health = house.pass(Script::of([Err(limited), page(&["a"], "one", false)])).await;
    assert_eq!((health.taken.stored, health.errors), (1, 1));
}

#[tokio::test]
async fn a_pause_holds_and_its_end_polls_at_once() {
    let house = House::new();
    let script = Script::of([page(&["a"], "one", false), page(&["b"], "two", false)]);
    let collector = house.start(Arc::clone(&script));
    until(&collector, Health::is_settled).await;
    collector.set_pace(Pace::Paused);
    until(&collector, |h| *state(h) == FeedState::Paused).await;
    collector.poll_now();
    collector.set_pace(Pace::Normal);
    let health = until(&collector, |h| h.taken().stored == 2).await;
    assert_eq!(health.pace, Pace::Normal);
    assert_eq!(health.used.minute, 3);
    collector.stop().await;
}

#[tokio::test]
async fn a_poller_that_dies_is_told_of_and_another_goes_on_in_its_place() {
    let died = AtomicBool::new(false);
    let source = Doing(move |feed| {
        let again = feed != AUDIT || died.swap(true, Ordering::SeqCst);
        assert!(again, "a fault of the test's own");
        page(&[], "c", false)
    });
    let house = House::new();
    let collector = house.collector(Arc::new(source), Settings::default());
    let health = until(&collector, |h| matches!(state(h), FeedState::BackingOff { .. })).await;
    assert!(health.feed(AUDIT).unwrap().last_error.as_ref().unwrap().contains("died"));
    let health = until(&collector, Health::is_settled).await;
    assert!(health.feeds.iter().all(|feed| matches!(feed.state, FeedState::Idle { .. })), "{health:?}");
    assert_eq!(health.feed(AUDIT).unwrap().errors, 1);
    collector.stop().await;
}

#[tokio::test]
async fn without_its_handle_a_collector_ends() {
    let house = House::new();
    let collector = house.start(Script::of([page(&["a"], "one", false)]));
    until(&collector, Health::is_settled).await;
    let mut health = collector.health();
    drop(collector);
    let ended = health.wait_for(|h| *state(h) == FeedState::Stopped);
    assert!(tokio::time::timeout(Duration::from_secs(120), ended).await.unwrap().is_ok());
}

#[test]
fn the_end_of_a_token_is_announced() {
    for (left, want) in [
        (15 * DAY, None),
        (14 * DAY, Some("in 14 days")),
        (DAY, Some("in 1 days")),
        (5 * HOUR, Some("in 5 hours")),
        (HOUR / 2, Some("within an hour")),
        (-1, Some("has expired")),
    ] {
        assert_eq!(expiry_step(NOW + Span(left), NOW).is_some(), want.is_some());
        let warning = expiry_warning(NOW + Span(left), NOW);
        assert_eq!(warning.is_some(), want.is_some());
        assert!(warning.unwrap_or_default().contains(want.unwrap_or_default()));
    }
    let steps = [-1, HOUR / 2, HOUR + 1, DAY, DAY + 1, 7 * DAY, 14 * DAY, 14 * DAY + 1];
    let steps = steps.map(|left| expiry_step(NOW + Span(left), NOW));
    assert_eq!(steps, [Some(0), Some(1), Some(24), Some(24), Some(168), Some(168), Some(336), None]);
}

#[tokio::test]
async fn a_cursor_that_is_refused_while_a_gap_is_read_again_begins_the_whole_gap_anew() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    let refused = || Err(FetchError::BadRequest("Bad Request".into()));
    let script = Script::of([refused(), page(&["b"], "two", true), refused(), page(&["b", "c"], "three", false)]);
    let collector = house.start_at(Arc::clone(&script), NOW + Span(9 * DAY));
    for refusals in 1..=2 {
        until(&collector, |h| {
            matches!(state(h), FeedState::BackingOff { .. }) && h.feed(AUDIT).unwrap().errors == refusals
        })
        .await;
        collector.poll_now();
    }
    until(&collector, |h| h.taken().stored == 2).await;
    until(&collector, Health::is_settled).await;
    collector.stop().await;
    let start = Position::Since(NOW - Span(HOUR) - Span(DAY));
    assert_eq!(script.asked(), [cursor("one"), start.clone(), cursor("two"), start]);
    let gaps = house.reader().gaps(10).unwrap();
    assert!(gaps.len() == 2 && gaps.iter().all(|gap| gap.state() == "filled"), "{gaps:?}");
}

#[tokio::test]
async fn a_feed_left_alone_for_longer_than_the_service_remembers_has_a_gap_that_is_lost() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    let collector = house.start_at(Script::of([page(&["b"], "two", false)]), NOW + Span(200 * DAY));
    until(&collector, Health::is_settled).await;
    collector.stop().await;
    let gaps = house.reader().gaps(10).unwrap();
    assert_eq!((gaps.len(), gaps[0].state()), (1, "lost"));
    assert_eq!((gaps[0].from, gaps[0].to), (Some(NOW - Span(DAY)), Some(NOW + Span(80 * DAY))));
}
