//! The configuration: one TOML file, complete defaults, profiles on top, and errors that name the place and the fix.

pub mod organisation;
pub mod suppress;
pub mod values;

pub mod ledger;

mod error;
mod layer;
mod retention;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use error::ConfigError;
pub use ledger::Ledger;
pub use organisation::Organisation;
pub use retention::Retention;
pub use suppress::{Suppress, Suppression};

use super::http::BaseUrl;
use super::paths::{DEFAULT_PROFILE, DEMO_PROFILE};
use super::secret::SecretRef;
use layer::Layer;
use values::{AuditVersion, Bytes, Every, Feeds, Name, Share, Sweep};

/// A configuration larger than this is not one.
const LARGEST: u64 = 1024 * 1024;

/// Everything that can be configured, resolved: the file's own settings, those of the chosen profile on top of them,
/// defaults where both are silent.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The profile in use: `default`, `demo`, or a `[profiles.NAME]`.
    pub profile: String,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
    /// The 1Password accounts to collect from. Empty until one is connected.
    pub accounts: Vec<Account>,
    /// The 1Password Connect servers whose activity is collected.
    pub connect: Vec<ConnectServer>,
    /// Between two polls of a feed that has nothing more. Default 5 minutes.
    pub poll_interval: Duration,
    /// The same while "live" is on. Default 10 seconds.
    pub live_interval: Duration,
    /// The share of the documented rate limits (600 requests a minute, 30,000 an hour) that an account's pollers may
    /// use together: above 0, at most 1. Default 0.5.
    pub budget_share: f64,
    /// Between two sweeps of a feed, which read its last seven days once more; `None` for `off`. Default 24 hours.
    pub sweep: Option<Duration>,
    /// Rules that keep events out of the tail, or out of the store.
    pub suppress: Vec<Suppress>,
    /// What hunts need to know about the organisation.
    pub organisation: Organisation,
    /// How long events are kept. Default for ever.
    pub retention: Retention,
    /// The folder with the watch-lists' CSV files. Default `watchlists` beside the configuration file.
    pub watchlists: Option<PathBuf>,
    /// A MaxMind City database (`.mmdb`) or a CSV file with `network,country,state,city,latitude,longitude`: what
    /// `geo_info_from_ip_address` knows.
    pub geography: Option<PathBuf>,
    /// What `externaldata` may read beside the data folder. Default nothing.
    pub external_data: ExternalData,
    /// Where the store's signed heads go besides the store.
    pub ledger: Ledger,
    /// The name of a theme. Default `dark`.
    pub theme: String,
    /// Limits of queries asked in the console.
    pub console_limits: Limits,
    /// Limits of queries asked on the command line.
    pub headless_limits: Limits,
    /// Where the stores lie, in place of the XDG directories.
    pub data_dir: Option<PathBuf>,
    /// A PEM file with certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// An account of 1Password.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// What it is called here, in the store and in queries: letters, digits, `.`, `_`, `-`, at most 40.
    pub name: Name,
    /// Where its Events API token lies.
    pub token: SecretRef,
    /// Its Events API server. Without it the token's own `aud` picks one of 1Password's four.
    #[serde(default)]
    pub host: Option<BaseUrl>,
    /// The feeds to poll. Default: all that the token may read.
    #[serde(default)]
    pub feeds: Feeds,
    /// The version of the API that audit events are read with. Default 2; 3 is a beta of 1Password's.
    #[serde(default)]
    pub audit_version: AuditVersion,
}

/// `[[connect]]`: a 1Password Connect server, whose own activity is collected.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectServer {
    /// What it is called here, in the store and in queries.
    pub name: Name,
    /// Where it answers: https, or http on this machine.
    pub host: BaseUrl,
    /// Where its token lies.
    pub token: SecretRef,
}

/// `[external_data]`: what a query's `externaldata` may read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExternalData {
    /// Folders whose files may be read.
    pub folders: Vec<PathBuf>,
    /// Hosts that may be asked over https.
    pub hosts: Vec<String>,
}

/// What one query may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub time: Duration,
    /// Bytes.
    pub memory: u64,
    pub rows: u64,
}

impl Default for Config {
    fn default() -> Self {
        Layer::default().resolve(None, DEFAULT_PROFILE.to_owned(), None)
    }
}

impl Config {
    /// Reads a configuration file and takes a profile from it. Without a path there is no file and the defaults stand;
    /// a path that does not exist is an error, so whoever looks in a usual place looks first
    /// ([`Config::load_if_there`]).
    pub fn load(path: Option<&Path>, profile: Option<&str>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Self::parse("", None, profile);
        };
        let text = read(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        Self::parse(&text, Some(path), profile)
    }

    /// As [`Config::load`], where the file may be absent.
    pub fn load_if_there(path: &Path, profile: Option<&str>) -> Result<Self, ConfigError> {
        Self::load(path.exists().then_some(path), profile)
    }

    /// Reads a configuration's text. `file` is for error messages, and for what lies beside it.
    pub fn parse(text: &str, file: Option<&Path>, profile: Option<&str>) -> Result<Self, ConfigError> {
        let mut layer: Layer = toml::from_str(text).map_err(|error| ConfigError::from_toml(file, text, &error))?;
        let mut profiles = std::mem::take(&mut layer.profiles).unwrap_or_default();
        let name = profile.unwrap_or(DEFAULT_PROFILE);
        let mut on_top = profiles.remove(name);
        if on_top.is_none() && name != DEFAULT_PROFILE && name != DEMO_PROFILE {
            return Err(ConfigError::no_profile(file, name, profiles.keys().map(String::as_str)));
        }
        if on_top.iter().chain(profiles.values()).any(|layer| layer.profiles.is_some()) {
            let message = "a profile holds profiles of its own".to_owned();
            return Err(ConfigError::general(file, message, "write each as [profiles.NAME] at the top level"));
        }
        let of_profile = on_top.as_mut().and_then(|top| top.suppress.take());
        let rules = of_profile.or_else(|| layer.suppress.take()).unwrap_or_default();
        let mut config = layer.resolve(on_top, name.to_owned(), file);
        config.suppress = rules.into_iter().map(|rule| rule.read(file, text)).collect::<Result<_, _>>()?;
        config.check(file)?;
        Ok(config)
    }

    /// What no single value can tell.
    fn check(&self, file: Option<&Path>) -> Result<(), ConfigError> {
        let accounts = self.accounts.iter().map(|account| &account.name);
        let names: Vec<&Name> = accounts.chain(self.connect.iter().map(|server| &server.name)).collect();
        if let Some(at) = (0..names.len()).find(|at| names[..*at].contains(&names[*at])) {
            return Err(ConfigError::general(
                file,
                format!("two accounts are called `{}`", names[at]),
                "give each [[accounts]] and each [[connect]] a name of its own",
            ));
        }
        for (at, rule) in self.suppress.iter().enumerate() {
            if self.suppress[..at].iter().any(|other| other.name == rule.name) {
                let message = format!("two rules of suppression are called `{}`", rule.name);
                return Err(ConfigError::general(file, message, "give each [[suppress]] a name of its own"));
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    // Whoever can write it can choose the host that the token is sent to.
    if found.mode() & 0o002 != 0 {
        return Err(io::Error::other("anyone can write it: run `chmod o-w` on it"));
    }
    if found.len() > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests;
