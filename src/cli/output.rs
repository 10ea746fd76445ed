//! The only way to standard output and standard error.
//!
//! Standard output carries the answer and nothing else; what is said about it goes to standard error. A reader that
//! has gone (`| head`) is no error.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use anyhow::Error;

use super::{Outcome, WrongUse};
use crate::base::config::ConfigError;
use crate::base::shown::Shown;
use crate::collect::BadRule;

/// Standard output, buffered. Call [`Answer::end`] when all is written: a full disk behind it shows there.
#[derive(Debug)]
pub struct Answer(BufWriter<Stdout>);

impl Answer {
    pub fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout()))
    }

    /// Writes out what is still held.
    pub fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Is somebody looking at standard output?
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Is somebody looking at standard error?
pub fn errors_are_seen() -> bool {
    io::stderr().is_terminal()
}

/// One line beside the answer. The text may come from outside.
pub fn note(text: impl Display) {
    say(&format!("{}\n", shown(&text.to_string())));
}

/// A text whose parts from outside are shown already: the marks in it stay as they are, anything else that may not reach a terminal
/// is marked all the same.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(['‹', '␊', '␉']) {
        let end = part.trim_end_matches(['‹', '␊', '␉']).len();
        out.push_str(Shown::with_limit(&part[..end], 16 * 1024).as_str());
        out.push_str(&part[end..]);
    }
    out
}

/// Lines of our own making, such as a report with marked places: every part from outside is already shown in it.
pub fn report(text: &str) {
    say(text);
}

/// A line that the next one overwrites; an empty one clears it. Only where somebody looks.
pub fn progress(text: &str) {
    if errors_are_seen() {
        say(&format!("\r\x1b[K{}", Shown::new(text)));
    }
}

fn say(text: &str) {
    // Nobody is left to be told when this fails.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Says what went wrong, and what that is for the exit status.
pub fn failure(error: &Error) -> Outcome {
    let gone = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(gone) {
        return Outcome::Done;
    }
    note(format_args!("vaultscope: {}", said(error)));
    let rule = error.chain().find_map(|e| e.downcast_ref::<BadRule>());
    if let Some(rule) = rule {
        report(&rule.report(false));
    }
    let wrong_use = rule.is_some() || error.chain().any(|e| e.is::<WrongUse>() || e.is::<ConfigError>());
    if wrong_use { Outcome::WrongUse } else { Outcome::Failed }
}

/// The error and its causes in one line; a cause that the text above it repeats is left out.
fn said(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Rows in columns, two blanks between them, the last as wide as it is. Widths are those of a terminal.
pub fn columns(out: &mut impl Write, rows: &[Vec<String>]) -> io::Result<()> {
    use unicode_width::UnicodeWidthStr as _;
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..count).map(|at| rows.iter().filter_map(|row| row.get(at)).map(|c| c.width()).max().unwrap_or(0)).collect();
    for row in &rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if at + 1 < row.len() {
                line.extend(std::iter::repeat_n(' ', widths[at] - cell.width() + 2));
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Bytes for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn columns_line_up_by_what_a_terminal_shows() {
        let mut out = Vec::new();
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        columns(&mut out, &[row(["a", "b", "c"]), row(["日本", "x\u{202e}", ""])]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a     b          c\n日本  x‹U+202E›\n");
    }

    #[test]
    fn what_is_shown_already_is_not_marked_twice() {
        let name = Shown::new("a\u{202e}‹\n").into_string();
        assert_eq!(shown(&format!("no `{name}`\u{1b}")), format!("no `{name}`‹U+001B›"));
    }

    #[test]
    fn an_error_names_its_causes_once() {
        let inner = anyhow::anyhow!("the disk is full");
        assert_eq!(said(&inner.context("the page cannot be kept")), "the page cannot be kept: the disk is full");
        let twice = Err::<(), _>(anyhow::anyhow!("no host")).context("asking failed: no host").unwrap_err();
        assert_eq!(said(&twice), "asking failed: no host");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_wrong_use_has_its_own_status() {
        let gone = Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing the answer");
        assert_eq!(failure(&gone), Outcome::Done);
        assert_eq!(failure(&Error::from(WrongUse("x".into())).context("y")), Outcome::WrongUse);
        assert_eq!(failure(&anyhow::anyhow!("x")), Outcome::Failed);
    }
}
