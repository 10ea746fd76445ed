//! A sub-pipeline over many groups of rows at once. The last column of the rows says which group each belongs to, and every operator keeps it: what
//! works row by row takes no note of it, aggregates have it as one more key, sort and take work between its changes. Rows of a group stay together,
//! groups in their order.
//!
//! What cannot run this way (a join, another table) runs a group at a time, as any plan does.

use std::sync::Arc;

use arrow::array::{Int64Array, UInt32Array};

use super::aggregate::Program;
use super::apply::{Apply, numbers, runs};
use super::batch::Batch;
use super::capture::Captures;
use super::column::{Result, concat, data_type, internal};
use super::control::Control;
use super::eval::{Compiled, compile_all};
use super::expand::Expand;
use super::pipeline::Step as _;
use super::sort::Keys;
use super::steps::Filter;
use super::window;
use crate::kql::plan::{Expansion, Op, WindowCall};
use crate::kql::{Column, Expr, Rel, Schema, Type};

/// The operators of a body, first to last.
#[derive(Debug)]
pub struct Body {
    stages: Vec<Stage>,
    control: Arc<Control>,
}

#[derive(Debug)]
enum Stage {
    Filter(Filter),
    Project(Vec<Compiled>),
    /// The group stands behind so many repeated columns.
    Expand(Expand, usize),
    Apply(Apply, usize),
    /// The group stands behind the input's columns.
    Capture(Captures, usize, Vec<Type>),
    Aggregate(Box<Grouping>),
    Sort(Keys, Option<usize>),
    Take(usize),
    Window(Vec<WindowCall>, Vec<Type>),
}

/// `summarize` in each group.
#[derive(Debug)]
struct Grouping {
    program: Program,
    /// Without keys of its own every group has one row, also of no rows: what the aggregates give of nothing.
    of_nothing: Option<Program>,
    schema: Schema,
}

impl Body {
    /// Nothing, where the body must run a group at a time.
    pub fn new(rel: &Rel, control: &Arc<Control>) -> Result<Option<Self>> {
        let mut stages = Vec::new();
        Ok(add(rel, control, &mut stages)?.then(|| Self { stages, control: Arc::clone(control) }))
    }

    /// Rows with their group's number as the last column, in the order of groups; what comes of them, in the same way.
    pub fn run(&self, mut rows: Batch) -> Result<Batch> {
        let groups: Vec<i64> = match rows.columns.last() {
            Some(column) => {
                let numbers = numbers(column)?;
                runs(numbers).map(|(from, _)| numbers[from]).collect()
            }
            None => return Err(internal("rows without groups")),
        };
        let mut account = self.control.account("a sub-pipeline");
        for stage in &self.stages {
            self.control.check()?;
            rows = stage.run(rows, &groups)?;
            account.hold(rows.bytes())?;
        }
        Ok(rows)
    }
}

/// Adds what a node does, its input's first; false where it cannot be done for all groups at once.
fn add(rel: &Rel, control: &Arc<Control>, stages: &mut Vec<Stage>) -> Result<bool> {
    let input = match rel.inputs().as_slice() {
        [] => return Ok(matches!(rel.op, Op::Given)),
        [input] => Arc::clone(input),
        _ => return Ok(false),
    };
    if !add(&input, control, stages)? {
        return Ok(false);
    }
    let width = input.schema.len();
    stages.push(match &rel.op {
        Op::Filter { predicate, .. } => Stage::Filter(Filter::new(predicate)?),
        Op::Project { columns, .. } => Stage::Project(compile_all(columns)?),
        Op::Expand { expansion, .. } => {
            let kept = expansion.kept.iter().copied().chain([width]).collect();
            let expansion = Expansion { kept, ..expansion.clone() };
            Stage::Expand(Expand::new(&expansion, control)?, expansion.kept.len() - 1)
        }
        Op::Apply { expansion, kept, body, .. } => {
            let Some(body) = Body::new(body, control)? else { return Ok(false) };
            let kept: Vec<_> = kept.iter().copied().chain([width]).collect();
            Stage::Apply(Apply::new(expansion, &kept, body, control)?, kept.len() - 1)
        }
        Op::Aggregate { keys, aggregates, .. } => {
            let group = Expr::column(width, Type::Long);
            let all: Vec<_> = std::iter::once(group).chain(keys.iter().cloned()).collect();
            let of_nothing = keys.is_empty().then(|| Program::new(&[], aggregates)).transpose()?;
            let group = std::iter::once(Column::new("group", Type::Long));
            let schema = group.chain(rel.schema.iter().cloned()).collect();
            Stage::Aggregate(Box::new(Grouping { program: Program::new(&all, aggregates)?, of_nothing, schema }))
        }
        Op::Sort { keys, limit, .. } => Stage::Sort(Keys::new(keys)?, limit.map(whole)),
        Op::Take { count, .. } => Stage::Take(whole(*count)),
        Op::Window { calls, .. } => Stage::Window(calls.clone(), calls.iter().map(|c| c.ty).collect()),
        Op::Capture { text, capture, columns, matching: false, .. } => {
            let types = rel.schema.iter().skip(width).map(|c| c.ty).collect();
            Stage::Capture(Captures::new(text, capture, columns, false, Arc::clone(control))?, width, types)
        }
        Op::Serialize { .. } => return Ok(true),
        _ => return Ok(false),
    });
    Ok(true)
}

fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Rows whose group stands at a position: last, now.
fn group_last(mut rows: Batch, at: usize) -> Batch {
    let group = rows.columns.remove(at);
    rows.columns.push(group);
    rows
}

