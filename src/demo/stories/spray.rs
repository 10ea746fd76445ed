//! A password spray; then one of them opens, from a country nobody here has been to; then everything is revealed.

use super::{DAY, MINUTE, Nanos, SECOND, Script, Use, Verdict};
use crate::demo::HOUR;

pub(super) fn past(script: &mut Script<'_>) {
    let victim = script.organisation.person(0);
    // What is revealed falls into one hour of the clock.
    let hour = script.ago(0.9).div_euclid(HOUR) * HOUR;
    spray(script, victim, 0, hour - 31 * MINUTE, (6 * MINUTE, 14 * MINUTE, 30 * SECOND));
}

/// One that begins within two minutes of starting.
pub(super) fn live(script: &mut Script<'_>) {
    let at = script.now + 40 * SECOND;
    let victim = script.organisation.person(1);
    spray(script, victim, 1, at, (130 * SECOND, MINUTE, 8 * SECOND));
}

/// How many are tried, three times each.
const TRIED: usize = 12;
const REVEALED: usize = 60;

/// `pace`: between tries at one user (three rounds, slow enough to lock nobody out), until the success, and between reveals.
fn spray(script: &mut Script<'_>, victim: u32, stranger: usize, at: Nanos, pace: (Nanos, Nanos, Nanos)) {
    let o = script.organisation;
    let (round, until, reveals) = pace;
    let (origin, device) = o.strangers[stranger];
    // The victim is off, so that the stranger's sign-in is the only one.
    script.quiet.add(victim, at - DAY, at + DAY + HOUR);
    let mut tried: Vec<u32> = o.persons().take(TRIED - 1).filter(|&n| n != victim).collect();
    tried.insert(tried.len() / 2, victim);

    let mark = script.mark();
    let mut last = at;
    for n in 0..3 {
        for (k, &user) in tried.iter().enumerate() {
            last = at + n * round + k as Nanos * round / TRIED as Nanos;
            let session = script.session(user, device, origin, last);
            script.sign_in(session, Verdict::BadPassword);
        }
    }
    script.truth("password-spray", &["password-spray"], &tried, mark);

    let mark = script.mark();
    let login = last + until;
    let session = script.session(victim, device, origin, login);
    script.sign_in(session, Verdict::Success);
    script.truth("success-after-spray", &["success-after-spray", "new-country-sign-in"], &[victim], mark);

    let mark = script.mark();
    for (n, item) in script.items_of(victim, REVEALED).into_iter().enumerate() {
        let time = login + 90 * SECOND + n as Nanos * reveals;
        script.usage(session, time, if n % 5 == 4 { Use::Copy } else { Use::Reveal }, item);
    }
    script.truth("mass-reveal", &["reveal-spike"], &[victim], mark);
}
