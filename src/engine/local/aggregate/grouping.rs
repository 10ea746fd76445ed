//! The end of a pipeline under `summarize` and `distinct`: a partial result a worker, merged at the end.
//!
//! When a worker's groups have taken its share of the memory, they stay, and keep taking the rows of their keys; rows of other keys go to disk, parted
//! by the hash of their key. At the end the partial results are merged, and the parts gone through one after the other: a row goes to its group among
//! those that stayed, else to the groups of its part, which are then whole. A part whose groups take too much is parted in the same way.

use std::sync::Arc;

use super::super::batch::Batch;
use super::super::column::Result;
use super::super::control::{Account, Control};
use super::super::pipeline::{MORSEL, Pipeline, Runner, Sink};
use super::super::spill::{Block, Hashes, Held, LEVELS, Parting, Parts, Spool};
use super::{Partial, Program};
use crate::kql::Schema;

/// Bytes that a new group may take in a hash table of keys and in a few accumulators, roughly.
const GROUP: u64 = 128;

#[derive(Debug)]
pub struct Grouping {
    program: Program,
    schema: Schema,
    control: Arc<Control>,
    spool: Arc<Spool>,
    hashes: Hashes,
    /// Bytes that the groups of a worker may take.
    share: u64,
}

/// One worker's groups, and the rows that have no place among them.
#[derive(Debug)]
pub struct Groups {
    partial: Partial,
    account: Account,
    /// Rows since the groups were last measured.
    unmeasured: usize,
    beyond: Option<Parting>,
}

impl Grouping {
    /// `schema` is the input's.
    pub fn new(program: Program, schema: &Schema, runner: &Runner) -> Self {
        // Tables may double once past the share, and hold what two workers had when merged. Groups that grow need room for that.
        let part = if program.grows() { 6 } else { 3 };
        Self {
            program,
            schema: schema.clone(),
            control: Arc::clone(&runner.control),
            spool: Spool::new(runner),
            hashes: Hashes::default(),
            share: runner.control.share(part) / runner.workers.max(1) as u64,
        }
    }

    fn groups(&self) -> Result<Groups> {
        let account = self.control.account("summarize");
        Ok(Groups { partial: self.program.start()?, account, unmeasured: 0, beyond: None })
    }

    /// Takes rows; those of keys that have no room go to parts of this level.
    fn take(&self, groups: &mut Groups, batch: &Batch, share: u64, level: u32) -> Result<()> {
        // With little memory one batch of new keys might already be too much.
        let step = ((share / GROUP) as usize).clamp(256, MORSEL.max(batch.rows));
        for from in (0..batch.rows).step_by(step) {
            let part = if step < batch.rows { batch.slice(from, step.min(batch.rows - from)) } else { batch.clone() };
            if let Some(beyond) = &mut groups.beyond {
                let rest = groups.partial.update_known(&self.program, &part)?;
                if rest.rows > 0 {
                    beyond.push(&rest, &self.hashes.of(&self.program.keys, &rest)?)?;
                }
            } else {
                groups.partial.update(&self.program, &part)?;
            }
            groups.unmeasured += part.rows;
            if groups.unmeasured >= step.min(MORSEL) {
                self.measure(groups, share, level)?;
            }
        }
        Ok(())
    }

    fn measure(&self, groups: &mut Groups, share: u64, level: u32) -> Result<()> {
        groups.unmeasured = 0;
        let bytes = groups.partial.bytes();
        // One group cannot be parted.
        if groups.beyond.is_none() && bytes > share && level < LEVELS && groups.partial.groups() > 1 {
            groups.beyond = Some(Parting::new(&self.spool, &self.schema, level));
        }
        groups.account.hold(bytes)
    }

    /// The groups of all workers.
    pub fn finish(&self, states: Vec<Groups>) -> Result<Pipeline> {
        let mut states = states.into_iter();
        let Some(first) = states.next() else { return Ok(Pipeline::of(vec![self.program.start()?.finish()?])) };
        let mut parts = Parts::new();
        let Groups { partial: mut all, mut account, beyond, .. } = first;
        set_aside(&mut parts, beyond)?;
        for Groups { partial, account: _its, beyond, .. } in states {
            self.control.check()?;
            set_aside(&mut parts, beyond)?;
            all.merge(partial)?;
            account.hold(all.bytes())?;
        }
        if parts.is_empty() {
            return Ok(Pipeline::of(vec![all.finish()?]));
        }
        let mut held = Held::new(&self.spool, "groups", self.control.share(12));
        for blocks in parts {
            self.part(blocks, 1, Some((&mut all, &mut account)), &mut held)?;
        }
        held.push(&all.finish()?)?;
        drop(account);
        Ok(held.pipeline())
    }

    /// The groups of a part's rows but for those that stayed in memory.
    fn part(
        &self,
        blocks: Vec<Block>,
        level: u32,
        mut stayed: Option<(&mut Partial, &mut Account)>,
        held: &mut Held,
    ) -> Result<()> {
        let share = self.control.share(12);
        let mut groups = self.groups()?;
        for block in blocks {
            let mut batch = self.spool.read(block)?;
            if let Some((partial, account)) = &mut stayed {
                batch = partial.update_known(&self.program, &batch)?;
                account.hold(partial.bytes())?;
            }
            self.take(&mut groups, &batch, share, level)?;
        }
        let Groups { partial, account, beyond, .. } = groups;
        if partial.groups() > 0 {
            held.push(&partial.finish()?)?;
        }
        drop(account);
        let mut smaller = Parts::new();
        set_aside(&mut smaller, beyond)?;
        smaller.into_iter().try_for_each(|blocks| self.part(blocks, level + 1, None, held))
    }
}

/// Adds the parts of one worker to those of others.
fn set_aside(parts: &mut Parts, beyond: Option<Parting>) -> Result<()> {
    let Some(beyond) = beyond else { return Ok(()) };
    for (part, blocks) in beyond.finish()?.into_iter().enumerate() {
        if part >= parts.len() {
            parts.push(Vec::new());
        }
        parts[part].extend(blocks);
    }
    Ok(())
}

impl Sink for Grouping {
    type State = Groups;

    fn name(&self) -> &'static str {
        "summarize"
    }

    fn start(&self) -> Result<Groups> {
        self.groups()
    }

    fn push(&self, groups: &mut Groups, _: usize, batch: Batch) -> Result<bool> {
        self.take(groups, &batch, self.share, 0)?;
        Ok(true)
    }

    fn done(&self, groups: &mut Groups, _: usize) -> Result<bool> {
        self.measure(groups, self.share, 0)?;
        Ok(true)
    }
}
