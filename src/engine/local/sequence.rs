//! `scan`: rows in order, each held against the steps from the last to the first; a step remembers the rows that led to it.
//!
//! What an expression reads of the row alone is computed for all rows at once; only what reads the memory of a step is computed row by
//! row, over a batch of one row made of slices.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, UInt32Array};
use hashbrown::HashMap;

use super::batch::Batch;
use super::column::{Result, Vector, from_values, repeat};
use super::control::{Account, Control};
use super::eval::{Compiled, compile, compile_all};
use super::intern::Keys;
use crate::kql::plan::{Sequence, SequenceStep, StepOutput};
use crate::kql::{Expr, ExprKind, Schema, Type, Value};

/// Rows between two looks at whether the query goes on.
const PATIENCE: usize = 1024;

/// All rows of a `scan`, in the order in which they come out.
pub fn run(control: &Arc<Control>, sequence: &Sequence, schema: &Schema, out: &Schema, rows: &Batch) -> Result<Batch> {
    let machine = Machine::new(sequence, schema, rows)?;
    let groups = if sequence.partition.is_empty() {
        None
    } else {
        let types: Vec<Type> = sequence.partition.iter().map(|e| e.ty).collect();
        let keys = compile_all(&sequence.partition)?.iter().map(|c| c.eval(rows)).collect::<Result<Vec<_>>>()?;
        let mut grouper = Keys::new(&types);
        let codes = grouper.groups(&keys, rows.rows)?;
        Some((codes, grouper.len()))
    };
    let parts = groups.as_ref().map_or(1, |(_, n)| *n);
    let mut memories: Vec<Memory> = (0..parts).map(|_| Memory::new(sequence.steps.len())).collect();
    let mut found = Found::new(control, sequence.declared.len());
    let mut ids = 0;
    for row in 0..rows.rows {
        if row % PATIENCE == 0 {
            control.check()?;
            found.account()?;
        }
        let part = groups.as_ref().map_or(0, |(codes, _)| codes[row] as usize);
        machine.take(row, &mut memories[part], &mut ids, &mut found)?;
    }
    let mut left: Vec<Out> = memories.into_iter().flat_map(|m| m.waiting.into_iter().flatten()).collect();
    left.sort_by_key(|out| out.row);
    for out in left {
        found.push(out);
    }
    found.account()?;
    found.finish(rows, schema, out, sequence.match_id)
}

/// A row that comes out.
struct Out {
    row: u32,
    declared: Vec<Value>,
    id: i64,
}

/// The rows that came out so far.
struct Found {
    rows: Vec<u32>,
    declared: Vec<Vec<Value>>,
    ids: Vec<i64>,
    account: Account,
}

impl Found {
    fn new(control: &Arc<Control>, declared: usize) -> Self {
        Self {
            rows: Vec::new(),
            declared: vec![Vec::new(); declared],
            ids: Vec::new(),
            account: control.account("scan"),
        }
    }

    fn push(&mut self, out: Out) {
        self.rows.push(out.row);
        self.ids.push(out.id);
        self.declared.iter_mut().zip(out.declared).for_each(|(column, value)| column.push(value));
    }

    fn account(&mut self) -> Result<()> {
        let row = 12 + self.declared.len() * size_of::<Value>();
        self.account.hold((self.rows.len() * row) as u64)
    }

    fn finish(self, rows: &Batch, schema: &Schema, out: &Schema, match_id: bool) -> Result<Batch> {
        let count = self.rows.len();
        let mut batch = rows.take(&UInt32Array::from(self.rows))?;
        for (column, values) in out.iter().skip(schema.len()).zip(&self.declared) {
            batch.columns.push(from_values(column.ty, values.iter())?);
        }
        if match_id {
            batch.columns.push(Arc::new(Int64Array::from(self.ids)));
        }
        batch.rows = count;
        Ok(batch)
    }
}

/// What a step holds of the rows that led to it: of each step, the columns that expressions read.
type Remembered = Arc<Vec<ArrayRef>>;

/// A sequence that has come as far as a step.
#[derive(Clone)]
struct Active {
    id: i64,
    steps: Vec<Option<Remembered>>,
}

/// The state of one partition.
struct Memory {
    active: Vec<Option<Active>>,
    /// The last match of a step that gives its last only.
    waiting: Vec<Option<Out>>,
}

impl Memory {
    fn new(steps: usize) -> Self {
        Self { active: vec![None; steps], waiting: (0..steps).map(|_| None).collect() }
    }
}

