//! Collectors for the configured accounts, with the runtime and the writer they need: for every command that polls.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use super::WrongUse;
use super::place::Place;
use crate::base::paths::ensure_private;
use crate::collect::{Collector, CollectorHandle, EventSource, EventsApi, Pins, Settings};
use crate::store::{Reader, Writer};

/// Running collectors. Stop them with [`Collecting::stop`]; dropped, they end without waiting for the page under way.
#[derive(Debug)]
pub struct Collecting {
    pub runtime: Runtime,
    pub collectors: Vec<CollectorHandle>,
    pub reader: Reader,
    writer: Writer,
}

/// An account to collect.
#[derive(Debug)]
pub struct Job {
    /// As the configuration calls it.
    pub account: String,
    pub source: Arc<dyn EventSource>,
    pub settings: Settings,
}

impl Collecting {
    /// Opens the store for writing and starts a collector a job. Fails when another process collects into this store.
    pub fn start(place: &Place, jobs: Vec<Job>) -> Result<Self> {
        ensure_private(&place.paths.data)?;
        let writer = Writer::open(&place.paths.data)?;
        let reader = Reader::open(&place.paths.data)?;
        let runtime = runtime()?;
        let inside = runtime.enter();
        let start = |job: Job| {
            let collector = Collector {
                account: job.account,
                source: job.source,
                writer: writer.handle(),
                reader: reader.clone(),
                pins: Pins::of(&place.paths.data),
                settings: job.settings,
            };
            collector.start()
        };
        let collectors = jobs.into_iter().map(start).collect();
        drop(inside);
        Ok(Self { runtime, collectors, reader, writer })
    }

    /// Waits for the pages under way, then closes the store.
    pub fn stop(self) {
        let collectors = self.collectors;
        self.runtime.block_on(async {
            for collector in collectors {
                collector.stop().await;
            }
        });
        self.writer.close();
    }
}

/// The I/O runtime: two workers.
pub fn runtime() -> Result<Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("io").enable_all().build();
    built.context("the I/O threads cannot be started")
}

/// A job for each account of the configuration.
pub fn jobs(place: &Place) -> Result<Vec<Job>> {
    if place.config.accounts.is_empty() {
        let help =
            "no account is connected: `vaultscope connect --token REFERENCE` adds one, `vaultscope demo` needs none";
        return Err(WrongUse(help.to_owned()).into());
    }
    let http = place.http()?;
    let each = place.config.accounts.iter().map(|account| {
        let source = EventsApi::connect(http.clone(), account.host.as_ref(), &account.token)
            .with_context(|| format!("account `{}`", account.name))?;
        let settings = Settings::of(&place.config, &account.feeds.0);
        Ok(Job { account: account.name.to_string(), source: Arc::new(source), settings })
    });
    each.collect()
}
