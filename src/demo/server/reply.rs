//! Answers: JSON, plain text, and those that break off.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::json;

pub(super) type Answer = Result<Response<ReplyBody>, Infallible>;

/// A body that is whole, or breaks off.
#[derive(Debug)]
pub(super) struct ReplyBody {
    data: Option<Bytes>,
    /// How it ends.
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    /// What there is goes out before the connection breaks.
    Flush,
    Break,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::Flush => {
                self.end = End::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Break => Poll::Ready(Some(Err(io::Error::other("broken off on purpose")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.end == End::Whole
    }

    fn size_hint(&self) -> SizeHint {
        match &self.data {
            Some(data) if self.end == End::Whole => SizeHint::with_exact(data.len() as u64),
            None if self.end == End::Whole => SizeHint::with_exact(0),
            _ => SizeHint::default(),
        }
    }
}

fn reply(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody { data: Some(body.into()), end: End::Whole });
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(super) fn json_text(status: StatusCode, body: Vec<u8>) -> Response<ReplyBody> {
    reply(status, "application/json", body)
}

/// The answer with one more header.
pub(super) fn with_header(mut response: Response<ReplyBody>, name: HeaderName, value: &str) -> Response<ReplyBody> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// As the second version of the API tells an error.
pub(super) fn error(status: StatusCode, message: &str) -> Response<ReplyBody> {
    let body = json!({ "status": status.as_u16(), "message": message });
    json_text(status, body.to_string().into_bytes())
}

/// As the first did, and some parts still do.
pub(super) fn old_error(status: StatusCode, message: &str) -> Response<ReplyBody> {
    let body = json!({ "Error": { "Message": message } });
    json_text(status, body.to_string().into_bytes())
}

pub(super) fn plain(status: StatusCode, text: &str) -> Response<ReplyBody> {
    reply(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

pub(super) fn too_many(retry_after: Option<u32>) -> Response<ReplyBody> {
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same answer, compressed.
pub(super) fn gzip(mut response: Response<ReplyBody>) -> Response<ReplyBody> {
    use std::io::Write;
    let plain = response.body_mut().data.take().unwrap_or_default();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
    if let Ok(packed) = packed {
        response.body_mut().data = Some(packed.into());
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        response.body_mut().data = Some(plain);
    }
    response
}

/// The same answer, of which half arrives.
pub(super) fn truncated(mut response: Response<ReplyBody>) -> Response<ReplyBody> {
    let whole = response.body_mut().data.take().unwrap_or_default();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    *response.body_mut() = ReplyBody { data: Some(whole.slice(..whole.len() / 2)), end: End::Flush };
    response
}
