//! `store status`

mod collection;
mod usage;

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use super::retain::policy;
use crate::base::paths::check_readable;
use crate::base::shown::Shown;
use crate::base::time::{HOUR, Span, Ticks};
use crate::cli::args::Global;
use crate::cli::output::size;
use crate::cli::place::Place;
use crate::cli::{Outcome, output};
use crate::event::Feed;
use crate::store::retain::Policy;
use crate::store::tables::{Imported, Table};
use crate::store::{Layout, Reader, Status};

/// Print what the store holds: events a feed, bytes, gaps, imported tables, who writes it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where its bytes are, too: by kind of file, by column of the segments, by table of the catalogue
    #[arg(long)]
    bytes: bool,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    let tables = Imported::of(&place.paths.data).tables();
    if !tables.is_empty() && !Layout::of(&place.paths.data).exists() {
        return only_tables(args, &tables);
    }
    let reader = Reader::open(&place.paths.data)?;
    check_readable(&place.paths.data)?;
    place.remind_of_demo();
    let status = reader.status()?;
    let mut out = output::Answer::new();
    match args.format {
        Format::Text => {
            text(&mut out, &status)?;
            text_of_retention(&mut out, &status, policy(&place.config.retention).as_ref())?;
            collection::text(&mut out, &status, &reader, &place)?;
            text_of_tables(&mut out, &tables)?;
            if args.bytes {
                usage::text(&mut out, &reader.usage()?)?;
            }
        }
        Format::Json => {
            let mut json = as_json(&status);
            if args.bytes {
                json["bytes"] = usage::json(&reader.usage()?);
            }
            json["retention"] = json_of_retention(&status, policy(&place.config.retention).as_ref());
            json["tables"] = json_of_tables(&tables);
            collection::json(&mut json, &status, &reader, &place)?;
            writeln!(out, "{json}")?;
        }
    }
    out.end()?;
    Ok(Outcome::Done)
}

/// Imported tables without an evidence store beside them.
fn only_tables(args: &Args, tables: &[Table]) -> Result<Outcome> {
    let mut out = output::Answer::new();
    match args.format {
        Format::Text => {
            writeln!(out, "no evidence store yet")?;
            text_of_tables(&mut out, tables)?;
        }
        Format::Json => writeln!(out, "{}", json!({"events": 0, "tables": json_of_tables(tables)}))?,
    }
    out.end()?;
    Ok(Outcome::Done)
}

fn text_of_tables(out: &mut output::Answer, tables: &[Table]) -> Result<()> {
    if tables.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut rows = vec![["IMPORTED TABLE", "ROWS", "COLUMNS", "SIZE", "LAST IMPORT"].map(str::to_owned).to_vec()];
    for table in tables {
        rows.push(vec![
            table.name.to_string(),
            table.rows().to_string(),
            table.schema.len().to_string(),
            size(table.bytes()),
            table.files.last().map_or_else(|| "never".to_owned(), |f| minute(f.imported)),
        ]);
    }
    output::columns(out, &rows)?;
    Ok(())
}

fn json_of_tables(tables: &[Table]) -> serde_json::Value {
    let of = |t: &Table| {
        let columns: Vec<_> = t.schema.iter().map(|c| json!({"name": &*c.name, "type": c.ty.name()})).collect();
        json!({"name": &*t.name, "rows": t.rows(), "bytes": t.bytes(), "columns": columns})
    };
    tables.iter().map(of).collect()
}

