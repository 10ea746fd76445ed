//! Every failpoint, met by a process that collects over HTTP into a store that seals, merges and lets old events go: it goes on, or another
//! one goes on after it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use vaultscope::base::fault::POINTS;
use vaultscope::base::http::{HttpClient, HttpOptions};
use vaultscope::collect::{Collector, EventsApi, FeedState, Pins, Settings};
use vaultscope::event::Feed;
use vaultscope::store::verify::{self, verify};
use vaultscope::store::{Reader, Writer};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::small;
use crate::evidence::{everything, first_kept, item, retention, scratch};

const DIR: &str = "VAULTSCOPE_TEST_STORE";
const URL: &str = "VAULTSCOPE_TEST_SERVICE";
const EVENTS: usize = 120;
const PAGE: usize = 10;
/// What retention keeps at last: the newest day.
const LAST: u64 = EVENTS as u64 - 1;

/// At which passing a point is met: opening the store passes some, and a merge and what retention does come once or twice.
fn when(point: &str) -> u32 {
    match point.split('.').next() {
        Some("merge" | "superseded" | "retain") => 1,
        Some("folder") => 6,
        _ => 3,
    }
}

/// Events in pages, each with an item that is no event.
fn answer(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let from: usize = body["cursor"].as_str().map_or(0, |at| at.parse().unwrap());
    let to = (from + PAGE).min(EVENTS);
    let mut items: Vec<String> = (from..to).map(|n| item(n as u64)).collect();
    if to > from {
        items.push(format!("{{\"no\":\"event\",\"at\":{from}}}"));
    }
    let page = format!(r#"{{"cursor":"{to}","has_more":{},"items":[{}]}}"#, to < EVENTS, items.join(","));
    ResponseTemplate::new(200).set_body_string(page)
}

async fn service() -> MockServer {
    let server = MockServer::start().await;
    let introspection = json!({"uuid": "I1", "account_uuid": "A1", "features": ["auditevents"]});
    let introspect = Mock::given(method("GET")).and(path("/api/v2/auth/introspect"));
    introspect.respond_with(ResponseTemplate::new(200).set_body_json(introspection)).mount(&server).await;
    Mock::given(method("POST")).and(path("/api/v2/auditevents")).respond_with(answer).mount(&server).await;
    server
}

/// What the other process does: collects until it has everything, however often something fails.
#[test]
#[ignore = "not a test of its own: others run it as their other process"]
fn the_collecting_process() {
    let data = std::env::var_os(DIR).expect("the folder of the store");
    let url = std::env::var(URL).expect("the address of the service");
    let data = Path::new(&data);
    let mut tries = 0;
    let writer = loop {
        match Writer::open_with(data, small()) {
            Ok(writer) => break writer,
            Err(e) => assert!(tries < 5, "{e}"),
        }
        tries += 1;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let reader = Reader::open(data).unwrap();
    runtime.block_on(async {
        let http = HttpClient::new(&HttpOptions::default()).unwrap();
        let source = std::sync::Arc::new(EventsApi::with_token(http, url.parse().unwrap(), "t0ken".into()));
        let reader = reader.clone();
        let settings = Settings { feeds: vec![Feed::AuditEvents], ..Settings::default() };
        let collector = Collector {
            account: "acme".into(),
            source,
            writer: writer.handle(),
            reader: reader.clone(),
            pins: Pins::of(data),
            settings,
        }
        .start();
        let mut health = collector.health();
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let state = health.borrow_and_update().feeds[0].state.clone();
                match state {
                    FeedState::Idle { .. } if read_to(&reader) == Some(EVENTS.to_string()) => return,
                    // Nobody waits here for a minute's rest.
                    FeedState::BackingOff { .. } | FeedState::Idle { .. } => collector.poll_now(),
                    FeedState::Stopped => panic!("{:?}", health.borrow().feeds[0]),
                    _ => {}
                }
                health.changed().await.unwrap();
            }
        });
        assert!(ended.await.is_ok(), "{:?}", collector.health().borrow().feeds[0]);
        collector.stop().await;
    });
    // Whatever was left to merge, and what that leaves to remove; once more where it failed.
    let _ = writer.handle().merge().blocking_recv();
    let _ = writer.handle().merge().blocking_recv();
    writeln!(std::io::stdout(), "\nsealed {}", reader.status().unwrap().segments).unwrap();
    // First a segment is written anew; then segments go whole, and of the fresh pages what is old.
    for (newest, days) in [(LAST / 2, 1), (LAST, 0)] {
        let mut tries = 0;
        while let Err(e) = writer.handle().retain(retention(newest, days)).blocking_recv().unwrap() {
            assert!(tries < 5, "{e}");
            tries += 1;
        }
    }
    writer.close();
}

