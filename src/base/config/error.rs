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

    /// At a byte of the text.
    pub(super) fn at(file: Option<&Path>, text: &str, byte: usize, message: String, help: &str) -> Self {
        let place = Some(suggest::line_column(text, byte));
        Self { file: file.map(Path::to_owned), place, message, help: Some(help.to_owned()) }
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
        let place = error.span().map(|span| suggest::line_column(text, span.start));
        let (message, help) = suggest::explain(&message);
        Self { file: file.map(Path::to_owned), place, message, help }
    }
}
