//! From a request to its answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_RANGE};
use hyper::{Method, Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::body::Body;
use super::content::Content;
use super::cursor::Cursor;
use super::fault::{self, Fault, Trouble};
use super::limits::{Limits, Windows};
use super::query::{Stretch, Window};
use super::reply::{self, Answer, ReplyBody};
use super::{ServerOptions, What, control, token};
use crate::base::time::Ticks;
use crate::demo::ids::{self, Domain};
use crate::demo::{Nanos, Truth, nanos, ticks};
use crate::event::Feed;

/// The most that a request's body may have.
const MOST_BODY: usize = 64 << 10;

/// The server's state. Locks are held for as long as a page takes, never across a wait.
pub(super) struct State {
    content: Mutex<Content>,
    faults: Mutex<Vec<Fault>>,
    windows: Mutex<Windows>,
    limits: Option<Limits>,
    features: Vec<Feed>,
    token: SecretString,
    account: String,
    integration: String,
    issued: Ticks,
    /// What the server's cursors are sealed with: the same for the same history.
    secret: u64,
    start: Nanos,
    began: Instant,
    ahead: AtomicI64,
    requests: [AtomicU64; Feed::STORED.len() + 1],
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("features", &self.features).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves nothing half done here.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub fn new(content: Content, addr: SocketAddr, options: ServerOptions) -> Self {
        let (seed, now) = match &options.what {
            What::Simulated(what) => (what.seed, what.now),
            What::Replay(_) => (0, Ticks::now()),
        };
        let account = match &content {
            Content::Simulated(simulation) => simulation.organisation().account_uuid.clone(),
            Content::Replay(_) => ids::upper(ids::key(seed, Domain::Account, 0)),
        };
        let secret = match &content {
            Content::Simulated(_) => ids::key(seed, Domain::Cursor, 0) ^ ids::mix(now.0 as u64),
            Content::Replay(_) => ids::key(seed, Domain::Cursor, 1),
        };
        let integration = ids::upper(ids::key(seed, Domain::Account, 2));
        Self {
            token: token::issue(addr, &account, &integration, &options.features, now).into(),
            content: Mutex::new(content),
            faults: Mutex::new(options.faults),
            windows: Mutex::default(),
            limits: options.limits,
            features: options.features,
            account,
            integration,
            issued: now,
            secret,
            start: nanos(now),
            began: Instant::now(),
            ahead: AtomicI64::new(0),
            requests: Default::default(),
        }
    }

    pub fn token(&self) -> SecretString {
        self.token.clone()
    }

    pub fn account(&self) -> &str {
        &self.account
    }

    pub fn truths(&self) -> Vec<Truth> {
        match &*lock(&self.content) {
            Content::Simulated(simulation) => simulation.truths().to_vec(),
            Content::Replay(_) => Vec::new(),
        }
    }

    /// What the simulated organisation would write under `[organisation]`; nothing for a replay.
    pub fn facts(&self) -> Option<crate::base::config::Organisation> {
        match &*lock(&self.content) {
            Content::Simulated(simulation) => Some(simulation.facts().clone()),
            Content::Replay(_) => None,
        }
    }

    /// What a simulation is made of; nothing for a replay.
    pub fn with_organisation<T>(&self, look: impl FnOnce(&crate::demo::Organisation) -> T) -> Option<T> {
        match &*lock(&self.content) {
            Content::Simulated(simulation) => Some(look(simulation.organisation())),
            Content::Replay(_) => None,
        }
    }

    /// The server's time: it runs on from the start.
    fn clock(&self) -> Nanos {
        let passed = i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.start.saturating_add(passed).saturating_add(self.ahead.load(Ordering::Relaxed))
    }

    pub fn now(&self) -> Ticks {
        ticks(self.clock())
    }

    /// Puts the clock forward.
    pub fn skip(&self, by: Duration) {
        self.ahead.fetch_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Makes what has happened by now.
    pub fn advance(&self) {
        let clock = self.clock();
        lock(&self.content).advance(clock);
    }

    pub fn count(&self, feed: Feed) -> u64 {
        self.advance();
        lock(&self.content).count(feed)
    }

    /// Requests that asked for a feed, or for introspection, whatever the answer.
    pub fn requests(&self, feed: Option<Feed>) -> u64 {
        self.requests[place(feed)].load(Ordering::Relaxed)
    }

    pub fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        lock(&self.faults)
    }

    fn authorised(&self, request: &Request<Incoming>) -> bool {
        let value = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        value.strip_prefix("Bearer ").is_some_and(|sent| sent == self.token.expose_secret())
    }

    fn introspection(&self) -> Response<ReplyBody> {
        let features: Vec<&str> = self.features.iter().map(|feed| feed.name()).collect();
        let mut issued = Vec::new();
        crate::demo::render::push_time(nanos(self.issued), &mut issued);
        let body = json!({
            "uuid": self.integration,
            "issued_at": String::from_utf8_lossy(&issued),
            "features": features,
            "account_uuid": self.account,
        });
        reply::json_text(StatusCode::OK, body.to_string().into_bytes())
    }

    fn page(&self, cursor: &Cursor, again: bool) -> Response<ReplyBody> {
        let clock = self.clock();
        let page = {
            let mut content = lock(&self.content);
            content.advance(clock);
            content.page(cursor, clock, again)
        };
        // A full page promises more without looking: the next may be empty.
        let more = page.count >= usize::from(cursor.limit);
        let mut body =
            format!("{{\"cursor\":\"{}\",\"has_more\":{more},\"items\":", page.next.encode(self.secret)).into_bytes();
        body.extend_from_slice(&page.items);
        body.push(b'}');
        reply::json_text(StatusCode::OK, body)
    }
}

impl State {
    /// A page of version 3. Its tokens are sealed with another secret than the cursors of version 2.
    fn window(&self, cursor: &Cursor) -> Response<ReplyBody> {
        let clock = self.clock();
        let page = {
            let mut content = lock(&self.content);
            content.advance(clock);
            content.window(cursor, clock)
        };
        let Some((page, more)) = page else {
            return reply::plain(StatusCode::NOT_FOUND, "404 page not found\n");
        };
        let mut body = b"{\"audit_events\":".to_vec();
        body.extend_from_slice(&page.items);
        if more {
            body.extend_from_slice(format!(",\"next_page_token\":\"{}\"", page.next.encode(!self.secret)).as_bytes());
        }
        body.push(b'}');
        reply::json_text(StatusCode::OK, body)
    }

    /// What the Connect server tells: a list, and in a header which stretch of how many it is.
    fn activity(&self, Stretch { limit, offset }: Stretch) -> Response<ReplyBody> {
        let (items, count, total) = {
            let mut content = lock(&self.content);
            content.advance(self.clock());
            content.activity(limit, offset)
        };
        let range = format!("{}-{}/{total}", offset + u64::from(count > 0), offset + count);
        reply::with_header(reply::json_text(StatusCode::OK, items), CONTENT_RANGE, &range)
    }
}

/// Where requests for a feed, or for introspection, are counted.
fn place(feed: Option<Feed>) -> usize {
    feed.map_or(Feed::STORED.len(), |feed| feed as usize)
}

/// What a path asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Introspect,
    Feed(Feed),
    /// Audit events of version 3.
    Window,
    Activity,
    Control,
}

