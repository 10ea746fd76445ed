//! Two sign-ins that nobody can travel between.

use super::{MINUTE, Script, Verdict};
use crate::demo::HOUR;

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    let person = o.person(5);
    let at = script.ago(3.1);
    // Before and after, nothing for as long as any flight takes.
    script.quiet.add(person, at - 24 * HOUR, at + 26 * HOUR);
    let mark = script.mark();
    let session = script.at_home(person, at);
    script.sign_in(session, Verdict::SuccessMfa);
    let (origin, _) = o.strangers[2];
    let session = script.session(person, o.user(person).devices.start, origin, at + 48 * MINUTE);
    script.sign_in(session, Verdict::Success);
    script.truth("impossible-travel", &["impossible-travel", "new-country-sign-in"], &[person], mark);
}
