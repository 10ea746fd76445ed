//! Who was active when: the plugins that count ids in the bins of a timeline.
//!
//! Each id's events stand together in order of time, so what hangs on an id's past is one walk over them; counts of sliding windows are sums of
//! differences, not a look at each window.

use std::collections::{BTreeMap, HashSet};

use super::Rows;
use super::events::{Event, Events, Output, Ruler, users};
use crate::engine::QueryError;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::Result;
use crate::engine::local::control::Control;
use crate::engine::local::pipeline::Runner;
use crate::kql::plan::{Bins, Metric};

/// Bins for which each is compared with each later one.
const MOST_COHORTS: i64 = 2_000;

/// What a metric says of the events; `known` are ids that are not new.
pub fn activity(runner: &Runner, metric: &Metric, bins: &Bins, mut rows: Rows, known: Option<&Rows>) -> Result<Batch> {
    let events = Events::of(&mut rows)?;
    let ruler = Ruler::new(bins, &events.all)?;
    let mut out = match metric {
        Metric::Counts => Output::new(1, 4, 0),
        Metric::Sliding { .. } => Output::new(1, 2, 0),
        Metric::Engagement { .. } => Output::new(1, 2, 1),
        Metric::Changes => Output::new(1, 2, 2),
        Metric::NewUsers { .. } => Output::new(2, 3, 2),
        Metric::ActiveUsers { .. } | Metric::Sessions { .. } => Output::new(1, 1, 0),
    };
    let known: HashSet<u32> = match known {
        Some(known) => events.ids.lookup(&known.column(0)?, known.batch.rows)?.into_iter().collect(),
        None => HashSet::new(),
    };
    let held = rows.account.bytes();
    let control = &*runner.control;
    for group in events.groups() {
        control.check()?;
        match metric {
            Metric::Counts => counts(group, &ruler, control, &mut out)?,
            Metric::Sliding { window } => sliding(group, &ruler, *window, control, &mut out)?,
            Metric::Engagement { window } => engagement(group, &ruler, *window, control, &mut out)?,
            Metric::Changes => changes(group, &ruler, control, &mut out)?,
            Metric::NewUsers { cohort } => new_users(group, &ruler, *cohort, &known, control, &mut out)?,
            Metric::ActiveUsers { lookback, period, least } => {
                active_users(group, &ruler, [*lookback, *period, *least], control, &mut out)?;
            }
            Metric::Sessions { gap } => sessions(group, &ruler, *gap, control, &mut out)?,
        }
        rows.account.hold(held + out.bytes())?;
    }
    out.finish(&events.dimensions)
}

/// The bins between the ends in which an id was seen, each once, in order.
fn bins_of<'e>(user: &'e [Event], ruler: &'e Ruler) -> impl Iterator<Item = i64> + 'e {
    let mut last = None;
    user.iter()
        .filter(|e| ruler.holds(e.time))
        .map(|e| ruler.bin(e.time))
        .filter(move |bin| last.replace(*bin) != Some(*bin))
}

fn counts(group: &[Event], ruler: &Ruler, control: &Control, out: &mut Output) -> Result<()> {
    // Rows, ids, ids that are new.
    let mut bins: BTreeMap<i64, [i64; 3]> = BTreeMap::new();
    for event in group.iter().filter(|e| ruler.holds(e.time)) {
        bins.entry(ruler.bin(event.time)).or_default()[0] += 1;
    }
    for user in users(group, control) {
        let user = user?;
        for (n, bin) in bins_of(user, ruler).enumerate() {
            let counts = bins.entry(bin).or_default();
            counts[1] += 1;
            counts[2] += i64::from(n == 0);
        }
    }
    let mut so_far = 0;
    for (bin, [rows, ids, new]) in bins {
        so_far += new;
        out.row(group[0].group, &[ruler.begins(bin)], &[rows, ids, new, so_far], &[]);
    }
    Ok(())
}

/// Rows and ids of the windows that end with each bin, where there are any.
fn windows(group: &[Event], ruler: &Ruler, window: i64, control: &Control) -> Result<Vec<(i64, [i64; 2])>> {
    // What is added at a bin, and taken away behind the last window that saw it.
    let mut changes: BTreeMap<i64, [i64; 2]> = BTreeMap::new();
    let mut span = |what: usize, from: i64, to: i64| {
        if to >= 0 && from <= to {
            changes.entry(from.max(0)).or_default()[what] += 1;
            changes.entry(to + 1).or_default()[what] -= 1;
        }
    };
    for user in users(group, control) {
        let user = user?;
        let mut seen: Option<(i64, i64)> = None;
        for event in user.iter().take_while(|e| e.time <= ruler.end) {
            let bin = ruler.bin(event.time);
            let reach = ruler.reaches(bin, window);
            span(0, bin, reach);
            seen = match seen {
                Some((from, to)) if bin <= to + 1 => Some((from, to.max(reach))),
                Some((from, to)) => {
                    span(1, from, to);
                    Some((bin, reach))
                }
                None => Some((bin, reach)),
            };
        }
        if let Some((from, to)) = seen {
            span(1, from, to);
        }
    }
    let mut now = [0, 0];
    let mut bins = Vec::new();
    let mut at = None;
    for (bin, [rows, ids]) in changes {
        if let Some(from) = at
            && now[0] > 0
        {
            bins.extend((from..bin).map(|b| (b, now)));
        }
        now = [now[0] + rows, now[1] + ids];
        at = Some(bin);
    }
    Ok(bins)
}

fn sliding(group: &[Event], ruler: &Ruler, window: i64, control: &Control, out: &mut Output) -> Result<()> {
    for (bin, counts) in windows(group, ruler, window, control)? {
        out.row(group[0].group, &[ruler.begins(bin)], &counts, &[]);
    }
    Ok(())
}