/// Batches of an operator, as one.
fn joined(parts: Vec<Batch>) -> Result<Batch> {
    let Some(first) = parts.first() else { return Err(internal("nothing to join")) };
    if parts.len() == 1 {
        return Ok(parts.into_iter().next().unwrap_or_default());
    }
    let columns = (0..first.columns.len()).map(|at| {
        let arrays: Vec<_> = parts.iter().map(|p| Arc::clone(&p.columns[at])).collect();
        // Text of different make is made alike; other arrays have one type.
        let text = arrays.iter().any(|a| matches!(a.data_type(), arrow::datatypes::DataType::Dictionary(..)))
            || *arrays[0].data_type() == arrow::datatypes::DataType::Utf8View;
        concat(if text { Type::String } else { Type::Long }, &arrays)
    });
    Ok(Batch::new(parts.iter().map(|p| p.rows).sum(), columns.collect::<Result<_>>()?))
}

impl Stage {
    fn run(&self, rows: Batch, groups: &[i64]) -> Result<Batch> {
        match self {
            Self::Filter(filter) => filter.apply(rows),
            Self::Project(columns) => {
                let group = rows.columns.last().cloned();
                let columns = columns.iter().map(|c| c.array(&rows)).collect::<Result<Vec<_>>>()?;
                Ok(Batch::new(rows.rows, columns.into_iter().chain(group).collect()))
            }
            Self::Expand(expand, at) => {
                let mut parts = Vec::new();
                expand.run(&rows, false, &mut |part, _| {
                    parts.push(part);
                    Ok(true)
                })?;
                if parts.is_empty() {
                    parts.push(expand.nothing(&rows)?);
                }
                Ok(group_last(joined(parts)?, *at))
            }
            Self::Apply(apply, at) => {
                let mut parts = Vec::new();
                apply.run(&rows, &mut |part| {
                    parts.push(part);
                    Ok(true)
                })?;
                if parts.is_empty() {
                    // No row, but columns: the body is run over none.
                    parts.push(apply.nothing(&rows)?);
                }
                Ok(group_last(joined(parts)?, *at))
            }
            Self::Capture(captures, at, types) => {
                // Of no rows the step gives nothing: the columns are made here.
                let mut given = rows.clone();
                if rows.rows == 0 {
                    given.columns.extend(types.iter().map(|ty| arrow::array::new_empty_array(&data_type(*ty))));
                } else {
                    captures.push(rows, &mut |made| {
                        given = made;
                        Ok(true)
                    })?;
                }
                Ok(group_last(given, *at))
            }
            Self::Aggregate(grouping) => grouping.run(&rows, groups),
            Self::Sort(keys, limit) => {
                let sorted = keys.rows(&rows)?;
                in_each(&rows, |order| {
                    order.sort_by(|a, b| sorted.row(*a as usize).cmp(&sorted.row(*b as usize)));
                    order.truncate(limit.unwrap_or(usize::MAX));
                })
            }
            Self::Take(count) => in_each(&rows, |order| order.truncate(*count)),
            Self::Window(calls, types) => windows(rows, calls, types),
        }
    }
}

/// The rows of each group, put in another order or cut.
fn in_each(rows: &Batch, mut change: impl FnMut(&mut Vec<u32>)) -> Result<Batch> {
    let Some(groups) = rows.columns.last() else { return Err(internal("rows without groups")) };
    let mut all: Vec<u32> = Vec::with_capacity(rows.rows);
    let mut order = Vec::new();
    for (from, to) in runs(numbers(groups)?) {
        order.clear();
        order.extend(from as u32..to as u32);
        change(&mut order);
        all.extend_from_slice(&order);
    }
    rows.take(&UInt32Array::from(all))
}

/// Window functions begin anew in each group.
fn windows(mut rows: Batch, calls: &[WindowCall], types: &[Type]) -> Result<Batch> {
    let Some(group) = rows.columns.pop() else { return Err(internal("rows without groups")) };
    let mut made = vec![Vec::new(); calls.len()];
    for (from, to) in runs(numbers(&group)?) {
        let part = rows.slice(from, to - from);
        for (call, made) in calls.iter().zip(&mut made) {
            made.push(window::call(call, &part)?);
        }
    }
    for (arrays, ty) in made.iter().zip(types) {
        rows.columns.push(concat(*ty, arrays)?);
    }
    rows.columns.push(group);
    Ok(rows)
}

impl Grouping {
    fn run(&self, rows: &Batch, groups: &[i64]) -> Result<Batch> {
        let mut partial = self.program.start()?;
        partial.update(&self.program, rows)?;
        let mut found = partial.finish()?;
        if let Some(program) = &self.of_nothing
            && found.rows < groups.len()
        {
            found = self.completed(found, program, groups)?;
        }
        Ok(group_last(found, 0))
    }

    /// A row for each group: for one without rows what the aggregates give of nothing.
    fn completed(&self, found: Batch, program: &Program, groups: &[i64]) -> Result<Batch> {
        let mut nothing = program.start()?.finish()?;
        nothing.columns.insert(0, Arc::new(Int64Array::from(vec![-1])));
        let empty = found.rows as u32;
        let mut present = numbers(&found.columns[0])?.iter().enumerate().peekable();
        let order = groups.iter().map(|group| match present.next_if(|(_, number)| *number == group) {
            Some((at, _)) => at as u32,
            None => empty,
        });
        let order: Vec<u32> = order.collect();
        let mut all = Batch::concat(&self.schema, &[found, nothing])?.take(&UInt32Array::from(order))?;
        all.columns[0] = Arc::new(Int64Array::from(groups.to_vec()));
        Ok(all)
    }
}
