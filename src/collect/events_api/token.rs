//! What a token says of itself, and what it is believed.
//!
//! The claims are read without verification: the key is 1Password's. So they may only choose among 1Password's own hosts,
//! and warn of an end; a token that names any other host steers nothing.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::base::http::BaseUrl;
use crate::base::time::Ticks;

/// The hosts of the Events API.
pub const HOSTS: [&str; 4] =
    ["events.1password.com", "events.ent.1password.com", "events.1password.ca", "events.1password.eu"];

/// Why no host can be chosen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error(
        "the token does not name its server: set `host` of the account to the one that belongs to where you sign in ({})",
        HOSTS.join(", ")
    )]
    NotNamed,
    #[error(
        "the token names a server that is not 1Password's, so it is sent nowhere: check the token, or set `host` of the account if \
         that server is meant"
    )]
    NotListed,
}

/// Unverified claims of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The first `aud`.
    pub audience: Option<String>,
    pub expires: Option<Ticks>,
}

impl Claims {
    /// `None` when the token is no JWT.
    pub fn of(token: &SecretString) -> Option<Self> {
        #[derive(Deserialize)]
        struct Payload {
            #[serde(default)]
            aud: serde_json::Value,
            exp: Option<f64>,
        }
        let payload = token.expose_secret().split('.').nth(1)?;
        let payload: Payload = serde_json::from_slice(&base64url(payload)?).ok()?;
        let audience = match &payload.aud {
            serde_json::Value::Array(list) => list.first().and_then(|first| first.as_str()),
            other => other.as_str(),
        };
        // Up to the year 9999.
        let expires = payload.exp.filter(|s| (0.0..253_402_300_800.0).contains(s));
        Some(Self {
            audience: audience.map(str::to_owned),
            expires: expires.map(|seconds| Ticks::from_unix_millis((seconds * 1000.0) as i64)),
        })
    }
}

/// Where the token is sent: to the configured host, or to the one of [`HOSTS`] that it names.
pub(super) fn host(configured: Option<&BaseUrl>, token: &SecretString) -> Result<BaseUrl, HostError> {
    if let Some(host) = configured {
        return Ok(host.clone());
    }
    let audience = Claims::of(token).and_then(|claims| claims.audience);
    // Tokens from before hosts were named there carry this.
    let audience = audience.filter(|aud| aud != "com.1password.streamingservice").ok_or(HostError::NotNamed)?;
    let listed = HOSTS.into_iter().find(|host| *host == audience).ok_or(HostError::NotListed)?;
    listed.parse().map_err(|_| HostError::NotListed)
}

/// Base64 with the URL alphabet, with or without padding.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An unsigned token with these claims; the encoder is the test's own.
    pub fn token(claims: &str) -> SecretString {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in claims.as_bytes().chunks(3) {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for sixth in 0..=chunk.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * sixth) & 63) as usize]));
            }
        }
        format!("eyJhbGciOiJFUzI1NiJ9.{text}.c2ln").into()
    }

    #[test]
    fn a_token_chooses_among_the_four_hosts_only() {
        for listed in HOSTS {
            let found = host(None, &token(&format!(r#"{{"aud":["{listed}"]}}"#))).unwrap();
            assert_eq!(found.to_string(), format!("https://{listed}"));
        }
        for hostile in [
            "evil.example",
            "events.1password.com.evil.example",
            "events.1password.com:444",
            "events.1password.com/x",
            "user@events.1password.com",
            "http://events.1password.com",
        ] {
            let token = token(&format!(r#"{{"aud":["{hostile}"]}}"#));
            assert_eq!(host(None, &token), Err(HostError::NotListed), "{hostile}");
        }
    }

    #[test]
    fn a_token_without_a_server_asks_for_one_and_a_configured_one_stands() {
        for claims in [r#"{"aud":["com.1password.streamingservice"]}"#, "{}", r#"{"aud":[]}"#, r#"{"aud":7}"#] {
            assert_eq!(host(None, &token(claims)), Err(HostError::NotNamed), "{claims}");
        }
        assert_eq!(host(None, &"no.jwt!".into()), Err(HostError::NotNamed));
        let own: BaseUrl = "https://proxy.example:8443".parse().unwrap();
        assert_eq!(host(Some(&own), &token(r#"{"aud":["evil.example"]}"#)).unwrap(), own);
    }

    #[test]
    fn the_end_of_a_token_is_read_where_it_has_one() {
        let end = Claims::of(&token(r#"{"aud":"events.1password.eu","exp":1767225600}"#)).unwrap();
        assert_eq!(end.expires.unwrap().to_string(), "2026-01-01T00:00:00.0000000Z");
        assert_eq!(end.audience.as_deref(), Some("events.1password.eu"));
        for claims in ["{}", r#"{"exp":-1}"#, r#"{"exp":1e300}"#] {
            assert_eq!(Claims::of(&token(claims)).unwrap().expires, None);
        }
    }
}
