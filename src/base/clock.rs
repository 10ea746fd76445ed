//! The program's clock: what `now()` means, for queries, arrivals and screens.

use super::time::{Span, Ticks};

/// The wall clock. `--now T` makes it stand still or start at T, so that a run can be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// The machine's, moved by a span: time runs, from another start.
    Shifted(Span),
    /// Standing still.
    Fixed(Ticks),
}

impl Clock {
    /// A running clock that shows `now` at this moment.
    pub fn starting_at(now: Ticks) -> Self {
        Self::Shifted(now - Ticks::now())
    }

    pub fn now(self) -> Ticks {
        match self {
            Self::System => Ticks::now(),
            Self::Shifted(span) => Ticks::now() + span,
            Self::Fixed(ticks) => ticks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{DAY, MINUTE};

    #[test]
    fn a_fixed_clock_stands_still_and_a_shifted_one_runs_from_its_start() {
        let then = Ticks(1_000 * DAY);
        assert_eq!(Clock::Fixed(then).now(), then);
        let gap = Clock::starting_at(then).now() - then;
        assert!((0..MINUTE).contains(&gap.0), "{gap}");
    }
}
