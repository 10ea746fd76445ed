//! A plan to pipelines. Operators that see a batch at a time become steps; those that need all rows run what is below them first.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::aggregate::grouping::Grouping;
use super::aggregate::{Program, keeps_order};
use super::batch::Batch;
use super::body::Body;
use super::capture::Captures;
use super::column::{Result, from_values, internal};
use super::control::Account;
use super::join::within::Within;
use super::pipeline::{Pipeline, Runner};
use super::range::Range;
use super::scan::Tables;
use super::scan::purpose::Purpose;
use super::steps::{Filter, Project};
use super::{apply, expand, join, make_series, nested, plugin, sequence, sort, window};
use crate::kql::plan::{JoinKind, Op, Plugin};
use crate::kql::{Expr, Plan, Rel, Schema, Value};

/// A plan under way.
pub struct Execution<'a> {
    pub runner: Runner,
    pub tables: &'a dyn Tables,
    /// `materialize`: each runs once, when first asked for.
    shared: Vec<OnceLock<Vec<Batch>>>,
    plan: &'a Plan,
    running: Mutex<Vec<usize>>,
    /// In a body: the rows that it is given, and what runs around it.
    given: Vec<Batch>,
    around: Option<&'a Execution<'a>>,
    /// Scans and joins are not told what becomes of their rows.
    plain: bool,
}

impl std::fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").finish_non_exhaustive()
    }
}

impl<'a> Execution<'a> {
    pub fn new(runner: Runner, tables: &'a dyn Tables, plan: &'a Plan) -> Self {
        let shared = plan.shared.iter().map(|_| OnceLock::new()).collect();
        Self { runner, tables, shared, plan, running: Mutex::default(), given: Vec::new(), around: None, plain: false }
    }

    /// Without what an execution finds to do less: for tests, which hold one against the other.
    #[must_use]
    pub fn plain(self, plain: bool) -> Self {
        Self { plain, ..self }
    }

    /// All rows of a node, and the account that holds them.
    fn held(&self, rel: &Rel, what: &'static str) -> Result<(Vec<Batch>, Account)> {
        let rows = self.runner.collect(self.build(rel)?, what, None)?;
        let mut account = self.runner.control.account(what);
        account.hold(rows.iter().map(Batch::bytes).sum())?;
        Ok((rows, account))
    }

    /// The rows that a body makes of those that it is given.
    fn body(&self, body: &Rel, given: Batch) -> Result<Vec<Batch>> {
        let inside = Execution {
            runner: self.runner.clone(),
            tables: self.tables,
            shared: Vec::new(),
            plan: self.plan,
            running: Mutex::default(),
            given: vec![given],
            around: Some(self),
            plain: self.plain,
        };
        inside.rows(body, None)
    }

    /// All rows of a node, in their order; the first `most`, if it is said.
    pub fn rows(&self, rel: &Rel, most: Option<u64>) -> Result<Vec<Batch>> {
        let pipeline = self.build(rel)?;
        self.runner.collect(pipeline, "the result", most)
    }

    fn build(&self, rel: &Rel) -> Result<Pipeline> {
        self.build_for(rel, &Purpose::default())
    }