/// Whose column an expression reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    Row(usize),
    /// A step, and the place among what is kept of it.
    Step(usize, usize),
}

/// An expression over the row and what steps remember.
struct Stateful {
    expr: Compiled,
    sources: Vec<Source>,
}

/// What a step gives to a declared column.
enum Given {
    /// Computed for all rows.
    Known(Vector),
    Stateful(Stateful),
}

struct Step {
    /// The rows for which what the condition says of the row alone is true; `None`: it says nothing.
    may: Option<BooleanArray>,
    /// The rest of the condition.
    conditions: Vec<Stateful>,
    given: Vec<(usize, Given)>,
    output: StepOutput,
    /// The columns (of the row, then declared) that are kept of a match.
    kept: Vec<usize>,
    /// What stands for it while nothing is remembered.
    nothing: Remembered,
}

struct Machine<'a> {
    rows: &'a Batch,
    width: usize,
    declared: &'a [Value],
    types: Vec<Type>,
    steps: Vec<Step>,
}

impl<'a> Machine<'a> {
    fn new(sequence: &'a Sequence, schema: &Schema, rows: &'a Batch) -> Result<Self> {
        let (width, declared) = (schema.len(), sequence.declared.len());
        let mut types: Vec<Type> = schema.iter().map(|c| c.ty).collect();
        types.extend(sequence.declared.iter().map(Value::ty));
        let mut kept: Vec<Vec<usize>> = vec![Vec::new(); sequence.steps.len()];
        for column in sequence.steps.iter().flat_map(exprs).flat_map(reads) {
            if let Some(beyond) = column.checked_sub(width) {
                let own: &mut Vec<usize> = &mut kept[beyond / (width + declared)];
                let column = beyond % (width + declared);
                if !own.contains(&column) {
                    own.push(column);
                }
            }
        }
        let source = |column: usize| match column.checked_sub(width) {
            None => Source::Row(column),
            Some(beyond) => {
                let (step, column) = (beyond / (width + declared), beyond % (width + declared));
                Source::Step(step, kept[step].iter().position(|k| *k == column).unwrap_or(0))
            }
        };
        let alone = |e: &Expr| reads(e).iter().all(|n| *n < width);
        let mut steps = Vec::with_capacity(sequence.steps.len());
        for (n, step) in sequence.steps.iter().enumerate() {
            let terms = match &step.condition.kind {
                ExprKind::And(terms) => terms.as_slice(),
                _ => std::slice::from_ref(&step.condition),
            };
            let mut may: Option<BooleanArray> = None;
            let mut conditions = Vec::new();
            for term in terms {
                if alone(term) {
                    let mask = compile(term)?.mask(rows)?;
                    may = Some(match may {
                        None => mask,
                        Some(before) => arrow::compute::and(&before, &mask)?,
                    });
                } else {
                    conditions.push(Stateful::new(term, &source)?);
                }
            }
            let mut given = Vec::with_capacity(step.assignments.len());
            for (at, expr) in &step.assignments {
                let value = if alone(expr) {
                    Given::Known(compile(expr)?.eval(rows)?)
                } else {
                    Given::Stateful(Stateful::new(expr, &source)?)
                };
                given.push((*at, value));
            }
            let nothing = kept[n].iter().map(|c| match c.checked_sub(width) {
                None => repeat(&Value::null(types[*c]), 1),
                Some(d) => repeat(&sequence.declared[d], 1),
            });
            let nothing = Arc::new(nothing.collect());
            steps.push(Step { may, conditions, given, output: step.output, kept: kept[n].clone(), nothing });
        }
        Ok(Self { rows, width, declared: &sequence.declared, types, steps })
    }

    /// Holds a row against every step, the last one first.
    fn take(&self, row: usize, memory: &mut Memory, ids: &mut i64, found: &mut Found) -> Result<()> {
        for (n, step) in self.steps.iter().enumerate().rev() {
            if step.may.as_ref().is_some_and(|may| !may.value(row)) {
                continue;
            }
            let before = n.checked_sub(1);
            if let Some(before) = before
                && let Some(active) = &memory.active[before]
                && self.holds(step, row, Some(active))?
            {
                // The sequence goes on from the step before; what this step had is over.
                let mut active = active.clone();
                memory.active[before] = None;
                for over in [before, n] {
                    memory.waiting[over].take().into_iter().for_each(|out| found.push(out));
                }
                let declared = self.declare(step, row, Some(&active))?;
                active.steps[n] = Some(self.remember(step, row, &declared));
                Self::give(step, &mut memory.waiting[n], found, Out { row: row as u32, declared, id: active.id });
                memory.active[n] = Some(active);
                continue;
            }
            let active = memory.active[n].as_ref();
            if (n == 0 || active.is_some()) && self.holds(step, row, active)? {
                let declared = self.declare(step, row, active)?;
                let remembered = self.remember(step, row, &declared);
                let active = memory.active[n].get_or_insert_with(|| {
                    *ids += 1;
                    Active { id: *ids - 1, steps: vec![None; self.steps.len()] }
                });
                active.steps[n] = Some(remembered);
                Self::give(step, &mut memory.waiting[n], found, Out { row: row as u32, declared, id: active.id });
            }
        }
        Ok(())
    }

