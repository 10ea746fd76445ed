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
use crate::store::{Writer, import};

pub fn run(args: &Args, name: &str, place: &Place) -> Result<Outcome> {
    if tables::EVENT_TABLES.contains(&name) {
        return events(args, place);
    }
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

/// Rows of Sentinel's table are events: they go into the evidence store.
fn events(args: &Args, place: &Place) -> Result<Outcome> {
    if args.schema.is_some() || args.replace {
        let what =
            "the columns of this table are known, and evidence is never replaced: leave --schema and --replace out";
        return Err(WrongUse(what.to_owned()).into());
    }
    let data = &place.paths.data;
    let account = super::account(args.account.as_deref(), data)?;
    ensure_private(data)?;
    let sources = args.files.iter().map(|file| Source::open(file)).collect::<Result<Vec<_>, _>>()?;
    let writer = Writer::open(data)?;
    let interrupt = Interrupt::listen(|| output::note("vaultscope: stopping; what is committed stays"))?;
    let stored = tables::import_events(&writer.handle(), &sources, &account, Ticks::now(), |progress| {
        if let Some(percent) = progress.bytes.saturating_mul(100).checked_div(progress.total) {
            output::progress(&format!("{}%", percent.min(100)));
        }
        if interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    output::progress("");
    let stored = stored?;
    writer.close();
    let mut out = output::Answer::new();
    let done = import::Progress { done: stored.committed, stopped: stored.rows.stopped, ..import::Progress::default() };
    writeln!(out, "evidence: {} rows, {}", stored.rows.rows, super::said(&done))?;
    out.end()?;
    if !stored.unknown.is_empty() {
        let names: Vec<String> = stored.unknown.iter().map(|n| Shown::new(n).into_string()).collect();
        output::note(format_args!("columns that the table does not have, left out: {}", names.join(", ")));
    }
    say_bad(&stored.rows);
    Ok(if stored.rows.bad > 0 || stored.rows.stopped { Outcome::Failed } else { Outcome::Done })
}

fn report(name: &str, done: &Done) -> Result<Outcome> {
    if done.stopped {
        output::note("stopped before the end: nothing was imported");
        return Ok(Outcome::Failed);
    }
    let mut out = output::Answer::new();
    writeln!(out, "{name}: {} rows, {} columns", done.rows, done.schema.len())?;
    out.end()?;
    for (file, since) in &done.known {
        output::note(format_args!(
            "{}: its rows are in the table since {}Z and were left out; --replace puts them in the place of all",
            Shown::new(file),
            &since.to_string()[..16].replace('T', " ")
        ));
    }
    if !done.added.is_empty() {
        let added: Vec<String> = done.added.iter().map(|n| Shown::new(n).into_string()).collect();
        output::note(format_args!("new in the table, and null in the rows before: {}", added.join(", ")));
    }
    for (column, cells) in &done.unfit {
        let ty = done.schema.position(column).map_or("", |at| done.schema.0[at].ty.name());
        let column = Shown::new(column);
        output::note(format_args!("{column}: {cells} values are no {ty} and are null; --schema names another type"));
    }
    say_bad(done);
    Ok(if done.bad > 0 { Outcome::Failed } else { Outcome::Done })
}

/// The rows that were left out, the first by name.
fn say_bad(done: &Done) {
    for bad in &done.named {
        output::note(format_args!("{}: left out: {}", Shown::new(&bad.place), bad.why));
    }
    if done.bad > done.named.len() as u64 {
        output::note(format_args!("{} more rows were left out", done.bad - done.named.len() as u64));
    }
}
