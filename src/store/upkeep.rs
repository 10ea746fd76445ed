//! What the writer does beside commits, when it is due: merging, retention, and removing what was superseded. The long work is done by one
//! thread of low priority at a time; what is left for the writer's thread is short transactions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::StoreError;
use super::damage::is_damage;
use super::file::Written;
use super::intake::Intake;
use super::merge::{self, Failed};
use super::names::forget::Doubtful;
use super::retain::purge::{self, Order, Sieved};
use super::retain::run::{Request, Run, Step};
use super::segment::Segment;
use super::writer::Job;
use crate::base::time::{DAY, SECOND, Ticks};

/// How often the writer looks whether a segment is doubted.
const LOOK: Duration = Duration::from_secs(5);
/// After a failure: not before this long.
const PAUSE: Duration = Duration::from_secs(60);
/// The same for the daily run of retention, which goes through everything.
const LONG_PAUSE: Duration = Duration::from_secs(600);

/// With more small segments than this, merging is worth as much as what it would step back for: a store that only fills must not fall behind
/// for ever.
const BEHIND: usize = 4 * merge::NEIGHBOURS;

/// The writer's other work.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// Tells the writer that the thread has ended.
    jobs: Sender<Job>,
    rewriting: Option<Rewriting>,
    merge_not_before: Option<Instant>,
    /// When to look at superseded files again.
    remove_at: Option<Instant>,
    look_at: Instant,
    run: Option<Run>,
    /// The run has more to do at once.
    more: bool,
    /// When the policy is to be carried out again, where there is one.
    retain_at: Option<Instant>,
    /// A transaction failed, and whether it stands is not known: the catalogue is to be asked.
    pub shaken: bool,
}

/// A thread that writes a file in the place of others.
#[derive(Debug)]
struct Rewriting {
    number: i64,
    sources: Vec<Arc<Segment>>,
    /// For the run of retention; else it is a merge.
    retaining: bool,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Output, Failed>>,
}

#[derive(Debug)]
enum Output {
    Merged(Box<Written>),
    /// None where nothing in the segment goes.
    Sieved(Option<Box<Sieved>>),
    Names(Doubtful),
}

impl Upkeep {
    pub(super) fn new(jobs: Sender<Job>, intake: &Intake) -> Self {
        let now = Instant::now();
        Self {
            jobs,
            rewriting: None,
            merge_not_before: None,
            remove_at: Some(now),
            look_at: now,
            run: None,
            more: false,
            shaken: false,
            retain_at: intake.options.retention.as_ref().map(|_| now + until_next_run(intake)),
        }
    }

    /// When it wants to be called again, though nothing else happens.
    pub(super) fn due(&self) -> Duration {
        if self.more && self.rewriting.is_none() {
            return Duration::ZERO;
        }
        let others = [self.remove_at, self.merge_not_before, self.retain_at].into_iter().flatten();
        others.fold(self.look_at, Instant::min).saturating_duration_since(Instant::now())
    }

    /// Does what is due.
    pub(super) fn go_on(&mut self, intake: &mut Intake) {
        let now = Instant::now();
        if self.look_at <= now {
            self.look_at = now + LOOK;
            intake.look_at_doubts();
        }
        if self.remove_at.is_some_and(|at| at <= now) {
            self.remove(intake);
        }
        if self.merge_not_before.is_some_and(|at| at <= now) {
            self.merge_not_before = None;
        }
        if self.retain_at.is_some_and(|at| at <= now) {
            self.retain_at = Some(now + Duration::from_secs(86_400));
            if let Some(policy) = intake.options.retention.clone().filter(|_| self.run.is_none()) {
                self.retain(Run::new(Request::new(policy, None, "the daily run", Ticks::now()), None));
            }
        }
        if self.rewriting.is_some() {
            return;
        }
        if self.run.is_some() {
            self.go_on_retaining(intake);
        } else if self.merge_not_before.is_none()
            && let Some(sources) = merge::plan(&intake.sealed, &intake.options, false)
            && let Err(error) = self.merge(intake, sources)
        {
            self.put_off(&error);
        }
    }

    /// Begins a run of retention; one at a time.
    pub(super) fn retain(&mut self, run: Run) {
        if self.run.is_some() {
            run.end(Err(StoreError::Busy));
            return;
        }
        self.run = Some(run);
        self.more = true;
    }

