//! Sorting what does not fit: each worker sorts what it has room for and writes it away as a run; the runs are merged as they are read again.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array};
use arrow::compute::interleave;
use arrow::datatypes::Int64Type;
use arrow::row::Rows;

use super::super::batch::Batch;
use super::super::column::Result;
use super::super::control::{Account, Control};
use super::super::pipeline::{Emit, MORSEL, Pipeline, Runner, Sink, Source};
use super::super::spill::{Block, Spool};
use super::Keys;
use crate::kql::Schema;

/// Runs that are merged at once: a block of each is in memory.
const FAN: usize = 16;

/// Sorted rows, in blocks. The last column says where each row stood in the input.
type Run = Vec<Block>;

/// The end of a pipeline under `sort`.
pub struct Sorting {
    keys: Arc<Keys>,
    schema: Schema,
    control: Arc<Control>,
    spool: Arc<Spool>,
    /// Bytes that a worker keeps before it writes a run.
    share: u64,
}

pub struct Taken {
    /// Each with the place of its first row.
    batches: Vec<(u64, Batch)>,
    account: Account,
    runs: Vec<Run>,
    /// Rows of the morsel seen so far.
    seen: (usize, u64),
}

/// What came of it.
pub enum Sorted {
    /// All rows, in the order of the input: they fit.
    Unsorted(Vec<Batch>),
    Merged(Pipeline),
}

impl Sorting {
    pub fn run(runner: &Runner, input: Pipeline, schema: &Schema, keys: &Arc<Keys>) -> Result<Sorted> {
        let sink = Arc::new(Self {
            keys: Arc::clone(keys),
            schema: schema.clone(),
            control: Arc::clone(&runner.control),
            spool: Spool::new(runner),
            // Sorting holds the rows twice, and their keys.
            share: runner.control.share(4) / runner.workers.max(1) as u64,
        });
        let mut states = runner.run(input, Arc::clone(&sink), false)?;
        if states.iter().all(|s| s.runs.is_empty()) {
            let mut all: Vec<(u64, Batch)> = states.into_iter().flat_map(|s| s.batches).collect();
            all.sort_by_key(|(place, _)| *place);
            return Ok(Sorted::Unsorted(all.into_iter().map(|(_, batch)| batch).collect()));
        }
        let mut runs = Vec::new();
        for state in &mut states {
            sink.write_run(state)?;
            runs.append(&mut state.runs);
        }
        drop(states);
        let mut merge = Merge { runs, keys: Arc::clone(keys), spool: Arc::clone(&sink.spool) };
        while merge.runs.len() > FAN {
            let some = merge.runs.drain(..FAN).collect::<Vec<_>>();
            let mut longer = Vec::new();
            merge.rows(&some, &mut |batch| {
                longer.push(sink.spool.write(&batch)?);
                Ok(true)
            })?;
            merge.runs.push(longer);
        }
        let mut pipeline = Pipeline::new(Arc::new(merge));
        pipeline.ordered = true;
        Ok(Sorted::Merged(pipeline))
    }

    fn write_run(&self, state: &mut Taken) -> Result<()> {
        if state.batches.is_empty() {
            return Ok(());
        }
        let (places, batches): (Vec<u64>, Vec<Batch>) = std::mem::take(&mut state.batches).into_iter().unzip();
        let places = places.iter().zip(&batches).flat_map(|(first, b)| *first..*first + b.rows as u64);
        let places: ArrayRef = Arc::new(places.map(|p| p as i64).collect::<Int64Array>());
        let mut all = Batch::concat(&self.schema, &batches)?;
        drop(batches);
        let order = super::order(&self.keys.rows(&all)?, all.rows);
        all.columns.push(places);
        let mut run = Vec::new();
        for part in order.chunks(self.spool.rows_of_a_block(&all)) {
            run.push(self.spool.write(&all.take(&UInt32Array::from(part.to_vec()))?)?);
        }
        state.runs.push(run);
        state.account.hold(0)
    }
}

impl Sink for Sorting {
    type State = Taken;

