//! `store export`

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take;

use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::cli::answer::{self, Question};
use crate::cli::args::Global;
use crate::cli::output::{self, size};
use crate::cli::place::Place;
use crate::cli::{Outcome, WrongUse, engine, values};
use crate::engine::format::cell::text;
use crate::engine::{Limits, QueryEngine as _, QueryError, Request};
use crate::event::columns::text_at;
use crate::event::{Feed, schema};
use crate::hunt::lint;
use crate::kql::Type;
use crate::store::Rows;
use crate::store::export::{ExportError, Exported, Format, Options, Predicate, export, export_events, new_file};
use crate::store::signing::hex;
use crate::store::workspace::QueryRecord;

/// Write a range of events to a new folder with what proves it, to a file, or to standard output
///
/// A folder of NDJSON is the evidence bundle: each event's exact text, and in manifest.json the hashes that prove that it was committed as it
/// stands there, up to a head signed by the store. `vaultscope store verify --bundle DIR` and tools/verify_export.py check it without the store.
///
/// A name that ends in .csv, .parquet or .ndjson is a file, and - is standard output: the events alone, without a manifest. They can be worked
/// with, and prove nothing; their SHA-256 is printed and kept in the query log.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope store export -o case-17 --from 2026-03-01T00:00:00Z --to 2026-03-08T00:00:00Z
  vaultscope store export -o failures --feed signinattempts --where 'outcome == \"failure\"'
  vaultscope store export -o march.csv --from 2026-03-01T00:00:00Z --to 2026-04-01T00:00:00Z
  vaultscope store export -o - --format ndjson --feed auditevents | jq -r .uuid

In CSV, cells that a spreadsheet would run as formulas get an apostrophe before them; the manifest counts them. The export is kept in the
query log with its digest and the head of the chain.")]
pub struct Args {
    /// The new folder (a name of A-Z a-z 0-9 . _ -), a new file (.csv, .parquet, .ndjson), or - for standard output; nothing is written over
    #[arg(short, long, value_name = "DIR|FILE|-")]
    output: PathBuf,
    /// Only events from this time on (their own time; of their arrival where they have none)
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    from: Option<Ticks>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    to: Option<Ticks>,
    /// Only this feed; more than once
    #[arg(long, value_name = "FEED", value_parser = feed)]
    feed: Vec<Feed>,
    /// Only events for which this is true: a predicate in KQL over OnePasswordEvents
    #[arg(long = "where", value_name = "PREDICATE")]
    predicate: Option<String>,
    /// How to write them; without this as the file's name says, else ndjson
    #[arg(long)]
    format: Option<As>,
    /// Leave CSV cells as they are, formulas and all
    #[arg(long)]
    raw_csv: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum As {
    /// The evidence bundle
    Ndjson,
    /// The stored columns
    Parquet,
    /// The stored columns, safe for spreadsheets
    Csv,
}

/// Where the events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Folder,
    File,
    Stdout,
}

/// What the name of the output says, and the format with it.
fn target(args: &Args) -> Result<(Target, As), WrongUse> {
    let end = args.output.extension().and_then(|end| end.to_str());
    let named = match end {
        Some("csv") => Some(As::Csv),
        Some("parquet") => Some(As::Parquet),
        Some("ndjson" | "jsonl") => Some(As::Ndjson),
        _ => None,
    };
    let target = match named {
        _ if args.output.as_os_str() == "-" => Target::Stdout,
        Some(_) => Target::File,
        None => Target::Folder,
    };
    let format = args.format.or(named).unwrap_or(As::Ndjson);
    if target == Target::File && named != Some(format) {
        let what = format!("{} says another format than --format; leave one of them out", args.output.display());
        return Err(WrongUse(what));
    }
    if target == Target::Stdout && output::is_terminal() {
        return Err(WrongUse("-o - writes events as they are, which a terminal must not get: redirect it".to_owned()));
    }
    Ok((target, format))
}

