//! `hunt`: list, show and run hunts.

mod list;
mod run;
mod show;

use anyhow::Result;
use clap::Subcommand;

use super::args::Global;
use super::place::Place;
use super::{Outcome, output};
use crate::hunt::Pack;

/// List, show and run hunts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope hunt list
  vaultscope hunt show password-spray
  vaultscope hunt run password-spray
  vaultscope hunt run --all

Hunts of your own are .kql files in ~/.config/vaultscope/hunts; `hunt show` of any hunt is an example of one.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Run(run::Args),
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    match &args.command {
        Command::List(args) => list::run(args, &pack(global)?),
        Command::Show(args) => show::run(args, &pack(global)?),
        Command::Run(args) => run::run(args, global),
    }
}

fn pack(global: &Global) -> Result<Pack> {
    Ok(pack_of(&Place::of(global)?))
}

/// The hunts there are; what is wrong with any is told beside the answer.
fn pack_of(place: &Place) -> Pack {
    let pack = Pack::load(&place.paths.config);
    for problem in &pack.problems {
        output::note(problem);
    }
    pack
}