fn engagement(group: &[Event], ruler: &Ruler, window: i64, control: &Control, out: &mut Output) -> Result<()> {
    let mut inner: BTreeMap<i64, i64> = BTreeMap::new();
    for user in users(group, control) {
        for bin in bins_of(user?, ruler) {
            *inner.entry(bin).or_default() += 1;
        }
    }
    let outer: BTreeMap<i64, i64> =
        windows(group, ruler, window, control)?.into_iter().map(|(bin, [_, ids])| (bin, ids)).collect();
    for (bin, inner) in inner {
        let outer = outer.get(&bin).copied().unwrap_or(inner);
        out.row(group[0].group, &[ruler.begins(bin)], &[inner, outer], &[inner as f64 / outer as f64]);
    }
    Ok(())
}

fn changes(group: &[Event], ruler: &Ruler, control: &Control, out: &mut Output) -> Result<()> {
    // Ids, and those of them that the bin before had.
    let mut bins: BTreeMap<i64, [i64; 2]> = BTreeMap::new();
    for user in users(group, control) {
        let user = user?;
        let mut before = None;
        for bin in bins_of(user, ruler) {
            let counts = bins.entry(bin).or_default();
            counts[0] += 1;
            counts[1] += i64::from(before == Some(bin - 1));
            before = Some(bin);
        }
    }
    for (bin, [ids, retained]) in &bins {
        let before = bins.get(&(bin - 1)).map_or(0, |b| b[0]) as f64;
        let ratios = [*retained as f64 / before, (before - *retained as f64) / before];
        out.row(group[0].group, &[ruler.begins(*bin)], &[*ids, ids - retained], &ratios);
    }
    Ok(())
}

fn new_users(
    group: &[Event],
    ruler: &Ruler,
    cohort: Option<i64>,
    known: &HashSet<u32>,
    control: &Control,
    out: &mut Output,
) -> Result<()> {
    if ruler.last >= MOST_COHORTS {
        return Err(QueryError::Runtime(format!(
            "new_activity_metrics compares each of more than {MOST_COHORTS} windows with each later one: use a larger window"
        )));
    }
    let width = usize::try_from(ruler.last + 1).unwrap_or(0);
    // Of the ids first seen in a bin, how many were seen in another.
    let mut seen = vec![0_i64; width * width];
    let mut rows = vec![false; width];
    for user in users(group, control) {
        let user = user?;
        let mut first = None;
        for bin in bins_of(user, ruler).filter_map(|bin| usize::try_from(bin).ok()).filter(|bin| *bin < width) {
            rows[bin] = true;
            if !known.contains(&user[0].id) {
                seen[*first.get_or_insert(bin) * width + bin] += 1;
            }
        }
    }
    // Ids of a bin that were first seen behind another one.
    let mut later = seen.clone();
    for from in (0..width.saturating_sub(1)).rev() {
        for to in 0..width {
            later[from * width + to] += later[(from + 1) * width + to];
        }
    }
    let wanted = cohort.map(|time| ruler.bin(time));
    for from in (0..width).filter(|from| rows[*from] && wanted.is_none_or(|w| w == *from as i64)) {
        let size = seen[from * width + from];
        for to in from..width {
            let retained = seen[from * width + to];
            let new = if to == from { size } else { later.get((from + 1) * width + to).copied().unwrap_or(0) };
            let times = [ruler.begins(from as i64), ruler.begins(to as i64)];
            let ratios = [retained as f64 / size as f64, (size - retained) as f64 / size as f64];
            out.row(group[0].group, &times, &[new, retained, size - retained], &ratios);
        }
    }
    Ok(())
}

fn active_users(
    group: &[Event],
    ruler: &Ruler,
    [lookback, period, least]: [i64; 3],
    control: &Control,
    out: &mut Output,
) -> Result<()> {
    let mut bins: BTreeMap<i64, i64> = BTreeMap::new();
    let periods = (lookback / period).max(1);
    for user in users(group, control) {
        let user = user?;
        let mut seen: Vec<i64> = Vec::new();
        let mut counted = None;
        for event in user.iter().take_while(|e| e.time <= ruler.end) {
            let at = event.time.saturating_sub(ruler.start).div_euclid(period);
            if seen.last() != Some(&at) {
                seen.push(at);
            }
            let bin = ruler.bin(event.time);
            if !ruler.holds(event.time) || counted == Some(bin) {
                continue;
            }
            let within = seen.len() - seen.partition_point(|p| *p <= at - periods);
            if within as i64 >= least {
                *bins.entry(bin).or_default() += 1;
                counted = Some(bin);
            }
        }
    }
    for (bin, ids) in bins {
        out.row(group[0].group, &[ruler.begins(bin)], &[ids], &[]);
    }
    Ok(())
}

fn sessions(group: &[Event], ruler: &Ruler, gap: i64, control: &Control, out: &mut Output) -> Result<()> {
    let mut bins: BTreeMap<i64, i64> = BTreeMap::new();
    for user in users(group, control) {
        let user = user?;
        let mut before: Option<i64> = None;
        // The last bin in which the session was counted.
        let mut counted = None;
        for event in user.iter().take_while(|e| e.time <= ruler.end) {
            if before.is_some_and(|before| event.time.saturating_sub(before) > gap) {
                counted = None;
            }
            before = Some(event.time);
            let bin = ruler.bin(event.time);
            if ruler.holds(event.time) && counted.replace(bin) != Some(bin) {
                *bins.entry(bin).or_default() += 1;
            }
        }
    }
    for (bin, sessions) in bins {
        out.row(group[0].group, &[ruler.begins(bin)], &[sessions], &[]);
    }
    Ok(())
}
