//! Events of a timeline: who, when, in which dimensions; and the bins that they fall into.

use arrow::array::{ArrayRef, Float64Array, Int64Array, UInt32Array};
use std::sync::Arc;

use super::Rows;
use crate::base::time::{Civil, DAY, Ticks};
use crate::engine::QueryError;
use crate::engine::local::batch::Batch;
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::control::Control;
use crate::engine::local::intern::{Interner, Keys};
use crate::kql::plan::{BinStep as Step, Bins};

/// Bins that a timeline may have.
const MOST_BINS: i64 = 1_000_000;

/// One row: the group of its dimensions, its id's code, its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub group: u32,
    pub id: u32,
    pub time: i64,
}

/// Rows without nulls, in the order of groups, ids and times.
pub struct Events {
    pub all: Vec<Event>,
    pub ids: Interner,
    pub dimensions: Keys,
}

impl Events {
    /// Of (id, time, dimension, …).
    pub fn of(rows: &mut Rows) -> Result<Self> {
        let n = rows.batch.rows;
        let mut ids = Interner::new(rows.types[0]);
        let codes = ids.codes(&rows.column(0)?, n)?;
        let times = rows.column(1)?;
        let times = times.longs()?;
        let columns = (2..rows.types.len()).map(|c| rows.column(c)).collect::<Result<Vec<Vector>>>()?;
        let mut dimensions = Keys::new(&rows.types[2..]);
        let groups = dimensions.groups(&columns, n)?;
        rows.account.add(24 * n as u64 + ids.bytes() + dimensions.bytes())?;
        let mut all: Vec<Event> = (0..n)
            .filter(|i| !ids.is_null(codes[*i]))
            .filter_map(|i| Some(Event { group: groups[i], id: codes[i], time: times.get(i)? }))
            .collect();
        all.sort_unstable();
        Ok(Self { all, ids, dimensions })
    }

    /// The events of each combination of dimensions.
    pub fn groups(&self) -> impl Iterator<Item = &[Event]> {
        self.all.chunk_by(|a, b| a.group == b.group)
    }
}

/// The events of each id of a group; stops when the query is cancelled.
pub fn users<'e>(group: &'e [Event], control: &Control) -> impl Iterator<Item = Result<&'e [Event]>> {
    let users = group.chunk_by(|a, b| a.id == b.id);
    users.enumerate().map(|(n, user)| if n % 4096 == 0 { control.check().map(|()| user) } else { Ok(user) })
}

/// Bins counted from the one that the start lies in, which is 0.
#[derive(Clone, Copy, Debug)]
pub struct Ruler {
    pub start: i64,
    pub end: i64,
    step: Step,
    /// The start's bin, counted from the calendar's beginning.
    base: i64,
    /// The end's bin.
    pub last: i64,
}

impl Ruler {
    pub fn new(bins: &Bins, events: &[Event]) -> Result<Self> {
        let least = || events.iter().map(|e| e.time).min().unwrap_or(0);
        let most = || events.iter().map(|e| e.time).max().unwrap_or(0);
        let start = bins.start.unwrap_or_else(|| match bins.step {
            Step::Fixed(step) => least() - least().rem_euclid(step),
            _ => least(),
        });
        let mut ruler = Self { start, end: bins.end.unwrap_or_else(most), step: bins.step, base: 0, last: 0 };
        ruler.base = ruler.calendar(start);
        ruler.last = ruler.bin(ruler.end);
        if ruler.last >= MOST_BINS {
            return Err(QueryError::Runtime(format!(
                "the timeline has more than {MOST_BINS} bins: use a larger step, or a shorter range"
            )));
        }
        Ok(ruler)
    }

    /// Whether a time lies between the ends.
    pub fn holds(&self, time: i64) -> bool {
        (self.start..=self.end).contains(&time)
    }

    /// The bin of a time; negative before the start.
    pub fn bin(&self, time: i64) -> i64 {
        self.calendar(time) - self.base
    }

