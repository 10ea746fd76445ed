//! The writer: one thread that owns the catalogue's only writing connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
#[cfg(feature = "failpoints")]
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::file::{Written, sync_dir};
use super::import::{Mark, mark};
use super::intake::Intake;
use super::lock::WriterLock;
use super::page::{BadItem, Committed, GapRecord, Page};
use super::retain::Retained;
use super::retain::run::{Request, Run};
use super::seal;
use super::superseded::GRACE;
use super::upkeep::Upkeep;
use super::{Layout, StoreError, modes};
use crate::base::disk::{self, Disk};

/// Pages that wait are committed together up to this many items: one sync for all of them.
const GROUP_ITEMS: usize = 8_192;

/// How a store is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment is sealed when this many events can be.
    pub seal_rows: u64,
    /// The newest events that stay fresh, so that a first screen needs no Parquet.
    pub keep_fresh: u64,
    /// A segment is large enough at this many rows: smaller neighbours are merged until they are.
    pub merge_rows: u64,
    /// How long the files of superseded segments stay, in ticks.
    pub grace: i64,
    /// Carried out once a day, where there is one.
    pub retention: Option<super::retain::Policy>,
    /// The most pages the catalogue may have; a commit past it fails as on a full disk.
    pub catalogue_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seal_rows: 65_536,
            keep_fresh: 10_000,
            merge_rows: 1 << 20,
            grace: GRACE,
            retention: None,
            catalogue_pages: None,
        }
    }
}

/// To whom a job is answered. One that is dropped unanswered says that the writer has stopped, or that a fault of this program ended the
/// job: nobody waits for ever.
#[derive(Debug)]
pub(super) struct Reply<T>(Option<oneshot::Sender<Result<T, StoreError>>>);

impl<T> Reply<T> {
    pub(super) fn send(mut self, answer: Result<T, StoreError>) -> Result<(), Result<T, StoreError>> {
        self.0.take().map_or(Ok(()), |to| to.send(answer))
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(to) = self.0.take() {
            let why = if std::thread::panicking() { StoreError::Died } else { StoreError::Stopped };
            let _ = to.send(Err(why));
        }
    }
}

#[derive(Debug)]
pub(super) enum Job {
    Commit(Box<Page>, Reply<Committed>),
    Gap(GapRecord, Reply<()>),
    SetAside(String, Vec<BadItem>, Reply<()>),
    ImportPlace([u8; 32], Mark, Reply<Option<(u64, u64)>>),
    Seal {
        keep: u64,
        reply: Reply<()>,
    },
    /// Merge whatever small neighbours there are.
    Merge(Reply<()>),
    Retain(Box<Request>, Reply<Retained>),
    /// Look at the segments that somebody doubts, now.
    LookAtDoubts(Reply<()>),
    /// The thread that rewrites segments has ended.
    Rewritten(i64),
    /// The sealing up to this event has ended; its thread is there to be joined.
    Written(i64),
    Stop,
}

/// A store open for writing: the only one, until it is dropped. Dropping it finishes what was handed in.
#[derive(Debug)]
pub struct Writer {
    handle: WriterHandle,
    thread: Option<JoinHandle<()>>,
}

/// Hands pages to the writer from any thread or task.
#[derive(Clone, Debug)]
pub struct WriterHandle {
    to: To,
}

/// Who does the jobs.
#[derive(Clone, Debug)]
enum To {
    Thread(Sender<Job>),
    /// Whoever hands them in: a simulation has no other threads.
    #[cfg(feature = "failpoints")]
    Here(Arc<Mutex<Option<Desk>>>),
}

