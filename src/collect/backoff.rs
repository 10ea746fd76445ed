//! How long to wait after a failure.

use std::time::Duration;

use crate::base::time::Ticks;

/// No server may send us away for longer.
pub const LONGEST: Duration = Duration::from_secs(3600);
/// A token that was refused is tried again at most this often.
pub const REFUSED: Duration = Duration::from_secs(300);

const FIRST: Duration = Duration::from_secs(1);
const CEILING: Duration = Duration::from_secs(60);
/// Between two probes of a line that is dead for longer: the three feeds of an account cost no more than 40 requests in ten minutes.
const PROBE: Duration = Duration::from_secs(120);
/// After this many failures in a row the line counts as dead, and is only probed.
const BREAKS_AFTER: u32 = 5;

/// The failures of one feed in a row.
#[derive(Clone, Debug)]
pub struct Backoff {
    failures: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    pub fn new(rng: fastrand::Rng) -> Self {
        Self { failures: 0, rng }
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and says how long to wait: with full jitter, `rand(0, min(60 s, 1 s·2ⁿ))`, so that pollers which
    /// failed together do not come back together; from the fifth failure on only probes: after a minute, then every two, up to a tenth later.
    pub fn failed(&mut self) -> Duration {
        let n = self.failures;
        self.failures = n.saturating_add(1);
        if n >= BREAKS_AFTER {
            let probe = if n == BREAKS_AFTER { CEILING } else { PROBE };
            return probe.mul_f64(1.0 + 0.1 * self.rng.f64());
        }
        CEILING.min(FIRST * 2_u32.pow(n)).mul_f64(self.rng.f64())
    }
}

/// `Retry-After` in either form, seconds or an HTTP date, at most an hour. `now` is the server's clock where it told it.
pub fn retry_after(text: &str, now: Ticks) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit mean "very long".
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        Duration::from_millis((http_date(text)?.unix_millis() - now.unix_millis()).max(0).cast_unsigned())
    };
    Some(wait.min(LONGEST))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(text: &str) -> Option<Ticks> {
    let date = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some(Ticks::from_unix_millis(date.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_anywhere_below_a_doubling_ceiling() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
            for n in 0..5 {
                assert!(backoff.failed() <= Duration::from_secs(1 << n));
            }
            let mut probe = || backoff.failed().as_secs_f64();
            assert!((60.0..=66.0).contains(&probe()));
            for _ in 0..20 {
                assert!((120.0..=132.0).contains(&probe()));
            }
            backoff.succeeded();
            assert!(backoff.failed() <= Duration::from_secs(1));
        }
        let spread: Vec<_> = (0..50).map(|seed| Backoff::new(fastrand::Rng::with_seed(seed)).failed()).collect();
        assert!(spread.iter().min().unwrap() < &Duration::from_millis(200));
        assert!(spread.iter().max().unwrap() > &Duration::from_millis(800));
    }

    #[test]
    fn ten_minutes_of_failures_cost_a_feed_few_requests() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
            let (mut clock, mut requests) = (Duration::ZERO, 0);
            while clock < Duration::from_secs(600) {
                clock += backoff.failed();
                requests += 1;
            }
            assert!(requests * 3 <= 40, "{requests} a feed with seed {seed}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_clamped() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (text, want) in [
            ("0", Some(0)),
            (" 17 ", Some(17)),
            ("99999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3600)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now), want.map(Duration::from_secs), "{text}");
        }
    }
}
