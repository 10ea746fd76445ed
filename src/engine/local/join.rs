//! Hash joins of every kind. One side is built into groups of row numbers by the codes of its keys; the other streams by and looks its keys up. Null
//! keys match null keys, as in Kusto. Where a condition above the join keeps times of the two sides near each other (`within`), a group's rows stand in the
//! order of their time, and only those in reach are looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, UInt32Array, new_null_array};

use super::batch::Batch;
use super::column::{Result, Vector, data_type};
use super::control::Account;
use super::eval::{Compiled, compile};
use super::intern::{Keys, NONE};
use super::pipeline::{Emit, MORSEL, Pipeline, Runner, Step};
use crate::kql::plan::JoinKind;
use crate::kql::{Expr, Schema};

mod parted;
pub mod within;

use parted::Built;
use within::Within;

/// The built side.
struct Table {
    keys: Keys,
    rows: Batch,
    /// Rows of group g are `order[starts[g]..starts[g + 1]]`.
    starts: Vec<u32>,
    order: Vec<u32>,
    /// The times of `order`, ascending in each group, if a range is asked for.
    times: Option<Vec<i64>>,
    /// Groups that found a partner; only looked at where the built side keeps rows without one.
    matched: Vec<AtomicBool>,
    _account: Account,
}

impl Table {
    /// `by`: the column of times that a range is asked for.
    fn build(runner: &Runner, rows: Batch, keys: &[Compiled], unique: bool, by: Option<usize>) -> Result<Self> {
        let mut account = runner.control.account("the smaller side of a join");
        account.hold(rows.bytes())?;
        let mut table = Keys::new(&keys.iter().map(|k| k.ty).collect::<Vec<_>>());
        let columns = keys.iter().map(|k| k.eval(&rows)).collect::<Result<Vec<_>>>()?;
        let mut groups = table.groups(&columns, rows.rows)?;
        if unique {
            // The first row of each key stays.
            let mut seen = vec![false; table.len()];
            for g in &mut groups {
                if std::mem::replace(&mut seen[*g as usize], true) {
                    *g = NONE;
                }
            }
        }
        let column = by.map(|at| Vector::Array(Arc::clone(&rows.columns[at])));
        let time = column.as_ref().map(Vector::longs).transpose()?;
        if let Some(time) = &time {
            // A row without a time is in no range.
            groups.iter_mut().enumerate().filter(|(row, _)| time.get(*row).is_none()).for_each(|(_, g)| *g = NONE);
        }
        let mut starts = vec![0_u32; table.len() + 1];
        for g in groups.iter().filter(|g| **g != NONE) {
            starts[*g as usize + 1] += 1;
        }
        for g in 0..table.len() {
            starts[g + 1] += starts[g];
        }
        let mut next = starts.clone();
        let mut order = vec![0; starts.last().map_or(0, |n| *n as usize)];
        for (row, g) in groups.iter().enumerate().filter(|(_, g)| **g != NONE) {
            order[next[*g as usize] as usize] = row as u32;
            next[*g as usize] += 1;
        }
        let times = time.map(|time| {
            let at = |row: &u32| time.get(*row as usize).unwrap_or_default();
            for group in starts.windows(2) {
                order[group[0] as usize..group[1] as usize].sort_by_key(at);
            }
            order.iter().map(at).collect::<Vec<_>>()
        });
        let matched = (0..table.len()).map(|_| AtomicBool::new(false)).collect();
        account.hold(rows.bytes() + table.bytes() + (order.len() * 12 + starts.len() * 5) as u64)?;
        Ok(Self { keys: table, rows, starts, order, times, matched, _account: account })
    }

    fn partners(&self, group: u32) -> &[u32] {
        &self.order[self.starts[group as usize] as usize..self.starts[group as usize + 1] as usize]
    }

    /// Partners whose time is in the range, both ends included.
    fn partners_within(&self, group: u32, times: &[i64], (from, to): (i64, i64)) -> &[u32] {
        let start = self.starts[group as usize] as usize;
        let all = self.partners(group);
        let times = &times[start..start + all.len()];
        let first = times.partition_point(|t| *t < from);
        let end = first + times[first..].partition_point(|t| *t <= to);
        &all[first..end]
    }
}

