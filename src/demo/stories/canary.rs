//! The item that nobody has a reason to open is opened.

use super::{MINUTE, Script, Use};

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    let person = o.person(7);
    let at = script.ago(1.9);
    let session = script.at_home(person, at - 2 * MINUTE);
    let mark = script.mark();
    script.usage(session, at, Use::Reveal, o.canary);
    script.usage(session, at + MINUTE, Use::Copy, o.canary);
    script.truth("canary-read", &["canary-item"], &[person], mark);
}
