//! What is wrong with a configuration, where, and how to put it right.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::base::secret::redact;
use crate::base::shown::Shown;
use crate::base::suggest;

/// An error in a configuration file. The text is safe to show: it holds no value that could be a token.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub file: Option<PathBuf>,
    /// Line and column, from 1, in characters.
    pub place: Option<(usize, usize)>,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}", Shown::new(&file.to_string_lossy()))?,
            None => f.write_str("configuration")?,
        }
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        Self::general(Some(file), format!("cannot be read: {error}"), "name another with --config")
    }

    pub(super) fn general(file: Option<&Path>, message: String, help: &str) -> Self {
        Self { file: file.map(Path::to_owned), place: None, message, help: Some(help.to_owned()) }
    }

    pub(super) fn no_profile<'a>(
        file: Option<&Path>,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let message = format!("there is no profile `{}`", Shown::with_limit(name, 60));
        let help = if let Some(near) = suggest::nearest(name, known.clone()) {
            format!("did you mean `{near}`?")
        } else {
            let known: Vec<_> = ["default", "demo"].into_iter().chain(known).collect();
            format!("known: {}; a profile is a table [profiles.NAME]", known.join(", "))
        };
        Self::general(file, message, &help)
    }

    /// The parser's message without its excerpt of the file, which may hold a token.
    pub(super) fn from_toml(file: Option<&Path>, text: &str, error: &toml::de::Error) -> Self {
        let message = redact(Shown::with_limit(error.message().trim(), 1_000).as_str());
        let place = error.span().map(|span| place(text, span.start));
        let (message, help) = explain(&message);
        Self { file: file.map(Path::to_owned), place, message, help }
    }
}

/// Line and column, from 1, of a byte of the text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// serde's "unknown field `x`, expected one of `a`, `b`" becomes a statement and the nearest of the names.
fn explain(message: &str) -> (String, Option<String>) {
    let kinds = [("unknown field", "unknown key"), ("unknown variant", "unknown value")];
    for (begins, says) in kinds {
        let Some(rest) = message.strip_prefix(begins) else { continue };
        let mut quoted = rest.split('`').skip(1).step_by(2);
        let Some(name) = quoted.next() else { continue };
        let known: Vec<&str> = quoted.collect();
        let help = match suggest::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        return (format!("{says} `{name}`"), Some(help));
    }
    (message.to_owned(), None)
}
