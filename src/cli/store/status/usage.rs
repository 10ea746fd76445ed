//! Where a store's bytes are.

use std::io::Write as _;

use anyhow::Result;
use serde_json::json;

use crate::cli::output::{self, size};
use crate::store::usage::Usage;

/// Columns and tables that take less than this of an event are told together.
const SMALL: f64 = 0.1;

pub fn text(out: &mut output::Answer, usage: &Usage) -> Result<()> {
    writeln!(out)?;
    let an_event = |n: u64, events: u64| n as f64 / events.max(1) as f64;
    writeln!(
        out,
        "{} on the disk, {:.1} bytes an event over {} events",
        size(usage.on_disk),
        an_event(usage.on_disk, usage.events),
        usage.events
    )?;
    writeln!(out)?;
    let mut rows = vec![["FILES", "SIZE", "AN EVENT"].map(str::to_owned).to_vec()];
    for (kind, n) in &usage.files {
        rows.push(vec![(*kind).to_owned(), size(*n), format!("{:.1}", an_event(*n, usage.events))]);
    }
    output::columns(out, &rows)?;

    writeln!(out)?;
    let mut columns: Vec<_> = usage.columns.iter().map(|c| (c.name, c.values, c.filters)).collect();
    columns.push(("footer and page index", usage.footers, 0));
    columns.sort_by_key(|(_, values, filters)| std::cmp::Reverse(values + filters));
    let mut rows = vec![["COLUMN OF SEGMENTS", "SIZE", "AN EVENT", "FILTER AN EVENT"].map(str::to_owned).to_vec()];
    let (mut others, mut rest) = (0, 0);
    for (name, values, filters) in columns {
        if an_event(values + filters, usage.sealed) < SMALL {
            (others, rest) = (others + 1, rest + values + filters);
            continue;
        }
        let filter = if filters == 0 { String::new() } else { format!("{:.2}", an_event(filters, usage.sealed)) };
        rows.push(vec![name.to_owned(), size(values), format!("{:.2}", an_event(values, usage.sealed)), filter]);
    }
    rows.push(vec![
        format!("{others} others"),
        size(rest),
        format!("{:.2}", an_event(rest, usage.sealed)),
        String::new(),
    ]);
    output::columns(out, &rows)?;

    if !usage.tables.is_empty() {
        writeln!(out)?;
        let mut rows = vec![["TABLE OF THE CATALOGUE", "SIZE", "AN EVENT"].map(str::to_owned).to_vec()];
        for (name, n) in usage.tables.iter().take(12) {
            rows.push(vec![name.clone(), size(*n), format!("{:.2}", an_event(*n, usage.events))]);
        }
        output::columns(out, &rows)?;
    }
    Ok(())
}

pub fn json(usage: &Usage) -> serde_json::Value {
    let files: serde_json::Map<_, _> = usage.files.iter().map(|(kind, n)| ((*kind).to_owned(), json!(n))).collect();
    let tables: serde_json::Map<_, _> = usage.tables.iter().map(|(name, n)| (name.clone(), json!(n))).collect();
    let columns: serde_json::Map<_, _> = usage
        .columns
        .iter()
        .map(|c| (c.name.to_owned(), json!({"values": c.values, "encoded": c.encoded, "filters": c.filters})))
        .collect();
    json!({
        "events": usage.events, "on_disk": usage.on_disk, "files": files, "sealed_events": usage.sealed, "columns": columns,
        "footers": usage.footers, "catalogue_tables": tables,
    })
}
