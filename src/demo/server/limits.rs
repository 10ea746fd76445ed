//! The API's limits on requests: so many a minute, so many an hour, in fixed windows.

use crate::demo::{HOUR, MINUTE, Nanos};

/// Requests a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub minute: u32,
    pub hour: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { minute: 600, hour: 30_000 }
    }
}

/// The requests of the windows that are open.
#[derive(Debug, Default)]
pub(super) struct Windows {
    minute: (Nanos, u32),
    hour: (Nanos, u32),
}

impl Windows {
    /// Counts a request; false where it is one too many.
    pub fn admit(&mut self, limits: Limits, now: Nanos) -> bool {
        let count = |window: &mut (Nanos, u32), length| {
            let number = now.div_euclid(length);
            if window.0 != number {
                *window = (number, 0);
            }
            window.1 = window.1.saturating_add(1);
            window.1
        };
        let (minute, hour) = (count(&mut self.minute, MINUTE), count(&mut self.hour, HOUR));
        minute <= limits.minute && hour <= limits.hour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_opens_again_and_the_hour_counts_all() {
        let limits = Limits { minute: 2, hour: 3 };
        let mut windows = Windows::default();
        let admitted: Vec<bool> =
            [0, 1, 2, MINUTE, MINUTE + 1, HOUR].iter().map(|&t| windows.admit(limits, t)).collect();
        assert_eq!(admitted, [true, true, false, false, false, true]);
    }
}
