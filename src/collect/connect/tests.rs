use std::sync::Arc;

use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::base::http::{HttpClient, HttpOptions};

/// A list of requests that grows, newest first or oldest first.
#[derive(Clone, Default)]
struct List {
    requests: Arc<Mutex<Vec<u32>>>,
    oldest_first: bool,
    /// Requests of a page at most.
    most: usize,
    /// Without the header that tells how many there are.
    silent: bool,
}

impl List {
    fn add(&self, numbers: std::ops::Range<u32>) {
        self.requests.lock().unwrap().extend(numbers);
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let number = |key: &str| {
            let found = request.url.query_pairs().find(|(name, _)| name == key);
            found.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or(0)
        };
        let mut all = self.requests.lock().unwrap().clone();
        if !self.oldest_first {
            all.reverse();
        }
        let of = |n: &u32| json!({"requestId": format!("R{n}"), "timestamp": format!("2026-01-01T00:{:02}:{:02}Z", n / 60, n % 60)});
        let page: Vec<_> = all.iter().skip(number("offset")).take(number("limit").min(self.most)).map(of).collect();
        let answer = ResponseTemplate::new(200).set_body_json(&page);
        if self.silent { answer } else { answer.insert_header("content-range", format!("0-0/{}", all.len())) }
    }

    async fn serve(&self) -> (MockServer, Connect) {
        let server = MockServer::start().await;
        let list = self.clone();
        Mock::given(method("GET"))
            .and(path("/v1/activity"))
            .respond_with(move |request: &Request| list.answer(request))
            .mount(&server)
            .await;
        let http = HttpClient::new(&HttpOptions::default()).unwrap();
        let connect = Connect::new(EventsApi::with_token(http, server.uri().parse().unwrap(), "t0ken".into()));
        (server, connect)
    }
}

/// Reads until there is no more: every id in the order it came, and the position after.
async fn read(connect: &Connect, mut position: Position, mut between: impl FnMut()) -> (Vec<String>, Position) {
    let mut ids = Vec::new();
    for _ in 0..100 {
        let page = connect.fetch(Feed::ConnectActivity, &position).await.unwrap();
        ids.extend(page.items.iter().filter_map(Mark::of).map(|mark| mark.id));
        position = Position::Cursor(page.cursor.unwrap());
        if !page.has_more {
            return (ids, position);
        }
        between();
    }
    panic!("it never ends: {position:?} {ids:?}");
}

fn begin() -> Position {
    Position::Since(Ticks::parse_rfc3339("2025-12-31T00:00:00Z").unwrap())
}

fn all(ids: &[String]) -> HashSet<String> {
    ids.iter().cloned().collect()
}

fn wanted(numbers: std::ops::Range<u32>) -> HashSet<String> {
    numbers.map(|n| format!("R{n}")).collect()
}

#[tokio::test]
async fn a_list_that_grows_at_its_front_while_it_is_read_misses_nothing() {
    for silent in [false, true] {
        let list = List { most: 7, silent, ..List::default() };
        list.add(0..40);
        let (_server, connect) = list.serve().await;
        let mut n = 40;
        let (ids, position) = read(&connect, begin(), || {
            list.add(n..n + 3);
            n += 3;
        })
        .await;
        assert!(all(&ids).is_superset(&wanted(0..40)));
        let (ids, position) = read(&connect, position, || ()).await;
        assert!(all(&ids).is_superset(&wanted(40..n)), "what came meanwhile comes with the next reading");
        // At the tail nothing comes again, and the cursor stands still.
        let (ids, tail) = read(&connect, position.clone(), || ()).await;
        assert_eq!((ids.len(), &tail), (0, &position));
        list.add(n..n + 1);
        assert_eq!(read(&connect, tail, || ()).await.0, [format!("R{n}")]);
    }
}

#[tokio::test]
async fn a_list_with_its_oldest_first_is_read_on_from_its_end() {
    let list = List { most: 9, oldest_first: true, ..List::default() };
    list.add(0..40);
    let (server, connect) = list.serve().await;
    let (ids, position) = read(&connect, begin(), || ()).await;
    assert_eq!(all(&ids), wanted(0..40));
    list.add(40..52);
    let before = server.received_requests().await.unwrap().len();
    let (ids, _) = read(&connect, position, || ()).await;
    assert!(all(&ids).is_superset(&wanted(40..52)));
    assert!(server.received_requests().await.unwrap().len() - before <= 6);
}

#[tokio::test]
async fn a_reading_that_was_broken_off_goes_on_and_what_was_not_stored_comes_again() {
    let list = List { most: 10, ..List::default() };
    list.add(0..35);
    let (_server, connect) = list.serve().await;
    let first = connect.fetch(Feed::ConnectActivity, &begin()).await.unwrap();
    let cursor = Position::Cursor(first.cursor.unwrap());
    // The page was not stored: the same is asked again, and given again.
    let again = connect.fetch(Feed::ConnectActivity, &begin()).await.unwrap();
    assert_eq!(again.items.len(), 10);
    // Another program goes on from the cursor, after more came.
    list.add(35..40);
    let (_other, fresh) = list.serve().await;
    let (ids, position) = read(&fresh, cursor, || ()).await;
    assert!(all(&ids).is_superset(&wanted(0..25)));
    let (ids, _) = read(&fresh, position, || ()).await;
    assert!(all(&ids).is_superset(&wanted(35..40)));
}

#[tokio::test]
async fn a_list_that_lost_what_was_not_read_says_so() {
    let list = List { most: 10, ..List::default() };
    list.add(0..5);
    let (_server, connect) = list.serve().await;
    let (_, position) = read(&connect, begin(), || ()).await;
    list.requests.lock().unwrap().clear();
    list.add(100..108);
    let page = connect.fetch(Feed::ConnectActivity, &position).await.unwrap();
    assert!(page.missed.is_some() && page.items.len() == 8);
}

#[tokio::test]
async fn a_refused_token_is_told_as_the_server_said_it() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(401).set_body_json(json!({"status": 401, "message": "Invalid token signature"}));
    Mock::given(path("/v1/activity")).respond_with(answer).mount(&server).await;
    let http = HttpClient::new(&HttpOptions::default()).unwrap();
    let connect = Connect::new(EventsApi::with_token(http, server.uri().parse().unwrap(), "t0ken".into()));
    let error = connect.identify().await.unwrap_err();
    assert!(matches!(&error, FetchError::Unauthorized(said) if said == "Invalid token signature"), "{error}");
}
