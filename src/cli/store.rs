//! `store`: what the evidence store holds, and whether it is as it was committed.

mod export;
pub mod retain;
mod seal;
mod status;
mod verify;

use anyhow::Result;
use clap::Subcommand;

use super::Outcome;
use super::args::Global;
pub use seal::watch;

/// Look at the evidence store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope store status
  vaultscope store verify
  vaultscope store export -o case-17 --from 2026-03-01T00:00:00Z
  vaultscope store retain --dry-run
  vaultscope --profile demo store status")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Args),
    Seal(seal::Args),
    Retain(retain::Args),
    Verify(verify::Args),
    Export(export::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    match &args.command {
        Command::Status(args) => status::run(args, global),
        Command::Seal(args) => seal::run(args, global),
        Command::Retain(args) => retain::run(args, global),
        Command::Verify(args) => verify::run(args, global),
        Command::Export(args) => export::run(args, global),
    }
}
