//! Answers and what is wrong with questions, printed.

use std::io::Write as _;

use anyhow::Result;

use super::args::{Color, Global};
use super::{Outcome, output};
use crate::engine::format::{csv, json, kusto, table};
use crate::engine::{Answer, QueryError};
use crate::kql::report::report;
use crate::kql::{Diagnostic, Severity};

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: columns, long cells cut
    #[default]
    Table,
    /// One JSON array of objects
    Json,
    /// A JSON object a line
    Ndjson,
    Csv,
    /// The body of the Log Analytics query API
    Kusto,
}

/// A question, as messages name it and as it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// Prints an answer, or what is wrong with the question.
pub fn print(
    question: Question<'_>,
    answered: Result<Answer, QueryError>,
    format: Format,
    global: &Global,
) -> Result<Outcome> {
    match answered {
        Ok(answer) => {
            write(&answer, format)?;
            diagnose(question, &answer.warnings, global);
            for cut in answer.tables.iter().filter_map(|table| table.cut.as_deref()) {
                output::note(format_args!("vaultscope: {cut}"));
            }
            Ok(Outcome::Done)
        }
        Err(error) => {
            if format == Format::Kusto {
                let mut out = output::Answer::new();
                kusto::write_error(&mut out, &error)?;
                out.end()?;
            }
            Ok(failed(question, &error, global))
        }
    }
}

/// Says what is wrong with a question, or why it has no answer.
pub fn failed(question: Question<'_>, error: &QueryError, global: &Global) -> Outcome {
    match error {
        QueryError::Invalid(diagnostics) => diagnose(question, diagnostics, global),
        error => output::note(format_args!("vaultscope: {error}")),
    }
    Outcome::Failed
}

/// Writes an answer to standard output.
pub fn write(answer: &Answer, format: Format) -> Result<()> {
    let mut out = output::Answer::new();
    match format {
        Format::Table => table::write(&mut out, answer)?,
        Format::Json => json::write(&mut out, answer)?,
        Format::Ndjson => json::write_lines(&mut out, answer)?,
        Format::Csv => csv::write(&mut out, answer)?,
        Format::Kusto => kusto::write(&mut out, answer)?,
    }
    out.flush()?;
    Ok(out.end()?)
}

/// Findings in the text, each with its line underlined, on standard error.
pub fn diagnose(question: Question<'_>, diagnostics: &[Diagnostic], global: &Global) {
    let told: Vec<_> = diagnostics.iter().filter(|found| found.severity > Severity::Hint).cloned().collect();
    output::report(&report(question.name, question.text, &told, colour(global, output::errors_are_seen())));
}

/// The same for standard output, hints included.
pub fn report_of(question: Question<'_>, diagnostics: &[Diagnostic], global: &Global) -> String {
    report(question.name, question.text, diagnostics, colour(global, output::is_terminal()))
}

/// Is text for a stream to be coloured, one that somebody looks at?
fn colour(global: &Global, seen: bool) -> bool {
    match global.color {
        _ if global.plain => false,
        Color::Never => false,
        Color::Auto => seen && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        Color::Sixteen | Color::TwoFiftySix | Color::True => true,
    }
}
