//! The activity of a 1Password Connect server, `GET /v1/activity`: which of its tokens read or changed what.
//!
//! The list is read by offset and grows while it is read. Newest first, which is how servers are seen to give it, new requests push the
//! others on, so that a later page begins with what was seen already: twice, never missed, and the store knows them again by their
//! `requestId`. A reading goes from the front to the newest request of the reading before. The order is not documented; where a
//! page has its oldest first, the list is read on from where it ended instead.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::events_api::{EventsApi, answer, explain, page};
use super::source::{Asked, EventSource, FetchError, Fetched, Identity, Position};
use crate::base::http::Answer;
use crate::base::time::Ticks;
use crate::event::{Feed, json};
use crate::store::Cursor;

/// Requests of a page. A server may give fewer; what it gives is what counts.
const PAGE: u64 = 200;
/// How far back a list that is read forwards is looked at again.
const OVERLAP: u64 = 20;

/// A client for one Connect server.
#[derive(Debug)]
pub struct Connect {
    /// It holds the token and knows the server; nothing of the Events API is asked.
    access: EventsApi,
    recent: Mutex<Recent>,
}

/// The requests of the pages that are known to be stored, so that the tail is not handed in again at every poll.
#[derive(Debug, Default)]
struct Recent {
    stored: HashSet<String>,
    /// Those of the last page. It is stored when somebody reads on from the cursor that went with it.
    last: Option<(Cursor, HashSet<String>)>,
}

/// A request of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    id: String,
    at: String,
}

/// Our cursor: how far the list was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Standing {
    /// The newest request of the last reading that came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Mark>,
    /// The newest of the reading under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Mark>,
    /// The next page of the reading under way; in a list that is read forwards, how much of it is known.
    offset: u64,
    forwards: bool,
    /// The oldest that the reading under way has come to: where a page ends with it again, the list does.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<String>,
    /// A list that is read forwards was read to its end.
    resting: bool,
    /// Counts pages with something new: a cursor never comes again after something was handed in.
    count: u64,
    /// Nothing before this time is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

impl Standing {
    fn of(position: &Position) -> Result<Self, FetchError> {
        let since = match position {
            Position::Cursor(cursor) => {
                return serde_json::from_str(cursor.expose())
                    .map_err(|_| FetchError::BadRequest("the stored cursor is none of a Connect server".into()));
            }
            Position::Since(since) | Position::Between { from: since, .. } => since,
        };
        Ok(Self { since: Some(since.to_string()), ..Self::default() })
    }

    fn cursor(&self) -> Option<Cursor> {
        serde_json::to_string(self).ok().map(|text| Cursor::new(&text))
    }

    /// Where the next page begins.
    fn begin(&self) -> u64 {
        if self.forwards && self.resting { self.offset.saturating_sub(OVERLAP) } else { self.offset }
    }

    /// Takes a page in that began at `begin`: where it leaves the reading, and whether that has more.
    fn after(mut self, page: &[Option<Mark>], total: Option<u64>) -> (Self, bool, Option<String>) {
        let begin = self.begin();
        let end = begin + page.len() as u64;
        let at_end = page.is_empty() || total.is_some_and(|total| end >= total);
        let dated: Vec<&Mark> = page.iter().flatten().collect();
        let order = dated.first().zip(dated.last()).map(|(first, last)| first.when().cmp(&last.when()));
        match order {
            Some(std::cmp::Ordering::Less) => self.forwards = true,
            Some(std::cmp::Ordering::Greater) if self.forwards => {
                // It was newest first after all: from the front, to whatever comes again.
                let since = self.since.take();
                return (Self { count: self.count, since, ..Self::default() }, true, None);
            }
            _ => {}
        }
        if self.forwards {
            if page.is_empty() && self.resting && begin > 0 {
                // The list is shorter than it was: what it still has is read again.
                let why = "the Connect server's list of requests became shorter than what was read of it".to_owned();
                return (Self { forwards: true, count: self.count, ..Self::default() }, true, Some(why));
            }
            let newest = dated.last().map(|mark| (*mark).clone());
            let seen = newest.or(self.seen);
            return (Self { seen, top: None, offset: end, since: None, resting: at_end, ..self }, !at_end, None);
        }
        if self.offset == 0 {
            self.top = dated.first().map(|mark| (*mark).clone()).or_else(|| self.seen.clone());
        }
        let oldest = page.last().and_then(Option::as_ref).map(|mark| mark.id.clone());
        let at_end = at_end || (oldest.is_some() && oldest == self.oldest);
        let met = self.seen.as_ref().is_some_and(|seen| dated.iter().any(|mark| mark.id == seen.id));
        let since = self.since.as_deref().and_then(Ticks::parse_rfc3339);
        let old = since.is_some_and(|since| !dated.is_empty() && dated.iter().all(|mark| mark.when() < Some(since)));
        if !(met || old || at_end) {
            return (Self { offset: end, oldest, ..self }, true, None);
        }
        let missed = (at_end && !met && self.seen.is_some()).then(|| {
            "the Connect server no longer had the newest request that was read before; some before its oldest may be missing"
                .to_owned()
        });
        (Self { seen: self.top, count: self.count, ..Self::default() }, false, missed)
    }
}

