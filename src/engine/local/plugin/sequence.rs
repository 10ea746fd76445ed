//! Sequences of events: `sequence_detect`, `funnel_sequence`, `funnel_sequence_completion`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, UInt32Array};

use super::Rows;
use super::events::Ruler;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, Vector, build_texts, collect_texts};
use crate::engine::local::functions::convert::Cells;
use crate::engine::local::intern::{Interner, Keys};
use crate::engine::local::pipeline::Runner;
use crate::kql::Type;
use crate::kql::plan::{Bins, Neighbours};

/// Ids that a row of `funnel_sequence` shows.
const SAMPLES: usize = 128;

/// (time, step: bool, …, dimension, …) → (dimension, …, time of each step, …, duration): every way to go through the steps.
pub fn detect(runner: &Runner, mut rows: Rows, steps: usize, gap: i64, span: i64) -> Result<Batch> {
    let n = rows.batch.rows;
    let times = rows.column(0)?;
    let times = times.longs()?;
    let conditions = (1..=steps).map(|c| rows.column(c)).collect::<Result<Vec<Vector>>>()?;
    let columns = (1 + steps..rows.types.len()).map(|c| rows.column(c)).collect::<Result<Vec<Vector>>>()?;
    let mut dimensions = Keys::new(&rows.types[1 + steps..]);
    let groups = dimensions.groups(&columns, n)?;
    // When each step was taken, in each group.
    let mut taken: BTreeMap<u32, Vec<BTreeSet<i64>>> = BTreeMap::new();
    for (step, condition) in conditions.iter().enumerate() {
        runner.control.check()?;
        let condition = condition.bools()?;
        for row in (0..n).filter(|row| condition.get(*row) == Some(true)) {
            if let Some(time) = times.get(row) {
                taken.entry(groups[row]).or_insert_with(|| vec![BTreeSet::new(); steps])[step].insert(time);
            }
        }
    }
    let held = rows.account.bytes();
    let mut found = Found { of: Vec::new(), times: vec![Vec::new(); steps] };
    for (group, taken) in &taken {
        let mut path = Vec::with_capacity(steps);
        found.walk(*group, taken, &mut path, (gap, span), &mut |rows_so_far| {
            runner.control.check()?;
            rows.account.hold(held + (rows_so_far * 8 * (steps + 2)) as u64)
        })?;
    }
    let of = UInt32Array::from(found.of);
    let mut out: Vec<ArrayRef> = Vec::new();
    for column in dimensions.key_columns() {
        out.push(arrow::compute::take(column.as_ref(), &of, None)?);
    }
    let duration: Vec<i64> = match (found.times.first(), found.times.last()) {
        (Some(first), Some(last)) => first.iter().zip(last).map(|(a, b)| b - a).collect(),
        _ => Vec::new(),
    };
    out.extend(found.times.into_iter().map(|t| Arc::new(Int64Array::from(t)) as ArrayRef));
    out.push(Arc::new(Int64Array::from(duration)));
    Ok(Batch::new(of.len(), out))
}

struct Found {
    of: Vec<u32>,
    times: Vec<Vec<i64>>,
}

impl Found {
    /// Goes on from the steps in `path`, the next one later and near enough.
    fn walk(
        &mut self,
        group: u32,
        taken: &[BTreeSet<i64>],
        path: &mut Vec<i64>,
        (gap, span): (i64, i64),
        hold: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let Some(next) = taken.get(path.len()) else {
            self.of.push(group);
            self.times.iter_mut().zip(&*path).for_each(|(column, time)| column.push(*time));
            return if self.of.len().is_multiple_of(4096) { hold(self.of.len()) } else { Ok(()) };
        };
        let times: Box<dyn Iterator<Item = &i64>> = match (path.first(), path.last()) {
            (Some(first), Some(last)) => {
                let to = last.saturating_add(gap).min(first.saturating_add(span));
                if to <= *last {
                    return Ok(());
                }
                Box::new(next.range(last + 1..=to))
            }
            _ => Box::new(next.iter()),
        };
        for time in times {
            path.push(*time);
            self.walk(group, taken, path, (gap, span), hold)?;
            path.pop();
        }
        Ok(())
    }
}

/// One id's states in order of time; the same one again and again is one, from its first to its last time.
struct Stay {
    state: u32,
    from: i64,
    to: i64,
}

/// Ids and states as codes, each id's stays, and the codes of the sequence.
struct Journeys {
    ids: Interner,
    states: Interner,
    stays: BTreeMap<u32, Vec<Stay>>,
    sequence: Vec<u32>,
    ruler: Ruler,
}

impl Journeys {
    /// Of (id, time, state). With `apart` a state that comes again is a stay of its own.
    fn of(rows: &mut Rows, bins: &Bins, sequence: &[Arc<str>], apart: bool) -> Result<Self> {
        let n = rows.batch.rows;
        let (mut ids, mut states) = (Interner::new(rows.types[0]), Interner::new(Type::String));
        let id_codes = ids.codes(&rows.column(0)?, n)?;
        let state_codes = states.codes(&rows.column(2)?, n)?;
        let texts = Vector::Array(collect_texts(sequence.len(), |i| Some(&*sequence[i])));
        let sequence = states.codes(&texts, sequence.len())?;
        let times = rows.column(1)?;
        let times = times.longs()?;
        rows.account.add(40 * n as u64 + ids.bytes() + states.bytes())?;
        let mut events: Vec<(u32, i64, usize)> = (0..n)
            .filter(|i| !ids.is_null(id_codes[*i]))
            .filter_map(|i| Some((id_codes[i], times.get(i)?, i)))
            .collect();
        events.sort_unstable();
        let all: Vec<_> =
            events.iter().map(|(id, time, _)| super::events::Event { group: 0, id: *id, time: *time }).collect();
        let ruler = Ruler::new(bins, &all)?;
        let mut stays: BTreeMap<u32, Vec<Stay>> = BTreeMap::new();
        for (id, time, row) in events.into_iter().filter(|(_, time, _)| ruler.holds(*time)) {
            let own = stays.entry(id).or_default();
            match own.last_mut() {
                Some(last) if last.state == state_codes[row] && !apart => last.to = time,
                _ => own.push(Stay { state: state_codes[row], from: time, to: time }),
            }
        }
        Ok(Self { ids, states, stays, sequence, ruler })
    }

