//! Joins whose built side does not fit: both sides go to disk in parts, by the hash of their keys, and each part is joined alone.

use std::sync::Arc;

use super::super::batch::Batch;
use super::super::column::Result;
use super::super::control::{Account, Control};
use super::super::eval::{Compiled, compile};
use super::super::pipeline::{Emit, Pipeline, Runner, Sink, Source};
use super::super::spill::{Block, Hashes, LEVELS, Parting, Parts, Spool};
use super::{Plan, Side, empty};
use crate::kql::{Expr, Schema};

/// One side's rows and how they go to disk.
struct Intake {
    keys: Vec<Compiled>,
    schema: Schema,
    hashes: Hashes,
    spool: Arc<Spool>,
    control: Arc<Control>,
    /// Bytes that a worker keeps before its rows go to disk; none for the streamed side.
    share: u64,
}

struct Taken {
    batches: Vec<(usize, Batch)>,
    account: Account,
    beyond: Option<Parting>,
}

impl Intake {
    fn new(side: &Side<'_>, hashes: &Hashes, spool: &Arc<Spool>, control: &Arc<Control>, share: u64) -> Result<Self> {
        Ok(Self {
            keys: compiled(side.keys.iter().copied())?,
            schema: side.schema.clone(),
            hashes: hashes.clone(),
            spool: Arc::clone(spool),
            control: Arc::clone(control),
            share,
        })
    }

    fn part(&self, to: &mut Parting, batch: &Batch) -> Result<()> {
        to.push(batch, &self.hashes.of(&self.keys, batch)?)
    }

    /// What a worker has kept goes to disk as well.
    fn begin(&self, state: &mut Taken) -> Result<()> {
        let mut beyond = state.beyond.take().unwrap_or_else(|| Parting::new(&self.spool, &self.schema, 0));
        for (_, batch) in state.batches.drain(..) {
            self.part(&mut beyond, &batch)?;
        }
        state.beyond = Some(beyond);
        state.account.hold(0)
    }

    /// A part's rows in parts of their own.
    fn again(&self, blocks: Vec<Block>, level: u32) -> Result<Parts> {
        let mut parting = Parting::new(&self.spool, &self.schema, level);
        for block in blocks {
            self.part(&mut parting, &self.spool.read(block)?)?;
        }
        parting.finish()
    }
}

impl Sink for Intake {
    type State = Taken;

    fn name(&self) -> &'static str {
        if self.share > 0 { "the smaller side of a join" } else { "the larger side of a join" }
    }

    fn start(&self) -> Result<Taken> {
        let account = self.control.account("the smaller side of a join");
        Ok(Taken { batches: Vec::new(), account, beyond: None })
    }

    fn push(&self, state: &mut Taken, morsel: usize, batch: Batch) -> Result<bool> {
        if let Some(beyond) = &mut state.beyond {
            self.part(beyond, &batch)?;
            return Ok(true);
        }
        let batch = batch.lean()?;
        let bytes = batch.bytes();
        state.batches.push((morsel, batch));
        if state.account.bytes() + bytes > self.share {
            self.begin(state)?;
        } else {
            state.account.add(bytes)?;
        }
        Ok(true)
    }
}

/// What became of the built side.
pub enum Built {
    /// All rows, in order.
    Whole(Vec<Batch>),
    Parted(Parted),
}

/// A built side on disk.
pub struct Parted {
    intake: Arc<Intake>,
    parts: Parts,
}

/// Takes the rows of the side that is built.
pub fn built(runner: &Runner, side: &Side<'_>) -> Result<Built> {
    // A join holds the rows twice while it puts them together, and a table over them.
    let share = runner.control.share(4) / runner.workers.max(1) as u64;
    let intake = Intake::new(side, &Hashes::default(), &Spool::new(runner), &runner.control, share.max(1))?;
    let intake = Arc::new(intake);
    let mut states = runner.run(side.pipeline.clone(), Arc::clone(&intake), false)?;
    if states.iter().all(|state| state.beyond.is_none()) {
        let mut all: Vec<(usize, Batch)> = states.into_iter().flat_map(|state| state.batches).collect();
        all.sort_by_key(|(morsel, _)| *morsel);
        return Ok(Built::Whole(all.into_iter().map(|(_, batch)| batch).collect()));
    }
    for state in &mut states {
        intake.begin(state)?;
    }
    Ok(Built::Parted(Parted { parts: all_parts(states)?, intake }))
}