    /// The pipeline of a node whose rows are for this.
    fn build_for(&self, rel: &Rel, purpose: &Purpose) -> Result<Pipeline> {
        self.runner.control.check()?;
        match &rel.op {
            Op::Scan { table, columns, filter } => {
                // The scan applies the filter itself, early.
                let nothing = Purpose::default();
                let purpose = if self.plain { &nothing } else { purpose };
                let source =
                    self.tables.scan_for(table, columns, &rel.schema, filter, purpose, &self.runner.control)?;
                Ok(Pipeline::new(source))
            }
            Op::Values { rows } => Ok(Pipeline::of(vec![values(rows, &rel.schema)?])),
            Op::Range { from, to, step } => {
                let mut pipeline = Pipeline::new(Arc::new(Range::new(from, to, step)?));
                pipeline.ordered = true;
                Ok(pipeline)
            }
            Op::Filter { input, predicate } if matches!(input.op, Op::Join { .. }) => {
                let Op::Join { left, right, kind, keys } = &input.op else { return Err(internal("a join")) };
                let within = if self.plain { None } else { Within::of(predicate, left.schema.len()) };
                Ok(self.join(left, right, *kind, keys, within)?.then(Filter::new(predicate)?))
            }
            Op::Filter { input, predicate } => {
                Ok(self.build_for(input, &purpose.under_filter(predicate))?.then(Filter::new(predicate)?))
            }
            Op::Project { input, columns } => {
                Ok(self.build_for(input, &purpose.under_project(columns))?.then(Project::new(columns)?))
            }
            Op::Aggregate { input, keys, aggregates } => {
                let computed = keys.iter().chain(aggregates.iter().flat_map(|a| &a.args));
                let pipeline = self.build_for(input, &Purpose::computing(computed))?;
                let alone = pipeline.ordered && aggregates.iter().any(|a| keeps_order(a.function.name));
                let sink = Arc::new(Grouping::new(Program::new(keys, aggregates)?, &input.schema, &self.runner));
                let states = self.runner.run(pipeline, Arc::clone(&sink), alone)?;
                sink.finish(states)
            }
            Op::MakeSeries { input, series } => {
                let batches = self.runner.collect(self.build(input)?, "make-series", None)?;
                let rows = Batch::concat(&input.schema, &batches)?;
                Ok(Pipeline::of(make_series::make_series(&rows, &input.schema, series, &self.runner.control)?))
            }
            Op::Join { left, right, kind, keys } => self.join(left, right, *kind, keys, None),
            Op::Union { inputs } => {
                Ok(Pipeline::union(inputs.iter().map(|i| self.build(i)).collect::<Result<Vec<_>>>()?))
            }
            Op::Sort { input, keys, limit } => {
                let Some(limit) = limit else {
                    return sort::sort(&self.runner, self.build(input)?, &input.schema, keys);
                };
                let (purpose, bound) = Purpose::of_top(input, keys);
                let pipeline = self.build_for(input, &purpose)?;
                Ok(Pipeline::of(sort::top(&self.runner, pipeline, &input.schema, keys, *limit, bound)?))
            }
            Op::Take { input, count } => {
                let pipeline = self.build(input)?;
                let ordered = pipeline.ordered;
                let mut taken = Pipeline::of(self.runner.collect(pipeline, "take", Some(*count))?);
                taken.ordered = ordered;
                Ok(taken)
            }
            Op::Serialize { input } => Ok(Pipeline::of(self.runner.collect(self.build(input)?, "serialize", None)?)),
            Op::Window { input, calls } => {
                let batches = self.runner.collect(self.build(input)?, "window functions", None)?;
                if batches.is_empty() {
                    return Ok(Pipeline::of(batches));
                }
                let mut rows = Batch::concat(&input.schema, &batches)?;
                let columns = calls.iter().map(|c| window::call(c, &rows)).collect::<Result<Vec<_>>>()?;
                rows.columns.extend(columns);
                Ok(Pipeline::of(vec![rows]))
            }
            Op::Expand { input, expansion } => {
                Ok(self.build(input)?.then(expand::Expand::new(expansion, &self.runner.control)?))
            }
            Op::Plugin { plugin, inputs } => {
                if let Plugin::External(external) = &**plugin {
                    let source = self.tables.external(external, &rel.schema, &self.runner.control)?;
                    return Ok(Pipeline::new(source));
                }
                let inputs = inputs
                    .iter()
                    .map(|input| Ok(plugin::Input { pipeline: self.build(input)?, schema: &input.schema }))
                    .collect::<Result<Vec<_>>>()?;
                plugin::run(&self.runner, plugin, inputs, &rel.schema)
            }
            Op::Capture { input, text, capture, columns, matching } => {
                let step = Captures::new(text, capture, columns, *matching, Arc::clone(&self.runner.control))?;
                Ok(self.build(input)?.then(step))
            }
            Op::Sequence { input, sequence } => {
                let batches = self.runner.collect(self.build(input)?, "scan", None)?;
                if batches.is_empty() {
                    return Ok(Pipeline::of(batches));
                }
                let rows = Batch::concat(&input.schema, &batches)?;
                Ok(Pipeline::of(vec![sequence::run(
                    &self.runner.control,
                    sequence,
                    &input.schema,
                    &rel.schema,
                    &rows,
                )?]))
            }
            Op::Apply { input, expansion, kept, body } => {
                let control = &self.runner.control;
                match Body::new(body, control)? {
                    Some(at_once) => {
                        let apply = apply::Apply::new(expansion, kept, at_once, control)?;
                        Ok(self.build(input)?.then(apply))
                    }
                    None => {
                        let (rows, _held) = self.held(input, "mv-apply")?;
                        let mut run = |given| self.body(body, given);
                        let expand = expand::Expand::new(expansion, control)?;
                        Ok(Pipeline::of(apply::one_by_one(&rows, &expand, kept, &mut run)?))
                    }
                }
            }
            Op::Partition { input, keys, body } => {
                let (rows, _held) = self.held(input, "partition")?;
                if rows.is_empty() {
                    return Ok(Pipeline::of(rows));
                }
                let groups = apply::grouped(&Batch::concat(&input.schema, &rows)?, keys)?;
                drop(rows);
                match Body::new(body, &self.runner.control)? {
                    Some(at_once) => {
                        let mut given = at_once.run(groups)?;
                        given.columns.pop();
                        Ok(Pipeline::of(vec![given]))
                    }
                    None => {
                        let mut all = Vec::new();
                        for group in apply::parts(&groups)? {
                            self.runner.control.check()?;
                            all.extend(self.body(body, group)?);
                        }
                        Ok(Pipeline::of(all))
                    }
                }
            }
            Op::TopNested { input, levels } => {
                let (rows, _held) = self.held(input, "top-nested")?;
                let rows = Batch::concat(&input.schema, &rows)?;
                Ok(Pipeline::of(vec![nested::top_nested(&rows, levels, &rel.schema, &self.runner.control)?]))
            }
            Op::Given => Ok(Pipeline::of(self.given.clone())),
            Op::Shared(n) => self.shared(*n),
        }
    }