impl Route {
    fn feed(self) -> Option<Feed> {
        match self {
            Self::Feed(feed) => Some(feed),
            Self::Window => Some(Feed::AuditEvents),
            Self::Activity => Some(Feed::ConnectActivity),
            Self::Introspect | Self::Control => None,
        }
    }

    fn method(self) -> Method {
        if matches!(self, Self::Feed(_) | Self::Control) { Method::POST } else { Method::GET }
    }
}

/// What is asked for, as far as it could be understood.
enum Asked {
    Introspection,
    Page(Feed, Result<Body, &'static str>),
    Window(Result<Window, &'static str>),
    Activity(Result<Stretch, &'static str>),
}

impl Asked {
    /// It goes on from an earlier answer.
    fn continues(&self) -> bool {
        matches!(self, Self::Page(_, Ok(Body::Cursor(_))) | Self::Window(Ok(Window::Page(_))))
    }
}

fn route(path: &str) -> Option<Route> {
    match path {
        "/api/v2/auth/introspect" => Some(Route::Introspect),
        "/__control" => Some(Route::Control),
        "/api/v3/auditevents" => Some(Route::Window),
        "/v1/activity" => Some(Route::Activity),
        path => {
            let feed = path.strip_prefix("/api/v2/").and_then(Feed::from_name);
            feed.filter(|feed| feed.is_of_events_api()).map(Route::Feed)
        }
    }
}

pub(super) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Answer {
    let Some(route) = route(request.uri().path()) else {
        return Ok(reply::plain(StatusCode::NOT_FOUND, "404 page not found\n"));
    };
    let feed = route.feed();
    if *request.method() != route.method() {
        return Ok(reply::plain(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed\n"));
    }
    if !matches!(route, Route::Control) {
        state.requests[place(feed)].fetch_add(1, Ordering::Relaxed);
    }
    if !state.authorised(&request) {
        return Ok(reply::error(StatusCode::UNAUTHORIZED, "Invalid or missing token"));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = match Limited::new(request.into_body(), MOST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(reply::error(StatusCode::BAD_REQUEST, "the body cannot be read")),
    };
    if matches!(route, Route::Control) {
        return Ok(control::answer(&state, &body));
    }
    if feed.is_some_and(|feed| feed.is_of_events_api() && !state.features.contains(&feed)) {
        return Ok(reply::error(StatusCode::UNAUTHORIZED, "The token is not scoped to access the requested resource"));
    }
    let clock = state.clock();
    if let Some(limits) = state.limits
        && !lock(&state.windows).admit(limits, clock)
    {
        return Ok(reply::too_many(None));
    }
    let asked = match route {
        Route::Feed(feed) => Asked::Page(feed, Body::read(&body, clock)),
        Route::Window => Asked::Window(Window::read(&query, clock)),
        Route::Activity => Asked::Activity(Stretch::read(&query)),
        Route::Introspect | Route::Control => Asked::Introspection,
    };
    let troubles = fault::strike(&mut state.faults(), feed, asked.continues());
    for trouble in &troubles {
        match *trouble {
            Trouble::Slow { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
            Trouble::ExpiredToken => return Ok(reply::error(StatusCode::UNAUTHORIZED, "The token has expired")),
            Trouble::TooMany { retry_after } => return Ok(reply::too_many(retry_after)),
            Trouble::Internal => {
                return Ok(reply::error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"));
            }
            Trouble::InvalidCursor => return Ok(reply::old_error(StatusCode::BAD_REQUEST, "Bad Request")),
            Trouble::Truncated | Trouble::Gzip | Trouble::Duplicates => {}
        }
    }
    let mut response = match asked {
        Asked::Introspection => state.introspection(),
        Asked::Page(_, Err(why)) | Asked::Window(Err(why)) | Asked::Activity(Err(why)) => {
            reply::error(StatusCode::BAD_REQUEST, why)
        }
        Asked::Window(Ok(Window::Times { limit, after, before })) => {
            state.window(&Cursor { feed: Feed::AuditEvents, limit, position: 0, start: after, end: before })
        }
        Asked::Window(Ok(Window::Page(token))) => match Cursor::decode(&token, !state.secret) {
            Some(cursor) => state.window(&cursor),
            None => reply::error(StatusCode::BAD_REQUEST, "page_token is not valid"),
        },
        Asked::Activity(Ok(stretch)) => state.activity(stretch),
        Asked::Page(feed, Ok(Body::Reset { limit, start, end })) => {
            let cursor = Cursor { feed, limit, position: 0, start, end };
            state.page(&cursor, false)
        }
        Asked::Page(feed, Ok(Body::Cursor(text))) => {
            match Cursor::decode(&text, state.secret).filter(|c| c.feed == feed) {
                Some(cursor) => state.page(&cursor, troubles.contains(&Trouble::Duplicates)),
                None => reply::old_error(StatusCode::BAD_REQUEST, "Bad Request"),
            }
        }
    };
    if troubles.contains(&Trouble::Gzip) {
        response = reply::gzip(response);
    }
    if troubles.contains(&Trouble::Truncated) {
        response = reply::truncated(response);
    }
    Ok::<_, Infallible>(response)
}