/// What comes out for a streamed row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// A row a partner.
    Pairs,
    /// A row a partner, and one with nulls where there is none.
    PairsOrNulls,
    /// The streamed row alone, where it has a partner or where it has none.
    Streamed { with_partner: bool },
}

struct Probe {
    table: Arc<Table>,
    keys: Vec<Compiled>,
    gives: Gives,
    mark: bool,
    /// The built side's columns stand left.
    built_left: bool,
    within: Option<Within>,
}

impl Probe {
    fn emit_pairs(&self, batch: &Batch, streamed: &[u32], built: &[Option<u32>], emit: Emit<'_>) -> Result<bool> {
        let own = batch.take(&UInt32Array::from(streamed.to_vec()))?;
        let other = self.table.rows.take(&built.iter().copied().collect::<UInt32Array>())?;
        let columns = if self.built_left { [other.columns, own.columns] } else { [own.columns, other.columns] };
        emit(Batch::new(own.rows, columns.concat()))
    }
}

impl Step for Probe {
    fn name(&self) -> &'static str {
        if self.within.is_some() { "join within a range" } else { "join" }
    }

    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool> {
        let columns = self.keys.iter().map(|k| k.eval(&batch)).collect::<Result<Vec<_>>>()?;
        let groups = self.table.keys.lookup(&columns, batch.rows)?;
        if self.mark {
            for g in groups.iter().filter(|g| **g != NONE) {
                self.table.matched[*g as usize].store(true, Ordering::Relaxed);
            }
        }
        let nulls = match self.gives {
            Gives::Streamed { with_partner } => {
                let mask = groups.iter().map(|g| Some((*g != NONE) == with_partner)).collect();
                return emit(batch.filter(&mask)?);
            }
            Gives::Pairs => false,
            Gives::PairsOrNulls => true,
        };
        let range = match (&self.within, &self.table.times) {
            (Some(within), Some(times)) => {
                let own = if self.built_left { within.right } else { within.left };
                Some((within, times, Vector::Array(Arc::clone(&batch.columns[own]))))
            }
            _ => None,
        };
        let range = match &range {
            Some((within, times, own)) => Some((*within, times.as_slice(), own.longs()?)),
            None => None,
        };
        let partners = |row: usize, group: u32| match range {
            None => self.table.partners(group),
            Some((within, times, own)) => own.get(row).map_or(&[][..], |at| {
                let reach = if self.built_left { within.of_left(at) } else { within.of_right(at) };
                self.table.partners_within(group, times, reach)
            }),
        };
        let (mut streamed, mut built) = (Vec::new(), Vec::new());
        for (row, g) in groups.iter().enumerate() {
            if *g == NONE {
                if nulls {
                    streamed.push(row as u32);
                    built.push(None);
                }
                continue;
            }
            for part in partners(row, *g).chunks(MORSEL) {
                streamed.extend(std::iter::repeat_n(row as u32, part.len()));
                built.extend(part.iter().map(|p| Some(*p)));
                if streamed.len() >= MORSEL {
                    if !self.emit_pairs(&batch, &streamed, &built, emit)? {
                        return Ok(false);
                    }
                    streamed.clear();
                    built.clear();
                }
            }
        }
        if streamed.is_empty() { Ok(true) } else { self.emit_pairs(&batch, &streamed, &built, emit) }
    }
}

/// One side of a join: its pipeline, its schema, the expressions of its keys.
#[derive(Debug)]
pub struct Side<'a> {
    pub pipeline: Pipeline,
    pub schema: &'a Schema,
    pub keys: Vec<&'a Expr>,
}

