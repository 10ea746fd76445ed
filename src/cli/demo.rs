//! `demo`: a simulated organisation behind a real Events API server on loopback.

mod headless;
pub mod mark;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::args::Global;
use super::collecting::{self, Collecting, Job};
use super::console;
use super::place::Place;
use super::{Outcome, WrongUse, terminal, values};
use crate::base::clock::Clock;
use crate::base::config::Organisation;
use crate::base::paths::ensure_private;
use crate::base::time::Ticks;
use crate::collect::{EventsApi, Settings};
use crate::demo::server::{Fault, ServerOptions, What};
use crate::demo::{DemoServer, Options};
use crate::store::{Layout, Reader};

/// Open the console on a simulated organisation
///
/// Its events come over HTTP from a server on this machine that behaves as the Events API does. Attacks hide among ordinary work: a
/// password spray, an export before a suspension, a self-granted vault, …; one begins within two minutes. It has directories of its own,
/// begins anew each time, and DEMO stands on the screen.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope demo
  vaultscope demo --seed 7 --users 2000 --rate 50
  vaultscope demo --replay events.ndjson               the console on given events
  vaultscope demo --serve 127.0.0.1:8080               the server alone: prints its address and token
  vaultscope demo --fill 1000000 --data-dir /tmp/big   a store with a million events, and no console")]
pub struct Args {
    /// Another seed, another organisation; the same seed and --now give the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where history ends and live begins: 2026-03-01T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    now: Option<Ticks>,
    /// How many people work there
    #[arg(long, default_value_t = 200)]
    users: u32,
    /// Days of history
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Live events a second
    #[arg(long, default_value_t = 3.0)]
    rate: f64,
    /// Serve the events of a file, {"endpoint", "event"} a line, in place of an organisation
    #[arg(long, value_name = "FILE", conflicts_with_all = ["users", "days", "rate", "fill"])]
    replay: Option<PathBuf>,
    /// Serve on this address until Ctrl-C, without a console
    #[arg(long, value_name = "ADDRESS", value_parser = values::address)]
    serve: Option<SocketAddr>,
    /// Write so many events into the store, without a server and a console
    #[arg(long, value_name = "N", conflicts_with = "serve")]
    fill: Option<u64>,
    /// What the server does wrong: 429, 500, slow, truncated, gzip, duplicates, invalid-cursor, expired-token; more than once
    #[arg(long, value_name = "KIND[:KEY=VALUE,…]")]
    fault: Vec<Fault>,
}

impl Default for Args {
    fn default() -> Self {
        let Options { seed, users, days, rate, .. } = Options::new(1, Ticks::default());
        Self { seed, now: None, users, days, rate, replay: None, serve: None, fill: None, fault: Vec::new() }
    }
}

impl Args {
    fn options(&self) -> Result<Options> {
        let now = self.now.unwrap_or_else(Ticks::now);
        let options = Options { seed: self.seed, now, users: self.users, days: self.days, rate: self.rate };
        options.checked().map_err(|wrong| WrongUse(wrong.to_string()).into())
    }

    fn what(&self) -> Result<What> {
        Ok(match &self.replay {
            Some(file) => What::Replay(file.clone()),
            None => What::Simulated(self.options()?),
        })
    }
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if let Some(address) = args.serve {
        return headless::serve(args, address);
    }
    let place = Place::of_demo(global)?;
    if let Some(events) = args.fill {
        return headless::fill(args, &place, events);
    }
    if !terminal::is_there() {
        let help = "the console needs a terminal; --serve and --fill need none (`vaultscope demo --help`)";
        return Err(WrongUse(help.to_owned()).into());
    }
    let what = args.what()?;
    begin_anew(&place.paths.data)?;
    if let What::Simulated(options) = &what {
        mark::write_geography(&place.paths.data, options)?;
    }
    let _log = place.log();
    let runtime = collecting::runtime()?;
    let options = ServerOptions { faults: args.fault.clone(), ..ServerOptions::new(what) };
    let server = runtime.block_on(DemoServer::start(options))?;
    let clock = args.now.map_or(Clock::System, Clock::starting_at);
    let source = EventsApi::with_token(place.http()?, server.base_url().parse()?, server.token.clone());
    let settings = Settings { clock, ..Settings::demo() };
    let job = Job { account: "demo".to_owned(), source: Arc::new(source), settings };
    let mut place = place;
    if let Some(organisation) = server.facts.clone() {
        mark::write(&place.paths.data, &organisation)?;
        place.config.organisation = organisation;
    }
    let collecting = Collecting::start(&place, runtime, vec![job])?;
    let exit = console::open(global, &place, Some(collecting.reader.clone()), Some(&collecting), clock);
    collecting.stop();
    exit.map(|_| Outcome::Done)
}

/// An empty data folder for this run, marked as the demo's. What an earlier demo left there is removed; anything else is not touched.
fn begin_anew(data: &Path) -> Result<()> {
    if Layout::of(data).exists() {
        if !mark::is_there(data) {
            let text =
                format!("{} holds evidence that is no demo's: name another --data-dir for the demo", data.display());
            return Err(WrongUse(text).into());
        }
        if let Some(holder) = Reader::open(data)?.status()?.writer {
            let text = format!("a demo runs here already (process {}): end it, or name another --data-dir", holder.pid);
            return Err(WrongUse(text).into());
        }
        remove(data)?;
    }
    ensure_private(data)?;
    mark::write(data, &Organisation::default())
}

/// Removes what a demo leaves behind, by name.
fn remove(data: &Path) -> Result<()> {
    let evidence = Layout::of(data);
    std::fs::remove_dir_all(evidence.root()).with_context(|| evidence.root().display().to_string())?;
    for name in ["accounts.json", mark::GEOGRAPHY, "workspace.db", "workspace.db-wal", "workspace.db-shm"] {
        let file = data.join(name);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| file.display().to_string());
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Writer;

    #[test]
    fn a_demo_begins_anew_over_its_own_remains_and_never_over_evidence() {
        let dir = tempfile::tempdir().unwrap();
        begin_anew(dir.path()).unwrap();
        Writer::open(dir.path()).unwrap().close();
        begin_anew(dir.path()).unwrap();
        assert!(!Layout::of(dir.path()).exists() && mark::is_there(dir.path()));
        Writer::open(dir.path()).unwrap().close();
        mark::remove(dir.path()).unwrap();
        assert!(begin_anew(dir.path()).unwrap_err().to_string().contains("no demo's"));
        assert!(Layout::of(dir.path()).exists());
    }
}
