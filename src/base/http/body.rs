//! Reading a body within limits: bytes that arrive are unpacked as they come, and counted as they come out, so that a
//! small answer cannot fill the memory.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;

use super::{HttpError, explain};
use crate::base::shown::Shown;

/// Bytes of an unpacked body. A page of 1,000 events is about 1 MB.
pub(super) const LIMIT: usize = 32 << 20;
/// Past the first MiB, an answer may unpack to this many times what was received. JSON of events packs 10 to 20 times.
const RATIO: u64 = 100;
const RATIO_FROM: usize = 1 << 20;

/// The whole body, unpacked, and the bytes received for it.
pub(super) async fn read(mut response: Response, host: &str) -> Result<(Bytes, u64), HttpError> {
    let encoding = response.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let mut sink = match encoding.as_deref() {
        None | Some(b"" | b"identity") => Sink::Plain(Capped::default()),
        Some(b"gzip" | b"x-gzip") => Sink::Gzip(Box::new(MultiGzDecoder::new(Capped::default()))),
        Some(other) => {
            let encoding = Shown::bytes(other, 60).into_string();
            return Err(HttpError::Encoding { host: host.to_owned(), encoding });
        }
    };
    let mut received = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(host, error))? {
        received += chunk.len() as u64;
        sink.write(&chunk, received).map_err(|error| sink.explain(host, &error))?;
    }
    let body = match sink {
        Sink::Plain(capped) => capped.bytes,
        Sink::Gzip(decoder) if received == 0 => decoder.get_ref().bytes.clone(),
        Sink::Gzip(decoder) => {
            let cut = |error: io::Error| HttpError::Cut { host: host.to_owned(), why: error.to_string() };
            decoder.finish().map_err(cut)?.bytes
        }
    };
    Ok((Bytes::from(body), received))
}

enum Sink {
    Plain(Capped),
    Gzip(Box<MultiGzDecoder<Capped>>),
}

impl Sink {
    fn write(&mut self, chunk: &[u8], received: u64) -> io::Result<()> {
        match self {
            Self::Plain(capped) => capped.write_all(chunk),
            Self::Gzip(decoder) => {
                decoder.get_mut().allowed = received.saturating_mul(RATIO);
                decoder.write_all(chunk)?;
                // Pushes out what the decoder still holds, so that the caps see it now.
                decoder.flush()
            }
        }
    }

    fn explain(&self, host: &str, error: &io::Error) -> HttpError {
        let capped = match self {
            Self::Plain(capped) => capped,
            Self::Gzip(decoder) => decoder.get_ref(),
        };
        let host = host.to_owned();
        match capped.refused {
            Some(Refused::TooLarge) => HttpError::TooLarge { host, limit: LIMIT },
            Some(Refused::Bomb) => HttpError::Bomb { host, ratio: RATIO },
            None => HttpError::Cut { host, why: error.to_string() },
        }
    }
}

/// A buffer that refuses to grow past the limits.
#[derive(Default)]
struct Capped {
    bytes: Vec<u8>,
    /// What the ratio allows by now; 0 when nothing is unpacked.
    allowed: u64,
    refused: Option<Refused>,
}

#[derive(Clone, Copy)]
enum Refused {
    TooLarge,
    Bomb,
}

impl Write for Capped {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let after = self.bytes.len() + chunk.len();
        if after > LIMIT {
            self.refused = Some(Refused::TooLarge);
        } else if self.allowed > 0 && after > RATIO_FROM && after as u64 > self.allowed {
            self.refused = Some(Refused::Bomb);
        }
        if self.refused.is_some() {
            return Err(io::Error::other("over the limit"));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
