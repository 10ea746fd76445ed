//! The 1Password Events API: introspection and the three feeds of version 2; audit events of version 3 where the configuration asks
//! for them (`events_api_v3`).

pub(super) mod answer;
pub(super) mod page;
mod token;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::events_api_v3 as v3;
use super::source::{Asked, EventSource, FetchError, Fetched, Identity, Position};
use crate::base::fault;
use crate::base::http::{Answer, BaseUrl, HttpClient};
use crate::base::secret::{SecretError, SecretRef};
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::store::Cursor;

pub use token::{Claims, HOSTS, HostError};

/// Events of a page: the most the API gives. It sticks to the cursors that follow.
pub const PAGE: usize = 1_000;
/// How far back the API keeps events, in days.
pub const KEPT_DAYS: i64 = 120;

/// A client for one account.
#[derive(Debug)]
pub struct EventsApi {
    http: HttpClient,
    /// The configuration's server, where it names one.
    host: Option<BaseUrl>,
    credential: Credential,
    access: Mutex<Access>,
    /// Of the audit feed; the others have only one.
    audit: v3::AuditVersion,
    /// The server was found to know the older names of version 3's parameters.
    old_names: AtomicBool,
}

/// What requests are made with.
#[derive(Clone, Debug)]
enum Access {
    Open(Open),
    /// There is nothing to ask with yet; why, and what to do.
    Missing(String),
}

/// A token, where it is sent, and the how manieth it is.
#[derive(Clone, Debug)]
struct Open {
    token: SecretString,
    base: BaseUrl,
    number: u64,
}

/// Where the token came from, to look there again.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A reference from the configuration.
    Reference(SecretRef),
    /// Given once, by the demo.
    Given,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Host(#[from] HostError),
}

impl EventsApi {
    /// A client for the account that a token reference opens. `host` is the configuration's; without it the token's own
    /// claim picks one of 1Password's four hosts. Blocks while the reference is resolved.
    pub fn connect(http: HttpClient, host: Option<&BaseUrl>, reference: &SecretRef) -> Result<Self, ConnectError> {
        let open = resolve(host, reference, 0)?;
        Ok(Self::of(http, host.cloned(), Credential::Reference(reference.clone()), Access::Open(open)))
    }

    /// As [`EventsApi::connect`]; where the reference cannot be resolved now, requests are refused with the reason, until it can.
    pub fn waiting(http: HttpClient, host: Option<&BaseUrl>, reference: &SecretRef) -> Self {
        let access = resolve(host, reference, 0).map_or_else(|why| Access::Missing(why.to_string()), Access::Open);
        Self::of(http, host.cloned(), Credential::Reference(reference.clone()), access)
    }

    /// A client with a token in hand.
    pub fn with_token(http: HttpClient, base: BaseUrl, token: SecretString) -> Self {
        let access = Access::Open(Open { token, base: base.clone(), number: 0 });
        Self::of(http, Some(base), Credential::Given, access)
    }

    fn of(http: HttpClient, host: Option<BaseUrl>, credential: Credential, access: Access) -> Self {
        let (audit, old_names) = (v3::AuditVersion::default(), AtomicBool::new(false));
        Self { http, host, credential, access: Mutex::new(access), audit, old_names }
    }

    /// Reads audit events with this version of the API.
    #[must_use]
    pub fn reading_audit(self, audit: v3::AuditVersion) -> Self {
        Self { audit, ..self }
    }

    /// The server that the token is sent to; none while there is no token that names one.
    pub fn base(&self) -> Option<BaseUrl> {
        self.open().map_or_else(|_| self.host.clone(), |open| Some(open.base))
    }

    fn access(&self) -> MutexGuard<'_, Access> {
        self.access.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<Open, FetchError> {
        match &*self.access() {
            Access::Open(open) => Ok(open.clone()),
            Access::Missing(why) => Err(FetchError::NoToken(why.clone())),
        }
    }