impl Writer {
    /// Opens the evidence store of a data folder, makes one where there is none. Refused while another writer, in any process, has
    /// it.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(data_dir, Options::default())
    }

    pub fn open_with(data_dir: &Path, options: Options) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel();
        let desk = Desk::open(data_dir, options, jobs.clone())?;
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || desk.run(&queue))
            .map_err(|e| StoreError::io(data_dir, e))?;
        Ok(Self { handle: WriterHandle { to: To::Thread(jobs) }, thread: Some(thread) })
    }

    /// Opens the store without a thread: each job is done, sealing and all, before the call that hands it in returns. What a run does then
    /// depends on nothing but what it is given.
    #[cfg(feature = "failpoints")]
    pub fn open_here(data_dir: &Path, options: Options) -> Result<Self, StoreError> {
        let desk = Desk::open(data_dir, options, mpsc::channel().0)?;
        Ok(Self { handle: WriterHandle { to: To::Here(Arc::new(Mutex::new(Some(desk)))) }, thread: None })
    }

    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }

    /// Finishes what was handed in and gives the store up. Later commits through handles are told that the writer has stopped.
    pub fn close(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        match &self.handle.to {
            To::Thread(jobs) => drop(jobs.send(Job::Stop)),
            #[cfg(feature = "failpoints")]
            To::Here(desk) => {
                let desk = desk.lock().unwrap_or_else(PoisonError::into_inner).take();
                // An empty queue at its end.
                let (_, queue) = mpsc::channel();
                if let Some(desk) = desk {
                    desk.run(&queue);
                }
            }
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl WriterHandle {
    /// Hands a page in. The answer comes when its events, cursor and poll record are on the disk; an error means that none of them is.
    /// Pages are committed in the order they are handed in; those that wait share a transaction.
    pub fn commit(&self, page: Page) -> oneshot::Receiver<Result<Committed, StoreError>> {
        self.ask(|reply| Job::Commit(Box::new(page), reply))
    }

    /// `commit`, waiting for the answer. Not for async tasks.
    pub fn commit_blocking(&self, page: Page) -> Result<Committed, StoreError> {
        wait(self.commit(page))
    }

    /// Records that events may be missing.
    pub fn record_gap(&self, gap: GapRecord) -> oneshot::Receiver<Result<(), StoreError>> {
        self.ask(|reply| Job::Gap(gap, reply))
    }

    /// Keeps items whose feed is not known; `account` is "" where that is not known either.
    pub fn set_aside(&self, account: &str, items: Vec<BadItem>) -> oneshot::Receiver<Result<(), StoreError>> {
        self.ask(|reply| Job::SetAside(account.into(), items, reply))
    }

    /// Asks or notes how far into a file an import has come, as (bytes, lines).
    pub(super) fn import_place(
        &self,
        file: [u8; 32],
        mark: Mark,
    ) -> oneshot::Receiver<Result<Option<(u64, u64)>, StoreError>> {
        self.ask(|reply| Job::ImportPlace(file, mark, reply))
    }

    /// Seals now whatever is not among the newest `keep` events, however few they are.
    pub fn seal(&self, keep: u64) -> oneshot::Receiver<Result<(), StoreError>> {
        self.ask(|reply| Job::Seal { keep, reply })
    }

    /// Merges now whatever small segments stand side by side.
    pub fn merge(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        self.ask(Job::Merge)
    }

    /// Lets go what a policy does not keep, in slices between commits.
    pub fn retain(&self, request: Request) -> oneshot::Receiver<Result<Retained, StoreError>> {
        self.ask(|reply| Job::Retain(Box::new(request), reply))
    }

    /// Looks now at what somebody else doubts: see `doubts`.
    pub fn look_at_doubts(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        self.ask(Job::LookAtDoubts)
    }

    fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> oneshot::Receiver<Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let job = job(Reply(Some(reply)));
        match &self.to {
            // A job that cannot be handed in answers itself.
            To::Thread(jobs) => drop(jobs.send(job)),
            #[cfg(feature = "failpoints")]
            To::Here(desk) => {
                if let Some(desk) = desk.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    desk.serve(job, &mpsc::channel().1);
                    desk.guarded(Desk::finish_sealing);
                    if desk.steady().is_ok() {
                        desk.guarded(|desk| desk.upkeep.run_out(&mut desk.intake));
                    }
                }
            }
        }
        answer
    }
}

/// Waits for an answer of the writer. Not for async tasks.
pub(super) fn wait<T>(answer: oneshot::Receiver<Result<T, StoreError>>) -> Result<T, StoreError> {
    answer.blocking_recv().unwrap_or(Err(StoreError::Stopped))
}

impl Job {
    /// Answers that the job cannot be done.
    fn fail(self, error: StoreError) {
        match self {
            Self::Commit(_, reply) => drop(reply.send(Err(error))),
            Self::ImportPlace(_, _, reply) => drop(reply.send(Err(error))),
            Self::Retain(_, reply) => drop(reply.send(Err(error))),
            Self::Gap(_, reply)
            | Self::SetAside(_, _, reply)
            | Self::Seal { reply, .. }
            | Self::Merge(reply)
            | Self::LookAtDoubts(reply) => {
                drop(reply.send(Err(error)));
            }
            Self::Written(_) | Self::Rewritten(_) | Self::Stop => {}
        }
    }
}

