//! A leaver reads a little every day, never much at a time, until nearly everything within reach has been seen.

use super::{HALF_HOUR, Nanos, Script, Use};
use crate::demo::DAY;

const DAYS_AGO: f64 = 12.0;
const DAYS: usize = 9;
const ITEMS_A_DAY: usize = 14;

/// Who, and when it ends.
pub(super) fn who(script: &Script<'_>) -> (u32, Nanos) {
    (script.organisation.person(3), script.ago(DAYS_AGO - DAYS as f64))
}

pub(super) fn tell(script: &mut Script<'_>) {
    let (leaver, end) = who(script);
    let (from, day) = (script.ago(DAYS_AGO), script.days(1.0));
    let items = script.items_of(leaver, DAYS * ITEMS_A_DAY);
    let mark = script.mark();
    for (n, &item) in items.iter().enumerate() {
        let (days, within) = ((n / ITEMS_A_DAY) as Nanos, (n % ITEMS_A_DAY) as Nanos);
        // Two or three an hour, over a quarter of the day.
        let time = from + days * day + within * day.min(DAY) / 4 / ITEMS_A_DAY as Nanos;
        let session = script.at_home(leaver, time - HALF_HOUR);
        script.usage(session, time, if n % 2 == 0 { Use::Reveal } else { Use::Copy }, item);
    }
    script.truth("leaver-slow-reading", &["leaver-active"], &[leaver], mark);
    script.quiet.add(leaver, end, script.now + 400 * DAY);
}
