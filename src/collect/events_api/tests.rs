//! The client against a server that behaves as the API is documented and reported to, traps included.

use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::base::http::HttpOptions;

const TOKEN: &str = "c4n4ry-events-token";

fn api(server: &MockServer) -> EventsApi {
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    EventsApi::with_token(http, server.uri().parse().unwrap(), TOKEN.into())
}

async fn introspection(server: &MockServer, answer: Value) {
    Mock::given(method("GET"))
        .and(path("/api/v2/auth/introspect"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(server)
        .await;
}

async fn feed(server: &MockServer, feed: Feed, template: ResponseTemplate) {
    Mock::given(method("POST")).and(path(format!("/api/v2/{feed}"))).respond_with(template).mount(server).await;
}

async fn failure(template: ResponseTemplate) -> FetchError {
    let server = MockServer::start().await;
    feed(&server, Feed::AuditEvents, template).await;
    let error = api(&server).fetch(Feed::AuditEvents, &Position::Cursor(Cursor::new("c"))).await.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(!said.contains(TOKEN) && !said.contains('\u{1b}'), "{said}");
    error
}

#[tokio::test]
async fn introspection_tells_whose_token_it_is_and_what_it_may_read() {
    let server = MockServer::start().await;
    introspection(
        &server,
        json!({"uuid": "I1", "issued_at": "2026-01-02T03:04:05-03:00", "features": ["itemusages", "somethingnew", "auditevents"],
               "account_uuid": "A1", "extra": {}}),
    )
    .await;
    let identity = api(&server).identify().await.unwrap();
    assert_eq!(identity.feeds, [Feed::ItemUsages, Feed::AuditEvents]);
    assert_eq!((identity.account.as_deref(), identity.integration.as_deref()), (Some("A1"), Some("I1")));
    assert_eq!(identity.issued.unwrap().to_string(), "2026-01-02T06:04:05.0000000Z");
}

#[tokio::test]
async fn introspection_of_an_older_server_lacks_the_account() {
    let server = MockServer::start().await;
    introspection(&server, json!({"uuid": "I1", "features": ["auditevents"]})).await;
    assert_eq!(api(&server).identify().await.unwrap().account, None);
}

#[tokio::test]
async fn a_cursor_is_sent_alone_and_a_reset_without_one() {
    let server = MockServer::start().await;
    let page = |cursor: &str| {
        ResponseTemplate::new(200).set_body_json(json!({"cursor": cursor, "has_more": true, "items": []}))
    };
    for (body, cursor) in [
        (json!({"cursor": "one"}), "two"),
        (json!({"limit": 1000, "start_time": "2026-01-02T03:04:05.0000000Z"}), "one"),
    ] {
        Mock::given(method("POST"))
            .and(path("/api/v2/signinattempts"))
            .and(body_json(body))
            .respond_with(page(cursor))
            .mount(&server)
            .await;
    }
    let api = api(&server);
    let start = Position::Since(Ticks::parse_rfc3339("2026-01-02T03:04:05Z").unwrap());
    let first = api.fetch(Feed::SignInAttempts, &start).await.unwrap().cursor.unwrap();
    assert_eq!(first, Cursor::new("one"));
    let second = api.fetch(Feed::SignInAttempts, &Position::Cursor(first)).await.unwrap();
    assert_eq!(second.cursor, Some(Cursor::new("two")));
}

#[tokio::test]
async fn an_empty_cursor_is_never_sent_nor_taken() {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(200).set_body_json(json!({"cursor": "", "has_more": true, "items": []}));
    feed(&server, Feed::AuditEvents, template).await;
    let api = api(&server);
    let empty = Position::Cursor(Cursor::new(""));
    assert!(matches!(api.fetch(Feed::AuditEvents, &empty).await, Err(FetchError::BadRequest(_))));
    assert!(server.received_requests().await.unwrap().is_empty());
    assert_eq!(api.fetch(Feed::AuditEvents, &Position::Since(Ticks(0))).await.unwrap().cursor, None);
}

#[tokio::test]
async fn items_arrive_byte_for_byte() {
    let server = MockServer::start().await;
    let items = [r#"{"uuid":"1", "n":1.50,"e":"\u00e9"}"#, r#"{"uuid":"2" broken}"#, r#"{ "uuid": "3" }"#];
    let body = format!("{{\"cursor\":\"c\",\"has_more\":true,\"items\":[{}]}}", items.join(", "));
    feed(&server, Feed::ItemUsages, ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
    let page = api(&server).fetch(Feed::ItemUsages, &Position::Since(Ticks(0))).await.unwrap();
    assert_eq!(page.items, items);
    assert!(page.has_more);
}

#[tokio::test]
async fn a_refusal_of_one_feed_is_told_from_a_refused_token() {
    let server = MockServer::start().await;
    introspection(&server, json!({"uuid": "I1", "features": ["auditevents"]})).await;
    let refused = ResponseTemplate::new(401).set_body_json(json!({"status": 401, "message": "Unauthorized access"}));
    feed(&server, Feed::ItemUsages, refused.clone()).await;
    feed(&server, Feed::AuditEvents, refused).await;
    let (api, start) = (api(&server), Position::Since(Ticks(0)));
    assert!(matches!(api.fetch(Feed::ItemUsages, &start).await, Err(FetchError::NotPermitted)));
    let error = api.fetch(Feed::AuditEvents, &start).await.unwrap_err();
    assert!(matches!(&error, FetchError::Unauthorized(said) if said == "Unauthorized access"), "{error}");
}

#[tokio::test]
async fn every_kind_of_failure_is_told_apart() {
    let v1 = json!({"Error": {"Message": "Bad Request"}});
    let error = failure(ResponseTemplate::new(400).set_body_json(v1)).await;
    assert!(matches!(&error, FetchError::BadRequest(said) if said == "Bad Request"));
    let error = failure(ResponseTemplate::new(404).set_body_string("404 page not found\u{1b}[2J")).await;
    assert!(error.to_string().contains("404 page not found‹U+001B›"), "{error}");
    let error = failure(ResponseTemplate::new(500).set_body_string(format!("oops {TOKEN}-{TOKEN}"))).await;
    assert!(matches!(&error, FetchError::Server { status: 500, said } if said == "oops [hidden]"), "{error:?}");
    let error = failure(ResponseTemplate::new(429)).await;
    assert!(matches!(error, FetchError::RateLimited { retry_after: None }));
    let error = failure(ResponseTemplate::new(429).insert_header("retry-after", "7")).await;
    assert!(matches!(error, FetchError::RateLimited { retry_after: Some(wait) } if wait.as_secs() == 7));
    let error = failure(ResponseTemplate::new(302).insert_header("location", "https://evil.example")).await;
    assert!(matches!(error, FetchError::Malformed(_)));
    let error = failure(ResponseTemplate::new(200).set_body_string("<html>\u{1b}]0;x</html>")).await;
    assert!(matches!(error, FetchError::Malformed(_)), "{error}");
}

#[tokio::test]
async fn a_token_that_changed_in_its_file_is_taken_up() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let write = |token: &str| {
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("old");
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    let api =
        EventsApi::connect(http, Some(&"https://events.example".parse().unwrap()), &SecretRef::File(file.clone()))
            .unwrap();
    assert!(!api.renew(false).await);
    write("new");
    assert!(api.renew(false).await);
    assert_eq!(api.open().unwrap().token.expose_secret(), "new");
    std::fs::remove_file(&file).unwrap();
    assert!(!api.renew(true).await);
    assert_eq!(api.open().unwrap().token.expose_secret(), "new");
}

#[tokio::test]
async fn a_token_of_another_server_is_sent_there_and_one_that_names_a_strange_one_nowhere() {
    use std::os::unix::fs::PermissionsExt as _;

    use super::token::tests::token;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let write = |token: &SecretString| {
        std::fs::write(&file, token.expose_secret()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let of = |host: &str| token(&format!(r#"{{"aud":["{host}"]}}"#));
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    // Not there yet: a state, and no reason to have no client.
    let api = EventsApi::waiting(http, None, &SecretRef::File(file.clone()));
    let error = api.identify().await.unwrap_err();
    assert!(matches!(&error, FetchError::NoToken(why) if why.contains("token")), "{error}");
    write(&of("events.1password.com"));
    assert!(api.renew(false).await);
    assert_eq!((api.place().as_str(), api.open().unwrap().number), ("events.1password.com", 0));
    write(&of("events.1password.eu"));
    assert!(api.renew(false).await);
    assert_eq!((api.place().as_str(), api.open().unwrap().number), ("events.1password.eu", 1));
    write(&of("evil.example"));
    assert!(!api.renew(false).await);
    assert_eq!(api.place(), "events.1password.eu");
}

#[test]
fn the_configuration_knows_the_feeds_by_the_same_names() {
    assert_eq!(crate::base::config::values::FEEDS.map(Feed::from_name), Feed::ALL.map(Some));
}
