//! Pipelines: a source gives morsels, steps change batches on their way, a sink takes them. Workers pull morsels and push their batches through; each
//! has a state of its own in the sink, and the states are put together at the end.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::column::Result;
use super::control::{Account, Control};
use super::pool::{Pool, Stage, step};

/// Rows of a morsel made of rows in memory.
pub const MORSEL: usize = 65_536;

/// Takes a batch further. `false` says that no more is wanted.
pub type Emit<'a> = &'a mut dyn FnMut(Batch) -> Result<bool>;

pub trait Source: Send + Sync {
    /// For people who look at what a query cost.
    fn name(&self) -> String {
        "rows".into()
    }

    fn morsels(&self) -> usize;
    /// Gives the batches of one morsel, in order.
    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()>;
}

pub trait Step: Send + Sync {
    /// For people who look at what a query cost.
    fn name(&self) -> &'static str {
        "step"
    }

    /// Changes a batch, into none, one or several.
    fn push(&self, batch: Batch, emit: Emit<'_>) -> Result<bool>;
}

/// A source and what happens to its batches.
#[derive(Clone)]
struct Branch {
    source: Arc<dyn Source>,
    steps: Vec<Arc<dyn Step>>,
}

/// Branches side by side: one but for a union.
#[derive(Clone)]
pub struct Pipeline {
    branches: Vec<Branch>,
    /// The order of morsels and of rows in them means something.
    pub ordered: bool,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("branches", &self.branches.len()).finish_non_exhaustive()
    }
}

impl Pipeline {
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { branches: vec![Branch { source, steps: Vec::new() }], ordered: false }
    }

    /// Rows in memory, in order.
    pub fn of(batches: Vec<Batch>) -> Self {
        let mut pipeline = Self::new(Arc::new(Rows::new(batches)));
        pipeline.ordered = true;
        pipeline
    }

    #[must_use]
    pub fn then(mut self, step: impl Step + 'static) -> Self {
        let step: Arc<dyn Step> = Arc::new(step);
        for branch in &mut self.branches {
            branch.steps.push(Arc::clone(&step));
        }
        self
    }

    pub fn union(pipelines: impl IntoIterator<Item = Self>) -> Self {
        Self { branches: pipelines.into_iter().flat_map(|p| p.branches).collect(), ordered: false }
    }

    fn morsels(&self) -> usize {
        self.branches.iter().map(|b| b.source.morsels()).sum()
    }

    /// The sources and their steps.
    fn name(&self) -> String {
        let branch = |b: &Branch| b.steps.iter().fold(b.source.name(), |name, step| name + " > " + step.name());
        let shown: Vec<String> = self.branches.iter().take(3).map(branch).collect();
        let more = self.branches.len().saturating_sub(3);
        shown.join(", ") + &if more > 0 { format!(", {more} more") } else { String::new() }
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        let mut at = morsel;
        for branch in &self.branches {
            let own = branch.source.morsels();
            if at < own {
                return branch.source.read(at, &mut |batch| through(&branch.steps, batch, emit));
            }
            at -= own;
        }
        Ok(())
    }
}

fn through(steps: &[Arc<dyn Step>], batch: Batch, emit: Emit<'_>) -> Result<bool> {
    match steps.split_first() {
        _ if batch.rows == 0 => Ok(true),
        None => emit(batch),
        Some((first, rest)) => first.push(batch, &mut |batch| through(rest, batch, emit)),
    }
}

/// Batches in memory.
struct Rows {
    batches: Vec<Batch>,
}

impl Rows {
    fn new(batches: Vec<Batch>) -> Self {
        let split = batches.into_iter().flat_map(|b| {
            (0..b.rows)
                .step_by(MORSEL)
                .map(move |from| if b.rows <= MORSEL { b.clone() } else { b.slice(from, MORSEL.min(b.rows - from)) })
        });
        Self { batches: split.collect() }
    }
}

impl Source for Rows {
    fn morsels(&self) -> usize {
        self.batches.len()
    }

    fn read(&self, morsel: usize, emit: Emit<'_>) -> Result<()> {
        emit(self.batches[morsel].clone()).map(drop)
    }
}

/// The end of a pipeline.
pub trait Sink: Send + Sync + 'static {
    type State: Send + 'static;

    /// For people who look at what a query cost.
    fn name(&self) -> &'static str {
        "rows"
    }

    fn start(&self) -> Result<Self::State>;

    /// Takes a batch of a morsel. `false` says that no more of this morsel is wanted.
    fn push(&self, state: &mut Self::State, morsel: usize, batch: Batch) -> Result<bool>;

    /// A morsel is over. `false` says that no more morsels are wanted.
    fn done(&self, _state: &mut Self::State, _morsel: usize) -> Result<bool> {
        Ok(true)
    }
}

struct Run<S: Sink> {
    pipeline: Pipeline,
    sink: Arc<S>,
    control: Arc<Control>,
    states: Vec<Mutex<Option<S::State>>>,
    next: AtomicUsize,
    stop: AtomicBool,
    alone: bool,
    rows: AtomicU64,
    /// Nanoseconds.
    busy: AtomicU64,
}

