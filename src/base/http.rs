//! The one HTTP client: TLS by rustls with the system's certificate authorities, proxies from the environment, no
//! redirects, hard limits on time and size.
//!
//! A bearer goes where its [`BaseUrl`] says and nowhere else. No error text holds a URL's secrets, a header or a body.

mod base_url;
mod body;
mod trust;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, redirect};
use secrecy::{ExposeSecret as _, SecretString};

pub use base_url::{BaseUrl, NotABaseUrl};
pub use trust::Trust;

use super::shown::Shown;

/// How long a server may take. A server that sends a byte a second ends with the total.
#[derive(Clone, Copy, Debug)]
struct Patience {
    connect: Duration,
    /// Until the head of the answer, and between two reads of its body.
    read: Duration,
    total: Duration,
}

const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(10), read: Duration::from_secs(30), total: Duration::from_secs(120) };
const USER_AGENT: &str = concat!("vaultscope/", env!("CARGO_PKG_VERSION"));

/// What a client is built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpOptions {
    /// A PEM file with authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// A client, cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpClient {
    /// For hosts out there: through the proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    proxied: Client,
    /// For this machine: never through a proxy.
    direct: Client,
    trust: Trust,
}

/// An answer, whatever its status. The body is whole and decompressed, at most [`body::LIMIT`] bytes.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Bytes of the body as they came over the wire.
    pub wire_bytes: u64,
    pub took: Duration,
}

/// Why there is no answer. The text names the host and, where there is one, the fix; it is safe to show.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("no certificate can be taken from {}: {why}", path.display())]
    CaFile { path: PathBuf, why: String },
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    #[error("the name {host} cannot be resolved: check the host, the network and the proxy settings")]
    Dns { host: String },
    #[error("no connection to {host}: {why}")]
    Connect { host: String, why: String },
    #[error(
        "the certificate of {host} is not trusted: {why}. Behind an intercepting proxy, name its authority with --ca-file or SSL_CERT_FILE"
    )]
    Tls { host: String, why: String },
    #[error("{host} did not answer in time")]
    Timeout { host: String },
    #[error("the answer of {host} broke off: {why}")]
    Cut { host: String, why: String },
    #[error("the answer of {host} is larger than {limit} bytes")]
    TooLarge { host: String, limit: usize },
    #[error("the answer of {host} unpacks to more than {ratio} times its size: refused as a decompression bomb")]
    Bomb { host: String, ratio: u64 },
    #[error("the answer of {host} is packed in a way that was not asked for: {encoding}")]
    Encoding { host: String, encoding: String },
    #[error("the token cannot be sent in a header")]
    BadToken,
}

impl HttpClient {
    /// Loads the authorities and builds the client. Blocks for some milliseconds.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpError> {
        Self::with_patience(options, PATIENCE)
    }

    fn with_patience(options: &HttpOptions, patience: Patience) -> Result<Self, HttpError> {
        let (tls, trust) = trust::client_config(options.ca_file.as_deref())?;
        let builder = || base_builder(patience).tls_backend_preconfigured(tls.clone());
        let build = |builder: ClientBuilder| builder.build().map_err(|e| HttpError::Setup(causes(&e.without_url())));
        Ok(Self { proxied: build(builder())?, direct: build(builder().no_proxy())?, trust })
    }

    /// What is trusted, and where it came from: for `doctor`.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The proxy that requests to a server go through, without its credentials: for `doctor`.
    pub fn proxy_for(&self, base: &BaseUrl) -> Option<String> {
        if base.is_loopback() {
            return None;
        }
        let proxy = Matcher::from_system().intercept(&base.to_string().parse().ok()?)?;
        let uri = proxy.uri();
        let host = uri.authority().map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default());
        let url = format!("{}://{}", uri.scheme_str().unwrap_or("http"), host?);
        Some(Shown::new(&url).into_string())
    }

    /// `GET base/path`.
    pub async fn get(&self, base: &BaseUrl, path: &str, bearer: &SecretString) -> Result<Answer, HttpError> {
        self.send(Method::GET, base, path, bearer, None).await
    }

    /// `POST base/path` with a JSON body.
    pub async fn post_json(
        &self,
        base: &BaseUrl,
        path: &str,
        bearer: &SecretString,
        json: Vec<u8>,
    ) -> Result<Answer, HttpError> {
        self.send(Method::POST, base, path, bearer, Some(json)).await
    }

    /// `GET` of a path, without a bearer: what anybody may read. The path may hold a signature and is in no error.
    pub async fn download(&self, base: &BaseUrl, path: &str) -> Result<Answer, HttpError> {
        let host = base.authority();
        let client = if base.is_loopback() { &self.direct } else { &self.proxied };
        let start = Instant::now();
        let request = client.request(Method::GET, base.join(path)).header(ACCEPT, "*/*");
        let response = request.send().await.map_err(|error| explain(&host, error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let (body, wire_bytes) = body::read(response, &host).await?;
        Ok(Answer { status, headers, body, wire_bytes, took: start.elapsed() })
    }

    async fn send(
        &self,
        method: Method,
        base: &BaseUrl,
        path: &str,
        bearer: &SecretString,
        json: Option<Vec<u8>>,
    ) -> Result<Answer, HttpError> {
        let host = base.authority();
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", bearer.expose_secret())).map_err(|_| HttpError::BadToken)?;
        authorization.set_sensitive(true);
        let client = if base.is_loopback() { &self.direct } else { &self.proxied };
        let mut request = client.request(method, base.join(path)).header(AUTHORIZATION, authorization);
        if let Some(json) = json {
            request = request.header(CONTENT_TYPE, "application/json").body(json);
        }
        let start = Instant::now();
        let response = request.send().await.map_err(|error| explain(&host, error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let (body, wire_bytes) = body::read(response, &host).await?;
        Ok(Answer { status, headers, body, wire_bytes, took: start.elapsed() })
    }
}

fn base_builder(patience: Patience) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        // Unpacked by `body`, which counts what comes out.
        .no_gzip()
        .referer(false)
        .connect_timeout(patience.connect)
        .read_timeout(patience.read)
        .timeout(patience.total)
}

/// Sorts a transport error and takes URL and headers out of it.
fn explain(host: &str, error: reqwest::Error) -> HttpError {
    let host = host.to_owned();
    let error = error.without_url();
    let why = causes(&error);
    if let Some(why) = tls_cause(&error) {
        HttpError::Tls { host, why }
    } else if error.is_dns() {
        HttpError::Dns { host }
    } else if error.is_timeout() {
        HttpError::Timeout { host }
    } else if error.is_connect() {
        // Of this machine, and not of the line.
        let cure = if why.contains("(os error 24)") {
            "; allow more open files: `ulimit -n`, or LimitNOFILE= of the service"
        } else {
            ""
        };
        HttpError::Connect { host, why: why + cure }
    } else {
        HttpError::Cut { host, why }
    }
}

/// The innermost cause, which is the one that says something, made safe to show.
fn causes(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Shown::with_limit(&cause.to_string(), 300).into_string()
}

/// What rustls says, if it was rustls. It stands inside an I/O error, perhaps inside two, which are no sources.
fn tls_cause(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(Shown::with_limit(&tls.to_string(), 300).into_string());
    }
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inside) => tls_cause(inside),
        None => error.source().and_then(tls_cause),
    }
}

#[cfg(test)]
mod tests;
