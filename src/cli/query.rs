//! `query`: a question on the command line.

mod attend;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::answer::{self, Format, Question};
use super::args::Global;
use super::place::Place;
use super::values::{self, Timespan};
use super::{Outcome, WrongUse, engine, output};
use crate::base::person;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::engine::local::names::Names;
use crate::engine::{Answer, Limits, QueryEngine, QueryError, Request, Statistics};
use crate::hunt;
use crate::kql::Value;
use crate::kql::literal::print_literal;
use crate::kql::optimise::optimise;
use crate::store::Layout;
use crate::store::tables::Imported;
use crate::store::workspace::QueryRecord;

pub use attend::attended;

/// Bytes of a query's text.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Ask a question in KQL
///
/// Tables: OnePasswordEventLogs_CL, as in Microsoft Sentinel, and OnePasswordEvents, one shape for all feeds. Without a terminal, or
/// with --format, the answer is for programs; what is said about it goes to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope query 'OnePasswordEvents | where timestamp > ago(1d) | summarize count() by feed, outcome'
  vaultscope query -f hunt.kql --timespan 30d --format csv > found.csv
  vaultscope query 'declare query_parameters(u: string); OnePasswordEvents | where user_email == u | take 10' --param u=ann@example.com
  echo 'print now()' | vaultscope query - --now 2026-03-01T00:00:00Z --format json")]
pub struct Args {
    /// The question, or - to read it from standard input
    #[arg(value_name = "KQL", conflicts_with = "file")]
    text: Option<String>,
    /// Read the question from a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    how: How,
    /// Print the plan, and what running it cost stage by stage, in place of the answer
    #[arg(long)]
    explain: bool,
}

/// How a question is asked and its answer printed: of `query` and of `hunt run`.
#[derive(Debug, clap::Args)]
pub struct How {
    /// What answers: the store of this machine
    #[arg(long, default_value = "local", value_parser = ["local"])]
    engine: String,
    /// How the answer is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// Only rows whose TimeGenerated lies in it: 30d, 12h, 2026-03-01/2026-03-08
    #[arg(long, value_name = "SPAN", value_parser = values::timespan)]
    timespan: Option<Timespan>,
    /// A value of a parameter; more than once
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub param: Vec<(String, String)>,
    /// What now() is: 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    now: Option<Ticks>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it like name=value".to_owned()),
    }
}

impl How {
    pub fn now(&self) -> Ticks {
        self.now.unwrap_or_else(Ticks::now)
    }

    /// The request for a text.
    pub fn request(&self, text: String, place: &Place) -> Request {
        let limits = place.config.headless_limits;
        let now = self.now();
        Request {
            timespan: self.timespan.map(|span| span.at(now)),
            limits: Limits { time: limits.time, memory: limits.memory, rows: limits.rows },
            ..Request::new(text, now)
        }
    }
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let (name, text) = args.question()?;
    let place = Place::of(global)?;
    let engine = engine::local(&place)?;
    let mut request = args.how.request(text, &place);
    request.parameters =
        args.how.param.iter().map(|(name, value)| (name.clone(), Value::string(value.as_str()))).collect();
    let question = Question { name: &name, text: &request.text };
    if args.explain {
        let names = Names::with_events(&engine::surroundings(&place));
        return explain(question, &request, (&names, &engine), &place, global);
    }
    place.remind_of_demo();
    let answered = ask(&request, &engine, &place, "query")?;
    let failed = answered.is_err();
    let outcome = answer::print(question, answered, args.how.format, global)?;
    let data = &place.paths.data;
    if failed && !Layout::of(data).exists() && Imported::of(data).names().is_empty() {
        let data = data.display();
        output::note(format_args!(
            "vaultscope: there is no store in {data}, so there are no tables: connect, import or try the demo"
        ));
    }
    Ok(outcome)
}

