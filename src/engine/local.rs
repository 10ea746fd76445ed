//! The embedded engine: KQL over the evidence store, or over nothing.
//!
//! A question is parsed and bound; what binding needs of data is run first, and binding goes on. The plan is made to read less (`kql::optimise`), then run as
//! pipelines over morsels (`exec`, `pipeline`, `pool`): scans (`scan`) give batches, steps change them, and what needs all rows takes them apart by
//! the codes of its keys (`intern`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use crate::engine::{Answer, QueryEngine, QueryError, Request};
use crate::kql::bind::{self, Bound, Context, Known, What};
use crate::kql::optimise::optimise;
use crate::kql::{Catalog, Diagnostic, Plan, Severity, Value, parser};
use crate::store::{Reader, Snapshot};

pub mod aggregate;
pub mod apply;
mod arrival;
pub mod batch;
pub mod body;
pub mod capture;
pub mod column;
pub mod control;
mod directory;
pub mod eval;
pub mod exec;
pub mod expand;
mod external;
pub mod functions;
mod functions_folder;
mod geography;
pub mod intern;
pub mod join;
pub mod make_series;
pub mod names;
pub mod nested;
mod own;
pub mod pipeline;
pub mod plugin;
pub mod pool;
pub mod range;
pub mod results;
pub mod scan;
pub mod sequence;
pub mod sort;
pub mod spill;
pub mod steps;
pub mod surroundings;
pub mod tables;
pub mod views;
mod watchlist;
pub mod window;

use column::{Result, value_at};
use control::Control;
use exec::Execution;
use names::Names;
use pipeline::Runner;
use scan::Tables;
use surroundings::Surroundings;
use tables::LocalTables;

/// Rounds of binding and running what it needs.
const MOST_ROUNDS: usize = 200;

/// How the engine works.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Threads; 0 is one a core.
    pub workers: usize,
    /// The plan is run as it was bound. For tests: the answer must be the same.
    pub unoptimised: bool,
}

/// The embedded engine. Cheap to clone; clones share the store's reader and the threads.
#[derive(Clone, Debug)]
pub struct Local {
    reader: Option<Reader>,
    /// Rows that stand in for the store's.
    given: Option<Arc<Snapshot>>,
    pool: Arc<OnceLock<pool::Pool>>,
    workers: usize,
    options: Options,
    surroundings: Arc<Surroundings>,
}

impl Local {
    /// Over a store.
    pub fn new(reader: Reader, options: Options) -> Self {
        Self { reader: Some(reader), ..Self::without_store(options) }
    }

    /// Over these rows alone: what has just been committed, for instance.
    pub fn over(rows: Snapshot, options: Options) -> Self {
        Self { given: Some(Arc::new(rows)), ..Self::without_store(options) }
    }

    /// The same engine, threads and surroundings over other rows.
    #[must_use]
    pub fn over_these(&self, rows: Snapshot) -> Self {
        Self { reader: None, given: Some(Arc::new(rows)), ..self.clone() }
    }

    /// The same engine with these rows in the place of the store's; the names that the store has learned stay beside them.
    #[must_use]
    pub fn beside_these(&self, rows: Snapshot) -> Self {
        Self { given: Some(Arc::new(rows)), ..self.clone() }
    }

    /// Over nothing: `print`, `datatable` and `range` need no more.
    pub fn without_store(options: Options) -> Self {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        let workers = if options.workers == 0 { cores() } else { options.workers };
        Self { reader: None, given: None, pool: Arc::default(), workers, options, surroundings: Arc::default() }
    }

    /// With imported tables, watch-lists and what else queries may name.
    #[must_use]
    pub fn among(self, surroundings: Surroundings) -> Self {
        Self { surroundings: Arc::new(surroundings), ..self }
    }

    fn names(&self) -> Names {
        Names::new(&self.surroundings, self.reader.is_some() || self.given.is_some())
    }

    /// A query to its end, on a thread whose stack is large enough for any expression that the binder lets through.
    fn answer(&self, request: &Request, goes_on: bool) -> Result<Answer> {
        std::thread::scope(|scope| {
            let run = || catch_unwind(AssertUnwindSafe(|| self.run_here(request, goes_on)));
            let thread = std::thread::Builder::new().name("query".into()).stack_size(pool::STACK);
            let started = thread
                .spawn_scoped(scope, run)
                .map_err(|e| QueryError::Runtime(format!("a thread for the query cannot start: {e}")))?;
            match started.join() {
                Ok(Ok(answer)) => answer,
                Ok(Err(panic)) | Err(panic) => Err(pool::panicked(&*panic)),
            }
        })
    }

