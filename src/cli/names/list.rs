//! `names list`

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use super::kind;
use crate::base::shown::Shown;
use crate::cli::{Outcome, output};
use crate::store::names::{Directory, Kind, Name};

/// List the names, imported and learned
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of one kind only
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// How to print them
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    /// A JSON object a line
    Ndjson,
}

pub fn run(args: &Args, directory: &Directory) -> Result<Outcome> {
    let names = directory.all().iter().filter(|name| args.kind.is_none_or(|kind| kind == name.kind));
    let mut out = output::Answer::new();
    match args.format {
        Format::Text => output::columns(&mut out, &rows(names.collect()))?,
        Format::Ndjson => {
            for name in names {
                let shown = |text: &str| Shown::new(text).into_string();
                let line = json!({
                    "kind": name.kind.name(), "uuid": shown(&name.uuid), "name": shown(&name.name),
                    "email": shown(&name.email), "vault_uuid": shown(&name.vault), "source": name.origin.name(),
                    "account": shown(&name.account), "stands": name.stands,
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    out.end()?;
    Ok(Outcome::Done)
}

/// Names in columns; of two for one UUID the one that does not stand says so.
pub fn rows(names: Vec<&Name>) -> Vec<Vec<String>> {
    let heading = ["KIND", "UUID", "SOURCE", "SINCE", "NAME"].map(str::to_owned).to_vec();
    let row = |name: &Name| {
        let source = if name.stands { name.origin.name().to_owned() } else { format!("({})", name.origin.name()) };
        let (called, email) = (Shown::new(&name.name), Shown::new(&name.email));
        let label = match (name.name.is_empty(), name.email.is_empty()) {
            (false, false) => format!("{called} <{email}>"),
            (true, false) => format!("<{email}>"),
            _ => called.into_string(),
        };
        let day = name.at.to_string().chars().take(10).collect();
        vec![name.kind.to_string(), Shown::new(&name.uuid).into_string(), source, day, label]
    };
    std::iter::once(heading).chain(names.into_iter().map(row)).collect()
}