    fn go_on_retaining(&mut self, intake: &mut Intake) {
        let Some(run) = &mut self.run else { return };
        self.more = false;
        let rewriting = match run.slice(intake) {
            Ok(Step::More) => {
                self.more = true;
                Ok(())
            }
            Ok(Step::Wait) => Ok(()),
            Ok(Step::Rewrite(segment)) => {
                let cutoffs = run.cutoffs;
                self.spawn(intake, true, vec![segment], move |layout, sources, name, stop| {
                    let sieved = purge::write(layout, &sources[0], &cutoffs, name, stop)?;
                    Ok(Output::Sieved(sieved.map(Box::new)))
                })
            }
            Ok(Step::LookForNames(before)) => self.spawn(intake, true, Vec::new(), move |layout, _, _, stop| {
                match Doubtful::look(layout, before, stop) {
                    Ok(Some(doubtful)) => Ok(Output::Names(doubtful)),
                    Ok(None) => Err(Failed::Stopped),
                    // They stay until all that is left can be read.
                    Err(error) => {
                        tracing::warn!(%error, "names that events told stay: what is left cannot be looked through");
                        Ok(Output::Names(Doubtful::default()))
                    }
                }
            }),
            Ok(Step::Done) => {
                self.remove_soon(intake);
                self.end_run(Ok(()));
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = rewriting {
            self.shaken = true;
            self.end_run(Err(error));
        }
    }

    fn end_run(&mut self, result: Result<(), StoreError>) {
        self.more = false;
        if let Some(run) = self.run.take() {
            if result.is_err() && run.is_daily() {
                self.retain_at = Some(Instant::now() + LONG_PAUSE);
            }
            run.end(result);
        }
    }

    fn merge(&mut self, intake: &Intake, sources: Vec<Arc<Segment>>) -> Result<(), StoreError> {
        self.spawn(intake, false, sources, |layout, sources, name, stop| {
            merge::write(layout, sources, name, stop).map(|written| Output::Merged(Box::new(written)))
        })
    }

    fn spawn(
        &mut self,
        intake: &Intake,
        retaining: bool,
        sources: Vec<Arc<Segment>>,
        write: impl FnOnce(&super::Layout, &[Arc<Segment>], String, &AtomicBool) -> Result<Output, Failed> + Send + 'static,
    ) -> Result<(), StoreError> {
        let number = intake.next_number()?;
        let name = merge::name(&sources, number);
        let stop = Arc::new(AtomicBool::new(false));
        let (layout, jobs) = (intake.layout.clone(), self.jobs.clone());
        let (theirs, flag) = (sources.clone(), Arc::clone(&stop));
        let is_behind = merge::small(&intake.sealed, &intake.options) > BEHIND;
        let thread = std::thread::Builder::new()
            .name("store-rewrite".into())
            .spawn(move || {
                if !is_behind {
                    step_back();
                }
                // Whatever becomes of it, the writer hears of its end.
                let write = AssertUnwindSafe(|| write(&layout, &theirs, name, &flag));
                let written = catch_unwind(write).unwrap_or(Err(Failed::Target(StoreError::Died)));
                let _ = jobs.send(Job::Rewritten(number));
                written
            })
            .map_err(|e| StoreError::io(intake.layout.root(), e))?;
        self.rewriting = Some(Rewriting { number, sources, retaining, stop, thread });
        Ok(())
    }

    /// A thread has ended; it may have been joined already, when somebody had to wait for it.
    pub(super) fn ended(&mut self, number: i64, intake: &mut Intake) {
        if self.rewriting.as_ref().is_some_and(|r| r.number == number) {
            self.finish(intake);
        }
    }

    /// Takes over what the thread wrote, or waits until it has.
    pub(super) fn finish(&mut self, intake: &mut Intake) {
        let Some(Rewriting { sources, retaining, thread, .. }) = self.rewriting.take() else { return };
        match thread.join().unwrap_or(Err(Failed::Target(StoreError::Died))) {
            Ok(Output::Merged(written)) => {
                if let Err(error) = self.settle(intake, &sources, Ok(*written)) {
                    self.put_off(&error);
                }
            }
            Ok(Output::Sieved(sieved)) => self.let_go(intake, &sources[0], sieved),
            Ok(Output::Names(doubtful)) => {
                if let Some(run) = &mut self.run {
                    run.doubtful = doubtful;
                    self.more = true;
                }
            }
            Err(failed) if retaining => self.leave(intake, failed),
            Err(failed) => {
                if let Err(error) = self.settle(intake, &sources, Err(failed)) {
                    self.put_off(&error);
                }
            }
        }
    }

    /// A segment without what goes.
    fn let_go(&mut self, intake: &mut Intake, source: &Arc<Segment>, sieved: Option<Box<Sieved>>) {
        let Some(run) = &mut self.run else { return };
        self.more = true;
        let Some(sieved) = sieved else { return };
        let (policy, by) = run.order();
        let order = Order { policy: &policy, by: &by };
        match intake.let_go(source, *sieved, order, &mut run.done) {
            Ok(_) => self.remove_soon(intake),
            Err(error) => {
                self.shaken = true;
                self.end_run(Err(error));
            }
        }
    }

    /// A segment that retention could not write anew: the others are gone through all the same.
    fn leave(&mut self, intake: &mut Intake, failed: Failed) {
        let Some(run) = &mut self.run else { return };
        self.more = true;
        match failed {
            Failed::Source(segment, error) if is_damage(&error) => {
                run.done.kept.push(error.to_string());
                if let Err(error) = intake.mark_damaged(&segment, &error.to_string()) {
                    self.end_run(Err(error));
                }
            }
            Failed::Target(error @ StoreError::Changed { .. }) => run.done.kept.push(error.to_string()),
            Failed::Altered(segment) => {
                run.done.kept.push(altered(&segment));
                intake.leave_altered(&segment);
            }
            Failed::Source(_, error) | Failed::Target(error) => self.end_run(Err(error)),
            Failed::Stopped => self.end_run(Err(StoreError::Stopped)),
        }
    }

    fn settle(
        &mut self,
        intake: &mut Intake,
        sources: &[Arc<Segment>],
        written: Result<Written, Failed>,
    ) -> Result<(), StoreError> {
        match written {
            Ok(written) => {
                let replaced = intake.replace(sources, written);
                self.shaken |= replaced.is_err();
                replaced?;
                self.remove_soon(intake);
                Ok(())
            }
            Err(Failed::Source(segment, error)) if is_damage(&error) => {
                let is_read = intake.sealed.iter().any(|s| s.segment.id == segment.id);
                if is_read { intake.mark_damaged(&segment, &error.to_string()) } else { Ok(()) }
            }
            Err(Failed::Altered(segment)) => {
                tracing::error!("{}", altered(&segment));
                intake.leave_altered(&segment);
                Ok(())
            }
            Err(Failed::Source(_, error) | Failed::Target(error)) => Err(error),
            Err(Failed::Stopped) => Ok(()),
        }
    }

    /// Merges, here and now, whatever small neighbours there are.
    pub(super) fn merge_all(&mut self, intake: &mut Intake) -> Result<(), StoreError> {
        self.finish(intake);
        while let Some(sources) = merge::plan(&intake.sealed, &intake.options, true) {
            if self.shaken {
                // What the intake knows of segments may be of before the failure: it would be merged again, and refused, without end.
                let why = std::io::Error::other("a merge failed just now, and the store is opened anew; merge again");
                return Err(StoreError::io(intake.layout.root(), why));
            }
            let name = merge::name(&sources, intake.next_number()?);
            let written = merge::write(&intake.layout, &sources, name, &AtomicBool::new(false));
            self.settle(intake, &sources, written)?;
        }
        Ok(())
    }

    /// Does what is due, and a run of retention to its end: for a store without a thread of its own.
    #[cfg(feature = "failpoints")]
    pub(super) fn run_out(&mut self, intake: &mut Intake) {
        loop {
            self.go_on(intake);
            self.finish(intake);
            if self.run.is_none() {
                return;
            }
        }
    }

    /// Ends what is under way; what was not finished begins anew at the next opening.
    pub(super) fn stop(&mut self, intake: &mut Intake) {
        if let Some(rewriting) = &self.rewriting {
            rewriting.stop.store(true, Ordering::Relaxed);
        }
        self.finish(intake);
        self.end_run(Err(StoreError::Stopped));
    }

    /// Ends what is under way and forgets it.
    pub(super) fn abandon(&mut self) {
        if let Some(Rewriting { stop, thread, .. }) = self.rewriting.take() {
            stop.store(true, Ordering::Relaxed);
            let _ = thread.join();
        }
        self.end_run(Err(StoreError::Died));
    }

    /// Does nothing for a while.
    pub(super) fn pause(&mut self) {
        let later = Instant::now() + PAUSE;
        (self.merge_not_before, self.remove_at, self.look_at) = (Some(later), Some(later), later);
    }

    fn put_off(&mut self, error: &StoreError) {
        tracing::error!(%error, "segments could not be merged; they stay as they are");
        self.merge_not_before = Some(Instant::now() + PAUSE);
    }

    fn remove_soon(&mut self, intake: &Intake) {
        let wait = Duration::from_secs((intake.options.grace / SECOND).max(0) as u64);
        self.remove_at = [self.remove_at, Some(Instant::now() + wait)].into_iter().flatten().min();
    }

    fn remove(&mut self, intake: &mut Intake) {
        let now = Ticks::now();
        self.remove_at = match intake.remove_superseded(now) {
            // The clock may jump; looking once too often costs nothing.
            Ok(next) => next.map(|at| {
                let wait = (at.0 - now.0).max(0) / SECOND;
                Instant::now() + Duration::from_secs(wait as u64 + 1)
            }),
            Err(error) => {
                tracing::warn!(%error, "superseded segments cannot be removed yet");
                Some(Instant::now() + PAUSE)
            }
        };
    }
}

fn altered(segment: &Segment) -> String {
    let file = segment.path.file_name().unwrap_or_default().display();
    format!(
        "segment {file} is not the file that the store signed for, and stays as it is; run `vaultscope store verify`"
    )
}

/// A day after the last whole run, and not at once where a program is started again and again.
fn until_next_run(intake: &Intake) -> Duration {
    let last: Option<i64> = intake.db.query_row("SELECT at FROM retained", [], |row| row.get(0)).unwrap_or_default();
    let wait = last.map_or(0, |last| (last + DAY - Ticks::now().0).clamp(0, DAY));
    Duration::from_secs((wait / SECOND) as u64)
}

/// Intake and queries go first. On Linux a thread has a niceness of its own; elsewhere it would slow the whole process.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "the rewriting thread keeps its priority");
    }
}
