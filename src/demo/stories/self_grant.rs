//! An administrator gives themselves a vault and reads it. Beside it: access given to a colleague, who reads.

use super::{Act, MINUTE, Nanos, Script, Use};

/// The vault of infrastructure.
const VAULT: u32 = 0;

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    let (admin, items) = (o.admin(0), o.vaults[VAULT as usize].items.clone());
    let at = script.ago(5.4);
    let session = script.at_home(admin, at - 7 * MINUTE);
    let mark = script.mark();
    script.audit(session, at, Act::UpdateUser, VAULT, admin);
    for (n, item) in items.clone().take(7).enumerate() {
        let action = [Use::Reveal, Use::Copy, Use::ServerFetch][n % 3];
        script.usage(session, at + (9 + 5 * n as Nanos) * MINUTE, action, item);
    }
    script.truth("self-grant", &["self-grant-then-read"], &[admin], mark);

    // Innocent: asked for, given by somebody else, read.
    let colleague = o.person(11);
    let at = script.ago(7.2);
    let session = script.at_home(o.admin(1), at - 4 * MINUTE);
    script.audit(session, at, Act::GrantUser, VAULT, colleague);
    let session = script.at_home(colleague, at - 20 * MINUTE);
    for (n, item) in items.take(3).enumerate() {
        script.usage(session, at + (12 + 3 * n as Nanos) * MINUTE, Use::Reveal, item);
    }
}
