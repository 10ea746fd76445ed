//! Collecting over HTTP from a service that behaves badly: nothing is lost, nothing is doubled.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use vaultscope::base::http::{HttpClient, HttpOptions};
use vaultscope::collect::{Collector, CollectorHandle, EventsApi, FeedState, Health, Pins, Settings};
use vaultscope::event::Feed;
use vaultscope::store::{Reader, Writer};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const EVENTS: usize = 400;
const PAGE: usize = 37;

/// A feed whose cursor is a place in a list. Every answer but the fourth is followed by a fault: an error of the server, a request
/// to slow down, a body that breaks off, an event that comes a second time.
struct BadService {
    feed: Feed,
    asked: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

impl BadService {
    fn event(&self, n: usize) -> String {
        format!(r#"{{ "uuid":"{}-{n}", "timestamp":"2026-01-01T00:00:00.{n:09}Z", "n":1.0 }}"#, self.feed)
    }

    fn page(&self, from: usize) -> String {
        let to = (from + PAGE).min(EVENTS);
        // Each page begins with the last event of the one before.
        let items: Vec<String> = (from.saturating_sub(1)..to).map(|n| self.event(n)).collect();
        format!(r#"{{"cursor":"at-{to}","has_more":{},"items":[{}]}}"#, to < EVENTS, items.join(","))
    }
}

impl Respond for BadService {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let from = match (body.get("cursor").and_then(Value::as_str), body.get("limit"), body.get("start_time")) {
            (Some(cursor), None, None) => cursor.strip_prefix("at-").and_then(|at| at.parse().ok()),
            (None, Some(_), Some(_)) => Some(0),
            _ => None,
        };
        let Some(from) = from else {
            self.wrong.lock().unwrap().push(body.to_string());
            return ResponseTemplate::new(400).set_body_json(json!({"Error": {"Message": "Bad Request"}}));
        };
        let page = self.page(from);
        let packed = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(page.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        match self.asked.fetch_add(1, Ordering::SeqCst) % 7 {
            1 => ResponseTemplate::new(500).set_body_string("\u{1b}[2J oops"),
            3 => ResponseTemplate::new(429).insert_header("retry-after", "0"),
            4 => {
                let cut = packed()[..packed().len() / 2].to_vec();
                ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(cut)
            }
            5 => ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(packed()),
            6 => ResponseTemplate::new(200).set_body_string(&page[..page.len() - 20]),
            _ => ResponseTemplate::new(200).set_body_string(page),
        }
    }
}

async fn service() -> (MockServer, Vec<Arc<BadService>>) {
    let server = MockServer::start().await;
    let introspection = json!({"uuid": "I1", "account_uuid": "A1", "features": Feed::ALL.map(Feed::name)});
    Mock::given(method("GET"))
        .and(path("/api/v2/auth/introspect"))
        .respond_with(ResponseTemplate::new(200).set_body_json(introspection))
        .mount(&server)
        .await;
    let mut feeds = Vec::new();
    for feed in Feed::ALL {
        let service = Arc::new(BadService { feed, asked: AtomicUsize::new(0), wrong: Mutex::default() });
        let answer = Arc::clone(&service);
        Mock::given(method("POST"))
            .and(path(format!("/api/v2/{feed}")))
            .respond_with(move |request: &Request| answer.respond(request))
            .mount(&server)
            .await;
        feeds.push(service);
    }
    (server, feeds)
}

fn start(server: &MockServer, writer: &Writer, data: &std::path::Path) -> CollectorHandle {
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    let source = Arc::new(EventsApi::with_token(http, server.uri().parse().unwrap(), "t0ken".into()));
    Collector {
        account: "acme".into(),
        source,
        writer: writer.handle(),
        reader: Reader::open(data).unwrap(),
        pins: Pins::of(data),
        settings: Settings::default(),
    }
    .start()
}

/// Waits until this is true of the health; whoever backs off meanwhile is told to try again at once.
async fn until(collector: &CollectorHandle, is: impl Fn(&Health) -> bool) -> Health {
    let mut health = collector.health();
    let found = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let now = health.borrow_and_update().clone();
            if is(&now) {
                return now;
            }
            if now.feeds.iter().any(|feed| matches!(feed.state, FeedState::BackingOff { .. })) {
                collector.poll_now();
            }
            health.changed().await.unwrap();
        }
    });
    found.await.unwrap_or_else(|_| panic!("never: {:?}", collector.health().borrow()))
}

#[tokio::test]
async fn a_service_that_fails_in_every_way_loses_and_doubles_nothing() {
    let (server, feeds) = service().await;
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    // Broken off in the middle and started again, twice, then read to the end.
    let (mut stored, mut errors) = (0, 0);
    for reach in [200, 300, (3 * EVENTS) as u64] {
        let collector = start(&server, &writer, dir.path());
        until(&collector, |health| stored + health.taken().stored >= reach).await;
        let health = collector.health();
        collector.stop().await;
        stored += health.borrow().taken().stored;
        errors += health.borrow().feeds.iter().map(|feed| feed.errors).sum::<u64>();
    }
    assert!(stored == (3 * EVENTS) as u64 && errors > 0, "{stored} stored, {errors} errors");
    let wrong: Vec<_> = feeds.iter().flat_map(|feed| feed.wrong.lock().unwrap().clone()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");

    let reader = Reader::open(dir.path()).unwrap();
    let rows = reader.recent(3 * EVENTS + 100).unwrap();
    let mut raw = BTreeSet::new();
    for batch in &rows.batches {
        let at = vaultscope::event::schema::position("raw").unwrap();
        let texts = arrow::compute::cast(batch.column(at), &arrow::datatypes::DataType::Utf8).unwrap();
        let texts = arrow::array::AsArray::as_string::<i32>(&texts);
        raw.extend(texts.iter().flatten().map(str::to_owned));
    }
    let want: BTreeSet<String> = feeds.iter().flat_map(|feed| (0..EVENTS).map(|n| feed.event(n))).collect();
    assert_eq!(raw, want);
    assert_eq!(rows.batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 3 * EVENTS);
    for feed in reader.status().unwrap().feeds {
        assert_eq!((feed.events, feed.variants, feed.quarantined), (EVENTS as u64, 0, 0), "{feed:?}");
        assert!(feed.duplicates > 0);
    }
}
