//! The command line: what may be typed. Each subcommand's own arguments stand in its file.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand, ValueEnum};

use super::{
    Outcome, check, collect, completions, connect, demo, docs, doctor, hunt, import, names, output, query, store, tail,
    volume,
};

const EXAMPLES: &str = "\
Examples:
  vaultscope demo                                      look around in a simulated organisation
  vaultscope connect --token file:~/.op-events-token   connect a 1Password account
  vaultscope                                           open the console
  vaultscope query 'OnePasswordEvents | summarize count() by feed'
  vaultscope hunt run --all                            run every hunt over what is stored

Exit status: 0 done, 1 the question or the work failed, 2 wrong use, 3 found something.";

/// Investigate 1Password audit events in a terminal
///
/// Vaultscope collects the events of the 1Password Events API, keeps each one on this machine, and answers questions in
/// KQL over them. Without a command it opens the console.
#[derive(Debug, Parser)]
#[command(name = "vaultscope", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The configuration file [default: ~/.config/vaultscope/config.toml, if it is there]
    #[arg(long, value_name = "FILE", global = true, env = "VAULTSCOPE_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// A profile of the configuration
    #[arg(long, value_name = "NAME", global = true, env = "VAULTSCOPE_PROFILE", hide_env_values = true)]
    pub profile: Option<String>,
    /// Where the stores lie [default: ~/.local/share/vaultscope/PROFILE]
    #[arg(long, value_name = "DIR", global = true, env = "VAULTSCOPE_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,
    /// A PEM file with certificate authorities to trust beside the system's
    #[arg(long, value_name = "FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// How many colours to use
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub color: Color,
    /// Draw with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Plain text: no colours, no boxes
    #[arg(long, global = true)]
    pub plain: bool,
}

/// How many colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// As many as the terminal says it has; none into a file or with NO_COLOR
    Auto,
    Never,
    #[value(name = "16")]
    Sixteen,
    #[value(name = "256")]
    TwoFiftySix,
    /// 24 bits
    True,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Args),
    Connect(connect::Args),
    Collect(collect::Args),
    Tail(tail::Args),
    Query(query::Args),
    Check(check::Args),
    Hunt(hunt::Args),
    Import(import::Args),
    Names(names::Args),
    Store(store::Args),
    Volume(volume::Args),
    Doctor(doctor::Args),
    Docs(docs::Args),
    Completions(completions::Args),
}

/// Commands that the plan names and this version does not have.
const RESERVED: [&str; 9] = ["wall", "man", "ask", "case", "watch", "mcp", "forward", "enrich", "report"];
/// The same of `store` and `hunt`.
const RESERVED_BELOW: [&str; 1] = ["test"];

/// Reads the arguments. Help, versions and mistakes are told at once; what is left is the exit status.
pub fn parse() -> Result<Cli, Outcome> {
    Cli::try_parse().map_err(|error| {
        if let Some(name) = not_there_yet(&error) {
            output::note(format_args!(
                "vaultscope: `{name}` is not there yet: this version does not have it. `vaultscope --help` lists what it has"
            ));
            return Outcome::WrongUse;
        }
        let _ = error.print();
        if error.exit_code() == 0 { Outcome::Done } else { Outcome::WrongUse }
    })
}

/// The reserved command that was typed, if the mistake is one.
fn not_there_yet(error: &clap::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    RESERVED.into_iter().chain(RESERVED_BELOW).find(|name| name == typed)
}

/// Without a terminal there is no console: what can be had instead.
pub fn name_the_commands() -> Outcome {
    use clap::CommandFactory as _;
    output::note("vaultscope: the console needs a terminal. Without one there are these commands:");
    let command = Cli::command();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        output::note(format_args!("  {:<12} {about}", sub.get_name()));
    }
    output::note("`vaultscope COMMAND --help` explains each, with examples");
    Outcome::WrongUse
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reserved_commands_are_told_from_slips() {
        for name in RESERVED {
            let error = Cli::try_parse_from(["vaultscope", name]).unwrap_err();
            assert_eq!(not_there_yet(&error), Some(name));
        }
        let error = Cli::try_parse_from(["vaultscope", "completion"]).unwrap_err();
        assert_eq!(not_there_yet(&error), None);
    }
}
