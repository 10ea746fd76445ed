//! Where a command works: the configuration that holds and the directories that go with it. Nothing is created here.

use std::path::Path;

use anyhow::Result;

use super::args::Global;
use super::demo::mark;
use super::output;
use crate::base::config::Config;
use crate::base::http::{HttpClient, HttpOptions};
use crate::base::log::{self, LogGuard};
use crate::base::paths::{DEFAULT_PROFILE, DEMO_PROFILE, Paths};
use crate::store::workspace::QueryRecord;
use crate::store::{Layout, StoreError, Workspace};

/// The configuration and the directories.
#[derive(Clone, Debug)]
pub struct Place {
    pub config: Config,
    pub paths: Paths,
}

impl Place {
    /// What `--config`, `--profile` and `--data-dir` say, over what the usual places hold.
    pub fn of(global: &Global) -> Result<Self> {
        if global.profile.as_deref() == Some(DEMO_PROFILE) {
            return Self::of_demo(global);
        }
        let config = load(global, global.profile.as_deref())?;
        let data_dir = global.data_dir.as_deref().or(config.data_dir.as_deref());
        let paths = paths(&config.profile, data_dir, &config)?;
        Ok(Self { config, paths }.with_facts())
    }

    /// The simulated organisation's corner: `data_dir` of the configuration is for real evidence and has no say here.
    pub fn of_demo(global: &Global) -> Result<Self> {
        let config = load(global, Some(DEMO_PROFILE))?;
        let paths = paths(DEMO_PROFILE, global.data_dir.as_deref(), &config)?;
        Ok(Self { config, paths }.with_facts())
    }

    /// A demo's store brings its organisation along.
    fn with_facts(mut self) -> Self {
        if let Some(organisation) = mark::organisation(&self.paths.data) {
            self.config.organisation = organisation;
        }
        self
    }

    /// Says that the events are made up, where somebody might take them for real.
    pub fn remind_of_demo(&self) {
        if self.is_demo() {
            output::note("vaultscope: DEMO, the events of a simulated organisation");
        }
    }

    /// Are the events here made up?
    pub fn is_demo(&self) -> bool {
        self.config.profile == DEMO_PROFILE || mark::is_there(&self.paths.data)
    }

    /// The workspace of whoever runs this: beside the store where the store is theirs, else in a directory of their own.
    pub fn workspace(&self) -> Result<Workspace, StoreError> {
        Workspace::open(&self.paths.own)
    }

    /// Keeps a query in the log of the workspace. Only where there is a store: a question alone creates nothing.
    pub fn log_query(&self, query: &QueryRecord) {
        if !Layout::of(&self.paths.data).exists() {
            return;
        }
        if let Err(error) = self.workspace().and_then(|workspace| workspace.log_query(query)) {
            tracing::warn!(%error, "the query is not logged");
        }
    }

    /// The HTTP client, trusting what `--ca-file` or the configuration adds.
    pub fn http(&self) -> Result<HttpClient> {
        Ok(HttpClient::new(&HttpOptions { ca_file: self.config.ca_file.clone() })?)
    }
}

impl Place {
    /// Begins the log; a command works without one too, so trouble with it is only told.
    pub fn log(&self) -> Option<LogGuard> {
        log::init(&self.paths.state)
            .inspect_err(|error| output::note(format_args!("vaultscope: no log is kept: {error}")))
            .ok()
    }
}

fn load(global: &Global, profile: Option<&str>) -> Result<Config> {
    let mut config = match &global.config {
        Some(path) => Config::load(Some(path), profile)?,
        None => match Paths::new(DEFAULT_PROFILE, None) {
            Ok(paths) => Config::load_if_there(&paths.config_file, profile)?,
            // Without a home directory there is no configuration to look for.
            Err(_) => Config::load(None, profile)?,
        },
    };
    if global.ca_file.is_some() {
        config.ca_file.clone_from(&global.ca_file);
    }
    Ok(config)
}

/// A configuration named with `--config` brings its own hunts, themes and watch-lists along.
fn paths(profile: &str, data_dir: Option<&Path>, config: &Config) -> Result<Paths> {
    let mut paths = Paths::new(profile, data_dir)?;
    if let Some(file) = &config.file {
        paths.config_file.clone_from(file);
        if let Some(beside) = file.parent() {
            beside.clone_into(&mut paths.config);
        }
    }
    Ok(paths)
}
