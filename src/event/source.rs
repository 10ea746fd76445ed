//! How an event came to be here.

use std::fmt;

/// The way an event arrived. The name is what the stored column `source` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Polled as it happened.
    Live,
    /// First contact: what the service still had.
    Backfill,
    /// Fetched again after a cursor was lost.
    Gap,
    /// Read from a file.
    Import,
    /// Made up by the demo.
    Demo,
}

impl Source {
    pub const ALL: [Self; 5] = [Self::Live, Self::Backfill, Self::Gap, Self::Import, Self::Demo];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Backfill => "backfill",
            Self::Gap => "gap",
            Self::Import => "import",
            Self::Demo => "demo",
        }
    }

    /// The source of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
