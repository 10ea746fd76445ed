//! A scripted source, a store to collect into, and a clock that stands still.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;

/// A source that answers from a script; past its end it is at the tail: the same cursor, no events.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) identity: Mutex<VecDeque<Result<Identity, FetchError>>>,
    pub(super) pages: Mutex<HashMap<Feed, VecDeque<Result<Fetched, FetchError>>>>,
    pub(super) asked: Mutex<Vec<(Feed, Position)>>,
    /// Answers to requests for a range and the cursors after it (`again…`), apart from the tail's.
    pub(super) again: Mutex<VecDeque<Result<Fetched, FetchError>>>,
    pub(super) credential: AtomicU64,
    /// Another token lies where this one came from.
    pub(super) renewed: AtomicBool,
    /// Another token lies there, and only a thorough look finds it.
    pub(super) hidden: AtomicBool,
    /// What pages were asked for with, and how often it was asked whose token it is.
    pub(super) asked_with: Mutex<Vec<(Feed, u64)>>,
    pub(super) identified: AtomicU64,
}

pub(super) fn owner(account: &str) -> Identity {
    Identity { account: Some(account.into()), feeds: Feed::ALL.to_vec(), ..Identity::default() }
}

impl Script {
    /// Owned by account `A1`, with these answers to requests for audit events.
    pub(super) fn of(pages: impl IntoIterator<Item = Result<Fetched, FetchError>>) -> Arc<Self> {
        let script = Self::default();
        script.pages.lock().unwrap().insert(AUDIT, pages.into_iter().collect());
        Arc::new(script)
    }

    pub(super) fn identified_as(
        self: Arc<Self>,
        answers: impl IntoIterator<Item = Result<Identity, FetchError>>,
    ) -> Arc<Self> {
        self.identity.lock().unwrap().extend(answers);
        self
    }

    /// With these answers to what is read again.
    pub(super) fn read_again(
        self: Arc<Self>,
        answers: impl IntoIterator<Item = Result<Fetched, FetchError>>,
    ) -> Arc<Self> {
        self.again.lock().unwrap().extend(answers);
        self
    }

    pub(super) fn asked(&self) -> Vec<Position> {
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

/// A source of account `A1` that does this when a page of a feed is asked for.
pub(super) struct Doing<F>(pub(super) F);

impl<F> std::fmt::Debug for Doing<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Doing")
    }
}

impl<F: Fn(Feed) -> Result<Fetched, FetchError> + Send + Sync> EventSource for Doing<F> {
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
        let fetched = (self.0)(feed);
        Box::pin(async { fetched })
    }
}

pub(super) fn event(uuid: &str) -> Bytes {
    Bytes::from(format!(r#"{{"uuid":"{uuid}","timestamp":"{}"}}"#, NOW - Span(HOUR)))
}

#[expect(clippy::unnecessary_wraps, reason = "an entry of a script")]
pub(super) fn page(uuids: &[&str], cursor: &str, has_more: bool) -> Result<Fetched, FetchError> {
    let items = uuids.iter().map(|uuid| event(uuid)).collect();
    Ok(Fetched { items, cursor: Some(Cursor::new(cursor)), has_more, status: 200, ..Fetched::default() })
}

pub(super) fn cursor(text: &str) -> Position {
    Position::Cursor(Cursor::new(text))
}

/// A store to collect into, for one run after another.
pub(super) struct House {
    pub(super) dir: TempDir,
    pub(super) writer: Writer,
}

impl House {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        Self { dir, writer }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(self.path()).unwrap()
    }

    pub(super) fn start(&self, source: Arc<Script>) -> CollectorHandle {
        self.start_at(source, NOW)
    }

    pub(super) fn start_at(&self, source: Arc<Script>, now: Ticks) -> CollectorHandle {
        self.start_with(source, Settings { clock: Clock::Fixed(now), ..Settings::default() })
    }

    pub(super) fn start_with(&self, source: Arc<Script>, settings: Settings) -> CollectorHandle {
        self.collector(source, Settings { feeds: vec![AUDIT], ..settings })
    }

    pub(super) fn collector(&self, source: Arc<dyn EventSource>, settings: Settings) -> CollectorHandle {
        let (writer, reader, pins) = (self.writer.handle(), self.reader(), Pins::of(self.path()));
        Collector { account: "acme".into(), source, writer, reader, pins, settings }.start()
    }

    /// One pass: collected until there is no more, then stopped.
    pub(super) async fn pass(&self, source: Arc<Script>) -> FeedHealth {
        let collector = self.start(source);
        let health = until(&collector, Health::is_settled).await;
        collector.stop().await;
        health.feed(AUDIT).unwrap().clone()
    }

    /// One pass at a time, with daily sweeps.
    pub(super) async fn sweeping_pass(&self, source: Arc<Script>, now: Ticks) -> FeedHealth {
        let sweep = Some(Duration::from_secs(86_400));
        let collector = self.start_with(source, Settings { clock: Clock::Fixed(now), sweep, ..Settings::default() });
        let health = until(&collector, Health::is_settled).await;
        collector.stop().await;
        health.feed(AUDIT).unwrap().clone()
    }

    pub(super) fn saved(&self) -> crate::store::CursorRow {
        self.reader().cursor("A1", AUDIT, 2).unwrap().unwrap()
    }
}

/// The first health of which this is true; two minutes mean never, on however busy a machine.
pub(super) async fn until(collector: &CollectorHandle, is: impl FnMut(&Health) -> bool) -> Health {
    let mut health = collector.health();
    let found = tokio::time::timeout(Duration::from_secs(120), health.wait_for(is)).await;
    found.unwrap_or_else(|_| panic!("never: {:?}", collector.health().borrow())).unwrap().clone()
}

pub(super) fn state(health: &Health) -> &FeedState {
    &health.feed(AUDIT).unwrap().state
}

/// A clock that stands still but for what is let pass by hand. Everything that was due in a second is done before the next begins.
pub(super) struct Still<'a> {
    pub(super) house: &'a House,
    /// A blocking task that runs keeps tokio from skipping ahead while the store's thread works.
    _held: std::sync::mpsc::Sender<()>,
}

impl<'a> Still<'a> {
    pub(super) fn new(house: &'a House) -> Self {
        tokio::time::pause();
        let (held, wait) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || _ = wait.recv());
        Self { house, _held: held }
    }

    /// Waits for something that is due already.
    pub(super) async fn until(&self, is: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if is() {
                return;
            }
            self.settle().await;
        }
        panic!("never");
    }

    pub(super) async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            tokio::time::advance(Duration::from_secs(1)).await;
            self.settle().await;
        }
    }

    /// Lets the tasks, the blocking ones and the store's thread come to rest.
    pub(super) async fn settle(&self) {
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
