//! What the writer does beside commits, when it is due: merging, and removing what was superseded. The long work is done by one thread of
//! low priority at a time; what is left for the writer's thread is a short transaction.

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
use super::segment::Segment;
use super::writer::Job;
use crate::base::time::{SECOND, Ticks};

/// After a failure: not before this long.
const PAUSE: Duration = Duration::from_secs(60);

/// The writer's other work.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// Tells the writer that the thread has ended.
    jobs: Sender<Job>,
    rewriting: Option<Rewriting>,
    merge_not_before: Option<Instant>,
    /// When to look at superseded files again.
    remove_at: Option<Instant>,
}

#[derive(Debug)]
struct Rewriting {
    number: i64,
    sources: Vec<Arc<Segment>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Written, Failed>>,
}

impl Upkeep {
    pub(super) fn new(jobs: Sender<Job>) -> Self {
        Self { jobs, rewriting: None, merge_not_before: None, remove_at: Some(Instant::now()) }
    }

    /// When it wants to be called again, though nothing else happens.
    pub(super) fn due(&self) -> Option<Duration> {
        let at = [self.remove_at, self.merge_not_before].into_iter().flatten().min()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// Does what is due.
    pub(super) fn go_on(&mut self, intake: &mut Intake) {
        let now = Instant::now();
        if self.remove_at.is_some_and(|at| at <= now) {
            self.remove(intake);
        }
        if self.merge_not_before.is_some_and(|at| at <= now) {
            self.merge_not_before = None;
        }
        if self.rewriting.is_none()
            && self.merge_not_before.is_none()
            && let Some(sources) = merge::plan(&intake.sealed, &intake.options, false)
            && let Err(error) = self.merge(intake, sources)
        {
            self.put_off(&error);
        }
    }

    fn merge(&mut self, intake: &Intake, sources: Vec<Arc<Segment>>) -> Result<(), StoreError> {
        let number = intake.next_number()?;
        let name = merge::name(&sources, number);
        let stop = Arc::new(AtomicBool::new(false));
        let (layout, jobs) = (intake.layout.clone(), self.jobs.clone());
        let (theirs, flag) = (sources.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("store-merge".into())
            .spawn(move || {
                step_back();
                let written = merge::write(&layout, &theirs, name, &flag);
                let _ = jobs.send(Job::Rewritten(number));
                written
            })
            .map_err(|e| StoreError::io(intake.layout.root(), e))?;
        self.rewriting = Some(Rewriting { number, sources, stop, thread });
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
        let Some(Rewriting { sources, thread, .. }) = self.rewriting.take() else { return };
        let panicked = || Failed::Target(StoreError::damaged("a segment that was to be rewritten"));
        let written = thread.join().unwrap_or_else(|_| Err(panicked()));
        match self.settle(intake, &sources, written) {
            Ok(()) => {}
            Err(error) => self.put_off(&error),
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
                intake.replace(sources, written)?;
                self.remove_soon(intake);
                Ok(())
            }
            Err(Failed::Source(segment, error)) if is_damage(&error) => {
                let is_read = intake.sealed.iter().any(|s| s.segment.id == segment.id);
                if is_read { intake.mark_damaged(&segment, &error.to_string()) } else { Ok(()) }
            }
            Err(Failed::Source(_, error) | Failed::Target(error)) => Err(error),
            Err(Failed::Stopped) => Ok(()),
        }
    }

    /// Merges, here and now, whatever small neighbours there are.
    pub(super) fn merge_all(&mut self, intake: &mut Intake) -> Result<(), StoreError> {
        self.finish(intake);
        while let Some(sources) = merge::plan(&intake.sealed, &intake.options, true) {
            let name = merge::name(&sources, intake.next_number()?);
            let written = merge::write(&intake.layout, &sources, name, &AtomicBool::new(false));
            self.settle(intake, &sources, written)?;
        }
        Ok(())
    }

    /// Ends what is under way; what was not finished begins anew at the next opening.
    pub(super) fn stop(&mut self, intake: &mut Intake) {
        if let Some(rewriting) = &self.rewriting {
            rewriting.stop.store(true, Ordering::Relaxed);
        }
        self.finish(intake);
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

/// Intake and queries go first. On Linux a thread has a niceness of its own; elsewhere it would slow the whole process.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "the merging thread keeps its priority");
    }
}
