//! Which certificate authorities are trusted: the system's, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR` in their
//! place, and those of `--ca-file` beside them. There is no way to switch verification off.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};

use super::{HttpError, causes};
use crate::base::shown::Shown;

/// What the client trusts, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Authorities of the system, or of the two variables.
    pub system: usize,
    /// `the system's store`, or the variables that were used in its place.
    pub origin: String,
    /// The file named by `--ca-file`, and how many authorities it holds.
    pub ca_file: Option<(PathBuf, usize)>,
    /// What could not be read.
    pub problems: Vec<String>,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} certificate authorities from {}", self.system, self.origin)?;
        match &self.ca_file {
            Some((path, count)) => write!(f, ", {count} from {}", Shown::new(&path.to_string_lossy())),
            None => Ok(()),
        }
    }
}

pub(super) fn client_config(ca_file: Option<&Path>) -> Result<(ClientConfig, Trust), HttpError> {
    let mut roots = RootCertStore::empty();
    let found = load_native_certs();
    let (system, _) = roots.add_parsable_certificates(found.certs);
    let mut trust = Trust {
        system,
        origin: origin(),
        ca_file: None,
        problems: found.errors.iter().map(|error| Shown::new(&error.to_string()).into_string()).collect(),
    };
    if let Some(path) = ca_file {
        let found = load_certs_from_paths(Some(path), None);
        let (count, _) = roots.add_parsable_certificates(found.certs);
        if count == 0 {
            let why = found.errors.first().map_or_else(|| "it holds none in PEM form".to_owned(), |e| causes(e));
            return Err(HttpError::CaFile { path: path.to_owned(), why });
        }
        trust.ca_file = Some((path.to_owned(), count));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((config, trust))
}

fn origin() -> String {
    let set: Vec<String> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .filter_map(|name| {
            let value = env::var_os(name).filter(|value| !value.is_empty())?;
            Some(format!("{name}={}", Shown::new(&value.to_string_lossy())))
        })
        .collect();
    if set.is_empty() { "the system's store".to_owned() } else { set.join(" and ") }
}
