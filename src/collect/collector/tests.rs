//! Collecting from a scripted source into a real store.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::base::time::HOUR;
use crate::collect::source::{Asked, Fetched, Position};
use crate::store::{Cursor, GapRecord, Writer};

mod again;
mod clock;
mod losses;
mod rotation;
mod storms;

const NOW: Ticks = Ticks(739_000 * DAY);
const AUDIT: Feed = Feed::AuditEvents;

/// A source that answers from a script; past its end it is at the tail: the same cursor, no events.
#[derive(Debug, Default)]
struct Script {
    identity: Mutex<VecDeque<Result<Identity, FetchError>>>,
    pages: Mutex<HashMap<Feed, VecDeque<Result<Fetched, FetchError>>>>,
    asked: Mutex<Vec<(Feed, Position)>>,
    /// Answers to requests for a range and the cursors after it (`again…`), apart from the tail's.
    again: Mutex<VecDeque<Result<Fetched, FetchError>>>,
    credential: AtomicU64,
    /// Another token lies where this one came from.
    renewed: AtomicBool,
    /// Another token lies there, and only a thorough look finds it.
    hidden: AtomicBool,
    /// What pages were asked for with, and how often it was asked whose token it is.
    asked_with: Mutex<Vec<(Feed, u64)>>,
    identified: AtomicU64,
}

fn owner(account: &str) -> Identity {
    Identity { account: Some(account.into()), feeds: Feed::ALL.to_vec(), ..Identity::default() }
}

impl Script {
    /// Owned by account `A1`, with these answers to requests for audit events.
    fn of(pages: impl IntoIterator<Item = Result<Fetched, FetchError>>) -> Arc<Self> {
        let script = Self::default();
        script.pages.lock().unwrap().insert(AUDIT, pages.into_iter().collect());
        Arc::new(script)
    }

    fn identified_as(self: Arc<Self>, answers: impl IntoIterator<Item = Result<Identity, FetchError>>) -> Arc<Self> {
        self.identity.lock().unwrap().extend(answers);
        self
    }

    /// With these answers to what is read again.
    fn read_again(self: Arc<Self>, answers: impl IntoIterator<Item = Result<Fetched, FetchError>>) -> Arc<Self> {
        self.again.lock().unwrap().extend(answers);
        self
    }

    fn asked(&self) -> Vec<Position> {
        self.asked.lock().unwrap().iter().map(|(_, position)| position.clone()).collect()
    }
}

impl EventSource for Script {
    fn version(&self, _: Feed) -> u8 {
        2
    }

    fn place(&self) -> String {
        "script".into()
    }

    fn identify(&self) -> Asked<'_, Result<Identity, FetchError>> {
        let next = self.identity.lock().unwrap().pop_front();
        self.identified.fetch_add(1, Ordering::SeqCst);
        let credential = self.credential.load(Ordering::SeqCst);
        Box::pin(async move { next.unwrap_or_else(|| Ok(owner("A1"))).map(|who| Identity { credential, ..who }) })
    }

    fn fetch<'a>(&'a self, feed: Feed, position: &'a Position) -> Asked<'a, Result<Fetched, FetchError>> {
        self.asked.lock().unwrap().push((feed, position.clone()));
        let again = match position {
            Position::Between { .. } => true,
            Position::Cursor(cursor) => cursor.expose().starts_with("again"),
            Position::Since(_) => false,
        };
        let next = if again {
            self.again.lock().unwrap().pop_front()
        } else {
            self.pages.lock().unwrap().get_mut(&feed).and_then(VecDeque::pop_front)
        };
        let credential = self.credential.load(Ordering::SeqCst);
        self.asked_with.lock().unwrap().push((feed, credential));
        let tail = match position {
            Position::Cursor(cursor) => cursor.clone(),
            Position::Since(_) | Position::Between { .. } => Cursor::new("tail"),
        };
        Box::pin(async move {
            let page = next.unwrap_or_else(|| Ok(Fetched { cursor: Some(tail), status: 200, ..Fetched::default() }));
            page.map(|page| Fetched { credential, ..page })
        })
    }

    fn renew(&self, thorough: bool) -> Asked<'_, bool> {
        let found = thorough && self.hidden.swap(false, Ordering::SeqCst);
        let renewed = self.renewed.swap(false, Ordering::SeqCst) || found;
        if renewed {
            self.credential.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(async move { renewed })
    }
}

