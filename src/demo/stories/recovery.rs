//! An administrator begins a recovery, completes it himself, and signs in as the person. Beside it: a recovery that two
//! administrators share and that the person ends.

use super::{Act, MINUTE, Script, Verdict};
use crate::demo::{DAY, HOUR};

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    let (admin, person) = (o.admin(3), o.person(4));
    let at = script.ago(4.6);
    script.quiet.add(person, at - DAY, at + DAY + HOUR);
    let session = script.at_home(admin, at - 14 * MINUTE);
    let mark = script.mark();
    script.audit(session, at, Act::BeginRecovery, person, 0);
    script.audit(session, at + 12 * MINUTE, Act::CompleteRecovery, person, 0);
    // On the administrator's computer and network, under the person's name.
    let taken = script.session(person, session.device, session.origin, at + 19 * MINUTE);
    script.sign_in(taken, Verdict::Success);
    script.truth("recovery-takeover", &["recovery-by-one-administrator"], &[person, admin], mark);

    // Innocent.
    let other = o.person(9);
    let at = script.ago(8.5);
    script.quiet.add(other, at - HOUR, at + 2 * HOUR);
    let session = script.at_home(admin, at - 3 * MINUTE);
    script.audit(session, at, Act::BeginRecovery, other, 0);
    let session = script.at_home(o.admin(0), at + 20 * MINUTE);
    script.audit(session, at + 34 * MINUTE, Act::CompleteRecovery, other, 0);
    let session = script.at_home(other, at + 50 * MINUTE);
    script.sign_in(session, Verdict::SuccessMfa);
}
