use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::base::http::{HttpClient, HttpOptions};
use crate::collect::{EventSource as _, EventsApi};
use crate::event::Feed;

const TOKEN: &str = "c4n4ry-events-token";
const START: &str = "2026-01-02T03:04:05.0000000Z";

fn api(server: &MockServer) -> EventsApi {
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    EventsApi::with_token(http, server.uri().parse().unwrap(), TOKEN.into()).reading_audit(AuditVersion::Three)
}

fn since() -> Position {
    Position::Since(Ticks::parse_rfc3339(START).unwrap())
}

fn event(n: usize, inserted: &str) -> Value {
    json!({"uuid": format!("E{n}"), "insert_time": inserted})
}

async fn page(server: &MockServer, name: &str, value: &str, answer: Value) {
    Mock::given(method("GET"))
        .and(path(PATH))
        .and(query_param(name, value))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_window_is_read_page_by_page_and_the_next_begins_at_the_newest_insertion() {
    let server = MockServer::start().await;
    let first = json!({"audit_events": [event(1, "2026-01-02T04:00:00.1234567891Z"), event(2, "2026-01-02T04:00:00.123456789Z")],
        "next_page_token": "a+b/=&c"});
    page(&server, "start_time", START, first).await;
    page(&server, "page_token", "a+b/=&c", json!({"audit_events": [event(3, "2026-01-02T03:59:00Z")]})).await;
    page(&server, "start_time", "2026-01-02T04:00:00.1234567891Z", json!({"audit_events": []})).await;
    let api = api(&server);
    assert_eq!((api.version(Feed::AuditEvents), api.version(Feed::ItemUsages)), (3, 2));
    let one = api.fetch(Feed::AuditEvents, &since()).await.unwrap();
    assert_eq!((one.items.len(), one.has_more), (2, true));
    let next = Position::Cursor(one.cursor.unwrap());
    let two = api.fetch(Feed::AuditEvents, &next).await.unwrap();
    assert_eq!((two.items.len(), two.has_more), (1, false));
    // At the tail nothing comes, and the cursor stays what it is.
    let tail = Position::Cursor(two.cursor.clone().unwrap());
    let three = api.fetch(Feed::AuditEvents, &tail).await.unwrap();
    assert_eq!((three.items.len(), three.has_more, three.cursor), (0, false, two.cursor));
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 3);
    for request in asked {
        let query: Vec<String> = request.url.query_pairs().map(|(key, _)| key.into_owned()).collect();
        assert!(!(query.contains(&"page_token".into()) && query.contains(&"start_time".into())), "{query:?}");
        assert!(query.contains(&"max_page_size".into()), "{query:?}");
    }
}

#[tokio::test]
async fn the_older_spelling_is_understood_and_spoken() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(PATH))
        .and(query_param_is_missing("page_size"))
        .respond_with(ResponseTemplate::new(400).set_body_string("unknown parameter"))
        .mount(&server)
        .await;
    let first = json!({"audit_events": [event(1, "2026-01-02T04:00:00Z")],
        "pagination": {"has_more": true, "next_page_token": "t2"}});
    page(&server, "start_time", START, first).await;
    let last = json!({"pagination": {"has_more": false, "next_page_token": "t3"}, "audit_events": [event(2, "2026-01-02T05:00:00Z")]});
    page(&server, "next_page_token", "t2", last).await;
    let api = api(&server);
    let one = api.fetch(Feed::AuditEvents, &since()).await.unwrap();
    assert!(one.has_more);
    let two = api.fetch(Feed::AuditEvents, &Position::Cursor(one.cursor.unwrap())).await.unwrap();
    assert!(!two.has_more);
    assert_eq!(two.cursor.unwrap().expose(), r#"{"since":"2026-01-02T05:00:00Z"}"#);
}

#[tokio::test]
async fn a_bad_event_does_not_take_the_page_and_a_strange_answer_is_told() {
    let server = MockServer::start().await;
    let body = "{\"audit_events\":[{\"uuid\" oops},7,{\"uuid\":\"A\",\"insert_time\":\"soon\"}]}";
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&server).await;
    let page = api(&server).fetch(Feed::AuditEvents, &since()).await.unwrap();
    // Nothing tells how far the insertions came: the window is asked for again.
    assert_eq!((page.items.len(), page.cursor.unwrap().expose()), (3, format!("{{\"since\":\"{START}\"}}").as_str()));
    server.reset().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{\"items\":[]}"))
        .mount(&server)
        .await;
    let error = api(&server).fetch(Feed::AuditEvents, &since()).await.unwrap_err();
    assert!(matches!(error, FetchError::Malformed(_)), "{error}");
    assert!(!format!("{error:?}").contains(secrecy::SecretString::from(TOKEN).expose_secret()));
}

#[tokio::test]
async fn a_cursor_that_is_none_of_ours_is_refused_before_it_is_sent() {
    let server = MockServer::start().await;
    let cursor = Position::Cursor(Cursor::new("aGVsbG8"));
    let error = api(&server).fetch(Feed::AuditEvents, &cursor).await.unwrap_err();
    assert!(matches!(error, FetchError::BadRequest(_)), "{error}");
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[test]
fn digits_that_our_clock_does_not_have_still_order_two_insertions() {
    assert!(is_later("2026-01-01T00:00:00.123456781Z", "2026-01-01T00:00:00.12345678Z"));
    assert!(!is_later("2026-01-01T00:00:00.12345678Z", "2026-01-01T00:00:00.123456780Z"));
    assert!(is_later("2026-01-01T01:00:00+00:00", "2026-01-01T00:59:59.9Z"));
}
