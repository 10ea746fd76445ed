//! Sources beside version 2 of the Events API, and several accounts at once: over HTTP, against the demo's server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use vaultscope::base::clock::Clock;
use vaultscope::base::http::{HttpClient, HttpOptions};
use vaultscope::base::time::Ticks;
use vaultscope::collect::{
    AuditVersion, Collector, CollectorHandle, Connect, EventSource, EventsApi, FeedState, Health, Pins, Settings,
};
use vaultscope::demo::server::What;
use vaultscope::demo::{DemoServer, Options, ServerOptions};
use vaultscope::event::{Feed, Source};
use vaultscope::store::{Reader, Writer};

const NOW: &str = "2026-03-04T12:00:00Z";

fn options(seed: u64) -> ServerOptions {
    let now = Ticks::parse_rfc3339(NOW).unwrap();
    ServerOptions::new(What::Simulated(Options { users: 40, days: 4, rate: 0.01, ..Options::new(seed, now) }))
}

/// A store, and collectors that write it.
struct Site {
    dir: tempfile::TempDir,
    writer: Writer,
    reader: Reader,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        Self { dir, writer, reader }
    }

    fn data(&self) -> &Path {
        self.dir.path()
    }

    fn start(&self, name: &str, source: Arc<dyn EventSource>, feeds: &[Feed]) -> CollectorHandle {
        let clock = Clock::starting_at(Ticks::parse_rfc3339(NOW).unwrap());
        let settings = Settings { feeds: feeds.to_vec(), tail: Source::Demo, clock, ..Settings::default() };
        let (writer, reader, pins) = (self.writer.handle(), self.reader.clone(), Pins::of(self.data()));
        Collector { account: name.into(), source, writer, reader, pins, settings }.start()
    }

    fn events(&self, feed: Feed) -> u64 {
        let status = self.reader.status().unwrap();
        status.feeds.iter().find(|found| found.feed == feed).map_or(0, |found| found.events)
    }
}

fn api(server: &DemoServer, token: SecretString) -> EventsApi {
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    EventsApi::with_token(http, server.base_url().parse().unwrap(), token)
}

async fn settled(collector: &CollectorHandle) -> Health {
    tokio::time::timeout(Duration::from_secs(60), collector.settled()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_the_version_of_the_audit_feed_and_back_stores_nothing_twice_and_loses_nothing() {
    let server = DemoServer::start(options(5)).await.unwrap();
    let site = Site::new();
    let pass = async |version| {
        let source = Arc::new(api(&server, server.token.clone()).reading_audit(version));
        let collector = site.start("acme", source, &[Feed::AuditEvents]);
        let health = settled(&collector).await;
        collector.stop().await;
        assert!(matches!(health.feeds[0].state, FeedState::Idle { .. }), "{health:?}");
        health.feeds[0].taken
    };
    let first = pass(AuditVersion::Two).await;
    assert_eq!(first.stored, server.control.events(Feed::AuditEvents));
    for (version, stored) in [(AuditVersion::Three, 0), (AuditVersion::Two, 0)] {
        let taken = pass(version).await;
        assert_eq!(taken.stored, stored, "{version:?}");
    }
    // A day later each version goes on from where the other was.
    for version in [AuditVersion::Three, AuditVersion::Two, AuditVersion::Three] {
        server.control.advance(Duration::from_secs(86_400));
        pass(version).await;
        assert_eq!(site.events(Feed::AuditEvents), server.control.events(Feed::AuditEvents), "{version:?}");
    }
    let versions: Vec<u8> = site.reader.cursors().unwrap().iter().map(|cursor| cursor.version).collect();
    assert_eq!(versions, [2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connect_servers_activity_is_kept_once_and_chained_like_events() {
    let server = DemoServer::start(options(6)).await.unwrap();
    let site = Site::new();
    for _ in 0..3 {
        let source = Arc::new(Connect::new(api(&server, server.token.clone())));
        let collector = site.start("bridge", source, &[Feed::ConnectActivity]);
        settled(&collector).await;
        // And while it runs: the tail is not handed in again.
        server.control.advance(Duration::from_secs(43_200));
        collector.poll_now();
        tokio::time::sleep(Duration::from_millis(50)).await;
        settled(&collector).await;
        collector.stop().await;
    }
    let source = Arc::new(Connect::new(api(&server, server.token.clone())));
    let collector = site.start("bridge", source, &[Feed::ConnectActivity]);
    settled(&collector).await;
    collector.stop().await;
    assert!(server.control.events(Feed::ConnectActivity) > 20);
    assert_eq!(site.events(Feed::ConnectActivity), server.control.events(Feed::ConnectActivity));
    let status = site.reader.status().unwrap();
    assert_eq!((status.events(), status.gaps), (site.events(Feed::ConnectActivity), 0));
    assert_eq!(site.reader.accounts().unwrap(), ["bridge"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_fails_leaves_the_others_alone() {
    let (one, two) = (DemoServer::start(options(7)).await.unwrap(), DemoServer::start(options(8)).await.unwrap());
    two.control.inject("500".parse().unwrap());
    let site = Site::new();
    let well = site.start("well", Arc::new(api(&one, one.token.clone())), &Feed::ALL);
    let ill = site.start("ill", Arc::new(api(&two, two.token.clone())), &Feed::ALL);
    let lost = site.start("lost", Arc::new(api(&one, "another-token".into())), &Feed::ALL);
    let health = settled(&well).await;
    assert!(health.feeds.iter().all(|feed| matches!(feed.state, FeedState::Idle { .. })), "{health:?}");
    let stored: u64 = Feed::ALL.into_iter().map(|feed| one.control.events(feed)).sum();
    assert_eq!(site.reader.status().unwrap().events(), stored);
    let refused = settled(&lost).await;
    assert!(refused.feeds.iter().all(|feed| matches!(feed.state, FeedState::Unauthorised { .. })), "{refused:?}");
    // Health and budget are each account's own.
    let health = ill.health().borrow().clone();
    assert!(health.feeds.iter().all(|feed| feed.pages == 0), "{health:?}");
    assert!(well.health().borrow().feeds.iter().all(|feed| feed.errors == 0));
    // It recovers, under its own account, with its own cursors.
    two.control.clear();
    let mut told = ill.health();
    tokio::time::timeout(Duration::from_secs(60), async {
        while !told.borrow_and_update().feeds.iter().all(|feed| matches!(feed.state, FeedState::Idle { .. })) {
            ill.poll_now();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .unwrap();
    let both = stored + Feed::ALL.into_iter().map(|feed| two.control.events(feed)).sum::<u64>();
    assert_eq!(site.reader.status().unwrap().events(), both);
    let accounts = site.reader.accounts().unwrap();
    assert!([&one, &two].into_iter().all(|server| accounts.iter().any(|uuid| uuid == server.control.account_uuid())));
    assert_eq!(site.reader.cursors().unwrap().len(), 6);
    for collector in [well, ill, lost] {
        collector.stop().await;
    }
}
