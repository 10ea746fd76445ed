//! Floor 5: hunts. A hunt is a question that is worth asking again: a `.kql` file that says in its leading `//` lines what it
//! looks for, what its answers mean and what to do next.
//!
//! The file stays valid KQL: pasted into Log Analytics it runs as it is. What may be changed about it (thresholds, the window,
//! what the organisation knows) stands in its `let` statements; running it here may put other values in their place, through
//! the literal printer, and the text that ran is what the analyst sees.

pub mod facts;
pub mod front_matter;
pub mod lint;
pub mod pack;
pub mod run;

mod error;

use std::path::PathBuf;
use std::sync::Arc;

pub use error::HuntError;
pub use front_matter::{EntityKind, FrontMatter, Parameter, Severity};
pub use pack::Pack;
pub use run::Asked;

/// A hunt: what it says of itself, and its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Hunt {
    pub about: FrontMatter,
    /// The whole file: the front matter is a comment of the query.
    pub text: Arc<str>,
    pub origin: Origin,
}

/// Where a hunt comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program: `queries/NAME.kql`.
    BuiltIn(&'static str),
    File(PathBuf),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn(name) => write!(f, "built-in {name}.kql"),
            Self::File(path) => write!(f, "{}", crate::base::shown::Shown::new(&path.to_string_lossy())),
        }
    }
}

impl Hunt {
    /// Reads a hunt's text. Errors name the line in it.
    pub fn parse(text: impl Into<Arc<str>>, origin: Origin) -> Result<Self, HuntError> {
        let text = text.into();
        let about = front_matter::read(&text).map_err(|error| error.of(&origin))?;
        let hunt = Self { about, text, origin };
        hunt.check_lets().map_err(|error| error.of(&hunt.origin))?;
        Ok(hunt)
    }

    pub fn id(&self) -> &str {
        &self.about.id
    }
}
