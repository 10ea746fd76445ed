use std::collections::HashSet;
use std::io::Write;

use reqwest::{Client, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::base::time::Ticks;

fn simulated() -> ServerOptions {
    let now = Ticks::parse_rfc3339("2026-03-04T12:00:00.5Z").unwrap();
    ServerOptions::new(What::Simulated(Options { users: 40, days: 5, ..Options::new(3, now) }))
}

struct Api {
    server: DemoServer,
    client: Client,
}

impl Api {
    async fn start(options: ServerOptions) -> Self {
        // Where another test was first, it is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            server: DemoServer::start(options).await.unwrap(),
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base_url())
    }

    async fn send(&self, path: &str, body: &str) -> Response {
        let token = self.server.token.expose_secret();
        self.client.post(self.url(path)).bearer_auth(token).body(body.to_owned()).send().await.unwrap()
    }

    async fn feed(&self, feed: Feed, body: &Value) -> Response {
        self.send(&format!("/api/v2/{feed}"), &body.to_string()).await
    }

    async fn page(&self, feed: Feed, body: Value) -> Value {
        let response = self.feed(feed, &body).await;
        assert_eq!(response.status(), StatusCode::OK, "{body}");
        let text = response.text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn error(&self, feed: Feed, body: Value) -> (StatusCode, Value) {
        let response = self.feed(feed, &body).await;
        (response.status(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    fn inject(&self, fault: &str) {
        self.server.control.inject(fault.parse().unwrap());
    }

    /// Everything of a chain until a page that says there is no more: uuids, and the last cursor.
    async fn drain(&self, feed: Feed, mut body: Value) -> (Vec<String>, String) {
        let mut uuids = Vec::new();
        loop {
            let page = self.page(feed, body).await;
            uuids.extend(self::uuids(&page));
            let cursor = page["cursor"].as_str().unwrap().to_owned();
            if page["has_more"] == false {
                return (uuids, cursor);
            }
            body = json!({ "cursor": cursor });
        }
    }
}

fn uuids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["uuid"].as_str().unwrap().to_owned()).collect()
}

const ALL: &str = "2020-01-01T00:00:00Z";
const AUDIT: Feed = Feed::AuditEvents;

#[tokio::test]
async fn introspection_names_the_features_and_the_account() {
    let api = Api::start(ServerOptions { features: vec![Feed::ItemUsages], ..simulated() }).await;
    let token = api.server.token.expose_secret().to_owned();
    let url = api.url("/api/v2/auth/introspect");
    let text = api.client.get(&url).bearer_auth(&token).send().await.unwrap().text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["features"], json!(["itemusages"]));
    assert_eq!(body["account_uuid"].as_str().unwrap(), api.server.control.account_uuid());
    assert_eq!(body["issued_at"], "2026-03-04T12:00:00.5Z");
    assert!(!format!("{:?}", api.server).contains(&token));
    let claims: Vec<&str> = token.split('.').collect();
    let claims: Value = serde_json::from_slice(&base64::decode(claims[1]).unwrap()).unwrap();
    assert_eq!(claims["aud"], json!([api.server.addr.to_string()]));

    // A feature that the token lacks is unauthorised, not forbidden.
    let (status, error) = api.error(AUDIT, json!({})).await;
    assert_eq!((status, &error["status"]), (StatusCode::UNAUTHORIZED, &json!(401)));
    assert!(error["message"].as_str().unwrap().contains("scoped"));
}

#[tokio::test]
async fn a_wrong_token_path_or_method_is_refused_in_the_shape_of_its_kind() {
    let api = Api::start(simulated()).await;
    for bearer in [None, Some("x.y.z")] {
        let mut request = api.client.post(api.url("/api/v2/auditevents")).body("{}");
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    let missing = api.send("/api/v2/auditevent", "{}").await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert_eq!(missing.text().await.unwrap(), "404 page not found\n");
    let get = api.client.get(api.url("/api/v2/auditevents")).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_body_that_is_neither_cursor_nor_reset_is_a_bad_request() {
    let api = Api::start(simulated()).await;
    let cursor = api.page(AUDIT, json!({})).await["cursor"].clone();
    for body in [
        json!({ "limit": 0 }),
        json!({ "limit": 1001 }),
        json!({ "cursor": cursor, "limit": 5 }),
        json!({ "since": ALL }),
        json!([]),
    ] {
        let (status, error) = api.error(AUDIT, body).await;
        assert_eq!((status, &error["status"]), (StatusCode::BAD_REQUEST, &json!(400)));
    }
    // A cursor that is broken, or another feed's, gets the old shape.
    for (feed, cursor) in [(AUDIT, json!("bm9wZQ")), (Feed::ItemUsages, cursor)] {
        let (status, error) = api.error(feed, json!({ "cursor": cursor })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(error, json!({ "Error": { "Message": "Bad Request" } }));
    }
}

#[tokio::test]
async fn the_page_size_sticks_to_the_chain_and_every_event_is_told_once() {
    let api = Api::start(simulated()).await;
    let first = api.page(AUDIT, json!({ "limit": 250, "start_time": ALL })).await;
    assert_eq!(uuids(&first).len(), 250);
    let second = api.page(AUDIT, json!({ "cursor": first["cursor"] })).await;
    assert_eq!(uuids(&second).len(), 250);
    assert_eq!(first["cursor"].as_str().unwrap().len(), 200);
    let default = api.page(AUDIT, json!({ "start_time": ALL })).await;
    assert_eq!(uuids(&default).len(), 100);

    let (all, _) = api.drain(AUDIT, json!({ "limit": 1000, "start_time": ALL })).await;
    let distinct: HashSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert!(all.len() as u64 <= api.server.control.events(AUDIT));
    assert_eq!(all[..250], uuids(&first));
}

#[tokio::test]
async fn at_the_tail_the_same_cursor_comes_back_and_brings_what_happens_later() {
    let api = Api::start(simulated()).await;
    let (_, mut cursor) = api.drain(AUDIT, json!({ "limit": 1000 })).await;
    // Nothing for long enough to see the same cursor twice, unless something happened meanwhile.
    let mut same = 0;
    for _ in 0..20 {
        let page = api.page(AUDIT, json!({ "cursor": cursor })).await;
        assert_eq!(page["has_more"], false);
        let next = page["cursor"].as_str().unwrap().to_owned();
        assert_eq!(next == cursor, uuids(&page).is_empty());
        same += usize::from(next == cursor);
        cursor = next;
    }
    assert!(same > 0);
    api.server.control.advance(Duration::from_secs(600));
    let page = api.page(AUDIT, json!({ "cursor": cursor })).await;
    assert!(uuids(&page).len() > 100);
}

#[tokio::test]
async fn a_full_last_page_promises_more_and_an_empty_one_follows() {
    let file = replay_file(4);
    let api = Api::start(ServerOptions::new(What::Replay(file.path().into()))).await;
    let first = api.page(AUDIT, json!({ "limit": 4 })).await;
    assert_eq!((uuids(&first).len(), &first["has_more"]), (4, &json!(true)));
    let second = api.page(AUDIT, json!({ "cursor": first["cursor"] })).await;
    assert_eq!((uuids(&second).len(), &second["has_more"]), (0, &json!(false)));
    assert_eq!(second["cursor"], first["cursor"]);
}

#[tokio::test]
async fn windows_filter_on_the_event_time_and_without_one_it_is_the_last_hour() {
    let api = Api::start(simulated()).await;
    let feed = Feed::ItemUsages;
    let time = |item: &Value| Ticks::parse_rfc3339(item["timestamp"].as_str().unwrap()).unwrap();
    let now = api.server.control.now();
    let hour = crate::base::time::HOUR;
    let recent = api.page(feed, json!({ "limit": 1000 })).await;
    let items = recent["items"].as_array().unwrap();
    assert!(!items.is_empty() && items.iter().all(|item| time(item).0 > now.0 - hour));
    // An empty cursor is a reset, and silently tells the last hour again.
    let again = api.page(feed, json!({ "cursor": "" })).await;
    assert_eq!(uuids(&again)[..50.min(items.len())], uuids(&recent)[..50.min(items.len())]);

    let body = json!({ "limit": 1000, "start_time": "2026-03-02T09:00:00Z", "end_time": "2026-03-02T19:00:00+02:00" });
    let page = api.page(feed, body).await;
    let items = page["items"].as_array().unwrap();
    assert!(items.len() > 20);
    assert!(items.iter().all(|item| ("2026-03-02T09".."2026-03-02T17").contains(&item["timestamp"].as_str().unwrap())));
    // In order of arrival, not of time.
    assert!(items.windows(2).any(|pair| time(&pair[1]) < time(&pair[0])));
}

#[tokio::test]
async fn nothing_older_than_120_days_is_told() {
    let What::Simulated(options) = simulated().what else { unreachable!() };
    let what = What::Simulated(Options { days: 125, users: 30, ..options });
    let api = Api::start(ServerOptions { what, ..simulated() }).await;
    let page = api.page(AUDIT, json!({ "limit": 1000, "start_time": ALL })).await;
    let oldest = api.server.control.now().0 - 120 * crate::base::time::DAY;
    let times = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| Ticks::parse_rfc3339(i["timestamp"].as_str().unwrap()).unwrap());
    let first = times.min().unwrap().0;
    assert!((oldest..oldest + crate::base::time::DAY).contains(&first));
}

fn replay_file(events: usize) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for n in 0..events {
        writeln!(file, r#"{{"endpoint":"auditevents","event":{{ "uuid" : "E{n}",  "odd":1.50,"timestamp":"1999-01-01T00:00:00Z"}}}}"#)
            .unwrap();
    }
    file
}

#[tokio::test]
async fn a_replay_serves_the_text_verbatim_whatever_its_time() {
    let file = replay_file(3);
    let api = Api::start(ServerOptions::new(What::Replay(file.path().into()))).await;
    let text = api.feed(AUDIT, &json!({ "limit": 2 })).await.text().await.unwrap();
    let event = |n| format!(r#"{{ "uuid" : "E{n}",  "odd":1.50,"timestamp":"1999-01-01T00:00:00Z"}}"#);
    assert!(text.contains(&format!("[{},{}]", event(0), event(1))), "{text}");
    assert!(api.server.truths.is_empty());
}

#[tokio::test]
async fn too_many_requests_are_told_so_with_and_without_a_wait() {
    let api = Api::start(ServerOptions { limits: Some(Limits { minute: 4, hour: 100 }), ..simulated() }).await;
    api.inject("429:retry-after=7,requests=1");
    api.inject("429:requests=1,feed=auditevents");
    let first = api.feed(AUDIT, &json!({})).await;
    assert_eq!(
        (first.status(), first.headers()["retry-after"].to_str().unwrap()),
        (StatusCode::TOO_MANY_REQUESTS, "7")
    );
    let second = api.feed(Feed::ItemUsages, &json!({})).await;
    assert_eq!(second.status(), StatusCode::OK);
    // The first request met both faults of its feed.
    assert_eq!(api.feed(AUDIT, &json!({})).await.status(), StatusCode::OK);
    api.server.control.advance(Duration::from_secs(60));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let response = api.feed(AUDIT, &json!({})).await;
        assert!(response.headers().get("retry-after").is_none());
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
    assert_eq!(api.server.control.requests(Some(AUDIT)), 7);
    assert_eq!(api.server.control.requests(Some(Feed::ItemUsages)), 1);
}

#[tokio::test]
async fn every_fault_can_be_had_by_a_call() {
    let api = Api::start(simulated()).await;
    let control = async |order: Value| {
        let response = api.send("/__control", &order.to_string()).await;
        let status = response.status();
        (status, serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap())
    };
    let cursor = api.page(AUDIT, json!({ "limit": 20, "start_time": ALL })).await["cursor"].clone();
    let next = api.page(AUDIT, json!({ "cursor": cursor })).await;
    let next_cursor = next["cursor"].clone();

    let (status, said) = control(json!({ "faults": ["500:requests=1"] })).await;
    assert_eq!((status, &said["faults"]), (StatusCode::OK, &json!(["500:requests=1"])));
    assert_eq!(said["requests"]["auditevents"], 2);
    assert_eq!(api.feed(AUDIT, &json!({})).await.status(), StatusCode::INTERNAL_SERVER_ERROR);

    control(json!({ "faults": ["truncated:requests=1"] })).await;
    let cut = api.feed(AUDIT, &json!({ "cursor": cursor })).await;
    assert_eq!(cut.status(), StatusCode::OK);
    assert!(cut.bytes().await.is_err());

    control(json!({ "faults": ["gzip:requests=1"] })).await;
    let packed = api.page(AUDIT, json!({ "cursor": cursor })).await;
    assert_eq!(packed, next);

    control(json!({ "faults": ["duplicates:requests=1"] })).await;
    let doubled = uuids(&api.page(AUDIT, json!({ "cursor": next_cursor })).await);
    assert_eq!(doubled[..5], uuids(&next)[15..]);
    assert_eq!(doubled.len(), 20);

    control(json!({ "faults": ["invalid-cursor:requests=1"] })).await;
    assert_eq!(api.feed(AUDIT, &json!({})).await.status(), StatusCode::OK);
    assert_eq!(api.feed(AUDIT, &json!({ "cursor": cursor })).await.status(), StatusCode::BAD_REQUEST);

    control(json!({ "faults": ["expired-token", "slow:ms=1"] })).await;
    assert_eq!(api.feed(AUDIT, &json!({})).await.status(), StatusCode::UNAUTHORIZED);
    let before = api.server.control.now();
    let (_, said) = control(json!({ "clear": true, "advance": 3600 })).await;
    assert_eq!(said["faults"], json!([]));
    assert!(api.server.control.now().0 - before.0 >= crate::base::time::HOUR);
    assert_eq!(api.feed(AUDIT, &json!({})).await.status(), StatusCode::OK);

    let (status, said) = control(json!({ "faults": ["418"] })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(said["message"].as_str().unwrap().contains("418"));
}

#[tokio::test]
async fn a_live_story_becomes_visible_as_the_clock_passes() {
    let api = Api::start(simulated()).await;
    let story = api.server.truths.iter().find(|t| t.live && t.story == "password-spray").unwrap();
    let (before, cursor) = api.drain(Feed::SignInAttempts, json!({ "limit": 1000, "start_time": ALL })).await;
    assert!(!before.iter().any(|uuid| story.uuids.contains(uuid)));
    api.server.control.advance(Duration::from_secs(900));
    let (after, _) = api.drain(Feed::SignInAttempts, json!({ "cursor": cursor })).await;
    assert!(story.uuids.iter().all(|uuid| after.contains(uuid)));
}

#[tokio::test]
async fn only_loopback_is_served() {
    let options = ServerOptions { address: "0.0.0.0:0".parse().unwrap(), ..simulated() };
    assert!(matches!(DemoServer::start(options).await, Err(DemoError::NotLoopback(_))));
    let options = ServerOptions { what: What::Replay("/no/such/file".into()), ..simulated() };
    assert!(matches!(DemoServer::start(options).await, Err(DemoError::Replay(_))));
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let api = Api::start(simulated()).await;
    let url = api.url("/api/v2/auth/introspect");
    assert!(api.client.get(&url).send().await.is_ok());
    drop(api.server);
    let mut gone = false;
    for _ in 0..200 {
        gone = Client::builder().no_proxy().build().unwrap().get(&url).send().await.is_err();
        if gone {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(gone);
}

impl Api {
    async fn get(&self, path: &str) -> Response {
        let token = self.server.token.expose_secret();
        self.client.get(self.url(path)).bearer_auth(token).send().await.unwrap()
    }

    async fn read(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }
}

fn listed(page: &Value) -> Vec<String> {
    page["audit_events"].as_array().unwrap().iter().map(|item| item["uuid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn version_3_tells_the_same_audit_events_window_by_window() {
    let api = Api::start(simulated()).await;
    let (second, _) = api.drain(AUDIT, json!({ "limit": 1000, "start_time": ALL })).await;
    let mut page = api.read(&format!("/api/v3/auditevents?max_page_size=100&start_time={ALL}")).await;
    let mut third = listed(&page);
    while let Some(token) = page["next_page_token"].as_str() {
        page = api.read(&format!("/api/v3/auditevents?page_token={token}")).await;
        assert!(!listed(&page).is_empty());
        third.extend(listed(&page));
    }
    assert_eq!(second[..third.len().min(second.len())], third[..second.len().min(third.len())]);
    let last = page["audit_events"].as_array().unwrap().last().unwrap();
    assert!(
        last["insert_time"].as_str() >= last["timestamp"].as_str() && last["action"].as_str().unwrap().contains('.')
    );
    // Both ends are excluded: from the newest on there is nothing yet.
    let since = last["insert_time"].as_str().unwrap();
    let tail = api.read(&format!("/api/v3/auditevents?start_time={since}&end_time={since}")).await;
    assert_eq!(listed(&tail), [""; 0]);
    let both = api.get(&format!("/api/v3/auditevents?page_token=x&start_time={since}")).await;
    assert_eq!(both.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_connect_servers_list_has_its_newest_first_and_grows_at_the_front() {
    let api = Api::start(simulated()).await;
    let response = api.get("/v1/activity?limit=3&offset=2").await;
    let range = response.headers()["content-range"].to_str().unwrap().to_owned();
    let page: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert!(range.starts_with("3-5/"), "{range}");
    let requests = page.as_array().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests[0]["timestamp"].as_str() >= requests[2]["timestamp"].as_str());
    assert_eq!(requests[0]["resource"]["type"], "ITEM");
    let total: usize = range.rsplit('/').next().unwrap().parse().unwrap();
    let past = api.read(&format!("/v1/activity?offset={}", total + 10_000)).await;
    assert_eq!(past, json!([]));
    assert_eq!(api.read("/v1/activity").await.as_array().unwrap().len(), 50);
    assert_eq!(api.server.control.requests(Some(Feed::ConnectActivity)), 3);
}