impl<S: Sink> Stage for Run<S> {
    fn morsel(&self, worker: usize) -> Result<bool> {
        self.control.check()?;
        let morsel = self.next.fetch_add(1, Ordering::Relaxed);
        if morsel >= self.pipeline.morsels() || self.stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let began = Instant::now();
        let mut slot = self.states[worker].lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = match slot.take() {
            Some(state) => state,
            None => self.sink.start()?,
        };
        self.pipeline.read(morsel, &mut |batch| {
            self.control.check()?;
            self.rows.fetch_add(batch.rows as u64, Ordering::Relaxed);
            self.sink.push(&mut state, morsel, batch)
        })?;
        if !self.sink.done(&mut state, morsel)? {
            self.stop.store(true, Ordering::Relaxed);
        }
        *slot = Some(state);
        self.busy.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
        Ok(true)
    }

    fn most_workers(&self) -> usize {
        if self.alone { 1 } else { usize::MAX }
    }
}

/// How pipelines run: on the pool, or here when there is too little for more than one thread.
#[derive(Clone, Debug)]
pub struct Runner {
    pub pool: Arc<std::sync::OnceLock<Pool>>,
    pub workers: usize,
    pub control: Arc<Control>,
}

impl Runner {
    /// Runs a pipeline into a sink and gives the states of the workers that had something to do. `alone` keeps the order of rows.
    pub fn run<S: Sink>(&self, pipeline: Pipeline, sink: Arc<S>, alone: bool) -> Result<Vec<S::State>> {
        let began = Instant::now();
        let morsels = pipeline.morsels();
        let name = pipeline.name() + " > " + sink.name();
        let run = Arc::new(Run {
            pipeline,
            sink,
            control: Arc::clone(&self.control),
            states: (0..self.workers.max(1)).map(|_| Mutex::new(None)).collect(),
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            alone,
            rows: AtomicU64::new(0),
            busy: AtomicU64::new(0),
        });
        if morsels <= 1 {
            while step(&*run, 0)? {}
        } else {
            self.pool()?.run(Arc::clone(&run) as Arc<dyn Stage>)?;
        }
        self.control.ended(crate::engine::Stage {
            name,
            morsels: morsels as u64,
            rows: run.rows.load(Ordering::Relaxed),
            elapsed: began.elapsed(),
            busy: Duration::from_nanos(run.busy.load(Ordering::Relaxed)),
        });
        let states = run.states.iter().filter_map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).take());
        Ok(states.collect())
    }

    fn pool(&self) -> Result<&Pool> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool);
        }
        let started = Pool::new(self.workers)
            .map_err(|e| crate::engine::QueryError::Runtime(format!("the engine's threads cannot start: {e}")))?;
        Ok(self.pool.get_or_init(|| started))
    }

    /// All rows of a pipeline, in the order of morsels; the first `most` of them, if it is said.
    pub fn collect(&self, pipeline: Pipeline, what: &'static str, most: Option<u64>) -> Result<Vec<Batch>> {
        let sink = Arc::new(Collect { control: Arc::clone(&self.control), what, most, finished: Mutex::default() });
        let states = self.run(pipeline, sink, false)?;
        let mut all: Vec<(usize, Batch)> = states.into_iter().flat_map(|s| s.batches).collect();
        all.sort_by_key(|(morsel, _)| *morsel);
        let mut left = most.unwrap_or(u64::MAX);
        let mut batches = Vec::with_capacity(all.len());
        for (_, batch) in all {
            let rows = (batch.rows as u64).min(left);
            left -= rows;
            if rows > 0 {
                batches.push(if rows as usize == batch.rows { batch } else { batch.slice(0, rows as usize) });
            }
        }
        Ok(batches)
    }
}

/// Keeps batches. With a limit it stops once the morsels that are through, counted from the first, have enough rows.
struct Collect {
    control: Arc<Control>,
    what: &'static str,
    most: Option<u64>,
    finished: Mutex<Finished>,
}

#[derive(Default)]
struct Finished {
    /// Rows of finished morsels that wait for one before them.
    waiting: std::collections::BTreeMap<usize, u64>,
    next: usize,
    rows: u64,
}

struct Kept {
    batches: Vec<(usize, Batch)>,
    /// Rows of the morsel under way.
    rows: u64,
    account: Account,
}

impl Sink for Collect {
    type State = Kept;

    fn name(&self) -> &'static str {
        self.what
    }

    fn start(&self) -> Result<Kept> {
        Ok(Kept { batches: Vec::new(), rows: 0, account: self.control.account(self.what) })
    }

    fn push(&self, state: &mut Kept, morsel: usize, batch: Batch) -> Result<bool> {
        let batch = batch.lean()?;
        state.account.add(batch.bytes())?;
        state.rows += batch.rows as u64;
        state.batches.push((morsel, batch));
        Ok(self.most.is_none_or(|most| state.rows < most))
    }

    fn done(&self, state: &mut Kept, morsel: usize) -> Result<bool> {
        let rows = std::mem::take(&mut state.rows);
        let Some(most) = self.most else { return Ok(true) };
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.waiting.insert(morsel, rows);
        let mut next = finished.next;
        while let Some(rows) = finished.waiting.remove(&next) {
            finished.rows += rows;
            next += 1;
        }
        finished.next = next;
        Ok(finished.rows < most)
    }
}
