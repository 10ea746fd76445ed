//! A simulated organisation behind a real Events API server on loopback. Used by `cli` and tests only.
//!
//! Everything it says follows from (seed, now, users, days, rate): the same five give the same bytes. Background work
//! (`background`) and the stories (`stories`, with their ground truth) are compact records; the JSON of an event is made
//! when somebody asks for it (`render`).

mod background;
pub mod fill;
pub mod happening;
mod ids;
pub mod organisation;
mod render;
pub mod replay;
pub mod server;
pub mod simulation;
pub mod stories;

use crate::base::time::Ticks;

pub use organisation::Organisation;
pub use server::{DemoServer, ServerOptions};
pub use simulation::Simulation;
pub use stories::Truth;

/// Nanoseconds since 1970: the resolution of the API's times.
pub type Nanos = i64;

pub(crate) const SECOND: Nanos = 1_000_000_000;
pub(crate) const MINUTE: Nanos = 60 * SECOND;
pub(crate) const HOUR: Nanos = 60 * MINUTE;
pub(crate) const DAY: Nanos = 24 * HOUR;

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub seed: u64,
    /// Where history ends and live begins.
    pub now: Ticks,
    /// 30 to 20,000.
    pub users: u32,
    /// Days of history, 1 to 365.
    pub days: u32,
    /// Live events a second, 0.01 to 5,000.
    pub rate: f64,
}

impl Options {
    /// 200 users, 30 days of history, 3 events a second.
    pub fn new(seed: u64, now: Ticks) -> Self {
        Self { seed, now, users: 200, days: 30, rate: 3.0 }
    }

    /// The options, if every one is in its range.
    pub fn checked(self) -> Result<Self, BadOption> {
        let year = self.now.civil().year;
        let within = |option, ok, range| if ok { Ok(()) } else { Err(BadOption { option, range }) };
        within("users", (30..=20_000).contains(&self.users), "30 to 20000")?;
        within("days", (1..=365).contains(&self.days), "1 to 365")?;
        within("rate", (0.01..=5_000.0).contains(&self.rate), "0.01 to 5000 events a second")?;
        within("now", (1980..=2200).contains(&year), "a time of the years 1980 to 2200")?;
        Ok(self)
    }

    fn start(&self) -> Nanos {
        nanos(self.now)
    }
}

/// An option of the demo that is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{option}` of the demo must be {range}")]
pub struct BadOption {
    pub option: &'static str,
    pub range: &'static str,
}

/// A time as the API counts it, saturating outside the years 1678 to 2262.
pub fn nanos(at: Ticks) -> Nanos {
    (at.0 - crate::base::time::UNIX_EPOCH).saturating_mul(100)
}

/// The tick in which a time lies.
pub fn ticks(at: Nanos) -> Ticks {
    Ticks(crate::base::time::UNIX_EPOCH + at.div_euclid(100))
}