fn feed(text: &str) -> Result<Feed, String> {
    let known: Vec<&str> = Feed::STORED.iter().map(|feed| feed.name()).collect();
    Feed::from_name(text).ok_or_else(|| format!("the feeds are {}", known.join(", ")))
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let asked = args.predicate.as_deref().map(question);
    let question = Question { name: "--where", text: asked.as_deref().unwrap_or_default() };
    if let Some(text) = &asked {
        let wrong = lint::bind(text, &crate::engine::local::tables::StoreCatalog, Ticks::now()).diagnostics;
        if wrong.iter().any(|found| found.severity == crate::kql::Severity::Error) {
            answer::diagnose(question, &wrong, global);
            return Ok(Outcome::WrongUse);
        }
    }
    if args.from.zip(args.to).is_some_and(|(from, to)| from >= to) {
        return Err(WrongUse("--from must be before --to".to_owned()).into());
    }
    let (target, format) = target(args)?;
    let place = Place::of(global)?;
    place.remind_of_demo();
    let options = Options {
        from: args.from,
        to: args.to,
        feeds: args.feed.clone(),
        predicate: args.predicate.clone(),
        format: match format {
            As::Ndjson => Format::Ndjson,
            As::Parquet => Format::Parquet,
            As::Csv => Format::Csv,
        },
        raw_csv: args.raw_csv,
        demo: place.is_demo(),
    };
    let began = Instant::now();
    let mut told = began;
    let mut progress = |done: u64, of: u64| {
        if told.elapsed() >= Duration::from_millis(200) {
            told = Instant::now();
            output::progress(&format!("exporting: {done} of {of} events looked at"));
        }
    };
    let mut matching = asked.as_deref().map(|text| move |batch: &RecordBatch| matches(text, batch));
    let predicate = matching.as_mut().map(|matching| matching as &mut Predicate<'_>);
    let data = &place.paths.data;
    let done = match target {
        Target::Folder => export(data, &args.output, &options, predicate, &mut progress),
        Target::File => new_file(&args.output).and_then(|file| {
            let done = export_events(data, file.sink()?, &options, predicate, &mut progress)?;
            file.keep().map(|()| done)
        }),
        Target::Stdout => {
            let sink = std::io::stdout().as_fd().try_clone_to_owned().context("standard output")?;
            export_events(data, sink.into(), &options, predicate, &mut progress)
        }
    };
    output::progress("");
    match done {
        Ok(done) => {
            log(&place, args, &done, began.elapsed());
            tell(&args.output, target, &done);
            Ok(Outcome::Done)
        }
        Err(ExportError::Predicate(error)) => match error.downcast::<QueryError>() {
            Ok(error) => Ok(answer::failed(question, &error, global)),
            Err(error) => Err(anyhow::anyhow!("{error}")),
        },
        Err(ExportError::Name(what)) => Err(WrongUse(what).into()),
        Err(error) => Err(error.into()),
    }
}

/// The question that finds the events of a predicate.
fn question(predicate: &str) -> String {
    format!("OnePasswordEvents\n| where {predicate}\n| project feed, uuid\n")
}

/// Which rows of a batch the predicate holds for. A feed and a UUID are one event within an account.
fn matches(question: &str, batch: &RecordBatch) -> Result<Vec<bool>, Box<dyn std::error::Error + Send + Sync>> {
    let column = |name: &str| schema::position(name).map(|at| batch.column(at));
    let (Some(accounts), Some(feeds), Some(uuids)) = (column("account"), column("feed"), column("uuid_s")) else {
        return Err("the events lack a column".into());
    };
    let mut by_account: hashbrown::HashMap<&str, Vec<u32>> = hashbrown::HashMap::new();
    for row in 0..batch.num_rows() {
        by_account.entry(text_at(accounts, row).unwrap_or_default()).or_default().push(row as u32);
    }
    let mut keep = vec![false; batch.num_rows()];
    for rows in by_account.into_values() {
        let wanted = UInt32Array::from(rows.clone());
        let columns = batch.columns().iter().map(|c| take(c, &wanted, None)).collect::<Result<Vec<_>, _>>()?;
        let part = RecordBatch::try_new(batch.schema(), columns)?;
        let engine = engine::over_rows(&Rows { batches: vec![part], skipped: 0, through: i64::MAX })?;
        let request = Request { limits: Limits::HEADLESS, ..Request::new(question, Ticks::now()) };
        let answer = engine.run(&request)?;
        let mut found = hashbrown::HashSet::new();
        for batch in answer.tables.iter().flat_map(|table| &table.batches) {
            for row in 0..batch.num_rows() {
                let cell =
                    |at: usize| text(batch.column(at).as_ref(), row, Type::String).unwrap_or_default().into_owned();
                found.insert((cell(0), cell(1)));
            }
        }
        for row in rows.into_iter().map(|row| row as usize) {
            let of = |array| text_at(array, row).unwrap_or_default().to_owned();
            keep[row] = found.contains(&(of(feeds.as_ref()), of(uuids.as_ref())));
        }
    }
    Ok(keep)
}

/// Keeps the export in the query log: what was asked, its digest, and the head of the chain at that time.
fn log(place: &Place, args: &Args, done: &Exported, took: Duration) {
    let range = |name: &str, at: Option<Ticks>| at.map(|at| (name.to_owned(), at.to_string()));
    let filter = args.predicate.as_ref().map_or_else(String::new, |p| format!("\n| where {p}"));
    let feeds: Vec<&str> = args.feed.iter().map(|feed| feed.name()).collect();
    let mut params: Vec<(String, String)> =
        [range("from", args.from), range("to", args.to)].into_iter().flatten().collect();
    if !feeds.is_empty() {
        params.push(("feed".to_owned(), feeds.join(",")));
    }
    params.push(("export".to_owned(), args.output.display().to_string()));
    params.push(("sha256".to_owned(), hex(&done.digest)));
    params.extend(done.manifest.map(|manifest| ("manifest".to_owned(), hex(&manifest))));
    params.push(("head".to_owned(), format!("{} {}", done.head.batches, hex(&done.head.root))));
    place.log_query(&QueryRecord {
        id: 0,
        at: Ticks::now(),
        who: "export".to_owned(),
        text: format!("OnePasswordEvents{filter}"),
        params,
        engine: "local".to_owned(),
        rows: done.events,
        millis: took.as_millis() as u64,
        error: None,
    });
}

fn tell(output: &Path, target: Target, done: &Exported) {
    let name = if target == Target::Stdout { "standard output".into() } else { output.to_string_lossy() };
    output::note(format_args!(
        "vaultscope: {} events, {}, in {}; SHA-256 {}, head batch {}",
        done.events,
        size(done.bytes),
        Shown::new(&name),
        hex(&done.digest),
        done.head.batches
    ));
    if target != Target::Folder {
        output::note(
            "vaultscope: events alone prove nothing: for evidence name a folder (-o DIR), which gets a manifest too",
        );
    } else if !done.signed {
        output::note(
            "vaultscope: the manifest is not signed: only the store's owner can; the chain in it is signed all the same",
        );
    }
    let altered: u64 = done.altered.values().sum();
    if altered > 0 {
        output::note(format_args!(
            "vaultscope: {altered} cells are not as they came, so that no spreadsheet runs them; the manifest says in which columns"
        ));
    }
}