/// Runs a request, attended, and logs it with who asked.
pub fn ask(
    request: &Request,
    engine: &dyn QueryEngine,
    place: &Place,
    who: &str,
) -> Result<Result<Answer, QueryError>> {
    let began = Instant::now();
    let answered = attended(request, engine)?;
    place.log_query(&QueryRecord {
        id: 0,
        at: Ticks::now(),
        who: person::doing(who),
        text: request.text.clone(),
        params: request.parameters.iter().map(|(name, value)| (name.clone(), print_literal(value))).collect(),
        engine: engine.name().to_owned(),
        rows: answered.as_ref().map_or(0, |answer| answer.tables.iter().map(|table| table.rows() as u64).sum()),
        millis: began.elapsed().as_millis() as u64,
        error: answered.as_ref().err().map(ToString::to_string),
    });
    Ok(answered)
}

/// Prints the plan, and where there is a store, runs it and prints what that cost. In the plan, what binding would have to run first is taken as
/// empty.
fn explain(
    question: Question<'_>,
    request: &Request,
    (names, engine): (&Names, &dyn QueryEngine),
    place: &Place,
    global: &Global,
) -> Result<Outcome> {
    let read = hunt::lint::bind(&request.text, names, request.now);
    answer::diagnose(question, &read.diagnostics, global);
    let Some(plan) = read.plan else { return Ok(Outcome::Failed) };
    let mut out = output::Answer::new();
    // What runs, not what was written.
    writeln!(out, "{}", optimise(plan))?;
    if Layout::of(&place.paths.data).exists() {
        match attended(request, engine)? {
            Ok(answer) => out.write_all(cost(&answer.statistics).as_bytes())?,
            Err(error) => {
                out.end()?;
                return answer::print(question, Err(error), Format::Table, global);
            }
        }
    }
    out.end()?;
    Ok(Outcome::Done)
}

/// The stages in the order in which they ended, then the whole.
fn cost(statistics: &Statistics) -> String {
    use std::fmt::Write as _;
    let millis = |d: Duration| format!("{:.1} ms", d.as_secs_f64() * 1e3);
    let mut text = format!("{:>12} {:>12} {:>8} {:>12}  stage\n", "elapsed", "busy", "morsels", "rows");
    for stage in &statistics.stages {
        let (elapsed, busy) = (millis(stage.elapsed), millis(stage.busy));
        let _ = writeln!(text, "{elapsed:>12} {busy:>12} {:>8} {:>12}  {}", stage.morsels, stage.rows, stage.name);
    }
    let s = statistics;
    let _ = writeln!(
        text,
        "\n{} in all: {} rows and {} KiB read from {} segments; {} row groups read, {} not needed; {} KiB of memory at the peak",
        millis(s.elapsed),
        s.rows_read,
        s.bytes_read >> 10,
        s.segments_read,
        s.row_groups_read,
        s.row_groups_pruned,
        s.memory_peak >> 10,
    );
    if s.spilled > 0 {
        let _ = writeln!(text, "{} KiB did not fit in memory and went through the disk", s.spilled >> 10);
    }
    text
}

impl Args {
    /// The question and what it is called in messages.
    fn question(&self) -> Result<(String, String)> {
        match (&self.text, &self.file) {
            (Some(text), None) if text != "-" => Ok(("query".to_owned(), text.clone())),
            (Some(_), None) => Ok(("standard input".to_owned(), read(std::io::stdin().lock(), "standard input")?)),
            (None, Some(file)) => {
                let name = Shown::new(&file.to_string_lossy()).into_string();
                let open = std::fs::File::open(file).with_context(|| name.clone())?;
                let text = read(open, &name)?;
                Ok((name, text))
            }
            _ => Err(WrongUse(
                "a question is missing: give it as text, with -f FILE, or - for standard input".to_owned(),
            )
            .into()),
        }
    }
}

/// Reads a query's text.
pub fn read(from: impl std::io::Read, name: &str) -> Result<String> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| name.to_owned())?;
    anyhow::ensure!(bytes.len() as u64 <= LARGEST, "{name}: larger than 4 MiB, which is no query");
    let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{name}: not UTF-8 text"))?;
    // Editors of another system put a mark at the start.
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}
