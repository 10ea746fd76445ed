//! Passkey sign-ins fail from a device never seen before. Beside it: somebody forgot a password, at home.

use super::{SECOND, Script, Verdict};
use crate::demo::HOUR;

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    let person = o.person(6);
    let at = script.ago(1.4);
    let (origin, device) = o.strangers[4];
    let mark = script.mark();
    for n in 0..7 {
        let session = script.session(person, device, origin, at + n * 70 * SECOND);
        script.sign_in(session, Verdict::BadPasskey);
    }
    script.truth("passkey-failures", &["passkey-failures-new-device"], &[person], mark);

    // Innocent.
    let other = o.person(10);
    let at = script.ago(1.2);
    script.quiet.add(other, at - HOUR, at + HOUR);
    for n in 0..4 {
        let session = script.at_home(other, at + n * 40 * SECOND);
        script.sign_in(session, Verdict::BadPassword);
    }
    let session = script.at_home(other, at + 200 * SECOND);
    script.sign_in(session, Verdict::SuccessMfa);
}
