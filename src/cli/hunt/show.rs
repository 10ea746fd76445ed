//! `hunt show`

use std::io::Write as _;

use anyhow::Result;

use crate::base::shown::Shown;
use crate::cli::{Outcome, output};
use crate::hunt::Pack;

/// Print a hunt: its text, which is valid KQL and an example of how to write one
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The hunt
    #[arg(value_name = "ID")]
    id: String,
}

pub fn run(args: &Args, pack: &Pack) -> Result<Outcome> {
    let hunt = pack.find(&args.id)?;
    let mut out = output::Answer::new();
    for line in hunt.text.lines() {
        // A file of the user's own may have come from anybody; tabs are fine in a query.
        let fields: Vec<_> = line.split('\t').map(|field| Shown::with_limit(field, 64 * 1024).into_string()).collect();
        writeln!(out, "{}", fields.join("\t"))?;
    }
    out.end()?;
    Ok(Outcome::Done)
}
