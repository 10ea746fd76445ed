//! Collecting over HTTP, from a service that behaves badly and from the demo's: nothing is lost, nothing is doubled.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use secrecy::SecretString;
use serde_json::{Value, json};
use vaultscope::base::clock::Clock;
use vaultscope::base::http::{HttpClient, HttpOptions};
use vaultscope::base::time::{Span, Ticks};
use vaultscope::collect::{Collector, CollectorHandle, EventsApi, FeedHealth, FeedState, Health, Pins, Settings};
use vaultscope::demo::server::What;
use vaultscope::demo::{DemoServer, Options, ServerOptions};
use vaultscope::engine::local::Local;
use vaultscope::engine::{QueryEngine as _, Request};
use vaultscope::event::{Feed, Source};
use vaultscope::kql::Type;
use vaultscope::store::{GapRecord, Reader, Writer};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

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
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
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
            .respond_with(move |request: &wiremock::Request| answer.respond(request))
            .mount(&server)
            .await;
        feeds.push(service);
    }
    (server, feeds)
}

fn start(url: &str, token: SecretString, writer: &Writer, data: &Path, settings: Settings) -> CollectorHandle {
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    let source = Arc::new(EventsApi::with_token(http, url.parse().unwrap(), token));
    let reader = Reader::open(data).unwrap();
    Collector { account: "acme".into(), source, writer: writer.handle(), reader, pins: Pins::of(data), settings }
        .start()
}

/// Steps that no test comes near to, and a time without one that no machine needs, however busy it is.
const MANY: usize = 100_000;
const STUCK: Duration = Duration::from_secs(180);

/// Waits until this is true of the health; whoever backs off meanwhile is told to try again at once. How long it takes does not matter, as
/// long as it goes on.
async fn until(collector: &CollectorHandle, is: impl Fn(&Health) -> bool) -> Health {
    let mut health = collector.health();
    for _ in 0..MANY {
        let now = health.borrow_and_update().clone();
        if is(&now) {
            return now;
        }
        if now.feeds.iter().any(|feed| matches!(feed.state, FeedState::BackingOff { .. })) {
            collector.poll_now();
        }
        match tokio::time::timeout(STUCK, health.changed()).await {
            Ok(changed) => changed.unwrap(),
            Err(_) => break,
        }
    }
    panic!("never: {:?}", collector.health().borrow())
}

