//! Given events instead of a simulated organisation: the text of each is served verbatim, in the order of the file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::Feed;

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("cannot read {path}: {source}", path = path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}: {why}; a line is {{\"endpoint\": \"auditevents\", \"event\": {{…}}}}", path = path.display())]
    Line { path: PathBuf, line: usize, why: String },
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    endpoint: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// The events of a file, a list a feed.
#[derive(Debug)]
pub struct Replay {
    text: String,
    events: [Vec<Range<usize>>; Feed::STORED.len()],
}

impl Replay {
    /// Reads a file of NDJSON lines with `endpoint` and `event`; other keys are left alone, blank lines skipped.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let text = std::fs::read_to_string(path).map_err(|source| ReplayError::Io { path: path.into(), source })?;
        Self::read(text, path)
    }

    fn read(text: String, path: &Path) -> Result<Self, ReplayError> {
        let mut events: [Vec<Range<usize>>; Feed::STORED.len()] = Default::default();
        let mut start = 0;
        for (n, line) in text.split_inclusive('\n').enumerate() {
            let bad = |why| ReplayError::Line { path: path.into(), line: n + 1, why };
            if !line.trim().is_empty() {
                let parsed: Line<'_> = serde_json::from_str(line).map_err(|e| bad(e.to_string()))?;
                let Some(feed) = Feed::from_name(&parsed.endpoint) else {
                    return Err(bad("`endpoint` names no feed".into()));
                };
                // The value borrows from the line: its place in the text is its distance from the line's start.
                let event = parsed.event.get();
                let at = start + (event.as_ptr() as usize - line.as_ptr() as usize);
                events[feed as usize].push(at..at + event.len());
            }
            start += line.len();
        }
        Ok(Self { text, events })
    }

    /// How many events the feed has.
    pub fn count(&self, feed: Feed) -> u64 {
        self.events[feed as usize].len() as u64
    }

    /// The text of an event, as the file has it.
    pub fn event(&self, feed: Feed, position: u64) -> Option<&str> {
        self.events[feed as usize].get(position as usize).map(|range| &self.text[range.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Replay, ReplayError> {
        Replay::read(text.into(), Path::new("some.ndjson"))
    }

    #[test]
    fn events_keep_their_bytes_and_order() {
        let replay = read(concat!(
            "{\"note\":\"n\", \"endpoint\": \"itemusages\", \"event\": {\"b\" : 1.50,  \"a\":\"\\u00e9\"} }\n\n",
            "{\"event\":{\"x\":\"é\"},\"endpoint\":\"itemusages\"}\r\n",
            "{\"event\":[],\"endpoint\":\"auditevents\"}",
        ))
        .unwrap();
        assert_eq!(replay.event(Feed::ItemUsages, 0), Some(r#"{"b" : 1.50,  "a":"\u00e9"}"#));
        assert_eq!(replay.event(Feed::ItemUsages, 1), Some(r#"{"x":"é"}"#));
        assert_eq!(replay.event(Feed::ItemUsages, 2), None);
        assert_eq!(replay.event(Feed::AuditEvents, 0), Some("[]"));
        assert_eq!(replay.count(Feed::SignInAttempts), 0);
    }

    #[test]
    fn a_bad_line_is_named() {
        for text in ["{}\n", "\n{\"endpoint\":\"nope\",\"event\":{}}", "{\"endpoint\":\"auditevents\"}", "x"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with("some.ndjson:"), "{error}");
        }
        assert!(Replay::open(Path::new("/no/such/file")).unwrap_err().to_string().contains("/no/such/file"));
    }
}
