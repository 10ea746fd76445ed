//! A query under way: Ctrl-C cancels it, and a long one tells how far it is.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Result;

use crate::cli::interrupt::Interrupt;
use crate::cli::output;
use crate::engine::{Answer, QueryEngine, QueryError, Request};

/// A run shorter than this says nothing of its progress.
const LONG: Duration = Duration::from_millis(800);
/// Between two looks at it.
const EVERY: Duration = Duration::from_millis(200);

/// Runs the request to its end on this thread.
pub fn attended(request: &Request, engine: &dyn QueryEngine) -> Result<Result<Answer, QueryError>> {
    let cancel = request.cancel.clone();
    let _interrupt = Interrupt::listen(move || cancel.cancel())?;
    if !output::errors_are_seen() {
        return Ok(engine.run(request));
    }
    let progress = request.progress.clone();
    let (ended, end) = channel::<()>();
    let teller = std::thread::Builder::new().name("progress".into()).spawn(move || {
        let mut wait = LONG;
        while end.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let (done, all) = progress.get();
            output::progress(&format!("{done} of {all} rows; Ctrl-C cancels"));
            wait = EVERY;
        }
        output::progress("");
    })?;
    let answered = engine.run(request);
    drop(ended);
    let _ = teller.join();
    Ok(answered)
}