/// The parts of all workers, the first worker's blocks first.
fn all_parts(states: Vec<Taken>) -> Result<Parts> {
    let mut parts = Parts::new();
    for beyond in states.into_iter().filter_map(|state| state.beyond) {
        let own = beyond.finish()?;
        parts.resize_with(own.len(), Vec::new);
        parts.iter_mut().zip(own).for_each(|(part, blocks)| part.extend(blocks));
    }
    Ok(parts)
}

impl Parted {
    /// Parts the other side in the same way, and gives the pipeline that joins part by part.
    pub fn join(self, runner: &Runner, plan: Plan, built: &Side<'_>, streamed: &Side<'_>) -> Result<Pipeline> {
        let Self { intake, parts } = self;
        let other = Intake::new(streamed, &intake.hashes, &intake.spool, &runner.control, 0)?;
        let other = Arc::new(other);
        let streamed_parts = all_parts(runner.run(streamed.pipeline.clone(), Arc::clone(&other), false)?)?;
        // Each worker holds a part's rows twice, and a table over them.
        let most = runner.control.share(8) / runner.workers.max(1) as u64;
        let mut parts: Vec<_> = zip(parts, streamed_parts).map(|(b, s)| (b, s, 1)).collect();
        let mut done = Vec::new();
        while let Some((b, s, level)) = parts.pop() {
            let before = size(&b);
            if before <= most || level >= LEVELS {
                done.push((b, s));
                continue;
            }
            let smaller = intake.again(b, level)?;
            // Rows of one key stay together however often they are parted.
            let stuck = smaller.iter().filter(|part| !part.is_empty()).count() == 1;
            let next = if stuck { LEVELS } else { level + 1 };
            parts.extend(zip(smaller, other.again(s, level)?).map(|(b, s)| (b, s, next)));
        }
        done.retain(|(b, s)| !b.is_empty() || !s.is_empty());
        let exprs = |side: &Side<'_>| side.keys.iter().map(|k| (*k).clone()).collect();
        Ok(Pipeline::new(Arc::new(PartByPart {
            parts: done,
            spool: Arc::clone(&intake.spool),
            runner: runner.clone(),
            plan,
            built: (built.schema.clone(), exprs(built)),
            streamed: (streamed.schema.clone(), exprs(streamed)),
        })))
    }
}

fn size(blocks: &[Block]) -> u64 {
    blocks.iter().map(|block| block.bytes).sum()
}

/// Parts of both sides; either may have none.
fn zip(built: Parts, mut streamed: Parts) -> impl Iterator<Item = (Vec<Block>, Vec<Block>)> {
    streamed.resize_with(built.len().max(streamed.len()), Vec::new);
    built.into_iter().zip(streamed)
}

/// The answer of a join, a part of both sides a morsel.
struct PartByPart {
    parts: Vec<(Vec<Block>, Vec<Block>)>,
    spool: Arc<Spool>,
    runner: Runner,
    plan: Plan,
    built: (Schema, Vec<Expr>),
    streamed: (Schema, Vec<Expr>),
}

impl Source for PartByPart {
    fn name(&self) -> String {
        "join part by part".into()
    }

    fn morsels(&self) -> usize {
        self.parts.len()
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        let (built, streamed) = &self.parts[morsel];
        let (schema, keys) = &self.built;
        let mut account = self.runner.control.account("a part of a join");
        account.hold(size(built))?;
        let batches = built.iter().map(|block| self.spool.read(*block)).collect::<Result<Vec<_>>>()?;
        let rows = if batches.is_empty() { empty(schema) } else { Batch::concat(schema, &batches)? };
        drop(batches);
        drop(account);
        let table = self.plan.table(&self.runner, rows, &compiled(keys)?)?;
        let probe = self.plan.probe(&table, compiled(&self.streamed.1)?);
        for block in streamed {
            if !super::Step::push(&probe, self.spool.read(*block)?, emit)? {
                return Ok(());
            }
        }
        match self.plan.alone(&table, &self.streamed.0)? {
            Some(rest) if rest.rows > 0 => emit(rest).map(drop),
            _ => Ok(()),
        }
    }
}

fn compiled<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Compiled>> {
    exprs.into_iter().map(compile).collect()
}
