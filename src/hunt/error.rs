//! What is wrong with a hunt, where, and how to put it right.

use std::fmt;

use super::Origin;

/// An error in a hunt's file or in how it was asked. The text is safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HuntError {
    /// The file, as it is shown; "" while it is not known.
    pub file: String,
    /// Line and column, from 1, in characters.
    pub place: Option<(usize, usize)>,
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl HuntError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(super) fn at(place: (usize, usize), message: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::new(message) }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(super) fn of(mut self, origin: &Origin) -> Self {
        self.file = origin.to_string();
        self
    }
}

impl fmt::Display for HuntError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.place) {
            ("", None) => {}
            ("", Some((line, column))) => write!(f, "line {line}, column {column}: ")?,
            (file, None) => write!(f, "{file}: ")?,
            (file, Some((line, column))) => write!(f, "{file}:{line}:{column}: ")?,
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for HuntError {}