/// Builds one side and gives the pipeline of the answer: left columns, then right columns; only one side's for semi and anti kinds.
///
/// `within` says that pairs outside a range of times are dropped later: those of an inner join need not come.
pub fn join(
    runner: &Runner,
    kind: JoinKind,
    left: Side<'_>,
    right: Side<'_>,
    within: Option<Within>,
) -> Result<Pipeline> {
    let plan = Plan::new(kind, within);
    let (built, streamed) = if plan.build_left { (left, right) } else { (right, left) };
    let compile_all = |side: &Side<'_>| side.keys.iter().map(|k| compile(k)).collect::<Result<Vec<_>>>();
    let batches = match parted::built(runner, &built)? {
        Built::Whole(batches) => batches,
        Built::Parted(parted) => return parted.join(runner, plan, &built, &streamed),
    };
    let rows = if batches.is_empty() { empty(built.schema) } else { Batch::concat(built.schema, &batches)? };
    drop(batches);
    let table = plan.table(runner, rows, &compile_all(&built)?)?;
    let probe = plan.probe(&table, compile_all(&streamed)?);
    let mut pipeline = streamed.pipeline.then(probe);
    if kind == JoinKind::FullOuter {
        // Everything streams by first; then the built rows that nobody asked for come.
        let mut all = runner.collect(pipeline, "the result of a join", None)?;
        all.extend(plan.alone(&table, streamed.schema)?);
        pipeline = Pipeline::of(all);
    }
    pipeline.ordered = false;
    Ok(pipeline)
}

/// How the sides of a join meet.
#[derive(Clone, Copy, Debug)]
struct Plan {
    kind: JoinKind,
    build_left: bool,
    within: Option<Within>,
}

impl Plan {
    fn new(kind: JoinKind, within: Option<Within>) -> Self {
        use JoinKind::{Inner, InnerUnique, RightAnti, RightOuter, RightSemi};
        Self {
            kind,
            build_left: matches!(kind, InnerUnique | RightOuter | RightSemi | RightAnti),
            within: within.filter(|_| matches!(kind, Inner | InnerUnique)),
        }
    }

    fn table(&self, runner: &Runner, rows: Batch, keys: &[Compiled]) -> Result<Arc<Table>> {
        let by = self.within.map(|w| if self.build_left { w.left } else { w.right });
        Ok(Arc::new(Table::build(runner, rows, keys, self.kind == JoinKind::InnerUnique, by)?))
    }

    fn probe(&self, table: &Arc<Table>, keys: Vec<Compiled>) -> Probe {
        use JoinKind::{
            FullOuter, Inner, InnerUnique, LeftAnti, LeftOuter, LeftSemi, RightAnti, RightOuter, RightSemi,
        };
        let gives = match self.kind {
            Inner | InnerUnique => Gives::Pairs,
            LeftOuter | RightOuter | FullOuter => Gives::PairsOrNulls,
            LeftSemi | RightSemi => Gives::Streamed { with_partner: true },
            LeftAnti | RightAnti => Gives::Streamed { with_partner: false },
        };
        let mark = self.kind == FullOuter;
        Probe { table: Arc::clone(table), keys, gives, mark, built_left: self.build_left, within: self.within }
    }

    /// The built rows without a partner, with nulls beside them, where the kind keeps them. All streamed rows have gone by.
    fn alone(&self, table: &Table, streamed: &Schema) -> Result<Option<Batch>> {
        if self.kind != JoinKind::FullOuter {
            return Ok(None);
        }
        let lonely = table.matched.iter().enumerate().filter(|(_, m)| !m.load(Ordering::Relaxed));
        let rows: Vec<u32> = lonely.flat_map(|(g, _)| table.partners(g as u32).iter().copied()).collect();
        let rest = table.rows.take(&UInt32Array::from(rows))?;
        let mut columns: Vec<ArrayRef> = streamed.iter().map(|c| new_null_array(&data_type(c.ty), rest.rows)).collect();
        columns.extend(rest.columns);
        Ok(Some(Batch::new(rest.rows, columns)))
    }
}

/// No rows of a schema.
pub fn empty(schema: &Schema) -> Batch {
    Batch::new(0, schema.iter().map(|c| arrow::array::new_empty_array(&data_type(c.ty))).collect())
}
