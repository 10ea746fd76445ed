//! A run of retention, in slices that leave room for commits: fresh pages a few milliseconds at a time, then segment by segment, each written by
//! a thread of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::purge::Order;
use super::{Cutoffs, Policy, Retained};
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::store::StoreError;
use crate::store::intake::Intake;
use crate::store::lock::Holder;
use crate::store::names::forget::Doubtful;
use crate::store::segment::Segment;
use crate::store::writer::Reply;

/// Commits wait no longer than this for a slice, and the page in it.
const SLICE: Duration = Duration::from_millis(50);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Request {
    pub policy: Policy,
    /// This feed alone.
    pub only: Option<Feed>,
    /// Who wants it, as the tombstones will say.
    pub by: String,
    pub now: Ticks,
}

impl Request {
    pub fn new(policy: Policy, only: Option<Feed>, command: &str, now: Ticks) -> Self {
        let (host, uid) = (Holder::here().host, rustix::process::geteuid().as_raw());
        let policy = match only {
            Some(feed) => policy.only(feed),
            None => policy,
        };
        Self { policy, only, by: format!("{command} on {host}, uid {uid}"), now }
    }
}

/// What comes next of a run.
#[derive(Debug)]
pub(in crate::store) enum Step {
    /// Another slice.
    More,
    /// This segment is to be written anew.
    Rewrite(Arc<Segment>),
    /// The names that events older than this told are to be looked for in what is left.
    LookForNames(i64),
    /// A sealing must end first.
    Wait,
    Done,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Begin,
    /// Pages after this number.
    Pages(i64),
    /// Segments after this number.
    Segments(i64),
    /// Learned names that went with their events.
    Names,
    Rest,
}

/// A run under way.
#[derive(Debug)]
pub(in crate::store) struct Run {
    pub cutoffs: Cutoffs,
    pub done: Retained,
    /// Names that may be forgotten, once they have been looked for.
    pub doubtful: Doubtful,
    request: Request,
    policy: String,
    phase: Phase,
    /// Pages up to here were being sealed when the others were looked through.
    passed_over: i64,
    reply: Option<Reply<Retained>>,
}

impl Run {
    pub(in crate::store) fn new(request: Request, reply: Option<Reply<Retained>>) -> Self {
        let (cutoffs, policy) = (request.policy.cutoffs(request.now), request.policy.to_string());
        let (done, doubtful) = (Retained::default(), Doubtful::default());
        Self { cutoffs, done, doubtful, request, policy, phase: Phase::Begin, passed_over: 0, reply }
    }

    /// Does nobody wait for it? Then it is the policy's own, and comes again by itself.
    pub(in crate::store) fn is_daily(&self) -> bool {
        self.reply.is_none()
    }

    /// Does a slice.
    pub(in crate::store) fn slice(&mut self, intake: &mut Intake) -> Result<Step, StoreError> {
        let started = Instant::now();
        let order = Order { policy: &self.policy, by: &self.request.by };
        match self.phase {
            Phase::Begin => {
                intake.draw_line(&self.cutoffs, self.request.only)?;
                let nothing = self.cutoffs == Cutoffs::default();
                self.phase = if nothing { Phase::Rest } else { Phase::Pages(0) };
            }
            Phase::Pages(mut after) => {
                while started.elapsed() < SLICE {
                    if intake.sealing_through > after {
                        self.passed_over = intake.sealing_through;
                    }
                    match intake.sieve_page(after, &self.cutoffs, order, &mut self.done)? {
                        Some(last) => after = last,
                        None => {
                            self.phase = Phase::Segments(0);
                            return Ok(Step::More);
                        }
                    }
                }
                self.phase = Phase::Pages(after);
            }
            Phase::Segments(after) => {
                let mut next = intake.sealed.iter().map(|s| &s.segment).filter(|s| s.seqs.0 > after);
                if let Some(segment) = next.find(|s| self.cutoffs.may_touch(s)) {
                    self.phase = Phase::Segments(segment.seqs.1);
                    return Ok(Step::Rewrite(Arc::clone(segment)));
                }
                // What was being sealed is a segment by now, is still being sealed, or is pages again because that failed.
                let passed_over = self.passed_over;
                if passed_over > 0 && intake.sealing_through == passed_over {
                    return Ok(Step::Wait);
                }
                self.passed_over = 0;
                if passed_over > 0 && intake.has_pages(passed_over)? {
                    self.phase = Phase::Pages(0);
                    return Ok(Step::More);
                }
                self.phase = Phase::Names;
                if let Some(before) = self.cutoffs.newest() {
                    return Ok(Step::LookForNames(before));
                }
            }
            Phase::Names => {
                self.done.names += intake.forget_names(&mut self.doubtful)?;
                if self.doubtful.is_empty() {
                    self.phase = Phase::Rest;
                }
            }
            Phase::Rest => {
                intake.end_retention(&self.cutoffs, order, &mut self.done)?;
                return Ok(Step::Done);
            }
        }
        Ok(Step::More)
    }

    /// What the run does to a segment, as its tombstone will say.
    pub(in crate::store) fn order(&self) -> (String, String) {
        (self.policy.clone(), self.request.by.clone())
    }

    /// Answers who waits.
    pub(in crate::store) fn end(mut self, result: Result<(), StoreError>) {
        match &result {
            Ok(()) if self.done.going.events() > 0 => {
                tracing::info!(events = self.done.going.events(), policy = self.policy, "retention let events go");
            }
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "retention could not be carried out"),
        }
        for kept in &self.done.kept {
            tracing::error!(kept, "retention left something as it is");
        }
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(result.map(|()| self.done));
        }
    }
}
