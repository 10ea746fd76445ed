//! The Events API on loopback: the three v2 feeds, v3's audit events and introspection, with the manners and the traps of the real one.
//!
//! | trap | here |
//! |---|---|
//! | a body is a cursor, or a reset, and nothing else | 400 otherwise; an empty cursor is a reset |
//! | `limit` is 1 to 1000, 100 without, and sticks to the chain of cursors | 400 otherwise |
//! | a reset without a start begins an hour ago | as said, and 120 days ago at the earliest |
//! | a window filters on the event's time, the stream is in order of arrival | item usages come late |
//! | at the tail the same cursor comes back, with no items | and works for ever |
//! | `has_more` may be true before an empty page | whenever the page is full |
//! | errors come as `{"status","message"}`, as `{"Error":{"Message"}}`, as plain text | 401, 429, 500; a bad cursor; 404 |
//! | 600 requests a minute, 30,000 an hour | 429 without `Retry-After` |
//! | version 3 of audit events: a window of times of insertion, both excluded, or a page's token | 400 otherwise |
//! | a Connect server's activity, newest first, by offset | the list grows at its front while it is read |
//!
//! The Connect server stands at the same address and takes the same bearer, so that a demo needs one of each.

mod base64;
mod body;
mod content;
mod control;
mod cursor;
mod fault;
mod handler;
mod limits;
mod query;
mod reply;
#[cfg(test)]
mod tests;
mod token;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::replay::{Replay, ReplayError};
use super::{BadOption, Options, Simulation, Truth};
use crate::event::Feed;

use content::Content;
use handler::State;

pub use control::Control;
pub use fault::{BadFault, Fault, Trouble};
pub use limits::Limits;

/// What is served.
#[derive(Clone, Debug)]
pub enum What {
    Simulated(Options),
    /// The events of an NDJSON file, verbatim.
    Replay(PathBuf),
}

/// How it is served.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub what: What,
    /// Loopback only. Port 0 takes a free one.
    pub address: SocketAddr,
    /// The feeds that the token may read.
    pub features: Vec<Feed>,
    pub faults: Vec<Fault>,
    /// `None` takes any number of requests.
    pub limits: Option<Limits>,
}

impl ServerOptions {
    /// All feeds, the documented limits, no faults, a free port.
    pub fn new(what: What) -> Self {
        Self {
            what,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            features: Feed::ALL.to_vec(),
            faults: Vec::new(),
            limits: Some(Limits::default()),
        }
    }
}

/// Why the demo server did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Option(#[from] BadOption),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("the demo serves on loopback only; {0} is not a loopback address (try 127.0.0.1:{port})", port = .0.port())]
    NotLoopback(SocketAddr),
    #[error("cannot serve on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the simulation could not be made: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// A running server. Dropping it ends it, and every connection.
#[derive(Debug)]
pub struct DemoServer {
    pub addr: SocketAddr,
    /// The one bearer that it takes; another at each start.
    pub token: SecretString,
    pub control: Control,
    /// What the stories did; empty for a replay.
    pub truths: Vec<Truth>,
    /// What hunts need to know of the organisation; nothing for a replay.
    pub facts: Option<crate::base::config::Organisation>,
    tasks: [JoinHandle<()>; 2],
}

impl DemoServer {
    /// Makes the organisation or reads the file, and serves it.
    pub async fn start(options: ServerOptions) -> Result<Self, DemoError> {
        let address = options.address;
        if !address.ip().is_loopback() {
            return Err(DemoError::NotLoopback(address));
        }
        let bind = |source| DemoError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let state = tokio::task::spawn_blocking(move || {
            let content = match &options.what {
                What::Simulated(what) => Content::Simulated(Box::new(Simulation::new(what)?)),
                What::Replay(path) => Content::Replay(Replay::open(path)?),
            };
            Ok::<_, DemoError>(Arc::new(State::new(content, addr, options)))
        })
        .await??;
        let token = state.token();
        let (truths, facts) = (state.truths(), state.facts());
        let tasks = [tokio::spawn(accept(listener, Arc::clone(&state))), tokio::spawn(tick(Arc::clone(&state)))];
        Ok(Self { addr, token, control: Control::new(state), truths, facts, tasks })
    }

    /// `http://127.0.0.1:PORT`
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The connections live in this task's set, and end with it.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let state = Arc::clone(&state);
                    connections.spawn(async move {
                        let service = service_fn(move |request| handler::answer(Arc::clone(&state), request));
                        let served = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(Duration::from_secs(30))
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                        if let Err(error) = served {
                            tracing::debug!(%error, "a connection to the demo server ended");
                        }
                    });
                }
                // Out of file descriptors, mostly: wait for some to be free.
                Err(error) => {
                    tracing::warn!(%error, "the demo server cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Lets live events happen as time passes, so that a request after a long silence finds them made.
async fn tick(state: Arc<State>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        state.advance();
    }
}
