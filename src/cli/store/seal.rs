//! `store seal`

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::base::paths::ensure_private;
use crate::cli::args::Global;
use crate::cli::output::size;
use crate::cli::place::Place;
use crate::cli::{Outcome, output};
use crate::store::{Layout, Reader, StoreError, Writer};

/// Seal events into Parquet segments now, and merge small segments
///
/// A collector seals and merges by itself as events come in. This is for a store that is to be archived or copied, or that many small imports
/// went into. It is refused while a collector has the store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope store seal             what a collector would have sealed, and a merge
  vaultscope store seal --keep 0    everything")]
pub struct Args {
    /// The newest events that stay in the catalogue, where the first screen of the console finds them
    #[arg(long, value_name = "EVENTS", default_value_t = 10_000)]
    keep: u64,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    let data = &place.paths.data;
    if !Layout::of(data).exists() {
        return Err(StoreError::Missing { dir: data.clone() }.into());
    }
    ensure_private(data)?;
    place.remind_of_demo();
    let writer = Writer::open(data)?;
    let reader = Reader::open(data)?;
    let before = reader.status()?;
    watch(&reader, "sealing", writer.handle().seal(args.keep))?;
    watch(&reader, "merging", writer.handle().merge())?;
    writer.close();
    let after = reader.status()?;
    let mut out = output::Answer::new();
    writeln!(
        out,
        "{} events sealed; {} events in {} segments of {}, where {} were; {} events stay fresh",
        before.fresh_rows.saturating_sub(after.fresh_rows),
        after.sealed_rows,
        after.segments,
        size(after.segment_bytes),
        before.segments,
        after.fresh_rows,
    )?;
    out.end()?;
    Ok(Outcome::Done)
}

/// Waits for the writer, and tells how far it is.
pub fn watch<T>(reader: &Reader, what: &str, mut answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T> {
    loop {
        match answer.try_recv() {
            Ok(done) => {
                output::progress("");
                return Ok(done?);
            }
            Err(TryRecvError::Closed) => return Err(StoreError::Stopped).context(what.to_owned()),
            Err(TryRecvError::Empty) => {}
        }
        if output::errors_are_seen()
            && let Ok(status) = reader.status()
        {
            let (fresh, sealed, segments) = (status.fresh_rows, status.sealed_rows, status.segments);
            output::progress(&format!("{what}: {fresh} events fresh, {sealed} in {segments} segments"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
