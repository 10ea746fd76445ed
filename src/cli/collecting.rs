//! Collectors, with the runtime and the writer they need: for every command that polls.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use super::place::Place;
use super::store::retain::policy;
use super::{WrongUse, engine};
use crate::base::paths::ensure_private;
use crate::collect::heads::HeadCopies;
use crate::collect::{Collector, CollectorHandle, Connect, EventSource, EventsApi, Pins, Rules, Settings};
use crate::event::Feed;
use crate::store::{self, Reader, StoreError, Writer};

/// Running collectors. Stop them with [`Collecting::stop`]; dropped, they end without waiting for the page under way.
#[derive(Debug)]
pub struct Collecting {
    pub collectors: Vec<Arc<CollectorHandle>>,
    pub reader: Reader,
    pub runtime: Runtime,
    pub heads: HeadCopies,
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
    pub fn start(place: &Place, runtime: Runtime, jobs: Vec<Job>) -> Result<Self> {
        let data = &place.paths.data;
        ensure_private(data)?;
        let options = store::Options { retention: policy(&place.config.retention), ..store::Options::default() };
        let writer = Writer::open_with(data, options)?;
        let reader = Reader::open(data)?;
        let inside = runtime.enter();
        let start = |job: Job| {
            let collector = Collector {
                account: job.account,
                source: job.source,
                writer: writer.handle(),
                reader: reader.clone(),
                pins: Pins::of(data),
                settings: job.settings,
            };
            Arc::new(collector.start())
        };
        let collectors = jobs.into_iter().map(start).collect();
        let heads = HeadCopies::start(&place.config.ledger, &reader);
        drop(inside);
        Ok(Self { collectors, reader, runtime, heads, writer })
    }

    /// Waits for the pages under way, then closes the store.
    pub fn stop(self) {
        let collectors = self.collectors;
        self.runtime.block_on(async {
            // Whoever else held one has ended by now.
            for collector in collectors.into_iter().filter_map(Arc::into_inner) {
                collector.stop().await;
            }
            self.heads.stop().await;
        });
        self.writer.close();
    }
}

/// The I/O runtime: two workers.
pub fn runtime() -> Result<Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("io").enable_all().build();
    built.context("the I/O threads cannot be started")
}

/// A job for each account and each Connect server of the configuration.
pub fn jobs(place: &Place) -> Result<Vec<Job>> {
    if place.config.accounts.is_empty() && place.config.connect.is_empty() {
        let help =
            "no account is connected: `vaultscope connect --token REFERENCE` adds one, `vaultscope demo` needs none";
        return Err(WrongUse(help.to_owned()).into());
    }
    let (http, rules) = (place.http()?, rules(place)?);
    let each = place.config.accounts.iter().map(|account| {
        // A token that is not there yet is its account's trouble, told in its health, and not that of the others.
        let source = EventsApi::waiting(http.clone(), account.host.as_ref(), &account.token);
        let source = source.reading_audit(account.audit_version);
        let settings = Settings {
            budget_dir: Some(place.paths.data.clone()),
            rules: Arc::clone(&rules),
            ..Settings::of(&place.config, &account.feeds.0)
        };
        Job { account: account.name.to_string(), source: Arc::new(source), settings }
    });
    let servers = place.config.connect.iter().map(|server| {
        let access = EventsApi::waiting(http.clone(), Some(&server.host), &server.token);
        let settings = Settings {
            feeds: vec![Feed::ConnectActivity],
            rules: Arc::clone(&rules),
            ..Settings::of(&place.config, &[])
        };
        Job { account: server.name.to_string(), source: Arc::new(Connect::new(access)), settings }
    });
    Ok(each.chain(servers).collect())
}

/// The rules of suppression; one that is wrong is a mistake in the configuration.
pub fn rules(place: &Place) -> Result<Arc<Rules>> {
    Ok(Arc::new(Rules::of(&place.config, engine::surroundings(place))?))
}

/// Does another process collect into this store?
pub fn is_elsewhere(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(StoreError::Locked { .. })))
}
