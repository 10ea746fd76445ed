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
    /// Of a simulation: the one that this thread has, see [`Clock::simulate`].
    #[cfg(feature = "failpoints")]
    Simulated,
}

#[cfg(feature = "failpoints")]
thread_local! {
    /// What a simulated clock showed, and when on tokio's.
    static SIMULATED: std::cell::Cell<Option<(Ticks, tokio::time::Instant)>> = const { std::cell::Cell::new(None) };
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
            #[cfg(feature = "failpoints")]
            Self::Simulated => {
                let shown = SIMULATED.get().map(|(ticks, at)| ticks + Span((at.elapsed().as_nanos() / 100) as i64));
                shown.unwrap_or_default()
            }
        }
    }
}

#[cfg(feature = "failpoints")]
impl Clock {
    /// Has this thread's simulated clock show `now` at this moment of tokio's time, and go on with it.
    pub fn simulate(now: Ticks) {
        SIMULATED.set(Some((now, tokio::time::Instant::now())));
    }

    /// Is this a thread whose time is simulated? Then nothing may be left to other threads.
    pub fn is_simulated() -> bool {
        SIMULATED.get().is_some()
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