#[tokio::test]
async fn a_service_that_fails_in_every_way_loses_and_doubles_nothing() {
    let (server, feeds) = service().await;
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    // Broken off in the middle and started again, twice, then read to the end.
    let (mut stored, mut errors) = (0, 0);
    for reach in [200, 300, (3 * EVENTS) as u64] {
        let collector = start(&server.uri(), "t0ken".into(), &writer, dir.path(), Settings::default());
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

/// The demo's service with a day of history, its collector, and the store between them.
struct Demo {
    server: DemoServer,
    collector: CollectorHandle,
    writer: Writer,
    dir: tempfile::TempDir,
}

impl Demo {
    async fn start(features: &[Feed], faults: &[&str]) -> Self {
        let now = Ticks::parse_rfc3339("2026-03-03T12:00:00Z").unwrap();
        // Live events are so rare that none comes by itself while a test runs.
        let what = What::Simulated(Options { users: 30, days: 1, rate: 0.01, ..Options::new(7, now) });
        let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        let options = ServerOptions { features: features.to_vec(), faults, ..ServerOptions::new(what) };
        Self::serve(options, Settings::demo()).await
    }

    async fn serve(options: ServerOptions, settings: Settings) -> Self {
        let server = DemoServer::start(options);
        let server = server.await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        let settings = Settings { clock: Clock::starting_at(server.control.now()), ..settings };
        let collector = start(&server.base_url(), server.token.clone(), &writer, dir.path(), settings);
        Self { server, collector, writer, dir }
    }

    /// Waits until every event that the service shows is stored.
    async fn taken_whole(&self) -> Health {
        let shown = |feed: &FeedHealth| feed.taken.stored == self.server.control.events(feed.feed);
        until(&self.collector, |health| health.feeds.iter().all(shown)).await
    }

    fn reader(&self) -> Reader {
        Reader::open(self.dir.path()).unwrap()
    }
}

#[tokio::test]
async fn the_demo_is_taken_in_whole_whatever_fails_on_the_way() {
    let faults = [
        "500:requests=3",
        "429:retry-after=0,requests=3",
        "truncated:requests=3",
        "gzip:requests=6",
        "duplicates:requests=6",
        "slow:ms=5,requests=3",
    ];
    let demo = Demo::start(&Feed::ALL, &faults).await;
    let health = demo.taken_whole().await;
    assert_eq!(health.stored_as.as_deref(), Some(demo.server.control.account_uuid()));
    assert!(health.feeds.iter().map(|feed| feed.errors).sum::<u64>() > 0);
    assert!(health.taken().stored > 500, "{health:?}");
    assert_eq!((health.taken().variants, health.taken().quarantined, health.taken().undated), (0, 0, 0));
    // An hour later, by its clock: the tail.
    demo.server.control.advance(Duration::from_secs(3600));
    demo.collector.poll_now();
    demo.taken_whole().await;
    assert!(demo.reader().batches(3).unwrap().iter().any(|batch| batch.source == Source::Demo));
    demo.collector.stop().await;
}

#[tokio::test]
async fn a_cursor_that_the_demo_refuses_leaves_a_gap_on_record_and_no_event_out() {
    let demo = Demo::start(&[Feed::AuditEvents], &[]).await;
    until(&demo.collector, |health| matches!(health.feed(Feed::AuditEvents).unwrap().state, FeedState::Idle { .. }))
        .await;
    demo.server.control.inject("invalid-cursor:feed=auditevents,requests=1".parse().unwrap());
    demo.server.control.advance(Duration::from_secs(600));
    demo.collector.poll_now();
    let audit = |health: &Health| health.feed(Feed::AuditEvents).unwrap().clone();
    let shown = demo.server.control.events(Feed::AuditEvents);
    let health = until(&demo.collector, |health| audit(health).errors > 0 && audit(health).taken.stored >= shown).await;
    assert!(audit(&health).taken.duplicates > 0);
    let gaps = demo.reader().gaps(10).unwrap();
    assert!(gaps.len() == 1 && gaps[0].why.contains("refused the cursor"), "{gaps:?}");
    assert_eq!(health.feed(Feed::ItemUsages).unwrap().pages, 0);
    demo.collector.stop().await;
}

#[tokio::test]
async fn an_expired_token_stops_the_polling_until_it_is_good_again() {
    let demo = Demo::start(&Feed::ALL, &["expired-token"]).await;
    let refused =
        |health: &Health| health.feeds.iter().all(|feed| matches!(feed.state, FeedState::Unauthorised { .. }));
    let health = until(&demo.collector, refused).await;
    assert!(health.feeds[0].last_error.as_ref().unwrap().contains("the token is not accepted"));
    assert_eq!(demo.server.control.requests(None), 1);
    demo.server.control.clear();
    demo.collector.poll_now();
    demo.taken_whole().await;
    demo.collector.stop().await;
}

fn quiet() -> What {
    let now = Ticks::parse_rfc3339("2026-03-03T12:00:00Z").unwrap();
    What::Simulated(Options { users: 30, days: 1, rate: 0.01, ..Options::new(7, now) })
}

#[tokio::test]
async fn a_service_that_is_there_by_ipv6_alone_is_collected() {
    let options = ServerOptions { address: "[::1]:0".parse().unwrap(), ..ServerOptions::new(quiet()) };
    let demo = Demo::serve(options, Settings::demo()).await;
    assert!(demo.server.addr.is_ipv6());
    assert!(demo.taken_whole().await.taken().stored > 500);
    demo.collector.stop().await;
}

#[tokio::test]
async fn a_gap_is_filled_by_the_demo_while_its_tail_goes_on() {
    let demo = Demo::start(&Feed::ALL, &[]).await;
    demo.taken_whole().await;
    let now = demo.server.control.now();
    let hours = |n: i64| Span(n * vaultscope::base::time::HOUR);
    let gap = GapRecord {
        account: "".into(),
        feed: None,
        from: Some(now - hours(8)),
        to: Some(now - hours(4)),
        why: "a test".into(),
        noticed: now,
    };
    demo.writer.handle().record_gap(gap).await.unwrap().unwrap();
    demo.collector.poll_now();
    let reader = demo.reader();
    until(&demo.collector, |_| reader.gaps(1).unwrap()[0].state() == "filled").await;
    let health = demo.taken_whole().await;
    assert!(health.taken().duplicates > 10, "{health:?}");
    assert_eq!((health.taken().variants, reader.status().unwrap().gaps), (0, 0));
    demo.collector.stop().await;
}

#[tokio::test]
async fn item_usages_that_are_told_late_stand_where_they_happened_and_say_how_late_they_are() {
    let demo = Demo::start(&Feed::ALL, &[]).await;
    demo.taken_whole().await;
    demo.server.control.advance(Duration::from_secs(24 * 3600));
    demo.collector.poll_now();
    demo.taken_whole().await;
    let now = demo.server.control.now();
    let engine = Local::new(demo.reader(), vaultscope::engine::local::Options::default());
    let text = "OnePasswordEvents | where late > 10m \
                | summarize late = count(), wrong = countif(TimeGenerated - timestamp != late or arrived < timestamp)";
    let answer = engine.run(&Request::new(text, now)).unwrap();
    let cell =
        |column| vaultscope::engine::format::cell::text(answer.tables[0].batches[0].column(column), 0, Type::Long);
    assert_ne!(cell(0).as_deref(), Some("0"));
    assert_eq!(cell(1).as_deref(), Some("0"));
    demo.collector.stop().await;
}
