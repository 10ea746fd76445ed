//! `query`: a question in KQL, answered on standard output.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use super::args::Global;
use super::place::Place;
use super::{Outcome, WrongUse, output};
use crate::base::time::{Span, Ticks};
use crate::engine::format::{csv, json, kusto, table};
use crate::engine::local::{Local, Options};
use crate::engine::{Answer, Limits, QueryEngine as _, QueryError, Request};
use crate::kql::{Diagnostic, Severity, Value};
use crate::store::Reader;

/// Ask a question in KQL
///
/// Reads what is stored on this machine. The answer goes to standard output, what is said about it to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope query 'OnePasswordEvents | where outcome == \"failure\" | summarize count() by user_email'
  vaultscope query --timespan 7d --format csv 'OnePasswordEvents | take 100' > events.csv
  echo 'print now()' | vaultscope query -
  vaultscope query -f hunt.kql --param user=ada@example.com")]
pub struct Args {
    /// The query; `-` reads standard input
    #[arg(value_name = "KQL", required_unless_present = "file")]
    text: Option<String>,
    /// Read the query from a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// Who answers
    #[arg(long, value_name = "NAME", default_value = "local")]
    engine: String,
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Only events whose TimeGenerated lies so far back: 30d, 12h, 1.02:00:00
    #[arg(long, value_name = "SPAN")]
    timespan: Option<String>,
    /// A value for `declare query_parameters`
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// What now() is, as RFC 3339 [default: the time]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Rows of the answer at most
    #[arg(long, value_name = "N", default_value_t = Limits::HEADLESS.rows)]
    limit: u64,
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
    /// The body of the Log Analytics query API
    Kusto,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let text = text(args)?;
    if args.engine != "local" {
        bail!(WrongUse(format!("there is no engine `{}`: this version has `local`", args.engine)));
    }
    let request = request(args, text)?;
    let engine = engine(global)?;
    match engine.run(&request) {
        Ok(answer) => {
            write(args.format, &answer)?;
            for warning in &answer.warnings {
                say(&request.text, warning);
            }
            for cut in answer.tables.iter().filter_map(|t| t.cut.as_ref()) {
                output::note(cut);
            }
            Ok(Outcome::Done)
        }
        Err(error) => {
            if args.format == Format::Kusto {
                let mut out = output::Answer::new();
                kusto::write_error(&mut out, &error)?;
                out.end()?;
            } else if let QueryError::Invalid(diagnostics) = &error {
                diagnostics.iter().for_each(|d| say(&request.text, d));
            } else {
                output::note(format_args!("vaultscope: {error}"));
            }
            Ok(Outcome::Failed)
        }
    }
}

fn text(args: &Args) -> Result<String> {
    if let Some(file) = &args.file {
        return std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
    }
    match args.text.as_deref() {
        Some("-") | None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
            Ok(text)
        }
        Some(text) => Ok(text.to_owned()),
    }
}

fn request(args: &Args, text: String) -> Result<Request> {
    let now = match &args.now {
        None => Ticks::now(),
        Some(text) => Ticks::parse_rfc3339(text)
            .ok_or_else(|| WrongUse(format!("--now {text}: a time looks like 2026-01-02T03:04:05Z")))?,
    };
    let mut request = Request::new(text, now);
    request.limits = Limits { rows: args.limit, ..Limits::HEADLESS };
    if let Some(text) = &args.timespan {
        let span =
            crate::engine::local::functions::parse_time::timespan(text).filter(|span| *span > 0).ok_or_else(|| {
                WrongUse(format!("--timespan {text}: a length of time looks like 30d, 12h or 1.02:00:00"))
            })?;
        request.timespan = Some((now - Span(span), Ticks(now.0.saturating_add(1))));
    }
    for parameter in &args.parameters {
        let (name, value) = parameter
            .split_once('=')
            .ok_or_else(|| WrongUse(format!("--param {parameter}: a parameter looks like NAME=VALUE")))?;
        request.parameters.push((name.to_owned(), Value::string(value)));
    }
    Ok(request)
}

/// The embedded engine over the store, or over nothing where there is no store: `print 1` needs none.
fn engine(global: &Global) -> Result<Local> {
    let place = Place::of(global)?;
    let data = &place.paths.data;
    if !crate::store::Layout::of(data).exists() {
        return Ok(Local::without_store(Options::default()));
    }
    Ok(Local::new(Reader::open(data)?, Options::default()))
}

fn write(format: Format, answer: &Answer) -> Result<()> {
    let mut out = output::Answer::new();
    match format {
        Format::Table => table::write(&mut out, answer)?,
        Format::Json => json::write(&mut out, answer)?,
        Format::Ndjson => json::write_lines(&mut out, answer)?,
        Format::Csv => csv::write(&mut out, answer)?,
        Format::Kusto => kusto::write(&mut out, answer)?,
    }
    out.end()?;
    Ok(())
}

/// `3:14: error KQL110: message (help)`.
fn say(text: &str, diagnostic: &Diagnostic) {
    let (line, column) = diagnostic.line_column(text);
    let help = diagnostic.help.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
    if diagnostic.severity > Severity::Hint {
        output::note(format_args!(
            "{line}:{column}: {} {}: {}{help}",
            diagnostic.severity.name(),
            diagnostic.code,
            diagnostic.message
        ));
    }
}
