//! A service account's token is used from a network it was never used from.

use super::{MINUTE, Nanos, Script, Use};

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    let account = o.service(0);
    let at = script.ago(2.5);
    let (origin, _) = o.strangers[3];
    let session = script.session(account, o.user(account).devices.start, origin, at - MINUTE);
    let mark = script.mark();
    for (n, &item) in o.user(account).favourites.iter().enumerate() {
        script.usage(session, at + n as Nanos * 2 * MINUTE, Use::ServerFetch, item);
    }
    script.truth("service-account-new-network", &["service-account-new-network"], &[account], mark);
}
