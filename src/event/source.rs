//! How an event came to be here.

use std::fmt;

use crate::base::time::{MINUTE, Span, Ticks};

/// An event that comes so long after it happened is late.
const LATE: Span = Span(10 * MINUTE);

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

    /// How late an event came, where that is worth a mark: polled as it happened, and more than ten minutes after. Item usages are told
    /// when the client syncs, which may be hours later.
    pub fn late(self, happened: Ticks, arrived: Ticks) -> Option<Span> {
        let after = arrived - happened;
        (matches!(self, Self::Live | Self::Demo) && after > LATE).then_some(after)
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
