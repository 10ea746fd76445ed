//! `import --table`: rows of any shape into a table of their own.

use std::io::Write as _;
use std::ops::ControlFlow;

use anyhow::Result;

use super::Args;
use crate::base::paths::ensure_private;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::cli::interrupt::Interrupt;
use crate::cli::place::Place;
use crate::cli::{Outcome, WrongUse, output};
use crate::engine::local::scan::columns;
use crate::engine::local::views;
use crate::kql::Schema;
use crate::store::tables::{self, Done, Imported, Request, Source};

pub fn run(args: &Args, name: &str, place: &Place) -> Result<Outcome> {
    tables::check_name(name).map_err(|what| WrongUse(format!("--table {}: {what}", Shown::new(name))))?;
    if columns::schema(name).is_some() || views::text(name).is_some() {
        let what = format!("--table {name}: that is a view of what is shipped; take another name");
        return Err(WrongUse(what).into());
    }
    let schema = match &args.schema {
        Some(text) => tables::read_schema(text).map_err(|what| WrongUse(format!("--schema: {what}")))?,
        None => Schema::default(),
    };
    ensure_private(&place.paths.data)?;
    let sources = args.files.iter().map(|file| Source::open(file)).collect::<Result<Vec<_>, _>>()?;
    let interrupt = Interrupt::listen(|| output::note("vaultscope: stopping; the table stays as it was"))?;
    let request = Request { table: name, sources: &sources, schema: &schema, replace: args.replace, now: Ticks::now() };
    let done = tables::import(&Imported::of(&place.paths.data), &request, |progress| {
        if let Some(percent) = progress.bytes.saturating_mul(100).checked_div(progress.total) {
            output::progress(&format!("{}%", percent.min(100)));
        }
        if interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    output::progress("");
    report(name, &done?)
}

fn report(name: &str, done: &Done) -> Result<Outcome> {
    if done.stopped {
        output::note("stopped before the end: nothing was imported");
        return Ok(Outcome::Failed);
    }
    let mut out = output::Answer::new();
    writeln!(out, "{name}: {} rows, {} columns", done.rows, done.schema.len())?;
    out.end()?;
    if !done.added.is_empty() {
        let added: Vec<String> = done.added.iter().map(|n| Shown::new(n).into_string()).collect();
        output::note(format_args!("new in the table, and null in the rows before: {}", added.join(", ")));
    }
    for (column, cells) in &done.unfit {
        let ty = done.schema.position(column).map_or("", |at| done.schema.0[at].ty.name());
        let column = Shown::new(column);
        output::note(format_args!("{column}: {cells} values are no {ty} and are null; --schema names another type"));
    }
    for bad in &done.named {
        output::note(format_args!("{}: left out: {}", Shown::new(&bad.place), bad.why));
    }
    if done.bad > done.named.len() as u64 {
        output::note(format_args!("{} more rows were left out", done.bad - done.named.len() as u64));
    }
    Ok(if done.bad > 0 { Outcome::Failed } else { Outcome::Done })
}