    fn run_here(&self, request: &Request, goes_on: bool) -> Result<Answer> {
        let parsed = parser::parse(&request.text);
        if is_wrong(&parsed.diagnostics) {
            return Err(QueryError::Invalid(parsed.diagnostics));
        }
        // The system's folder for temporary files may itself be memory.
        let folder = self.surroundings.data.clone().filter(|data| data.is_dir()).unwrap_or_else(std::env::temp_dir);
        let control = Control::spilling_to(request, folder);
        control.goes_on.store(goes_on, Ordering::Relaxed);
        let runner = Runner { pool: Arc::clone(&self.pool), workers: self.workers, control: Arc::clone(&control) };
        let names = self.names();
        let tables = LocalTables::new(&names, &self.surroundings, self.reader.as_ref(), self.given.as_deref());
        let evaluate = |e: &crate::kql::Expr| eval::constant(e).ok();
        let mut known = Known::default();
        for _ in 0..MOST_ROUNDS {
            control.check()?;
            let context = Context {
                catalog: &names,
                now: request.now,
                parameters: &request.parameters,
                timespan: request.timespan,
                window: request.window,
                known: &known,
                evaluate: Some(&evaluate),
            };
            let outcome = bind::bind(&parsed.query, &request.text, &context);
            let mut warnings = parsed.diagnostics.clone();
            warnings.extend(outcome.diagnostics);
            match outcome.bound {
                Bound::Invalid => return Err(QueryError::Invalid(warnings)),
                Bound::Plan(plan) => {
                    let plan = self.improved(plan);
                    let execution = Execution::new(runner, &tables, &plan).plain(self.options.unoptimised);
                    let tables = results::run(&execution, &plan, request)?;
                    warnings.extend(unfit(&control));
                    warnings.extend(control.notes());
                    return Ok(Answer { tables, statistics: control.statistics(), warnings });
                }
                Bound::Needs(needs) => {
                    for need in needs {
                        let answer = self.need(&runner, &tables, &need)?;
                        known.put(need.key, answer);
                    }
                }
            }
        }
        Err(QueryError::Runtime(
            "the query needs more sub-queries than can be run: use fewer toscalar() and in (…)".into(),
        ))
    }

    fn improved(&self, plan: Plan) -> Plan {
        let plan = arrival::resolved(plan);
        if self.options.unoptimised { plan } else { optimise(plan) }
    }

    /// Runs what binding needs: a cell, or a column.
    fn need(&self, runner: &Runner, tables: &dyn Tables, need: &bind::Need) -> Result<bind::Answer> {
        let plan = self.improved(need.plan.clone());
        let execution = Execution::new(runner.clone(), tables, &plan).plain(self.options.unoptimised);
        let output = plan.outputs.first().ok_or_else(|| column::internal("a need without an output"))?;
        let ty = output.rel.schema.0.first().ok_or_else(|| column::internal("a need without a column"))?.ty;
        let most = (need.what == What::Cell).then_some(1);
        let mut values = Vec::new();
        for batch in execution.rows(&output.rel, most)? {
            runner.control.check()?;
            for row in 0..batch.rows {
                values.push(value_at(&batch.columns[0], row, ty)?);
            }
        }
        Ok(match need.what {
            What::Cell => bind::Answer::Cell(values.into_iter().next().unwrap_or(Value::null(ty))),
            What::Column => bind::Answer::Column(values),
        })
    }
}

fn is_wrong(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

/// What a column's type could not hold.
fn unfit(control: &Control) -> Option<Diagnostic> {
    let n = control.counters.unfit.load(Ordering::Relaxed);
    (n > 0).then(|| {
        Diagnostic::warning(
            "KQL900",
            crate::kql::TextRange::default(),
            format!("{n} values of aux_id do not fit an int and are null, as in Sentinel's table"),
        )
    })
}

impl QueryEngine for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn run(&self, request: &Request) -> Result<Answer> {
        let answer = self.answer(request, false);
        // A segment may have been merged into another and removed while the query ran: once more, over what is there now. What cannot be
        // read then is damaged, and the answer comes from the rest.
        match answer {
            Err(QueryError::Store(_)) if !request.cancel.is_cancelled() => self.answer(request, true),
            answer => answer,
        }
    }

    fn catalog(&self) -> Box<dyn Catalog + '_> {
        Box::new(self.names())
    }
}

#[cfg(test)]
pub(super) mod asked;
#[cfg(test)]
mod tests;