/// SQLite's log needs locks and shared memory that a network file system does not keep.
fn on_a_local_disk(data_dir: &Path) -> Result<(), StoreError> {
    let Disk::Network(kind) = disk::of(data_dir) else { return Ok(()) };
    let local = disk::local_directory().map_or_else(|| "DIR".into(), |dir| dir.display().to_string());
    Err(StoreError::Network { dir: data_dir.into(), kind, local })
}

/// What the writer's thread works with.
#[derive(Debug)]
struct Desk {
    intake: Intake,
    /// Kept so that a sealing thread can say that it has ended.
    jobs: Sender<Job>,
    sealing: Option<JoinHandle<Result<(seal::Plan, Written), StoreError>>>,
    upkeep: Upkeep,
    /// After a failed sealing: not before there are this many fresh rows.
    seal_again_at: u64,
    /// The disk failed under the intake, or a fault of this program ended a job: it is opened anew before the next one. What a failed
    /// sync left in memory is not to be trusted.
    shaken: bool,
    _lock: WriterLock,
}

impl Desk {
    fn open(data_dir: &Path, options: Options, jobs: Sender<Job>) -> Result<Self, StoreError> {
        let layout = Layout::of(data_dir);
        on_a_local_disk(data_dir)?;
        modes::folder(&layout.segments())?;
        let written = [layout.root().to_path_buf(), layout.segments(), layout.catalogue(), layout.heads()];
        written.iter().try_for_each(|path| modes::writable(path))?;
        let lock = WriterLock::take(&layout.lock())?;
        let folders = [data_dir.to_path_buf(), layout.root().to_path_buf()];
        let intake = Intake::open(layout, options)?;
        folders.iter().try_for_each(|dir| sync_dir(dir))?;
        let upkeep = Upkeep::new(jobs.clone(), &intake);
        Ok(Self { intake, jobs, sealing: None, upkeep, seal_again_at: 0, shaken: false, _lock: lock })
    }

