//! The engine's threads: as many as cores, low in priority, shared fairly. A stage of a query gives out its work in morsels; a worker takes one morsel
//! of the stage that waits longest, then looks again, so that a short query overtakes a long one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::column::Result;
use crate::engine::QueryError;

/// Work that comes in morsels.
pub trait Stage: Send + Sync {
    /// Runs one morsel as worker `worker`; false when none is left to begin.
    fn morsel(&self, worker: usize) -> Result<bool>;
    /// Workers that may be inside at once.
    fn most_workers(&self) -> usize;
}

/// Stack of a worker: deep expressions recurse.
pub const STACK: usize = 8 << 20;

#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There may be work, or the end.
    wake: Condvar,
    /// A task may be over.
    over: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    tasks: VecDeque<Arc<Task>>,
    closed: bool,
}

struct Task {
    stage: Arc<dyn Stage>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    inside: usize,
    exhausted: bool,
    error: Option<QueryError>,
}

/// A poisoned lock only means that a worker panicked; that is reported where it happened.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// Starts the threads. Fewer start where the system refuses some; none is an error.
    pub fn new(workers: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut threads = Vec::with_capacity(workers);
        for worker in 0..workers.max(1) {
            let inside = Arc::clone(&shared);
            let start = std::thread::Builder::new().name(format!("engine-{worker}")).stack_size(STACK);
            match start.spawn(move || work(&inside, worker)) {
                Ok(thread) => threads.push(thread),
                Err(error) if threads.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(Self { shared, threads })
    }

    pub fn workers(&self) -> usize {
        self.threads.len()
    }

    /// Runs a stage to its end. Its first error stops it.
    pub fn run(&self, stage: Arc<dyn Stage>) -> Result<()> {
        let task = Arc::new(Task { stage, state: Mutex::default() });
        let mut queue = lock(&self.shared.queue);
        queue.tasks.push_back(Arc::clone(&task));
        self.shared.wake.notify_all();
        loop {
            {
                let mut state = lock(&task.state);
                if state.exhausted && state.inside == 0 {
                    return state.error.take().map_or(Ok(()), Err);
                }
            }
            queue = self.shared.over.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            // A worker catches what its work throws; nothing is left to report.
            let _ = thread.join();
        }
    }
}

/// One morsel, a panic caught.
pub fn step(stage: &dyn Stage, worker: usize) -> Result<bool> {
    catch_unwind(AssertUnwindSafe(|| stage.morsel(worker))).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// What a panic said, as an error.
pub fn panicked(panic: &(dyn std::any::Any + Send)) -> QueryError {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    QueryError::Internal(text.unwrap_or("a worker panicked").to_owned())
}

fn work(shared: &Shared, worker: usize) {
    lower_priority();
    let mut queue = lock(&shared.queue);
    loop {
        if queue.closed {
            return;
        }
        let Some(task) = next(&mut queue) else {
            queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(queue);
        let answer = step(&*task.stage, worker);
        queue = lock(&shared.queue);
        let mut state = lock(&task.state);
        state.inside -= 1;
        match answer {
            Ok(true) => {}
            Ok(false) => state.exhausted = true,
            Err(error) => {
                state.exhausted = true;
                state.error.get_or_insert(error);
            }
        }
        if state.exhausted && state.inside == 0 {
            shared.over.notify_all();
        }
        drop(state);
        // A stage that lets in few may have room again.
        shared.wake.notify_one();
    }
}

/// The task that waits longest and has room, moved to the end of the line.
fn next(queue: &mut Queue) -> Option<Arc<Task>> {
    for _ in 0..queue.tasks.len() {
        let task = queue.tasks.pop_front()?;
        let mut state = lock(&task.state);
        if state.exhausted {
            continue;
        }
        let room = state.inside < task.stage.most_workers();
        state.inside += usize::from(room);
        drop(state);
        queue.tasks.push_back(Arc::clone(&task));
        if room {
            return Some(task);
        }
    }
    None
}

/// The console and the store's writer go first. On Linux a thread has a niceness of its own; elsewhere it would slow the whole process.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(5) {
        tracing::debug!(%error, "the engine's threads keep their priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counting {
        next: AtomicUsize,
        done: AtomicUsize,
        morsels: usize,
        fail_at: Option<usize>,
    }

    impl Counting {
        fn new(morsels: usize, fail_at: Option<usize>) -> Arc<Self> {
            Arc::new(Self { next: AtomicUsize::new(0), done: AtomicUsize::new(0), morsels, fail_at })
        }
    }

    impl Stage for Counting {
        fn morsel(&self, _: usize) -> Result<bool> {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            if n >= self.morsels {
                return Ok(false);
            }
            assert_ne!(Some(n), self.fail_at, "as asked");
            self.done.fetch_add(1, Ordering::Relaxed);
            Ok(true)
        }

        fn most_workers(&self) -> usize {
            usize::MAX
        }
    }

    #[test]
    fn every_morsel_runs_once_for_several_stages_at_a_time() {
        let pool = Pool::new(2).unwrap();
        std::thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    let stage = Counting::new(100, None);
                    pool.run(Arc::clone(&stage) as Arc<dyn Stage>).unwrap();
                    assert_eq!(stage.done.load(Ordering::Relaxed), 100);
                });
            }
        });
    }

    #[test]
    fn a_panic_is_an_error_and_the_pool_goes_on() {
        let pool = Pool::new(2).unwrap();
        let error = pool.run(Counting::new(10, Some(3))).unwrap_err();
        assert!(matches!(error, QueryError::Internal(ref text) if text.contains("as asked")), "{error}");
        let stage = Counting::new(10, None);
        pool.run(Arc::clone(&stage) as Arc<dyn Stage>).unwrap();
        assert_eq!(stage.done.load(Ordering::Relaxed), 10);
    }
}
