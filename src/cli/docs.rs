//! `docs`: the language's reference, from the registries that the engine goes by.

use std::io::Write as _;

use anyhow::Result;

use super::{Outcome, WrongUse, output};
use crate::base::shown::Shown;
use crate::base::suggest::nearest;
use crate::kql::reference::{Entry, chapters, markdown, names};

/// Look up KQL: operators, functions, aggregates
///
/// Without a name: everything there is, a line each. Needs no store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope docs summarize arg_max
  vaultscope docs | grep ipv4
  vaultscope docs --format markdown > kql.md")]
pub struct Args {
    /// What to look up
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// How it is printed
    #[arg(long, default_value = "text", conflicts_with = "names")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line an entry
    Text,
    /// One page, for a browser or a wiki
    Markdown,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let mut out = output::Answer::new();
    if args.format == Format::Markdown {
        out.write_all(markdown().as_bytes())?;
    } else if args.names.is_empty() {
        for (title, entries) in chapters() {
            writeln!(out, "{title}")?;
            for entry in entries {
                writeln!(out, "  {:<28} {}", entry.name(), entry.summary())?;
            }
            writeln!(out)?;
        }
    }
    for name in &args.names {
        let entries = Entry::find(name);
        if entries.is_empty() {
            let shown = Shown::new(name);
            let near = nearest(name, names()).map(|near| format!(": did you mean {near}?"));
            return Err(WrongUse(format!("KQL has no `{shown}` here{}", near.unwrap_or_default())).into());
        }
        for entry in entries {
            tell(&mut out, entry)?;
        }
    }
    out.end()?;
    Ok(Outcome::Done)
}

fn tell(out: &mut output::Answer, entry: Entry) -> Result<()> {
    writeln!(out, "{}\n    {} ({})", entry.form(), entry.summary(), entry.kind())?;
    let aliases = entry.aliases();
    if !aliases.is_empty() {
        writeln!(out, "    also: {}", aliases.join(", "))?;
    }
    if !entry.example().is_empty() {
        writeln!(out, "    {}", entry.example())?;
    }
    writeln!(out)?;
    Ok(())
}
