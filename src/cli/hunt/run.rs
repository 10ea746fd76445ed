//! `hunt run`

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::cli::answer::{self, Question};
use crate::cli::args::Global;
use crate::cli::place::Place;
use crate::cli::query::{How, ask};
use crate::cli::values::{self, Timespan};
use crate::cli::{Outcome, WrongUse, engine, output};
use crate::engine::local::Local;
use crate::engine::{Answer, QueryError};
use crate::hunt::run::Ready;
use crate::hunt::{Asked, Hunt, Pack, pack};
use crate::store::workspace::HuntRun;
use crate::store::{Layout, Reader};

/// Run hunts over what is stored
///
/// What the organisation knows ([organisation] in the configuration) fills the hunts' parameters; --param overrides it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope hunt run password-spray
  vaultscope hunt run reveal-spike --window 7d --param min_items=40 --format csv
  vaultscope hunt run --all
  vaultscope hunt run ./my-hunt.kql")]
pub struct Args {
    /// The hunts, by id or by file
    #[arg(value_name = "ID")]
    hunts: Vec<String>,
    /// Every hunt, with a line for each
    #[arg(long, conflicts_with = "hunts")]
    all: bool,
    /// Which events to test, by their timestamp: 30d, 12h, 2026-03-01/2026-03-08 [default: the hunt's own]
    #[arg(long, value_name = "SPAN", value_parser = values::timespan)]
    window: Option<Timespan>,
    #[command(flatten)]
    how: How,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    if args.hunts.is_empty() && !args.all {
        let help = "which hunt? Name one of those that `vaultscope hunt list` lists, or all of them with --all";
        return Err(WrongUse(help.to_owned()).into());
    }
    let place = Place::of(global)?;
    // A question about nothing would find nothing, which must not be taken for good news.
    Reader::open(&place.paths.data)?;
    place.remind_of_demo();
    let pack = super::pack_of(&place);
    let engine = engine::local(&place)?;
    if args.all {
        return every(args, &pack, &engine, &place);
    }
    let mut outcome = Outcome::Done;
    for (at, id) in args.hunts.iter().enumerate() {
        let from_file;
        let hunt = if Path::new(id).extension().is_some_and(|extension| extension == "kql") {
            from_file = pack::read(Path::new(id))?;
            &from_file
        } else {
            pack.find(id)?
        };
        if args.hunts.len() > 1 {
            let between = if at > 0 { "\n" } else { "" };
            output::note(format_args!("{}: {}", hunt.id(), hunt.about.name));
            output::report(between);
        }
        let (ready, answered) = one(args, hunt, &engine, &place)?;
        tell_missing(hunt, &ready);
        let found = answered.as_ref().map_or(0, rows);
        let question = Question { name: &hunt.origin.to_string(), text: &ready.text };
        let printed = answer::print(question, answered, args.how.format, global)?;
        if printed != Outcome::Done {
            outcome = printed;
        } else if found > 0 && !hunt.about.response.is_empty() {
            output::note(format_args!("{found} found. What to do: {}", one_line(&hunt.about.response)));
        } else if found == 0 {
            output::note("nothing found");
        }
    }
    Ok(outcome)
}

/// Runs a hunt and keeps what it found in the workspace.
fn one(args: &Args, hunt: &Hunt, engine: &Local, place: &Place) -> Result<(Ready, Result<Answer, QueryError>)> {
    let now = args.how.now();
    let asked = Asked {
        window: args.window.map(|window| window.at(now)),
        parameters: &args.how.param,
        organisation: Some(&place.config.organisation),
    };
    let ready = hunt.ask(&asked).map_err(|error| WrongUse(error.to_string()))?;
    let began = Instant::now();
    let answered = ask(&args.how.request(ready.text.clone(), place), engine, place, "hunt")?;
    let record = HuntRun {
        id: 0,
        hunt: hunt.id().to_owned(),
        at: now,
        through: 0,
        rows: answered.as_ref().map_or(0, rows),
        millis: began.elapsed().as_millis() as u64,
        error: answered.as_ref().err().map(ToString::to_string),
    };
    keep(place, &record);
    Ok((ready, answered))
}

/// A run is part of the record, also when it found nothing.
fn keep(place: &Place, record: &HuntRun) {
    let data = &place.paths.data;
    if !Layout::of(data).exists() {
        return;
    }
    let through = Reader::open(data).map(|reader| *reader.watermark().borrow()).unwrap_or_default();
    let record = HuntRun { through, ..record.clone() };
    if let Err(error) = place.workspace().and_then(|workspace| workspace.log_hunt(&record)) {
        tracing::warn!(%error, "the run is not kept");
    }
}

/// Every hunt, a line each: what was found, and what could not be asked.
fn every(args: &Args, pack: &Pack, engine: &Local, place: &Place) -> Result<Outcome> {
    let mut rows_of = vec![["HUNT", "SEVERITY", "FOUND", "MS", "NAME"].map(str::to_owned).to_vec()];
    let mut outcome = Outcome::Done;
    for hunt in pack {
        let began = Instant::now();
        let (ready, answered) = one(args, hunt, engine, place)?;
        let found = match &answered {
            Ok(_) if !ready.missing.is_empty() => "not asked".to_owned(),
            Ok(answer) => rows(answer).to_string(),
            Err(_) => "FAILED".to_owned(),
        };
        tell_missing(hunt, &ready);
        if let Err(error) = &answered {
            output::note(format_args!("{}: {error}", hunt.id()));
            outcome = Outcome::Failed;
        }
        let millis = began.elapsed().as_millis().to_string();
        let about = &hunt.about;
        rows_of.push(vec![hunt.id().to_owned(), about.severity.to_string(), found, millis, about.name.clone()]);
    }
    let mut out = output::Answer::new();
    output::columns(&mut out, &rows_of)?;
    out.flush()?;
    out.end()?;
    Ok(outcome)
}

fn tell_missing(hunt: &Hunt, ready: &Ready) {
    for key in &ready.missing {
        output::note(format_args!(
            "{}: {key} is empty: the hunt has nothing to look for; fill it in the configuration",
            hunt.id()
        ));
    }
}

fn rows(answer: &Answer) -> u64 {
    answer.tables.iter().map(|table| table.rows() as u64).sum()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