impl Mark {
    fn of(item: &Bytes) -> Option<Self> {
        let text = std::str::from_utf8(item).ok()?;
        let field = |name| json::key(text, name).and_then(json::string).map(String::from);
        let mark = Self { id: field("requestId")?, at: field("timestamp")? };
        mark.when().map(|_| mark)
    }

    fn when(&self) -> Option<Ticks> {
        Ticks::parse_rfc3339(&self.at)
    }
}

impl Connect {
    /// A client over a token and the server that it is for. Nothing but the activity is asked for.
    pub fn new(access: EventsApi) -> Self {
        Self { access, recent: Mutex::default() }
    }

    async fn identity(&self) -> Result<Identity, FetchError> {
        // The server tells nothing of itself; that it answers is what can be known.
        let (answer, credential) = self.access.get("/v1/activity?limit=1&offset=0").await?;
        split(&answer)?;
        let expires = self.access.expires();
        Ok(Identity { feeds: vec![Feed::ConnectActivity], expires, credential, ..Identity::default() })
    }

    async fn page(&self, position: &Position) -> Result<Fetched, FetchError> {
        let standing = Standing::of(position)?;
        let path = format!("/v1/activity?limit={PAGE}&offset={}", standing.begin());
        let (answer, credential) = self.access.get(&path).await?;
        let items = split(&answer)?;
        let total =
            answer::header(&answer, "content-range").and_then(|range| range.rsplit_once('/')?.1.trim().parse().ok());
        let marks: Vec<Option<Mark>> = items.iter().map(Mark::of).collect();
        let (mut next, has_more, missed) = standing.after(&marks, total);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.settle(position);
        let known = |mark: &Option<Mark>| mark.as_ref().is_some_and(|mark| recent.stored.contains(&mark.id));
        let ids = marks.iter().flatten().map(|mark| mark.id.clone()).collect();
        let items: Vec<Bytes> =
            items.into_iter().zip(&marks).filter(|(_, m)| !known(m)).map(|(item, _)| item).collect();
        next.count += u64::from(!items.is_empty());
        let cursor = next.cursor();
        recent.last = cursor.clone().map(|cursor| (cursor, ids));
        Ok(Fetched {
            items,
            cursor,
            has_more,
            status: answer.status,
            bytes: answer.body.len() as u64,
            took: answer.took,
            limits: answer::rate_headers(&answer),
            server_time: answer::date(&answer),
            missed,
            credential,
        })
    }
}

impl Recent {
    /// Somebody reads on from here: the last page is stored if this is its cursor, and forgotten if it is not.
    fn settle(&mut self, position: &Position) {
        match (self.last.take(), position) {
            (Some((cursor, ids)), Position::Cursor(at)) if cursor == *at => {
                if self.stored.len() > 10 * PAGE as usize {
                    self.stored.clear();
                }
                self.stored.extend(ids);
            }
            _ => self.stored.clear(),
        }
    }
}

fn split(answer: &Answer) -> Result<Vec<Bytes>, FetchError> {
    page::split_list(&answer.body).map_err(|error| FetchError::Malformed(explain(&error, &answer.body)))
}

impl EventSource for Connect {
    /// A list is read from its front; there are no ranges in it.
    fn reads_ranges(&self, _: Feed) -> bool {
        false
    }

    fn version(&self, _: Feed) -> u8 {
        1
    }

    fn place(&self) -> String {
        self.access.place()
    }

    fn identify(&self) -> Asked<'_, Result<Identity, FetchError>> {
        Box::pin(self.identity())
    }

    fn fetch<'a>(&'a self, _: Feed, position: &'a Position) -> Asked<'a, Result<Fetched, FetchError>> {
        Box::pin(self.page(position))
    }

    fn renew(&self, thorough: bool) -> Asked<'_, bool> {
        self.access.renew(thorough)
    }
}

#[cfg(test)]
mod tests;
