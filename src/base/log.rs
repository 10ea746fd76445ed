//! The log: a file a day in the state directory, seven kept, never the terminal.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::paths::{PathError, ensure_private};
use super::shown::Shown;

/// Set it to widen or narrow the log: `VAULTSCOPE_LOG=vaultscope=debug`. Default `vaultscope=info,warn`.
pub const VARIABLE: &str = "VAULTSCOPE_LOG";
/// Days of log that are kept.
const KEPT: usize = 7;
/// Bytes of one line.
const LINE: usize = 8 * 1024;

/// Holds the log open. Dropped at the end of `main`, it writes out what is still waiting.
#[must_use = "the log ends when this is dropped"]
pub struct LogGuard(#[expect(dead_code, reason = "held for its drop")] WorkerGuard);

impl fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogGuard")
    }
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(transparent)]
    Directory(#[from] PathError),
    #[error("the log cannot be opened: {0}")]
    Open(String),
    #[error("{VARIABLE} is not a filter: {0}; write it like `vaultscope=debug`")]
    Filter(String),
    #[error("a log is already set up")]
    Twice,
}

/// Begins to log into `state`/vaultscope.DATE.log. Once in a process.
pub fn init(state: &Path) -> Result<LogGuard, LogError> {
    ensure_private(state)?;
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => {
            EnvFilter::try_new(&text).map_err(|e| LogError::Filter(Shown::new(&e.to_string()).into_string()))?
        }
        Err(_) => EnvFilter::new("vaultscope=info,warn"),
    };
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("vaultscope")
        .filename_suffix("log")
        .max_log_files(KEPT)
        .build(state)
        .map_err(|error| LogError::Open(error.to_string()))?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Lines(writer))
        .try_init()
        .map_err(|_| LogError::Twice)?;
    Ok(LogGuard(guard))
}

/// Lets every event through as one shown line: a field from outside can neither forge a second line nor leave an
/// escape sequence for whoever reads the log with `cat`.
struct Lines<W>(W);

impl<'a> MakeWriter<'a> for Lines<NonBlocking> {
    type Writer = Lines<NonBlocking>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines(self.0.clone())
    }
}

impl<W: Write> Write for Lines<W> {
    /// The subscriber writes each event with one call, its line end included.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        let mut shown = Shown::bytes(line, LINE).into_string();
        shown.push('\n');
        self.0.write_all(shown.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_field_cannot_forge_a_line_or_leave_an_escape_sequence() {
        let sink = Sink::default();
        let out = sink.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || Lines(out.clone())).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(name = %"x\n2026-01-01 ERROR forged \u{1b}[2J\u{202e}", "event");
            tracing::info!("second");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains('␊') && !text.contains('\u{1b}') && text.contains("‹U+202E›"), "{text}");
    }
}