/// The cursor that the store has.
fn read_to(reader: &Reader) -> Option<String> {
    let row = reader.cursor("A1", Feed::AuditEvents, 2).unwrap()?;
    row.cursor.map(|cursor| cursor.expose().to_owned())
}

fn collect(data: &Path, url: &str, order: Option<&str>) -> Output {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--ignored", "--exact", "faults::points::the_collecting_process", "--nocapture", "--test-threads=1"]);
    process.env(DIR, data).env(URL, url).stdin(Stdio::null());
    process.env("VAULTSCOPE_FAILPOINTS", order.unwrap_or_default());
    process.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout))
}

/// Points, met in one way.
fn met(points: &[&str], kind: &str, url: &str) {
    let data = scratch();
    let orders: Vec<String> = points.iter().map(|point| format!("{point}={kind}@{}", when(point))).collect();
    let order = orders.join(";");
    let ran = collect(data.path(), url, Some(&order));
    let told = said(&ran);
    for point in points {
        assert!(told.contains(&format!("failpoint {point}\n")), "{point}, {order} was not met: {told}");
    }
    assert_eq!(ran.status.success(), kind != "abort", "{order}: {told}");
    if kind == "abort" {
        let again = collect(data.path(), url, None);
        assert!(again.status.success(), "after {order}: {}", said(&again));
    }
    let reader = Reader::open(data.path()).unwrap();
    let held: Vec<String> = everything(&reader).into_values().collect();
    let first = first_kept(LAST, 0);
    assert_eq!(held, (first..EVENTS as u64).map(item).collect::<Vec<_>>(), "{order}");
    let stones = reader.tombstones().unwrap();
    assert_eq!(stones.iter().flat_map(|stone| stone.events).sum::<u64>(), first, "{order}");
    assert_eq!(verify(data.path(), &verify::Options::default(), &|_, _| ()).unwrap().findings, [], "{order}");
    assert_eq!(read_to(&reader), Some(EVENTS.to_string()), "{order}");
    assert_eq!(reader.quarantined(100).unwrap().len(), EVENTS / PAGE, "{order}");
    assert_eq!(reader.gaps(5).unwrap(), [], "{order}");
    let sealed = told.contains("\nsealed ") && !told.contains("\nsealed 0");
    let hindered = kind == "abort" || ["se", "folder"].iter().any(|of| points[0].starts_with(of));
    assert!(sealed || hindered, "{order}: nothing was sealed");
}

#[test]
fn every_failpoint_met_in_every_way_loses_and_doubles_nothing_and_the_program_goes_on() {
    assert!(POINTS.len() >= 15);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(service());
    let url = server.uri();
    let alone = |kind| POINTS.chunks(1).map(move |point| (point, kind));
    // What only takes its time hinders nothing else: all of it in one go.
    let together = std::iter::once((POINTS, "delay:50"));
    let left: Vec<(&[&str], &str)> = ["error", "panic", "abort"].into_iter().flat_map(alone).chain(together).collect();
    let left = Mutex::new(left);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((points, kind)) = { left.lock().unwrap().pop() } {
                    met(points, kind, &url);
                }
            });
        }
    });
}