fn event(uuid: &str) -> Bytes {
    Bytes::from(format!(r#"{{"uuid":"{uuid}","timestamp":"{}"}}"#, NOW - Span(HOUR)))
}

#[expect(clippy::unnecessary_wraps, reason = "an entry of a script")]
fn page(uuids: &[&str], cursor: &str, has_more: bool) -> Result<Fetched, FetchError> {
    let items = uuids.iter().map(|uuid| event(uuid)).collect();
    Ok(Fetched { items, cursor: Some(Cursor::new(cursor)), has_more, status: 200, ..Fetched::default() })
}

fn cursor(text: &str) -> Position {
    Position::Cursor(Cursor::new(text))
}

/// A store to collect into, for one run after another.
struct House {
    dir: TempDir,
    writer: Writer,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        Self { dir, writer }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn reader(&self) -> Reader {
        Reader::open(self.path()).unwrap()
    }

    fn start(&self, source: Arc<Script>) -> CollectorHandle {
        self.start_at(source, NOW)
    }

    fn start_at(&self, source: Arc<Script>, now: Ticks) -> CollectorHandle {
        self.start_with(source, Settings { clock: Clock::Fixed(now), ..Settings::default() })
    }

    fn start_with(&self, source: Arc<Script>, settings: Settings) -> CollectorHandle {
        let settings = Settings { feeds: vec![AUDIT], ..settings };
        let pins = Pins::of(self.path());
        Collector {
            account: "acme".into(),
            source,
            writer: self.writer.handle(),
            reader: self.reader(),
            pins,
            settings,
        }
        .start()
    }

    /// One pass: collected until there is no more, then stopped.
    async fn pass(&self, source: Arc<Script>) -> FeedHealth {
        let collector = self.start(source);
        let health = until(&collector, Health::is_settled).await;
        collector.stop().await;
        health.feed(AUDIT).unwrap().clone()
    }

    /// One pass at a time, with daily sweeps.
    async fn sweeping_pass(&self, source: Arc<Script>, now: Ticks) -> FeedHealth {
        let sweep = Some(Duration::from_secs(86_400));
        let collector = self.start_with(source, Settings { clock: Clock::Fixed(now), sweep, ..Settings::default() });
        let health = until(&collector, Health::is_settled).await;
        collector.stop().await;
        health.feed(AUDIT).unwrap().clone()
    }

    fn saved(&self) -> crate::store::CursorRow {
        self.reader().cursor("A1", AUDIT, 2).unwrap().unwrap()
    }
}

/// The first health of which this is true; two minutes mean never, on however busy a machine.
async fn until(collector: &CollectorHandle, is: impl FnMut(&Health) -> bool) -> Health {
    let mut health = collector.health();
    let found = tokio::time::timeout(Duration::from_secs(120), health.wait_for(is)).await;
    found.unwrap_or_else(|_| panic!("never: {:?}", collector.health().borrow())).unwrap().clone()
}

fn state(health: &Health) -> &FeedState {
    &health.feed(AUDIT).unwrap().state
}

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
    #[derive(Debug, Default)]
    struct Faulty(std::sync::atomic::AtomicBool);
    impl EventSource for Faulty {
        fn version(&self, _: Feed) -> u8 {
            2
        }
        fn place(&self) -> String {
            "nowhere".into()
        }
        fn identify(&self) -> Asked<'_, Result<Identity, FetchError>> {
            Box::pin(async { Ok(owner("A1")) })
        }
        fn fetch<'a>(&'a self, feed: Feed, _: &'a Position) -> Asked<'a, Result<Fetched, FetchError>> {
            let again = feed != AUDIT || self.0.swap(true, std::sync::atomic::Ordering::SeqCst);
            assert!(again, "a fault of the test's own");
            Box::pin(async { Ok(Fetched { cursor: Some(Cursor::new("c")), ..Fetched::default() }) })
        }
    }
    let house = House::new();
    let collector = Collector {
        account: "acme".into(),
        source: Arc::new(Faulty::default()),
        writer: house.writer.handle(),
        reader: house.reader(),
        pins: Pins::of(house.path()),
        settings: Settings::default(),
    }
    .start();
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

/// A clock that stands still but for what is let pass by hand. Everything that was due in a second is done before the next begins.
struct Still<'a> {
    house: &'a House,
    /// A blocking task that runs keeps tokio from skipping ahead while the store's thread works.
    _held: std::sync::mpsc::Sender<()>,
}

impl<'a> Still<'a> {
    fn new(house: &'a House) -> Self {
        tokio::time::pause();
        let (held, wait) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || _ = wait.recv());
        Self { house, _held: held }
    }

    /// Waits for something that is due already.
    async fn until(&self, is: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if is() {
                return;
            }
            self.settle().await;
        }
        panic!("never");
    }

    async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            tokio::time::advance(Duration::from_secs(1)).await;
            self.settle().await;
        }
    }

    /// Lets the tasks, the blocking ones and the store's thread come to rest.
    async fn settle(&self) {
        for _ in 0..6 {
            for _ in 0..12 {
                tokio::task::yield_now().await;
            }
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            self.house.writer.handle().set_aside("", Vec::new()).await.unwrap().unwrap();
        }
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}
