//! The file as it is written: every setting optional, the same ones at the top level and in a profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::suppress;
use super::{
    Account, Bytes, Config, ConnectServer, Every, ExternalData, Ledger, Limits, Organisation, Retention, Share, Sweep,
};

/// One level of settings. A profile's replace the top level's one by one; a table is replaced whole, except for the
/// limits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layer {
    accounts: Option<Vec<Account>>,
    connect: Option<Vec<ConnectServer>>,
    poll_interval: Option<Every>,
    live_interval: Option<Every>,
    budget_share: Option<Share>,
    sweep: Option<Sweep>,
    /// Read where the text is at hand: a rule names its place.
    pub(super) suppress: Option<Vec<suppress::Written>>,
    organisation: Option<Organisation>,
    retention: Option<Retention>,
    watchlists: Option<PathBuf>,
    geography: Option<PathBuf>,
    external_data: Option<ExternalData>,
    ledger: Option<Ledger>,
    theme: Option<String>,
    limits: Option<LimitTables>,
    data_dir: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    pub(super) profiles: Option<BTreeMap<String, Layer>>,
}

/// `[limits.console]` and `[limits.headless]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitTables {
    console: LimitTable,
    headless: LimitTable,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitTable {
    time: Option<Every>,
    memory: Option<Bytes>,
    rows: Option<u64>,
}

const CONSOLE: Limits = Limits { time: Duration::from_secs(60), memory: 512 << 20, rows: 100_000 };
const HEADLESS: Limits = Limits { time: Duration::from_secs(600), memory: 1 << 30, rows: 500_000 };

impl Layer {
    /// The settings that hold, `on_top` first. Relative paths are taken from the file's own directory.
    pub(super) fn resolve(self, on_top: Option<Self>, profile: String, file: Option<&Path>) -> Config {
        let top = on_top.unwrap_or_default();
        let (top_limits, limits) = (top.limits.unwrap_or_default(), self.limits.unwrap_or_default());
        let beside = |path: PathBuf| file.and_then(Path::parent).map_or_else(|| path.clone(), |dir| dir.join(&path));
        let every = |a: Option<Every>, b: Option<Every>, default| a.or(b).map_or(default, |every| every.0);
        Config {
            profile,
            file: file.map(Path::to_owned),
            accounts: top.accounts.or(self.accounts).unwrap_or_default(),
            connect: top.connect.or(self.connect).unwrap_or_default(),
            poll_interval: every(top.poll_interval, self.poll_interval, Duration::from_secs(300)),
            live_interval: every(top.live_interval, self.live_interval, Duration::from_secs(10)),
            budget_share: top.budget_share.or(self.budget_share).map_or(0.5, |share| share.0),
            sweep: top.sweep.or(self.sweep).map_or(Some(Duration::from_secs(86_400)), |sweep| sweep.0),
            suppress: Vec::new(),
            organisation: top.organisation.or(self.organisation).unwrap_or_default(),
            retention: top.retention.or(self.retention).unwrap_or_default(),
            watchlists: top.watchlists.or(self.watchlists).or_else(|| file.map(|_| "watchlists".into())).map(beside),
            geography: top.geography.or(self.geography).map(beside),
            external_data: {
                let ExternalData { folders, hosts } = top.external_data.or(self.external_data).unwrap_or_default();
                ExternalData { folders: folders.into_iter().map(beside).collect(), hosts }
            },
            ledger: top.ledger.or(self.ledger).unwrap_or_default(),
            theme: top.theme.or(self.theme).unwrap_or_else(|| "dark".to_owned()),
            console_limits: top_limits.console.over(limits.console, CONSOLE),
            headless_limits: top_limits.headless.over(limits.headless, HEADLESS),
            data_dir: top.data_dir.or(self.data_dir).map(beside),
            ca_file: top.ca_file.or(self.ca_file).map(beside),
        }
    }
}

impl LimitTable {
    fn over(self, below: Self, default: Limits) -> Limits {
        Limits {
            time: self.time.or(below.time).map_or(default.time, |every| every.0),
            memory: self.memory.or(below.memory).map_or(default.memory, |bytes| bytes.0),
            rows: self.rows.or(below.rows).unwrap_or(default.rows),
        }
    }
}
