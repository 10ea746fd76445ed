//! A server's address: scheme, host and port, held to the rules for where a bearer may go.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::base::shown::Shown;

/// `https://host[:port]`, or `http://` on this machine only. A bare host means https.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(Url);

/// Why a text is not a [`BaseUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABaseUrl {
    #[error("`{0}` is not a host: write `events.1password.eu` or `https://host:port`")]
    Unreadable(String),
    #[error(
        "only https is sent to {0}: a token in plain text could be read on the way (http is for this machine only). Write `https://{0}` where it \
         has a certificate, put a proxy with one in front of it, or forward a port of this machine to it (`ssh -L`) and name that"
    )]
    NotHttps(String),
    #[error("a host stands alone, without user name, path, query or fragment: write `https://{0}`")]
    MoreThanAHost(String),
}

impl FromStr for BaseUrl {
    type Err = NotABaseUrl;

    fn from_str(text: &str) -> Result<Self, NotABaseUrl> {
        let unreadable = || NotABaseUrl::Unreadable(Shown::with_limit(text, 60).into_string());
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&whole).map_err(|_| unreadable())?;
        let base = Self(url);
        let url = &base.0;
        if url.host().is_none() || text.contains(char::is_whitespace) {
            return Err(unreadable());
        }
        // Before the scheme, so that no password is repeated in a message.
        let alone = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if !alone {
            return Err(NotABaseUrl::MoreThanAHost(base.authority()));
        }
        match url.scheme() {
            "https" => Ok(base),
            "http" if base.is_loopback() => Ok(base),
            _ => Err(NotABaseUrl::NotHttps(base.authority())),
        }
    }
}

impl BaseUrl {
    /// The host in lower case, without port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Host and, when it is not the scheme's own, port.
    pub fn authority(&self) -> String {
        match self.0.port() {
            Some(port) => format!("{}:{port}", self.host()),
            None => self.host().to_owned(),
        }
    }

    /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or `::1`. The name counts because it is reserved.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The address of a path under it; `path` begins with `/` and is the program's own, never the server's.
    pub(super) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.authority())
    }
}

impl<'de> serde::Deserialize<'de> for BaseUrl {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_host_means_https() {
        for (text, want) in [
            ("events.1password.eu", "https://events.1password.eu"),
            ("https://Events.Example:8443/", "https://events.example:8443"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(text.parse::<BaseUrl>().unwrap().to_string(), want);
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for text in [
            "http://events.1password.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
        ] {
            assert!(matches!(text.parse::<BaseUrl>(), Err(NotABaseUrl::NotHttps(_))), "{text}");
        }
    }

    #[test]
    fn what_is_more_than_a_host_is_refused_without_repeating_it() {
        for text in [
            "https://u:hunter2@host",
            "https://host/hunter2",
            "https://host?hunter2",
            "https://host#hunter2",
            "http://u:hunter2@host",
        ] {
            let error = text.parse::<BaseUrl>().unwrap_err();
            assert_eq!(error, NotABaseUrl::MoreThanAHost("host".into()));
            assert!(!error.to_string().contains("hunter2"));
        }
        for text in ["", "https://", "a b", "https://ho\u{202e}st\n"] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text:?}");
        }
    }
}
