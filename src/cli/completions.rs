//! `completions`: what the shell needs to complete our commands.

use std::io::Write as _;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::Cli;
use super::{Outcome, output};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope completions bash > ~/.local/share/bash-completion/completions/vaultscope
  vaultscope completions zsh  > ~/.zfunc/_vaultscope
  vaultscope completions fish > ~/.config/fish/completions/vaultscope.fish")]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Args) -> Result<Outcome> {
    // Into memory first: the generator stops the program when its stream is cut.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vaultscope", &mut script);
    let mut out = output::Answer::new();
    out.write_all(&script)?;
    out.end()?;
    Ok(Outcome::Done)
}
