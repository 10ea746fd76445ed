//! `import`: events out of files, into the evidence store; with `--table`, rows into a table of their own.

mod table;

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::args::Global;
use super::interrupt::Interrupt;
use super::place::Place;
use super::{Outcome, WrongUse, output};
use crate::base::paths::ensure_private;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::store::import::{self, Progress, Request};
use crate::store::{Layout, Reader, Writer};

/// Store events from files: what an export, a script or another shipper kept
///
/// A file is JSON a line or one JSON document: events as the API gives them (a feed is known by its keys), its pages, a Connect
/// server's list of requests, or {"endpoint", "event"} lines as `tail --format ndjson` prints them. Importing a file again stores nothing
/// twice, and goes on where an import was broken off; an event that is there with other bytes is kept beside the first as a variant.
///
/// With --table the rows go into a table of that name, which queries may name: JSON a line or one document, the answer of the Log
/// Analytics query API, CSV as the Azure portal exports it, Parquet; types are taken from the file or from its values. Rows of
/// OnePasswordEventLogs_CL, Sentinel's table, become events of the evidence store. A table gets all rows of an import or none; a file that it
/// has already, byte for byte, is recognised and left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope import events.ndjson
  vaultscope import --feed auditevents audit-2026-*.json
  zcat old.ndjson.gz | vaultscope import --feed itemusages -
  vaultscope import --table SigninLogs query_data.csv
  vaultscope import --table Assets --schema 'id: string, since: datetime' assets.csv")]
pub struct Args {
    /// The files, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The feed of events that do not name theirs
    #[arg(long, value_name = "FEED", value_parser = feed)]
    feed: Option<Feed>,
    /// The account the events belong to, by its uuid [default: the one of the store]
    #[arg(long, value_name = "UUID")]
    account: Option<String>,
    /// Put the rows into this table in place of the evidence store
    #[arg(long, value_name = "NAME", conflicts_with = "feed")]
    table: Option<String>,
    /// Types of columns, where the file does not say them: 'a: long, b: datetime'
    #[arg(long, value_name = "COLUMNS", requires = "table")]
    schema: Option<String>,
    /// The rows take the place of those that the table has
    #[arg(long, requires = "table")]
    replace: bool,
}

/// Reads a feed's name.
pub fn feed(text: &str) -> Result<Feed, String> {
    let names = Feed::STORED.map(Feed::name);
    Feed::from_name(text).ok_or_else(|| format!("a feed is one of {}", names.join(", ")))
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    let data = &place.paths.data;
    for file in &args.files {
        // Before a store is made for nothing.
        if file.as_os_str() != "-" && !file.is_file() {
            let name = file.to_string_lossy().into_owned();
            return Err(WrongUse(format!("{}: there is no such file", Shown::new(&name))).into());
        }
    }
    if let Some(name) = &args.table {
        return table::run(args, name, &place);
    }
    let account = account(args.account.as_deref(), data)?;
    ensure_private(data)?;
    let writer = Writer::open(data)?;
    let interrupt = Interrupt::listen(|| output::note("vaultscope: stopping; what is committed stays"))?;
    let mut out = output::Answer::new();
    let mut outcome = Outcome::Done;
    for file in &args.files {
        let path = if file.as_os_str() == "-" { Path::new("/dev/stdin") } else { file };
        let request = Request { file: path, account: Arc::clone(&account), feed: args.feed, now: Ticks::now() };
        let done = import::events(&writer.handle(), &request, |progress| {
            if let Some(percent) = progress.bytes.saturating_mul(100).checked_div(progress.total) {
                output::progress(&format!("{percent}%"));
            }
            if interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        output::progress("");
        let name = file.to_string_lossy().into_owned();
        let done = done.with_context(|| Shown::new(&name).into_string())?;
        writeln!(out, "{}: {}", Shown::new(&name), said(&done))?;
        if done.stopped {
            outcome = Outcome::Failed;
            break;
        }
        if done.unplaced > 0 {
            let events = done.unplaced;
            output::note(format_args!(
                "{}: {events} events do not tell their feed and were set aside: import the file again with --feed",
                Shown::new(&name)
            ));
            outcome = Outcome::Failed;
        }
    }
    writer.close();
    out.end()?;
    Ok(outcome)
}

fn said(done: &Progress) -> String {
    let counts = [
        (done.done.stored, "stored"),
        (done.done.duplicates, "there already"),
        (done.done.variants, "variants of stored ones"),
        (done.done.quarantined, "unreadable and set aside"),
        (done.done.undated, "without a readable time"),
        (done.done.expired, "older than retention keeps and not stored"),
        (done.unplaced, "of no known feed"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .enumerate()
        .filter(|(at, (count, _))| *at == 0 || *count > 0)
        .map(|(_, (count, what))| format!("{count} {what}"))
        .collect();
    let skipped = match done.skipped {
        0 => String::new(),
        bytes => format!("; {} were in the store from an import that was broken off", output::size(bytes)),
    };
    let stopped = if done.stopped { "; stopped before its end, the same command goes on from here" } else { "" };
    format!("{}{skipped}{stopped}", parts.join(", "))
}

/// The account of the events: an event is known by account, feed and uuid, so the same account must be named the same way.
fn account(named: Option<&str>, data: &Path) -> Result<Arc<str>> {
    if let Some(named) = named {
        let fits =
            (1..=100).contains(&named.len()) && named.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        return if fits {
            Ok(named.into())
        } else {
            Err(WrongUse("--account takes the account's uuid: letters, digits, `.`, `_` and `-`".to_owned()).into())
        };
    }
    let known = if Layout::of(data).exists() { Reader::open(data)?.accounts()? } else { Vec::new() };
    match known.as_slice() {
        [] => Ok("imported".into()),
        [one] => Ok(one.as_str().into()),
        several => {
            let several = several.join(", ");
            Err(WrongUse(format!(
                "the store holds several accounts: say with --account whose events these are ({several})"
            ))
            .into())
        }
    }
}
