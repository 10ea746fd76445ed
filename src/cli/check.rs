//! `check`: what is wrong with queries and hunts, without running them.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::answer::{self, Question};
use super::args::Global;
use super::place::Place;
use super::{Outcome, engine, output, query};
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::engine::local::names::Names;
use crate::engine::local::surroundings::Surroundings;
use crate::hunt::lint;
use crate::kql::catalog::Origin;
use crate::kql::report::json_line;
use crate::kql::{Catalog, Diagnostic, Schema, Severity, TextRange};

/// Lint KQL files without running them
///
/// A hunt's front matter is checked too. Needs no store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope check hunts/*.kql
  vaultscope check --open-schema --format json sentinel/*.kql
  echo 'OnePasswordEvents | whre x' | vaultscope check -

Exit status: 0 nothing found, 3 errors (with --deny warnings: or warnings), 1 a file could not be read.")]
pub struct Args {
    /// The files, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only the grammar: names are not looked up
    #[arg(long)]
    syntax: bool,
    /// Unknown tables have any column, unknown functions any type
    #[arg(long)]
    open_schema: bool,
    /// What else than errors makes the exit status 3
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// How findings are printed
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    Warnings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Each finding with its line
    Text,
    /// A JSON object a file
    Json,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let names = names(global)?;
    let mut out = output::Answer::new();
    let (mut unread, mut worst) = (false, Severity::Hint);
    for file in &args.files {
        let name = Shown::new(&file.to_string_lossy()).into_string();
        let (text, found) = match read(file) {
            Ok(text) => {
                let found = args.check(&text, &names);
                (text, found)
            }
            Err(error) => {
                unread = true;
                (String::new(), vec![Diagnostic::error("FILE001", TextRange::default(), format!("{error:#}"))])
            }
        };
        worst = found.iter().map(|found| found.severity).fold(worst, Severity::max);
        match args.format {
            Format::Json => writeln!(out, "{}", json_line(&name, &text, &found))?,
            // Findings are this command's answer.
            Format::Text => {
                let question = Question { name: &name, text: &text };
                out.write_all(answer::report_of(question, &found, global).as_bytes())?;
            }
        }
    }
    out.end()?;
    let denied = if args.deny == Some(Deny::Warnings) { Severity::Warning } else { Severity::Error };
    Ok(if unread {
        Outcome::Failed
    } else if worst >= denied {
        Outcome::Found
    } else {
        Outcome::Done
    })
}

impl Args {
    fn check(&self, text: &str, names: &Names) -> Vec<Diagnostic> {
        if self.syntax {
            return lint::syntax(text).diagnostics;
        }
        let read = if self.open_schema {
            lint::bind(text, &Open(names), Ticks::now())
        } else {
            lint::bind(text, names, Ticks::now())
        };
        let mut found = lint::front_matter(text, read.plan.as_ref());
        found.extend(read.diagnostics);
        found
    }
}

fn read(file: &Path) -> Result<String> {
    if file.as_os_str() == "-" {
        return query::read(std::io::stdin().lock(), "standard input");
    }
    query::read(std::fs::File::open(file)?, "the file")
}

/// Imported tables, watch-lists and saved functions are known where there are any. A configuration that cannot be read is nothing to fail for,
/// unless it was named.
fn names(global: &Global) -> Result<Names> {
    match Place::of(global) {
        Ok(place) => Ok(Names::with_events(&engine::surroundings(&place))),
        Err(error) if global.config.is_some() || global.profile.is_some() => Err(error),
        Err(_) => Ok(Names::with_events(&Surroundings::default())),
    }
}

/// A catalogue that takes names it does not know for what they are used as.
struct Open<'a>(&'a Names);

impl Catalog for Open<'_> {
    fn table(&self, name: &str) -> Option<Schema> {
        self.0.table(name)
    }

    fn view(&self, name: &str) -> Option<&str> {
        self.0.view(name)
    }

    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn keys(&self, column: &str) -> Vec<&'static str> {
        self.0.keys(column)
    }

    fn values(&self, column: &str) -> Vec<&'static str> {
        self.0.values(column)
    }

    fn origin(&self, name: &str) -> Option<Origin<'_>> {
        self.0.origin(name)
    }

    fn geography(&self) -> Option<String> {
        self.0.geography()
    }

    fn is_open(&self) -> bool {
        true
    }
}