    async fn introspect(&self, open: &Open) -> Result<Identity, FetchError> {
        let answer = self.http.get(&open.base, "/api/v2/auth/introspect", &open.token).await?;
        answer::check(&answer)?;
        let read: Introspection = serde_json::from_slice(&answer.body)
            .map_err(|_| FetchError::Malformed("the answer to introspection is not JSON as documented".into()))?;
        Ok(Identity {
            integration: read.uuid,
            account: read.account_uuid,
            feeds: read
                .features
                .iter()
                .filter_map(|name| Feed::from_name(name))
                .filter(|f| f.is_of_events_api())
                .collect(),
            issued: read.issued_at.as_deref().and_then(Ticks::parse_rfc3339),
            expires: Claims::of(&open.token).and_then(|claims| claims.expires),
            credential: open.number,
        })
    }

    async fn page(&self, feed: Feed, position: &Position) -> Result<Fetched, FetchError> {
        let open = self.open()?;
        fault::at("fetch.send").map_err(|e| failed(&e))?;
        let third = self.version(feed) == v3::VERSION;
        let answer = if third {
            self.v3_page(&open, position).await?
        } else {
            let path = format!("/api/v2/{}", feed.name());
            self.http.post_json(&open.base, &path, &open.token, request(position)?).await?
        };
        fault::at("fetch.received").map_err(|e| failed(&e))?;
        match answer::check(&answer) {
            Ok(()) => {
                let page = if third { v3::fetched(answer, position)? } else { fetched(answer)? };
                Ok(Fetched { credential: open.number, ..page })
            }
            // 401 stands for a missing feature too: introspection tells the two apart.
            Err(FetchError::Unauthorized(said)) => match self.introspect(&open).await {
                Ok(identity) if !identity.feeds.contains(&feed) => Err(FetchError::NotPermitted),
                _ => Err(FetchError::Unauthorized(said)),
            },
            Err(error) => Err(error),
        }
    }

    /// Asks by the newer names of the parameters, and by the older where the server does not take those.
    async fn v3_page(&self, open: &Open, position: &Position) -> Result<Answer, FetchError> {
        let old = self.old_names.load(Ordering::Relaxed);
        let ask = async |old| {
            let path = v3::request(position, old)?;
            self.http.get(&open.base, &path, &open.token).await.map_err(FetchError::from)
        };
        let answer = ask(old).await?;
        if answer.status != 400 || matches!(position, Position::Cursor(_)) {
            return Ok(answer);
        }
        let again = ask(!old).await?;
        if again.status == 400 {
            // It was something else then.
            return Ok(answer);
        }
        self.old_names.store(!old, Ordering::Relaxed);
        Ok(again)
    }

    /// `GET` of a path, with the number of the credential that was asked with: for the other services that take a bearer as this one does.
    pub(super) async fn get(&self, path: &str) -> Result<(Answer, u64), FetchError> {
        let open = self.open()?;
        let answer = self.http.get(&open.base, path, &open.token).await?;
        answer::check(&answer)?;
        Ok((answer, open.number))
    }

    /// When the token ends, where it says so.
    pub(super) fn expires(&self) -> Option<Ticks> {
        Claims::of(&self.open().ok()?.token)?.expires
    }

    /// Looks where the token came from. Another one is taken up with the server that it names; one that cannot be used leaves things as
    /// they are.
    async fn read_token_again(&self, thorough: bool) -> bool {
        let reference = match &self.credential {
            Credential::Reference(reference @ (SecretRef::Env(_) | SecretRef::File(_))) => reference.clone(),
            Credential::Reference(reference) if thorough => reference.clone(),
            _ => return false,
        };
        let (host, next) = (self.host.clone(), self.open().map_or(0, |open| open.number + 1));
        let found = tokio::task::spawn_blocking(move || resolve(host.as_ref(), &reference, next)).await;
        let Ok(found) = found else { return false };
        let mut access = self.access();
        match (&mut *access, found) {
            (Access::Open(known), Ok(found)) if known.token.expose_secret() == found.token.expose_secret() => false,
            // Somebody else took it up meanwhile.
            (Access::Open(known), Ok(found)) if known.number >= found.number => false,
            (access, Ok(found)) => {
                *access = Access::Open(found);
                true
            }
            (Access::Missing(known), Err(why)) => {
                *known = why.to_string();
                false
            }
            (Access::Open(_), Err(why)) => {
                tracing::debug!("the token that is looked for again cannot be used: {why}");
                false
            }
        }
    }
}

