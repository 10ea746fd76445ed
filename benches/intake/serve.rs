//! A server that does next to nothing: finished bodies out of memory, so that what is measured is who asks.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use vaultscope::event::Feed;

use super::pages::{Made, body};

/// The thread of the server, for who subtracts what it cost.
pub const THREAD: &str = "bench-server";

const WHO: &str = r#"{"uuid":"BENCH","issued_at":"2026-01-01T00:00:00Z","account_uuid":"BENCHACCOUNT","features":["auditevents","itemusages","signinattempts"]}"#;

type Bodies = [Vec<Bytes>; 3];

/// Serves these pages, a chain a feed, on a thread of its own until the process ends.
pub fn serve(pages: &[Made]) -> Result<SocketAddr, Box<dyn Error>> {
    let mut bodies = Bodies::default();
    for feed in Feed::ALL {
        let own: Vec<&Made> = pages.iter().filter(|page| page.feed == feed).collect();
        let all = own.iter().enumerate().map(|(at, page)| body(&page.items, at + 1, at + 1 < own.len()));
        bodies[feed as usize] = all.collect();
        let end = bodies[feed as usize].len();
        // The tail: the same cursor, and nothing.
        bodies[feed as usize].push(body(&[], end, false));
    }
    let bodies = Arc::new(bodies);
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(THREAD.into()).spawn(move || {
        runtime.block_on(async {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            while let Ok((stream, _)) = listener.accept().await {
                let bodies = Arc::clone(&bodies);
                let answer = service_fn(move |request| answer(request, Arc::clone(&bodies)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
    })?;
    Ok(address)
}

async fn answer(request: Request<Incoming>, bodies: Arc<Bodies>) -> Result<Response<Full<Bytes>>, Infallible> {
    let feed = request.uri().path().strip_prefix("/api/v2/").and_then(Feed::from_name);
    let asked = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let text = std::str::from_utf8(&asked).unwrap_or_default();
    let cursor = text.split_once("\"cursor\":\"").and_then(|(_, rest)| rest.split('"').next());
    let at: usize = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let page = feed.and_then(|feed| bodies[feed as usize].get(at).cloned());
    Ok(Response::new(Full::new(page.unwrap_or_else(|| Bytes::from_static(WHO.as_bytes())))))
}
