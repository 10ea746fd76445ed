//! Somebody exports a vault, and is suspended days later. Beside it: a suspension without an export.

use super::{Act, DAY, MINUTE, Nanos, SECOND, Script, Use};

pub(super) fn tell(script: &mut Script<'_>) {
    let o = script.organisation;
    let (leaver, admin) = (o.person(2), o.admin(2));
    // All of it within ten minutes of the clock.
    let at = script.ago(9.3).div_euclid(10 * MINUTE) * 10 * MINUTE + MINUTE;
    let session = script.at_home(leaver, at - 11 * MINUTE);
    let vault = o.user(leaver).vaults.iter().copied().max_by_key(|&v| o.vaults[v as usize].items.len()).unwrap_or(2);
    let mark = script.mark();
    script.audit(session, at, Act::ExportVault, vault, 0);
    // One item usage an item.
    let items = o.vaults[vault as usize].items.clone().filter(|&item| item != o.canary);
    for (n, item) in items.take(15).enumerate() {
        script.usage(session, at + n as Nanos * 9 * SECOND, Use::Export, item);
    }
    let gone = script.ago(6.1);
    let session = script.at_home(admin, gone - 25 * MINUTE);
    script.audit(session, gone, Act::SuspendUser, leaver, 0);
    script.truth("export-before-suspension", &["export-then-leave", "bulk-export"], &[leaver, admin], mark);
    script.quiet.add(leaver, gone, script.now + 400 * DAY);

    // Innocent: left without taking anything.
    let other = o.person(8);
    let gone = script.ago(4.3);
    let session = script.at_home(admin, gone - 5 * MINUTE);
    script.audit(session, gone, Act::SuspendUser, other, 0);
    script.audit(session, gone + 3 * SECOND, Act::DeauthoriseDevices, other, 0);
    script.quiet.add(other, gone, script.now + 400 * DAY);
}