/// The token of a reference, and where it is sent. Blocks.
fn resolve(host: Option<&BaseUrl>, reference: &SecretRef, number: u64) -> Result<Open, ConnectError> {
    let token = reference.resolve()?;
    let base = token::host(host, &token)?;
    Ok(Open { token, base, number })
}

impl EventSource for EventsApi {
    fn version(&self, feed: Feed) -> u8 {
        if feed == Feed::AuditEvents { self.audit.number() } else { 2 }
    }

    fn place(&self) -> String {
        self.base().map_or_else(|| "a server that no token names yet".to_owned(), |base| base.authority())
    }

    fn identify(&self) -> Asked<'_, Result<Identity, FetchError>> {
        Box::pin(async { self.introspect(&self.open()?).await })
    }

    fn fetch<'a>(&'a self, feed: Feed, position: &'a Position) -> Asked<'a, Result<Fetched, FetchError>> {
        Box::pin(self.page(feed, position))
    }

    fn renew(&self, thorough: bool) -> Asked<'_, bool> {
        Box::pin(self.read_token_again(thorough))
    }
}

/// Of version 2; everything may be missing.
#[derive(Deserialize)]
struct Introspection {
    uuid: Option<String>,
    account_uuid: Option<String>,
    #[serde(default)]
    features: Vec<String>,
    issued_at: Option<String>,
}

/// A cursor alone, or a reset with page size and start: never both. An empty cursor would silently be a reset to the last
/// hour, so it is not sent.
fn request(position: &Position) -> Result<Vec<u8>, FetchError> {
    let body = match position {
        Position::Cursor(cursor) if cursor.expose().is_empty() => {
            return Err(FetchError::BadRequest("the cursor is empty".into()));
        }
        Position::Cursor(cursor) => serde_json::json!({ "cursor": cursor.expose() }),
        Position::Since(start) => serde_json::json!({ "limit": PAGE, "start_time": start.to_string() }),
        Position::Between { from, to } => {
            serde_json::json!({ "limit": PAGE, "start_time": from.to_string(), "end_time": to.to_string() })
        }
    };
    Ok(body.to_string().into_bytes())
}

fn fetched(answer: Answer) -> Result<Fetched, FetchError> {
    let limits = answer::rate_headers(&answer);
    let server_time = answer::date(&answer);
    let Answer { status, body, took, .. } = answer;
    let bytes = body.len() as u64;
    fault::at("fetch.split").map_err(|e| failed(&e))?;
    let page = page::split(&body).map_err(|error| FetchError::Malformed(explain(&error, &body)))?;
    Ok(Fetched {
        items: page.items,
        cursor: page.cursor.filter(|cursor| !cursor.is_empty()).map(|cursor| Cursor::new(&cursor)),
        has_more: page.has_more,
        status,
        bytes,
        took,
        limits,
        server_time,
        missed: None,
        credential: 0,
    })
}

fn failed(error: &std::io::Error) -> FetchError {
    FetchError::Malformed(error.to_string())
}

/// Says where the page stopped making sense; of the body itself only a few shown bytes.
pub(super) fn explain(error: &page::NotAPage, body: &Bytes) -> String {
    let start = Shown::bytes(&body[..body.len().min(40)], 40);
    format!("the page is not as documented: {error}; it begins with “{start}”")
}

#[cfg(test)]
mod tests;