    /// The texts of states, "" for none.
    fn names(&self, codes: &[Option<u32>]) -> Result<ArrayRef> {
        let all: Vec<u32> = (0..self.states.len() as u32).collect();
        let column = Vector::Array(self.states.column(&all));
        let texts = column.texts()?;
        Ok(collect_texts(codes.len(), |i| Some(codes[i].map_or("", |code| texts.text(code as usize)))))
    }
}

/// (id, time, state) → (time, before, after, dcount, samples), or without the one that is not asked for.
pub fn funnel(
    runner: &Runner,
    mut rows: Rows,
    bins: &Bins,
    gap: i64,
    sequence: &[Arc<str>],
    shows: Neighbours,
) -> Result<Batch> {
    let journeys = Journeys::of(&mut rows, bins, sequence, false)?;
    let length = journeys.sequence.len();
    let near = |a: &Stay, b: &Stay| b.from.saturating_sub(a.to) <= gap;
    let mut found: BTreeMap<(i64, Option<u32>, Option<u32>), BTreeSet<u32>> = BTreeMap::new();
    for (n, (id, stays)) in journeys.stays.iter().enumerate() {
        if n.is_multiple_of(1024) {
            runner.control.check()?;
        }
        for (at, part) in stays.windows(length.max(1)).enumerate() {
            let same = part.iter().map(|s| s.state).eq(journeys.sequence.iter().copied());
            if !same || !part.windows(2).all(|w| near(&w[0], &w[1])) {
                continue;
            }
            let before = at.checked_sub(1).map(|b| &stays[b]).filter(|b| near(b, &part[0]));
            let after = stays.get(at + length).filter(|a| near(&part[length - 1], a));
            let before = before.filter(|_| shows != Neighbours::After).map(|s| s.state);
            let after = after.filter(|_| shows != Neighbours::Before).map(|s| s.state);
            let bin = journeys.ruler.begins(journeys.ruler.bin(part[0].from));
            found.entry((bin, before, after)).or_default().insert(*id);
        }
    }
    let times = Int64Array::from_iter_values(found.keys().map(|(bin, _, _)| *bin));
    let count = times.len();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(times)];
    if shows != Neighbours::After {
        columns.push(journeys.names(&found.keys().map(|(_, before, _)| *before).collect::<Vec<_>>())?);
    }
    if shows != Neighbours::Before {
        columns.push(journeys.names(&found.keys().map(|(_, _, after)| *after).collect::<Vec<_>>())?);
    }
    columns.push(Arc::new(Int64Array::from_iter_values(found.values().map(|ids| ids.len() as i64))));
    let samples: Vec<Vec<u32>> = found.values().map(|ids| ids.iter().take(SAMPLES).copied().collect()).collect();
    let all: Vec<u32> = (0..journeys.ids.len() as u32).collect();
    let ids = Vector::Array(journeys.ids.column(&all));
    let cells = Cells::of(&ids, rows.types[0])?;
    columns.push(build_texts(count, |row, out| {
        out.push('[');
        for (n, id) in samples[row].iter().enumerate() {
            out.push_str(if n > 0 { "," } else { "" });
            cells.write_json(*id as usize, out);
        }
        out.push(']');
        true
    }));
    Ok(Batch::new(count, columns))
}

/// (id, time, state) → (time, state, period, dcount): ids that came as far as a step of the sequence within a period of the first one.
pub fn completion(
    runner: &Runner,
    mut rows: Rows,
    bins: &Bins,
    sequence: &[Arc<str>],
    periods: &[i64],
) -> Result<Batch> {
    let journeys = Journeys::of(&mut rows, bins, sequence, true)?;
    // Ids by bin, period and step.
    let mut reached: BTreeMap<(i64, usize, usize), HashSet<u32>> = BTreeMap::new();
    for (n, (id, stays)) in journeys.stays.iter().enumerate() {
        if n.is_multiple_of(256) {
            runner.control.check()?;
        }
        let starts = stays.iter().enumerate().filter(|(_, s)| Some(&s.state) == journeys.sequence.first());
        for (at, first) in starts {
            let bin = journeys.ruler.begins(journeys.ruler.bin(first.from));
            for (p, period) in periods.iter().enumerate() {
                let mut step = 0;
                for stay in stays[at..].iter().take_while(|s| s.from.saturating_sub(first.from) <= *period) {
                    if journeys.sequence.get(step) == Some(&stay.state) {
                        reached.entry((bin, p, step)).or_default().insert(*id);
                        step += 1;
                    }
                }
            }
        }
    }
    let states: Vec<_> = reached.keys().map(|(_, _, step)| Some(journeys.sequence[*step])).collect();
    let longs = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    Ok(Batch::new(
        reached.len(),
        vec![
            longs(reached.keys().map(|(bin, _, _)| *bin).collect()),
            journeys.names(&states)?,
            longs(reached.keys().map(|(_, p, _)| periods[*p]).collect()),
            longs(reached.values().map(|ids| ids.len() as i64).collect()),
        ],
    ))
}