    fn give(step: &Step, waiting: &mut Option<Out>, found: &mut Found, out: Out) {
        match step.output {
            StepOutput::All => found.push(out),
            StepOutput::Last => *waiting = Some(out),
            StepOutput::None => {}
        }
    }

    fn holds(&self, step: &Step, row: usize, active: Option<&Active>) -> Result<bool> {
        for condition in &step.conditions {
            if self.value(condition, row, active)? != Value::Bool(true) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The declared columns of a row that matches a step.
    fn declare(&self, step: &Step, row: usize, active: Option<&Active>) -> Result<Vec<Value>> {
        let mut declared = self.declared.to_vec();
        for (at, given) in &step.given {
            declared[*at] = match given {
                Given::Known(vector) => vector.value(row, self.types[self.width + at])?,
                Given::Stateful(expr) => self.value(expr, row, active)?,
            };
        }
        Ok(declared)
    }

    fn value(&self, stateful: &Stateful, row: usize, active: Option<&Active>) -> Result<Value> {
        let columns = stateful.sources.iter().map(|source| match *source {
            Source::Row(column) => self.rows.columns[column].slice(row, 1),
            Source::Step(step, at) => {
                let own = active.and_then(|a| a.steps[step].as_ref()).unwrap_or(&self.steps[step].nothing);
                Arc::clone(&own[at])
            }
        });
        let one = Batch::new(1, columns.collect());
        stateful.expr.eval(&one)?.value(0, stateful.expr.ty)
    }

    fn remember(&self, step: &Step, row: usize, declared: &[Value]) -> Remembered {
        let columns = step.kept.iter().map(|column| match column.checked_sub(self.width) {
            None => self.rows.columns[*column].slice(row, 1),
            Some(at) => repeat(&declared[at], 1),
        });
        Arc::new(columns.collect())
    }
}

impl Stateful {
    fn new(expr: &Expr, source: &dyn Fn(usize) -> Source) -> Result<Self> {
        let mut places: HashMap<Source, usize> = HashMap::new();
        let mut sources = Vec::new();
        let expr = renumbered(expr, &mut |column| {
            let source = source(column);
            *places.entry(source).or_insert_with(|| {
                sources.push(source);
                sources.len() - 1
            })
        });
        Ok(Self { expr: compile(&expr)?, sources })
    }
}

fn exprs(step: &SequenceStep) -> impl Iterator<Item = &Expr> {
    std::iter::once(&step.condition).chain(step.assignments.iter().map(|(_, e)| e))
}

/// The columns that an expression reads.
fn reads(expr: &Expr) -> Vec<usize> {
    let mut columns = Vec::new();
    renumbered(expr, &mut |column| {
        columns.push(column);
        column
    });
    columns
}

/// The expression with other columns.
fn renumbered(expr: &Expr, number: &mut dyn FnMut(usize) -> usize) -> Expr {
    let mut all = |list: &[Expr]| list.iter().map(|e| renumbered(e, &mut *number)).collect::<Vec<_>>();
    let kind = match &expr.kind {
        ExprKind::Column(column) => ExprKind::Column(number(*column)),
        ExprKind::Literal(value) => ExprKind::Literal(value.clone()),
        ExprKind::Call { function, args } => ExprKind::Call { function, args: all(args) },
        ExprKind::And(list) => ExprKind::And(all(list)),
        ExprKind::Or(list) => ExprKind::Or(all(list)),
        ExprKind::Path { base, steps } => {
            ExprKind::Path { base: Box::new(renumbered(base, number)), steps: steps.clone() }
        }
        ExprKind::In { value, set, negated, fold_case } => ExprKind::In {
            value: Box::new(renumbered(value, number)),
            set: Arc::clone(set),
            negated: *negated,
            fold_case: *fold_case,
        },
    };
    Expr { kind, ty: expr.ty }
}

#[cfg(test)]
mod tests;
