//! What an answer says beside its page: errors in both of the API's shapes or in plain text, rate limits, the time.

use std::time::Duration;

use serde::Deserialize;

use crate::base::http::Answer;
use crate::base::secret::redact;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::collect::backoff::{self, retry_after};
use crate::collect::source::{FetchError, RateHeaders, quoted};

/// Bytes of a server's message that people get to see.
const SAID: usize = 160;

/// An error for every status but 200.
pub(in crate::collect) fn check(answer: &Answer) -> Result<(), FetchError> {
    let said = || said(&answer.body);
    Err(match answer.status {
        200 => return Ok(()),
        400 => FetchError::BadRequest(said()),
        // 403 is not documented; where it comes, somebody between may have said it.
        401 | 403 => FetchError::Unauthorized(said()),
        404 => FetchError::Malformed(format!("there is no such address (status 404){}", quoted(&said()))),
        status @ 300..=399 => FetchError::Malformed(format!("the server points elsewhere (status {status})")),
        429 => FetchError::RateLimited { retry_after: wait(answer) },
        status => FetchError::Server { status, said: said() },
    })
}

/// The message of `{"Error":{"Message":…}}` (version 1) or `{"status":…,"message":…}` (version 2), or the text itself when
/// it is no JSON: shown, cut, and without anything that could be a token.
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Shapes {
        #[serde(rename = "Error")]
        error: Option<Inner>,
        message: Option<String>,
    }
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "Message")]
        message: Option<String>,
    }
    let message = match serde_json::from_slice::<Shapes>(body) {
        Ok(shapes) => shapes.message.or(shapes.error.and_then(|error| error.message)).unwrap_or_default().into_bytes(),
        Err(_) => body.to_vec(),
    };
    redact(Shown::bytes(message.trim_ascii(), SAID).as_str())
}

fn wait(answer: &Answer) -> Option<Duration> {
    let now = date(answer).unwrap_or_else(Ticks::now);
    retry_after(header(answer, "retry-after")?, now).or_else(|| rate_headers(answer).reset)
}

/// The server's clock.
pub(in crate::collect) fn date(answer: &Answer) -> Option<Ticks> {
    backoff::http_date(header(answer, "date")?)
}

/// `RateLimit-*` or `X-RateLimit-*`. None are documented for version 2, so they are only shown.
pub(in crate::collect) fn rate_headers(answer: &Answer) -> RateHeaders {
    let number = |name: &str| {
        let value = header(answer, name).or_else(|| header(answer, &format!("x-{name}")))?;
        value.trim().parse::<u64>().ok()
    };
    RateHeaders {
        limit: number("ratelimit-limit"),
        remaining: number("ratelimit-remaining"),
        reset: number("ratelimit-reset").map(|seconds| Duration::from_secs(seconds).min(backoff::LONGEST)),
    }
}

/// A header's text.
pub(in crate::collect) fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_message_is_found_in_every_shape_and_made_safe() {
        for (body, want) in [
            (r#"{"Error":{"Message":"Bad Request"}}"#, "Bad Request"),
            (r#"{"status":401,"message":"Unauthorized access"}"#, "Unauthorized access"),
            ("404 page not found\n", "404 page not found"),
            (r#"{"status":500}"#, ""),
            ("", ""),
            ("\u{1b}[2Jx", "‹U+001B›[2Jx"),
            ("token eyJhbGciOiJFUzI1NiJ9.eyJhdWQ refused", "token [hidden] refused"),
        ] {
            assert_eq!(said(body.as_bytes()), want);
        }
        assert!(said(&vec![b'x'; 5_000]).len() < 200);
    }
}