    fn run(mut self, queue: &Receiver<Job>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| self.next_job(queue)) {
            if matches!(job, Job::Stop) {
                break;
            }
            next = self.serve(job, queue);
        }
        self.guarded(|desk| {
            desk.upkeep.stop(&mut desk.intake);
            desk.finish_sealing();
        });
        self.intake.fold_log();
    }

    /// The next job; what is due meanwhile is done.
    fn next_job(&mut self, queue: &Receiver<Job>) -> Option<Job> {
        loop {
            if self.steady().is_ok() && self.guarded(|desk| desk.upkeep.go_on(&mut desk.intake)).is_none() {
                // Who waits for a run that ended so is told now, not when the next job comes.
                self.upkeep.abandon();
                self.upkeep.pause();
            }
            match queue.recv_timeout(self.upkeep.due()) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Does a job and what follows from it; answers one that was met on the way.
    fn serve(&mut self, job: Job, queue: &Receiver<Job>) -> Option<Job> {
        if let Err(e) = self.steady() {
            tracing::error!(error = %e, "the store cannot be opened anew");
            job.fail(e);
            return None;
        }
        let next = self.guarded(|desk| {
            let next = desk.work(job, queue);
            desk.seal_if_due();
            next
        });
        next.flatten()
    }

    /// A panic ends what was being done, and nothing else: its transaction is rolled back, whoever waits is told (`Reply`), and the writer
    /// goes on with an intake opened anew.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        if done.is_err() {
            tracing::error!("a fault of this program ended a job of the store's writer; the store is opened anew");
            self.shaken = true;
        }
        done.ok()
    }

    fn work(&mut self, job: Job, queue: &Receiver<Job>) -> Option<Job> {
        match job {
            Job::Commit(page, reply) => return self.commit_group(*page, reply, queue),
            Job::Gap(gap, reply) => drop(reply.send(self.intake.record_gap(&gap))),
            Job::SetAside(account, items, reply) => drop(reply.send(self.intake.set_aside(&account, &items))),
            Job::ImportPlace(file, at, reply) => drop(reply.send(mark(&self.intake.db, file, at))),
            Job::Seal { keep, reply } => drop(reply.send(self.seal_now(keep))),
            Job::Retain(request, reply) => self.upkeep.retain(Run::new(*request, Some(reply))),
            Job::LookAtDoubts(reply) => {
                self.intake.look_at_doubts();
                let _ = reply.send(Ok(()));
            }
            Job::Merge(reply) => drop(reply.send(self.upkeep.merge_all(&mut self.intake))),
            Job::Rewritten(number) => self.upkeep.ended(number, &mut self.intake),
            Job::Written(through) if through == self.intake.sealing_through => self.finish_sealing(),
            // Joined already, when the intake had to wait for it.
            Job::Written(_) | Job::Stop => {}
        }
        None
    }

    /// Opens a shaken intake anew: the chain's head is compared again, and memory holds what the disk does.
    fn steady(&mut self) -> Result<(), StoreError> {
        self.shaken |= std::mem::take(&mut self.upkeep.shaken);
        if !self.shaken {
            return Ok(());
        }
        // Files that the catalogue does not name are removed at opening. What is being written is written again, from what is there then.
        if let Some(sealing) = self.sealing.take() {
            let _ = sealing.join();
        }
        self.upkeep.abandon();
        self.intake = Intake::open(self.intake.layout.clone(), self.intake.options.clone())?;
        self.shaken = false;
        tracing::warn!("the store was opened anew");
        Ok(())
    }

    /// Commits a page and those that wait behind it; answers the first job that is something else.
    fn commit_group(&mut self, page: Page, reply: Reply<Committed>, queue: &Receiver<Job>) -> Option<Job> {
        let mut items = page.items.len();
        let (mut pages, mut replies, mut other) = (vec![page], vec![reply], None);
        while items < GROUP_ITEMS && other.is_none() {
            match queue.try_recv() {
                Ok(Job::Commit(page, reply)) => {
                    items += page.items.len();
                    pages.push(*page);
                    replies.push(reply);
                }
                Ok(job) => other = Some(job),
                Err(_) => break,
            }
        }
        let answers = self.intake.commit(&pages);
        self.shaken |= answers.iter().any(|answer| answer.as_ref().is_err_and(StoreError::is_of_the_disk));
        for (answer, reply) in answers.into_iter().zip(replies) {
            let _ = reply.send(answer);
        }
        other
    }

    fn seal_if_due(&mut self) {
        let Options { seal_rows, keep_fresh, .. } = self.intake.options;
        if self.sealing.is_some() {
            // Intake is faster than sealing: wait, or fresh rows would grow without a bound.
            if self.intake.fresh_rows > 2 * seal_rows + keep_fresh {
                self.finish_sealing();
            }
            return;
        }
        if self.intake.fresh_rows < (seal_rows + keep_fresh).max(self.seal_again_at) {
            return;
        }
        match seal::plan(&self.intake.db, seal_rows, keep_fresh) {
            Ok(Some(plan)) if plan.rows >= seal_rows => {
                let (layout, jobs) = (self.intake.layout.clone(), self.jobs.clone());
                let thread = std::thread::Builder::new().name("store-seal".into()).spawn(move || {
                    // Whatever becomes of it, the writer hears of its end.
                    let written = catch_unwind(|| seal::write(&layout, plan)).unwrap_or(Err(StoreError::Died));
                    let written = written.map(|written| (plan, written));
                    let _ = jobs.send(Job::Written(plan.last_seq));
                    written
                });
                match thread {
                    Ok(thread) => {
                        self.intake.sealing_through = plan.last_seq;
                        self.sealing = Some(thread);
                    }
                    Err(e) => self.put_off(&StoreError::io(self.intake.layout.root(), e)),
                }
            }
            Ok(_) => {}
            Err(e) => self.put_off(&e),
        }
    }

    /// Takes over what the sealing thread wrote, or waits until it has.
    fn finish_sealing(&mut self) {
        let Some(thread) = self.sealing.take() else { return };
        let written = thread.join().unwrap_or_else(|_| Err(StoreError::damaged("a page that was to be sealed")));
        self.intake.sealing_through = 0;
        let adopted = written.and_then(|(plan, written)| {
            let adopted = self.intake.adopt(plan, written);
            // Whether its transaction stands is not known: what the catalogue says does.
            self.shaken |= adopted.is_err();
            adopted
        });
        match adopted {
            Ok(()) => self.seal_again_at = 0,
            Err(e) => self.put_off(&e),
        }
    }

    /// The pages stay fresh and complete; sealing is tried again when there are noticeably more.
    fn put_off(&mut self, error: &StoreError) {
        tracing::error!(%error, "sealing failed; its events stay in the catalogue");
        self.seal_again_at = self.intake.fresh_rows + 10_000;
    }

    fn seal_now(&mut self, keep: u64) -> Result<(), StoreError> {
        self.finish_sealing();
        while let Some(plan) = seal::plan(&self.intake.db, self.intake.options.seal_rows, keep)? {
            let written = seal::write(&self.intake.layout, plan)?;
            self.intake.adopt(plan, written)?;
        }
        Ok(())
    }
}
