//! What `store status` says of collecting: gaps, sweeps, suppression, and the calls that all processes make together.

use std::io::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::minute;
use crate::base::time::{DAY, Span, Ticks};
use crate::cli::output::{self, size};
use crate::cli::place::Place;
use crate::collect::budget;
use crate::store::checkpoint::copies;
use crate::store::{Reader, Status, SuppressedRow};

/// Gaps that are told one by one.
const TOLD: usize = 5;

/// What rules did in the last seven days: name, action, events, bytes.
fn suppressed(reader: &Reader) -> Result<Vec<(String, String, u64, u64)>> {
    let mut sums: Vec<(String, String, u64, u64)> = Vec::new();
    for SuppressedRow { rule, action, events, bytes, .. } in reader.suppressed(Ticks::now() - Span(7 * DAY))? {
        match sums.iter_mut().find(|(r, a, ..)| *r == rule && *a == action) {
            Some(sum) => (sum.2, sum.3) = (sum.2 + events, sum.3 + bytes),
            None => sums.push((rule, action, events, bytes)),
        }
    }
    Ok(sums)
}

pub fn text(out: &mut output::Answer, status: &Status, reader: &Reader, place: &Place) -> Result<()> {
    let (open, filled, lost) = (status.gaps, status.gaps_filled, status.gaps_lost);
    if open + filled + lost > 0 {
        writeln!(
            out,
            "gaps    {open} open, {filled} filled again, {lost} that the service had forgotten in part or whole"
        )?;
        for gap in reader.gaps(100)?.iter().filter(|gap| gap.state() != "filled").take(TOLD) {
            let at = |at: Option<Ticks>| at.map_or_else(|| "?".to_owned(), minute);
            let feed = gap.feed.map_or("all feeds", |feed| feed.name());
            output::columns(
                out,
                &[vec![format!("        {}: {feed}, {} to {}: {}", gap.state(), at(gap.from), at(gap.to), gap.why)]],
            )?;
        }
    }
    let sweeps = reader.sweeps()?;
    if let Some(last) = sweeps.iter().filter_map(|sweep| sweep.ended).max() {
        writeln!(out, "sweeps  last {}; {} events found late by sweeps", minute(last), reader.found_late()?)?;
    }
    for sweep in sweeps.iter().filter(|sweep| sweep.ended.is_none()) {
        writeln!(
            out,
            "sweeps  {} under way since {}, {} events so far",
            sweep.feed,
            minute(sweep.began),
            sweep.events
        )?;
    }
    for (rule, action, events, bytes) in suppressed(reader)? {
        let line = format!("rules   {rule} ({action}): {events} events, {} in seven days", size(bytes));
        output::columns(out, &[vec![line]])?;
    }
    for copy in copies::read(&status.layout) {
        let line = match &copy.error {
            Some(why) => format!("heads   NOT copied to {} since {}: {why}", copy.place, minute(copy.since)),
            None => format!("heads   copied to {}, as of {}", copy.place, minute(copy.since)),
        };
        output::columns(out, &[vec![line]])?;
    }
    for account in &place.config.accounts {
        let name = account.name.as_str();
        if let Some(used) = budget::used(place.config.budget_share, &place.paths.data, name) {
            let (minute, hour) = ((used.minute, used.minute_limit), (used.hour, used.hour_limit));
            writeln!(
                out,
                "calls   {name}: {} of {} this minute, {} of {} this hour, of all processes",
                minute.0, minute.1, hour.0, hour.1
            )?;
        }
    }
    Ok(())
}

pub fn json(whole: &mut Value, status: &Status, reader: &Reader, place: &Place) -> Result<()> {
    whole["gaps_filled"] = status.gaps_filled.into();
    whole["gaps_lost"] = status.gaps_lost.into();
    whole["found_late"] = reader.found_late()?.into();
    let sweeps = reader.sweeps()?;
    whole["sweeps"] = (sweeps.iter())
        .map(|sweep| {
            json!({
                "account": sweep.account, "feed": sweep.feed.name(), "began": sweep.began.to_string(),
                "first": sweep.from.to_string(), "last": sweep.to.to_string(), "pages": sweep.pages, "events": sweep.events,
                "late": sweep.late, "ended": sweep.ended.map(|at| at.to_string()),
            })
        })
        .collect();
    whole["head_copies"] = (copies::read(&status.layout).into_iter())
        .map(|copy| json!({"place": copy.place, "since": copy.since.to_string(), "error": copy.error}))
        .collect();
    whole["suppressed"] = (suppressed(reader)?.into_iter())
        .map(|(rule, action, events, bytes)| json!({"rule": rule, "action": action, "events": events, "bytes": bytes}))
        .collect();
    let calls = place.config.accounts.iter().filter_map(|account| {
        let name = account.name.as_str();
        let used = budget::used(place.config.budget_share, &place.paths.data, name)?;
        Some(json!({
            "account": name, "minute": used.minute, "minute_limit": used.minute_limit, "hour": used.hour, "hour_limit": used.hour_limit,
        }))
    });
    whole["calls"] = calls.collect();
    Ok(())
}
