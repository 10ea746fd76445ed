//! `tail`: events on standard output as they are committed.

mod line;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;

use super::answer::{self, Question};
use super::args::Global;
use super::collecting::{self, Collecting};
use super::interrupt::Interrupt;
use super::place::Place;
use super::{Outcome, collect, engine, output};
use crate::base::time::Ticks;
use crate::collect::Rules;
use crate::engine::local::Local;
use crate::engine::{Cancel, Limits, QueryEngine as _, QueryError, Request};
use crate::hunt::lint;
use crate::store::{Layout, Reader};
use line::Format;

/// Rows taken from the store at once.
const AT_ONCE: usize = 10_000;
/// A watermark that does not move is looked at again after this.
const LOOK: Duration = Duration::from_secs(5);

/// Print events as they are committed
///
/// Follows the collector of this store; where none runs, and an account is connected, collects by itself. Nothing is skipped: what was
/// printed was committed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope tail
  vaultscope tail --where 'outcome == \"failure\"'
  vaultscope tail --where 'vault_name == \"Payroll\"'
  vaultscope tail --where 'event_type in (\"export\", \"updatfw\")' --format ndjson >> found.ndjson

The columns are those of OnePasswordEvents. `vaultscope import` reads what --format ndjson prints.")]
pub struct Args {
    /// How events are printed
    #[arg(long, default_value = "text")]
    format: Format,
    /// Only events for which this is true: a predicate in KQL over OnePasswordEvents
    #[arg(long = "where", value_name = "PREDICATE")]
    predicate: Option<String>,
    /// Print what the rules of [[suppress]] keep out of the tail too
    #[arg(long)]
    all: bool,
    /// Begin so many events back
    #[arg(short = 'n', long, value_name = "N", default_value_t = 0)]
    lines: u32,
    /// End after so many events were looked at
    #[arg(long, value_name = "N", hide = true)]
    count: Option<u64>,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let text = line::query(args.predicate.as_deref());
    let wrong = lint::bind(&text, &crate::engine::local::tables::StoreCatalog, Ticks::now()).diagnostics;
    let question = Question { name: "--where", text: &text };
    if wrong.iter().any(|found| found.severity == crate::kql::Severity::Error) {
        answer::diagnose(question, &wrong, global);
        return Ok(Outcome::WrongUse);
    }
    let place = Place::of(global)?;
    place.remind_of_demo();
    let _log = place.log();
    let rules = if args.all { Arc::default() } else { collecting::rules(&place)? };
    let interrupt = Interrupt::listen(|| ())?;
    let (collecting, reader) = source(&place)?;
    let ended = follow(args, (&text, &engine::over(reader.clone(), &place)), &rules, &reader, &interrupt);
    if let Some(collecting) = collecting {
        collecting.stop();
    }
    match ended? {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => Ok(answer::failed(question, &error, global)),
    }
}

/// The store, and the collectors that fill it where nobody else does.
fn source(place: &Place) -> Result<(Option<Collecting>, Reader)> {
    let data = &place.paths.data;
    let jobs = match collecting::jobs(place) {
        Ok(jobs) => jobs,
        // Without an account there may still be a store that somebody fills by import, or a demo.
        Err(error) if !Layout::of(data).exists() => return Err(error),
        Err(_) => {
            let reader = Reader::open(data)?;
            if reader.status()?.writer.is_none() {
                output::note("vaultscope: no account is connected, and nobody writes into this store now: waiting");
            }
            return Ok((None, reader));
        }
    };
    match Collecting::start(place, collecting::runtime()?, jobs) {
        Ok(collecting) => {
            for collector in &collecting.collectors {
                collecting.runtime.spawn(collect::tell(collector.health()));
            }
            let reader = collecting.reader.clone();
            Ok((Some(collecting), reader))
        }
        Err(error) if collecting::is_elsewhere(&error) => Ok((None, Reader::open(data)?)),
        Err(error) => Err(error),
    }
}

/// Prints what comes, until told to end.
fn follow(
    args: &Args,
    (text, engine): (&str, &Local),
    rules: &Rules,
    reader: &Reader,
    interrupt: &Interrupt,
) -> Result<Result<(), QueryError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut watermark = reader.watermark();
    let mut seen = reader.rows_above(0, 0)?.through.saturating_sub(i64::from(args.lines)).max(0);
    let (mut looked_at, mut hidden) = (0, 0);
    loop {
        let through = *watermark.borrow_and_update();
        while seen < through && !interrupt.is_asked() {
            let mut rows = reader.rows_above(seen, AT_ONCE)?;
            if rows.skipped > 0 {
                // Sealed meanwhile, by a flood that this reader could not follow.
                output::note(format_args!(
                    "vaultscope: {} events are passed over here; they are in the store",
                    rows.skipped
                ));
            }
            let taken: usize = rows.batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
            for batch in &mut rows.batches {
                let (shown, less) = match rules.shown(batch) {
                    Ok(shown) => shown,
                    Err(error) => return Ok(Err(error)),
                };
                *batch = shown;
                hidden += less;
            }
            let request =
                Request { limits: Limits::HEADLESS, cancel: Cancel::default(), ..Request::new(text, Ticks::now()) };
            let answer = match engine::beside(engine, &rows)?.run(&request) {
                Ok(answer) => answer,
                Err(error) => return Ok(Err(error)),
            };
            let mut out = output::Answer::new();
            line::write(&mut out, args.format, output::is_terminal(), &answer)?;
            out.flush()?;
            seen = rows.through;
            looked_at += taken as u64;
        }
        if interrupt.is_asked() || args.count.is_some_and(|count| looked_at >= count) {
            if hidden > 0 {
                output::note(format_args!(
                    "vaultscope: {hidden} events were hidden by rules of [[suppress]]; --all prints them"
                ));
            }
            return Ok(Ok(()));
        }
        runtime.block_on(moved(&mut watermark, interrupt));
    }
}

async fn moved(watermark: &mut watch::Receiver<i64>, interrupt: &Interrupt) {
    tokio::select! {
        _ = watermark.changed() => {}
        () = interrupt.wait() => {}
        () = tokio::time::sleep(LOOK) => {}
    }
}