    fn calendar(&self, time: i64) -> i64 {
        match self.step {
            Step::Fixed(step) => time.saturating_sub(self.start).div_euclid(step),
            // 0001-01-01 is a Monday, weeks begin on Sunday.
            Step::Week => (time.div_euclid(DAY) + 1).div_euclid(7),
            Step::Month => {
                let civil = Ticks(time).civil();
                i64::from(civil.year) * 12 + i64::from(civil.month) - 1
            }
            Step::Year => i64::from(Ticks(time).civil().year),
        }
    }

    /// When a bin begins.
    pub fn begins(&self, bin: i64) -> i64 {
        let first = |year: i64, month: i64| {
            let civil = Civil {
                year: i32::try_from(year).unwrap_or(i32::MAX),
                month: u32::try_from(month).unwrap_or(1),
                day: 1,
                hour: 0,
                minute: 0,
                second: 0,
                tick: 0,
            };
            Ticks::from_civil(civil).map_or(i64::MAX, |t| t.0)
        };
        let at = bin + self.base;
        match self.step {
            Step::Fixed(step) => self.start.saturating_add(at.saturating_mul(step)),
            Step::Week => (at * 7 - 1).saturating_mul(DAY),
            Step::Month => first(at.div_euclid(12), at.rem_euclid(12) + 1),
            Step::Year => first(at, 1),
        }
    }

    /// The last bin whose window, so long and ending with the bin, begins no later than a bin does.
    pub fn reaches(&self, bin: i64, window: i64) -> i64 {
        if let Step::Fixed(step) = self.step {
            return bin.saturating_add((window.saturating_sub(step) / step).max(0)).min(self.last);
        }
        let begins = self.begins(bin);
        let mut at = bin;
        while at < self.last && self.begins(at + 2).saturating_sub(window) <= begins {
            at += 1;
        }
        at
    }
}

/// What a plugin gives: times, dimensions, counts, ratios.
#[derive(Default)]
pub struct Output {
    pub groups: Vec<u32>,
    pub times: Vec<Vec<i64>>,
    pub counts: Vec<Vec<i64>>,
    pub ratios: Vec<Vec<f64>>,
}

impl Output {
    pub fn new(times: usize, counts: usize, ratios: usize) -> Self {
        Self {
            groups: Vec::new(),
            times: vec![Vec::new(); times],
            counts: vec![Vec::new(); counts],
            ratios: vec![Vec::new(); ratios],
        }
    }

    pub fn row(&mut self, group: u32, times: &[i64], counts: &[i64], ratios: &[f64]) {
        self.groups.push(group);
        self.times.iter_mut().zip(times).for_each(|(column, v)| column.push(*v));
        self.counts.iter_mut().zip(counts).for_each(|(column, v)| column.push(*v));
        self.ratios.iter_mut().zip(ratios).for_each(|(column, v)| column.push(*v));
    }

    pub fn bytes(&self) -> u64 {
        (self.groups.len() * (4 + 8 * (self.times.len() + self.counts.len() + self.ratios.len()))) as u64
    }

    /// Times, then the dimensions of the groups, then counts and ratios.
    pub fn finish(self, dimensions: &Keys) -> Result<Batch> {
        let rows = self.groups.len();
        let groups = UInt32Array::from(self.groups);
        let longs = |column: Vec<i64>| Arc::new(Int64Array::from(column)) as ArrayRef;
        let mut columns: Vec<ArrayRef> = self.times.into_iter().map(longs).collect();
        for column in dimensions.key_columns() {
            columns.push(arrow::compute::take(column.as_ref(), &groups, None)?);
        }
        columns.extend(self.counts.into_iter().map(longs));
        columns.extend(self.ratios.into_iter().map(|c| Arc::new(Float64Array::from(c)) as ArrayRef));
        Ok(Batch::new(rows, columns))
    }
}
