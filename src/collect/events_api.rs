//! The 1Password Events API, version 2: introspection and the three feeds.

mod answer;
mod page;
mod token;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::source::{Asked, EventSource, FetchError, Fetched, Identity, Position};
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
    base: BaseUrl,
    credential: Credential,
    token: Mutex<SecretString>,
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
        let token = reference.resolve()?;
        let base = token::host(host, &token)?;
        Ok(Self { http, base, credential: Credential::Reference(reference.clone()), token: Mutex::new(token) })
    }

    /// A client with a token in hand.
    pub fn with_token(http: HttpClient, base: BaseUrl, token: SecretString) -> Self {
        Self { http, base, credential: Credential::Given, token: Mutex::new(token) }
    }

    /// The server that the token is sent to.
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    fn token(&self) -> SecretString {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn introspect(&self) -> Result<Identity, FetchError> {
        let token = self.token();
        let answer = self.http.get(&self.base, "/api/v2/auth/introspect", &token).await?;
        answer::check(&answer)?;
        let read: Introspection = serde_json::from_slice(&answer.body)
            .map_err(|_| FetchError::Malformed("the answer to introspection is not JSON as documented".into()))?;
        Ok(Identity {
            integration: read.uuid,
            account: read.account_uuid,
            feeds: read.features.iter().filter_map(|name| Feed::from_name(name)).collect(),
            issued: read.issued_at.as_deref().and_then(Ticks::parse_rfc3339),
            expires: Claims::of(&token).and_then(|claims| claims.expires),
        })
    }

    async fn page(&self, feed: Feed, position: &Position) -> Result<Fetched, FetchError> {
        let path = format!("/api/v2/{}", feed.name());
        let answer = self.http.post_json(&self.base, &path, &self.token(), request(position)?).await?;
        match answer::check(&answer) {
            Ok(()) => fetched(answer),
            // 401 stands for a missing feature too: introspection tells the two apart.
            Err(FetchError::Unauthorized(said)) => match self.introspect().await {
                Ok(identity) if !identity.feeds.contains(&feed) => Err(FetchError::NotPermitted),
                _ => Err(FetchError::Unauthorized(said)),
            },
            Err(error) => Err(error),
        }
    }

    async fn read_token_again(&self, thorough: bool) -> bool {
        let reference = match &self.credential {
            Credential::Reference(reference @ (SecretRef::Env(_) | SecretRef::File(_))) => reference.clone(),
            Credential::Reference(reference) if thorough => reference.clone(),
            _ => return false,
        };
        let Ok(Ok(found)) = tokio::task::spawn_blocking(move || reference.resolve()).await else { return false };
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = token.expose_secret() != found.expose_secret();
        *token = found;
        changed
    }
}

impl EventSource for EventsApi {
    fn version(&self) -> u8 {
        2
    }

    fn place(&self) -> String {
        self.base.authority()
    }

    fn identify(&self) -> Asked<'_, Result<Identity, FetchError>> {
        Box::pin(self.introspect())
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
    };
    Ok(body.to_string().into_bytes())
}

fn fetched(answer: Answer) -> Result<Fetched, FetchError> {
    let limits = answer::rate_headers(&answer);
    let server_time = answer::date(&answer);
    let Answer { status, body, took, .. } = answer;
    let bytes = body.len() as u64;
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
    })
}

/// Says where the page stopped making sense; of the body itself only a few shown bytes.
fn explain(error: &page::NotAPage, body: &Bytes) -> String {
    let start = Shown::bytes(&body[..body.len().min(40)], 40);
    format!("the page is not as documented: {error}; it begins with “{start}”")
}

#[cfg(test)]
mod tests;