    fn name(&self) -> &'static str {
        "sort"
    }

    fn start(&self) -> Result<Taken> {
        let account = self.control.account("sort");
        Ok(Taken { batches: Vec::new(), account, runs: Vec::new(), seen: (usize::MAX, 0) })
    }

    fn push(&self, state: &mut Taken, morsel: usize, batch: Batch) -> Result<bool> {
        if state.seen.0 != morsel {
            state.seen = (morsel, 0);
        }
        let place = (morsel as u64) << 32 | state.seen.1;
        state.seen.1 += batch.rows as u64;
        let batch = batch.lean()?;
        let bytes = batch.bytes();
        if state.account.bytes() + bytes > self.share {
            self.write_run(state)?;
        }
        if bytes <= self.share {
            state.batches.push((place, batch));
            state.account.add(bytes)?;
            return Ok(true);
        }
        // A single batch past the share: pieces of it are runs of their own.
        let step = ((batch.rows as u64 * self.share / bytes) as usize).max(256);
        for from in (0..batch.rows).step_by(step) {
            state.batches.push((place + from as u64, batch.slice(from, step.min(batch.rows - from))));
            self.write_run(state)?;
        }
        Ok(true)
    }
}

/// Runs, merged while they are read.
struct Merge {
    runs: Vec<Run>,
    keys: Arc<Keys>,
    spool: Arc<Spool>,
}

/// The block of a run that is being read.
struct Cursor<'r> {
    left: std::slice::Iter<'r, Block>,
    batch: Batch,
    keys: Rows,
    at: usize,
}

impl<'r> Cursor<'r> {
    fn open(merge: &Merge, run: &'r Run) -> Result<Option<Self>> {
        let mut left = run.iter();
        let Some(first) = left.next() else { return Ok(None) };
        let batch = merge.spool.read(*first)?;
        Ok(Some(Self { left, keys: merge.keys.rows(&batch)?, batch, at: 0 }))
    }

    /// The next block; false behind the last.
    fn turn(&mut self, merge: &Merge) -> Result<bool> {
        let Some(next) = self.left.next() else { return Ok(false) };
        self.batch = merge.spool.read(*next)?;
        self.keys = merge.keys.rows(&self.batch)?;
        self.at = 0;
        Ok(true)
    }

    /// Does its row stand behind the other's? Equal rows stand as they came.
    fn is_behind(&self, other: &Self) -> bool {
        let place = |c: &Self| c.batch.columns.last().map(|p| p.as_primitive::<Int64Type>().value(c.at));
        let keys = self.keys.row(self.at).cmp(&other.keys.row(other.at));
        keys.then_with(|| place(self).cmp(&place(other))).is_gt()
    }
}

impl Merge {
    /// The rows of some runs in order, with their places.
    fn rows(&self, runs: &[Run], emit: Emit<'_>) -> Result<()> {
        let opened = runs.iter().map(|run| Cursor::open(self, run));
        let mut cursors: Vec<Cursor<'_>> = opened.filter_map(Result::transpose).collect::<Result<_>>()?;
        // The run whose row comes next stands last.
        let mut order: Vec<usize> = Vec::with_capacity(cursors.len());
        for next in 0..cursors.len() {
            put(&mut order, &cursors, next);
        }
        let mut picked: Vec<(usize, usize)> = Vec::new();
        while let Some(next) = order.pop() {
            picked.push((next, cursors[next].at));
            cursors[next].at += 1;
            let over = cursors[next].at == cursors[next].batch.rows;
            if over || picked.len() >= MORSEL {
                if !emit(gathered(&cursors, &picked)?)? {
                    return Ok(());
                }
                picked.clear();
            }
            if !over || cursors[next].turn(self)? {
                put(&mut order, &cursors, next);
            }
        }
        Ok(())
    }
}

fn put(order: &mut Vec<usize>, cursors: &[Cursor<'_>], next: usize) {
    let at = order.partition_point(|other| cursors[*other].is_behind(&cursors[next]));
    order.insert(at, next);
}

fn gathered(cursors: &[Cursor<'_>], picked: &[(usize, usize)]) -> Result<Batch> {
    let width = cursors.first().map_or(0, |c| c.batch.columns.len());
    let mut columns = Vec::with_capacity(width);
    for at in 0..width {
        let parts: Vec<&dyn Array> = cursors.iter().map(|c| c.batch.columns[at].as_ref()).collect();
        columns.push(interleave(&parts, picked)?);
    }
    Ok(Batch::new(picked.len(), columns))
}

impl Source for Merge {
    fn name(&self) -> String {
        "sorted runs".into()
    }

    fn morsels(&self) -> usize {
        1
    }

    fn read(&self, _: usize, emit: Emit<'_>) -> Result<()> {
        self.rows(&self.runs, &mut |mut batch| {
            batch.columns.pop();
            emit(batch)
        })
    }
}
