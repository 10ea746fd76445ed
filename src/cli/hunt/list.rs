//! `hunt list`

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::cli::{Outcome, output};
use crate::hunt::{Hunt, Pack};

/// List the hunts, the gravest first
#[derive(Debug, clap::Args)]
pub struct Args {
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

pub fn run(args: &Args, pack: &Pack) -> Result<Outcome> {
    let mut out = output::Answer::new();
    match args.format {
        Format::Text => {
            let heading = ["ID", "SEVERITY", "TECHNIQUES", "NAME"].map(str::to_owned).to_vec();
            let row = |hunt: &Hunt| {
                let techniques: Vec<&str> = hunt.about.techniques.iter().map(|t| &**t).collect();
                vec![
                    hunt.id().to_owned(),
                    hunt.about.severity.to_string(),
                    techniques.join(" "),
                    hunt.about.name.clone(),
                ]
            };
            let rows: Vec<_> = std::iter::once(heading).chain(pack.iter().map(row)).collect();
            output::columns(&mut out, &rows)?;
        }
        Format::Ndjson => {
            for hunt in pack {
                let about = &hunt.about;
                let line = json!({
                    "id": *about.id, "name": about.name, "description": about.description.trim(),
                    "severity": about.severity.name(),
                    "tactics": about.tactics.iter().map(|t| &**t).collect::<Vec<_>>(),
                    "techniques": about.techniques.iter().map(|t| &**t).collect::<Vec<_>>(),
                    "attack": about.attack, "version": about.version,
                    "window": about.window.map(|w| w.to_string()),
                    "parameters": about.parameters.iter().map(|p| &p.name).collect::<Vec<_>>(),
                    "origin": hunt.origin.to_string(),
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    out.end()?;
    Ok(Outcome::Done)
}