fn text(out: &mut output::Answer, status: &Status) -> Result<()> {
    let root = status.layout.root().to_string_lossy().into_owned();
    writeln!(out, "{}", Shown::new(&root))?;
    let writer = status.writer.as_ref().map_or_else(
        || "nobody writes it now".to_owned(),
        |holder| format!("process {} on {} writes it", holder.pid, Shown::new(&holder.host)),
    );
    let span = status
        .hours
        .map_or_else(String::new, |(first, last)| format!(", {} to {}", minute(first), minute(last + Span(HOUR))));
    writeln!(out, "{} events{span}; {writer}", status.events())?;
    writeln!(out)?;
    let heading = ["FEED", "EVENTS", "DUPLICATES", "VARIANTS", "UNREADABLE", "UNDATED", "LAST ARRIVAL"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for feed in &status.feeds {
        rows.push(vec![
            feed.feed.name().to_owned(),
            feed.events.to_string(),
            feed.duplicates.to_string(),
            feed.variants.to_string(),
            feed.quarantined.to_string(),
            feed.undated.to_string(),
            feed.last_arrival.map_or_else(|| "never".to_owned(), minute),
        ]);
    }
    output::columns(out, &rows)?;
    writeln!(out)?;
    let sealed = (status.sealed_rows, status.segments, size(status.segment_bytes), size(status.sealed_raw_bytes));
    writeln!(
        out,
        "fresh   {} events in {} pages, catalogue {}",
        status.fresh_rows,
        status.fresh_pages,
        size(status.catalogue_bytes)
    )?;
    writeln!(out, "sealed  {} events in {} segments, {} ({} of event text)", sealed.0, sealed.1, sealed.2, sealed.3)?;
    if !status.damaged.is_empty() {
        writeln!(
            out,
            "damaged {} segments, whose events are in no answer: `vaultscope store verify`",
            status.damaged.len()
        )?;
        for (file, why) in &status.damaged {
            writeln!(out, "        {}: {}", Shown::new(file), Shown::new(why))?;
        }
    }
    // One commit apart is what a crash between the two leaves, and is put right at the next opening.
    if status.kept_head.is_some_and(|kept| kept.batches.abs_diff(status.head.batches) > 1) {
        let kept = status.kept_head.map_or(0, |kept| kept.batches);
        output::note(format_args!(
            "the store has {} batches, its second record says {kept}: one of them was put back to an older state",
            status.head.batches
        ));
    }
    Ok(())
}

fn text_of_retention(out: &mut output::Answer, status: &Status, policy: Option<&Policy>) -> Result<()> {
    match policy {
        Some(policy) => writeln!(out, "kept    {policy}")?,
        None => writeln!(out, "kept    for ever: no [retention] is configured")?,
    }
    if status.tombstones > 0 {
        let last = status.last_retention.map_or_else(String::new, |at| format!(", last run {}", minute(at)));
        writeln!(out, "let go  {} events, signed for in {} tombstones{last}", status.let_go, status.tombstones)?;
    }
    Ok(())
}

fn json_of_retention(status: &Status, policy: Option<&Policy>) -> serde_json::Value {
    let days: serde_json::Map<_, _> = Feed::STORED
        .into_iter()
        .map(|feed| (feed.name().to_owned(), json!(policy.and_then(|p| p.days(feed)))))
        .collect();
    json!({
        "days": days, "hold": policy.is_some_and(|policy| policy.hold), "let_go": status.let_go, "tombstones": status.tombstones,
        "last_run": status.last_retention.map(|at| at.to_string()),
    })
}

fn as_json(status: &Status) -> serde_json::Value {
    let feeds: Vec<_> = status
        .feeds
        .iter()
        .map(|feed| {
            json!({
                "feed": feed.feed.name(), "events": feed.events, "duplicates": feed.duplicates, "variants": feed.variants,
                "quarantined": feed.quarantined, "undated": feed.undated,
                "last_arrival": feed.last_arrival.map(|at| at.to_string()),
            })
        })
        .collect();
    json!({
        "path": status.layout.root().to_string_lossy(), "schema_version": status.schema_version, "events": status.events(), "feeds": feeds,
        "first_hour": status.hours.map(|(first, _)| first.to_string()), "last_hour": status.hours.map(|(_, last)| last.to_string()),
        "fresh_rows": status.fresh_rows, "fresh_pages": status.fresh_pages, "sealed_rows": status.sealed_rows, "segments": status.segments,
        "catalogue_bytes": status.catalogue_bytes, "segment_bytes": status.segment_bytes, "sealed_raw_bytes": status.sealed_raw_bytes,
        "gaps": status.gaps, "damaged": status.damaged.iter().map(|(file, why)| json!({"file": file, "why": why})).collect::<Vec<_>>(), "writer": status.writer.as_ref().map(|holder| json!({"pid": holder.pid, "host": holder.host})),
    })
}

/// A time to the minute, UTC.
fn minute(at: Ticks) -> String {
    let text = at.to_string();
    format!("{} {}Z", &text[..10], &text[11..16])
}
