//! Questions to the engine, each on a thread of its own: the engine shares its pool among them.

use std::sync::mpsc::{RecvTimeoutError, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::base::clock::Clock;
use crate::base::person;
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::console::message::{Effect, Message};
use crate::console::state::hunts::Outcome;
use crate::console::state::query::Completion;
use crate::engine::{Answer, Cancel, Limits, Progress, QueryEngine, QueryError, Request};
use crate::hunt::lint;
use crate::kql::complete::{World, complete, schema_of};
use crate::store::Workspace;
use crate::store::workspace::QueryRecord;

/// How often a running query says how far it is.
const REPORT: Duration = Duration::from_millis(250);

/// Asks, and remembers what can be stopped.
#[derive(Clone)]
pub struct Queries {
    engine: Arc<dyn QueryEngine>,
    clock: Clock,
    limits: Limits,
    workspace: Option<Arc<Workspace>>,
    messages: SyncSender<Message>,
    running: Arc<Mutex<Vec<Cancel>>>,
}

impl std::fmt::Debug for Queries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queries").field("engine", &self.engine.name()).finish_non_exhaustive()
    }
}

impl Queries {
    pub fn new(
        engine: Arc<dyn QueryEngine>,
        clock: Clock,
        limits: Limits,
        workspace: Option<Arc<Workspace>>,
        messages: SyncSender<Message>,
    ) -> Self {
        Self { engine, clock, limits, workspace, messages, running: Arc::default() }
    }

    /// Starts an effect that asks; gives it back when it is none of these.
    pub fn perform(&self, effect: Effect) -> Option<Effect> {
        let this = self.clone();
        let work: Box<dyn FnOnce() + Send> = match effect {
            Effect::CancelAll => {
                self.cancel_all();
                return None;
            }
            Effect::Run { id, text, window } => Box::new(move || this.run(id, text, window)),
            Effect::AskPage(question) => Box::new(move || {
                let result = this.ask(question.text.clone(), "page", None, Progress::default());
                this.send(Message::Page { question, result });
            }),
            Effect::RunHunts(hunts) => Box::new(move || this.run_hunts(hunts)),
            Effect::Check { version, text } => Box::new(move || {
                let diagnostics = lint::bind(&text, this.engine.catalog().as_ref(), this.clock.now()).diagnostics;
                this.send(Message::Checked { version, diagnostics });
            }),
            Effect::FindCompletions { version, text, offset } => Box::new(move || {
                let catalog = this.engine.catalog();
                let schema_of = |text: &str| schema_of(text, catalog.as_ref());
                let items = complete(&text, offset, World { catalog: catalog.as_ref(), schema_of: &schema_of });
                let items = items.into_iter().take(200).map(|item| Completion {
                    label: Shown::with_limit(&item.label, 60).into_string(),
                    detail: Shown::with_limit(&item.detail, 120).into_string(),
                    insert: item.insert,
                    range: item.range.start as usize..item.range.end as usize,
                });
                this.send(Message::Completed { version, items: items.collect() });
            }),
            other => return Some(other),
        };
        if thread::Builder::new().name("query".to_owned()).spawn(work).is_err() {
            tracing::error!("no thread could be started for a query");
        }
        None
    }

    fn send(&self, message: Message) {
        // The console has ended when nobody listens.
        let _ = self.messages.send(message);
    }

    fn cancel_all(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Cancel::cancel);
    }

    fn run(&self, id: u64, text: String, window: Option<(Ticks, Ticks)>) {
        let progress = Progress::default();
        let (done, end): (Sender<()>, _) = channel();
        let (messages, watched) = (self.messages.clone(), progress.clone());
        let reporter = thread::Builder::new().name("progress".to_owned()).spawn(move || {
            let mut last = (0, 0);
            while end.recv_timeout(REPORT) == Err(RecvTimeoutError::Timeout) {
                let progress = watched.get();
                if progress != last && messages.send(Message::Progress { id, progress }).is_err() {
                    return;
                }
                last = progress;
            }
        });
        let result = self.ask(text, "console", window, progress);
        drop(done);
        if let Ok(reporter) = reporter {
            let _ = reporter.join();
        }
        self.send(Message::Answer { id, result });
    }

    fn run_hunts(&self, hunts: Vec<(String, String)>) {
        for (hunt, text) in hunts {
            let outcome = match self.ask(text, "hunt", None, Progress::default()) {
                Ok(answer) => {
                    let rows = answer.tables.first().map_or(0, |table| table.rows() as u64);
                    Outcome::Found { rows, at: self.clock.now() }
                }
                Err(error) => Outcome::Failed(Shown::with_limit(&error.to_string(), 400).into_string()),
            };
            self.send(Message::Hunted { hunt, outcome });
        }
    }

    /// Asks and waits, and writes the question into the query log.
    fn ask(
        &self,
        text: String,
        who: &str,
        window: Option<(Ticks, Ticks)>,
        progress: Progress,
    ) -> Result<Arc<Answer>, Arc<QueryError>> {
        let now = self.clock.now();
        let request = Request { limits: self.limits, window, progress, ..Request::new(text, now) };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(request.cancel.clone());
        let result = self.engine.run(&request);
        let ours = &request.cancel;
        self.running.lock().unwrap_or_else(PoisonError::into_inner).retain(|cancel| !cancel.is(ours));
        self.log(&request, who, now, &result);
        result.map(Arc::new).map_err(Arc::new)
    }

    fn log(&self, request: &Request, who: &str, at: Ticks, result: &Result<Answer, QueryError>) {
        let Some(workspace) = &self.workspace else { return };
        let record = QueryRecord {
            at,
            who: person::doing(who),
            text: request.text.clone(),
            engine: self.engine.name().to_owned(),
            rows: result.as_ref().map_or(0, |answer| answer.tables.iter().map(|table| table.rows() as u64).sum()),
            millis: ((self.clock.now() - at).0 / 10_000).max(0) as u64,
            error: result.as_ref().err().map(ToString::to_string),
            ..QueryRecord::default()
        };
        if let Err(error) = workspace.log_query(&record) {
            tracing::warn!("the query could not be logged: {error}");
        }
    }
}