    fn join(
        &self,
        left: &Rel,
        right: &Rel,
        kind: JoinKind,
        keys: &[(Expr, Expr)],
        within: Option<Within>,
    ) -> Result<Pipeline> {
        let (l, r) = (keys.iter().map(|(l, _)| l).collect(), keys.iter().map(|(_, r)| r).collect());
        let left = join::Side { pipeline: self.build(left)?, schema: &left.schema, keys: l };
        let right = join::Side { pipeline: self.build(right)?, schema: &right.schema, keys: r };
        join::join(&self.runner, kind, left, right, within)
    }

    fn shared(&self, n: usize) -> Result<Pipeline> {
        if let Some(around) = self.around {
            return around.shared(n);
        }
        let (Some(slot), Some(rel)) = (self.shared.get(n), self.plan.shared.get(n)) else {
            return Err(internal(format!("there is no shared part {n}")));
        };
        if let Some(ready) = slot.get() {
            return Ok(Pipeline::of(ready.clone()));
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains(&n) {
            return Err(internal("a shared part that needs itself"));
        }
        running.push(n);
        drop(running);
        let batches = self.rows(rel, None)?;
        self.running.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let ready = slot.get_or_init(|| batches).clone();
        Ok(Pipeline::of(ready))
    }
}

fn values(rows: &[Vec<Value>], schema: &Schema) -> Result<Batch> {
    let columns = schema.iter().enumerate().map(|(at, column)| {
        if rows.iter().any(|r| r.len() <= at) {
            return Err(internal("a row shorter than its schema"));
        }
        from_values(column.ty, rows.iter().map(|r| &r[at]))
    });
    Ok(Batch::new(rows.len(), columns.collect::<Result<_>>()?))
}
