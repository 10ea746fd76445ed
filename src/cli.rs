//! Floor 7: arguments. A small file a subcommand, no logic: what a command does is done by the rooms below.

mod answer;
mod args;
mod check;
mod collect;
mod collecting;
mod completions;
mod connect;
mod console;
mod demo;
mod docs;
mod doctor;
mod engine;
mod harden;
mod hunt;
mod import;
mod interrupt;
mod names;
mod output;
mod place;
mod probe;
mod query;
mod store;
mod tail;
mod terminal;
mod values;
mod volume;

use std::process::ExitCode;

use anyhow::Result;

use args::{Cli, Command};

/// What a command came to. The number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done = 0,
    /// The question or the work failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    WrongUse = 2,
    /// It ran, and found what it looks for: errors of `check`, a finding of `doctor`, a hunt that misses its story.
    Found = 3,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// A mistake in how the program was called, where clap cannot see it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongUse(String);

/// Reads the arguments and runs the subcommand they name.
pub fn run() -> ExitCode {
    harden::harden();
    let outcome = match args::parse() {
        Ok(cli) => dispatch(&cli).unwrap_or_else(|error| output::failure(&error)),
        Err(outcome) => outcome,
    };
    outcome.into()
}

fn dispatch(cli: &Cli) -> Result<Outcome> {
    let global = &cli.global;
    match &cli.command {
        None => console::run(global),
        Some(Command::Demo(args)) => demo::run(args, global),
        Some(Command::Collect(args)) => collect::run(args, global),
        Some(Command::Connect(args)) => connect::run(args, global),
        Some(Command::Doctor(args)) => doctor::run(args, global),
        Some(Command::Check(args)) => check::run(args, global),
        Some(Command::Query(args)) => query::run(args, global),
        Some(Command::Tail(args)) => tail::run(args, global),
        Some(Command::Hunt(args)) => hunt::run(args, global),
        Some(Command::Import(args)) => import::run(args, global),
        Some(Command::Names(args)) => names::run(args, global),
        Some(Command::Store(args)) => store::run(args, global),
        Some(Command::Volume(args)) => volume::run(args, global),
        Some(Command::Docs(args)) => docs::run(args),
        Some(Command::Completions(args)) => completions::run(args),
    }
}
