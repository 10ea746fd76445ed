//! The server's strings: from inside by `Control`, from outside by `POST /__control` with the same bearer.
//!
//! `{"faults": ["429:requests=2"], "clear": true, "advance": 60}`: all optional. `clear` comes first; `advance` puts the
//! clock forward, in seconds. The answer tells the time, the requests so far and the faults that are set.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::fault::Fault;
use super::handler::State;
use super::reply::{self, ReplyBody};
use crate::base::time::Ticks;
use crate::demo::Organisation;
use crate::event::Feed;

/// A handle on a running server.
#[derive(Clone, Debug)]
pub struct Control {
    state: Arc<State>,
}

impl Control {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    /// Sets a fault beside those that are set.
    pub fn inject(&self, fault: Fault) {
        self.state.faults().push(fault);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.state.faults().clear();
    }

    /// Puts the server's clock forward: what happens in that time becomes visible.
    pub fn advance(&self, by: Duration) {
        self.state.skip(by);
        self.state.advance();
    }

    /// The server's time.
    pub fn now(&self) -> Ticks {
        self.state.now()
    }

    /// Requests for a feed so far, or for introspection (`None`), whatever the answer.
    pub fn requests(&self, feed: Option<Feed>) -> u64 {
        self.state.requests(feed)
    }

    /// Events of a feed that are visible by now, retention aside.
    pub fn events(&self, feed: Feed) -> u64 {
        self.state.count(feed)
    }

    /// The account that introspection names.
    pub fn account_uuid(&self) -> &str {
        self.state.account()
    }

    /// A look at the simulated organisation; `None` for a replay.
    pub fn organisation<T>(&self, look: impl FnOnce(&Organisation) -> T) -> Option<T> {
        self.state.with_organisation(look)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default)]
    clear: bool,
    /// Seconds.
    #[serde(default)]
    advance: u32,
}

pub(super) fn answer(state: &Arc<State>, body: &[u8]) -> Response<ReplyBody> {
    let order: Order = match serde_json::from_slice(body) {
        Ok(order) => order,
        Err(error) => return reply::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let faults: Result<Vec<Fault>, _> = order.faults.iter().map(|text| text.parse()).collect();
    let faults = match faults {
        Ok(faults) => faults,
        Err(error) => return reply::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let control = Control::new(Arc::clone(state));
    if order.clear {
        control.clear();
    }
    for fault in faults {
        control.inject(fault);
    }
    control.advance(Duration::from_secs(order.advance.into()));
    let requests: serde_json::Map<_, _> =
        Feed::STORED.into_iter().map(|feed| (feed.name().to_owned(), state.requests(Some(feed)).into())).collect();
    let left: Vec<String> = state.faults().iter().map(ToString::to_string).collect();
    let body = json!({
        "now": state.now().to_string(),
        "requests": requests,
        "introspections": state.requests(None),
        "faults": left,
    });
    reply::json_text(StatusCode::OK, body.to_string().into_bytes())
}
