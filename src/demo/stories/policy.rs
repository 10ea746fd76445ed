//! Defences are lowered: MFA off for everybody; the firewall's rules changed.

use super::{Act, MINUTE, Script};

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    for (story, hunts, admin, days, act) in [
        ("firewall-changed", &["firewall-rule-change"], o.admin(2), 3.9, Act::UpdateFirewall),
        ("mfa-switched-off", &["mfa-switched-off"], o.admin(1), 3.6, Act::DisableMfa),
    ] {
        let at = script.ago(days);
        let session = script.at_home(admin, at - 6 * MINUTE);
        let mark = script.mark();
        script.audit(session, at, act, 0, 0);
        script.truth(story, hunts, &[admin], mark);
    }
}
