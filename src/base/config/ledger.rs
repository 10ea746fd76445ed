//! `[ledger]`: where the store's signed heads go, so that what its owner does to it shows elsewhere.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::values::Every;

/// Copies of the chain's head.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// Where they go. Default nowhere.
    pub copies: Vec<Place>,
    /// At most so often, and when collecting stops. Default 5 minutes.
    pub every: Every,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { copies: Vec::new(), every: Every(Duration::from_secs(300)) }
    }
}

/// A place for copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Lines are appended to it: on a disk that is written once, or one that another machine keeps.
    File(PathBuf),
    /// A datagram to the local log, whose daemon sends it on.
    Syslog(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Syslog(path) => write!(f, "syslog:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        match text.split_once(':') {
            None if text == "syslog" => Ok(Self::Syslog("/dev/log".into())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.into())),
            Some(("syslog", path)) if path.starts_with('/') => Ok(Self::Syslog(path.into())),
            _ => Err(D::Error::custom(
                "a place for heads is \"file:/absolute/path\", \"syslog\" or \"syslog:/path/of/its/socket\"",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn places_for_heads_are_read_and_others_refused() {
        let text = "[ledger]\ncopies = [\"file:/mnt/worm/vaultscope.heads\", \"syslog\"]\nevery = \"1m\"\n";
        let ledger = Config::parse(text, None, None).unwrap().ledger;
        assert_eq!(ledger.copies, [Place::File("/mnt/worm/vaultscope.heads".into()), Place::Syslog("/dev/log".into())]);
        assert_eq!(ledger.every.0, Duration::from_secs(60));
        for wrong in ["file:relative", "syslog:", "https://x", ""] {
            let error = Config::parse(&format!("[ledger]\ncopies = [\"{wrong}\"]\n"), None, None).unwrap_err();
            assert!(error.to_string().contains("file:/absolute/path"), "{error}");
        }
    }
}
