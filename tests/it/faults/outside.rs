//! The disk fails below a running collector, as a poller and an analyst see it, and is well again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use vaultscope::base::http::{HttpClient, HttpOptions};
use vaultscope::base::time::{SECOND, Ticks};
use vaultscope::collect::{Collector, CollectorHandle, EventsApi, FeedHealth, FeedState, Pins, Settings};
use vaultscope::event::Feed;
use vaultscope::store::{Reader, Writer};
use vaultscope_faults::{Failure, Plan};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{Mounted, small};
use crate::evidence::{everything, item, scratch};

const PAGE: u64 = 10;
const INTERVAL: Duration = Duration::from_millis(200);

/// A service that has so many audit events. Every connection serves one request.
pub async fn service(events: &Arc<AtomicU64>) -> MockServer {
    let server = MockServer::start().await;
    let introspection = json!({"uuid": "I1", "account_uuid": "A1", "features": ["auditevents"]});
    let once = |answer: ResponseTemplate| answer.insert_header("connection", "close");
    let introspect = Mock::given(method("GET")).and(path("/api/v2/auth/introspect"));
    introspect.respond_with(once(ResponseTemplate::new(200).set_body_json(introspection))).mount(&server).await;
    let events = Arc::clone(events);
    let page = move |request: &Request| {
        let there = events.load(Ordering::SeqCst);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let from: u64 = body["cursor"].as_str().map_or(0, |at| at.parse().unwrap());
        let to = (from + PAGE).min(there);
        let items: Vec<String> = (from..to).map(item).collect();
        let text = format!(r#"{{"cursor":"{to}","has_more":{},"items":[{}]}}"#, to < there, items.join(","));
        once(ResponseTemplate::new(200).set_body_string(text))
    };
    Mock::given(method("POST")).and(path("/api/v2/auditevents")).respond_with(page).mount(&server).await;
    server
}

/// Every event up to the cursor is there once. Answers the cursor.
pub fn read_to(reader: &Reader) -> u64 {
    let row = reader.cursor("A1", Feed::AuditEvents, 2).unwrap();
    let cursor = row.and_then(|row| row.cursor).map_or(0, |cursor| cursor.expose().parse().unwrap());
    assert!(
        everything(reader).into_values().eq((0..cursor).map(item)),
        "the cursor {cursor} is not where the events are"
    );
    cursor
}

async fn until(collector: &CollectorHandle, is: impl Fn(&FeedHealth) -> bool) -> FeedHealth {
    let mut health = collector.health();
    let found = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let now = health.borrow_and_update().feeds[0].clone();
            if is(&now) {
                return now;
            }
            health.changed().await.unwrap();
        }
    });
    found.await.unwrap_or_else(|_| panic!("never: {:?}", collector.health().borrow().feeds[0]))
}

async fn failing(how: Failure, says: &str) {
    let events = Arc::new(AtomicU64::new(30));
    let server = service(&events).await;
    let dir = scratch();
    let disk = Mounted::below(dir.path());
    let writer = Writer::open_with(dir.path(), small()).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    let collector = Collector {
        account: "acme".into(),
        source: Arc::new(EventsApi::with_token(http, server.uri().parse().unwrap(), "t0ken".into())),
        writer: writer.handle(),
        reader: reader.clone(),
        pins: Pins::of(dir.path()),
        settings: Settings { feeds: vec![Feed::AuditEvents], poll_interval: INTERVAL, ..Settings::default() },
    }
    .start();
    until(&collector, |feed| feed.taken.stored == 30).await;

    disk.0.plan(Plan::FailAt { operation: 1, times: 1 << 40, how });
    events.store(60, Ordering::SeqCst);
    let is_hindered = |feed: &FeedHealth| feed.not_stored.as_ref().is_some_and(|why| why.contains(says));
    // For longer than the failures after which a dead line is only probed.
    let health = until(&collector, |feed| {
        is_hindered(feed) && feed.failures > 6 && matches!(feed.state, FeedState::BackingOff { .. })
    })
    .await;
    let FeedState::BackingOff { until: again } = health.state else { panic!("{health:?}") };
    assert!((again - Ticks::now()).0 <= SECOND / 5, "it rests for longer than its interval: {health:?}");
    assert_eq!(health.last_error, health.not_stored);
    assert_eq!(read_to(&reader), 30, "{how:?}");

    disk.0.plan(Plan::Sound);
    // By itself: nobody asks it to.
    let health = until(&collector, |feed| feed.taken.stored == 60).await;
    assert_eq!(health.not_stored, None);
    assert_eq!((read_to(&reader), reader.gaps(5).unwrap()), (60, Vec::new()), "{how:?}");
    collector.stop().await;
}

#[test]
fn a_disk_that_fails_below_a_collector_moves_no_cursor_is_told_and_intake_goes_on_by_itself() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for (how, says) in [
        (Failure::Enospc, "the disk is full"),
        (Failure::Erofs, "mounted anew to be read only"),
        (Failure::Eio, "the disk failed"),
    ] {
        runtime.block_on(failing(how, says));
    }
}
