//! `store`: what the evidence store holds, and whether it is as it was committed.

mod status;
mod verify;

use anyhow::Result;
use clap::Subcommand;

use super::Outcome;
use super::args::Global;

/// Look at the evidence store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope store status
  vaultscope store verify
  vaultscope --profile demo store status")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Args),
    Verify(verify::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    match &args.command {
        Command::Status(args) => status::run(args, global),
        Command::Verify(args) => verify::run(args, global),
    }
}
