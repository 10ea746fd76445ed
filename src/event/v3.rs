//! Actions of version 3 of the audit feed, `target.attribute.verb`, and the codes that version 2 has for the same.
//!
//! 1Password's list is long and open, and its documentation is of a beta; this table is ours, and holds what has a code in version
//! 2. An action that it does not have is kept as it is written. With the codes, hunts and rules of version 2 hold for both.

/// An action in both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// `target.attribute.verb`; the attribute may be absent.
    pub name: &'static str,
    /// The codes of version 2: the action, and the type of the object.
    pub action: &'static str,
    pub object_type: &'static str,
    /// The type of the target that is version 2's object, where an event has several.
    pub object: &'static str,
}

const fn row(name: &'static str, action: &'static str, object_type: &'static str, object: &'static str) -> Action {
    Action { name, action, object_type, object }
}

/// Each name once; where one code has several names, the first is the one that is written.
pub const ACTIONS: &[Action] = &[
    row("account.activate", "activate", "account", "account"),
    row("account.delete", "delete", "account", "account"),
    row("account.duo.disable", "disblduo", "account", "account"),
    row("account.duo.enable", "enblduo", "account", "account"),
    row("account.duo.update", "updatduo", "account", "account"),
    row("account.firewall-rules.update", "updatfw", "account", "account"),
    row("account.mfa.disable", "disblmfa", "account", "account"),
    row("account.mfa.enable", "enblmfa", "account", "account"),
    row("account.mfa.update", "updatmfa", "account", "account"),
    row("account.name.update", "changenm", "account", "account"),
    row("account.verified-domain.create", "vrfydmn", "account", "account"),
    row("account.verified-domain.delete", "dvrfydmn", "account", "account"),
    row("device.create", "create", "device", "device"),
    row("device.delete", "delete", "device", "device"),
    row("device.reauthorize", "reauth", "device", "device"),
    row("device.update", "update", "device", "device"),
    row("file.create", "create", "file", "file"),
    row("group.create", "create", "group", "group"),
    row("group.delete", "delete", "group", "group"),
    row("group.membership.create", "join", "gm", "group"),
    row("group.membership.delete", "leave", "gm", "group"),
    row("group.membership.update", "role", "gm", "group"),
    row("group.update", "update", "group", "group"),
    row("invitation.create", "create", "invite", "invitation"),
    row("item.share.create", "share", "item", "item"),
    row("item.share.delete", "delshare", "item", "item"),
    row("report.export", "export", "report", "report"),
    row("report.view", "view", "report", "report"),
    row("service-account.create", "create", "sa", "service-account"),
    row("service-account.delete", "delete", "sa", "service-account"),
    row("service-account.token.create", "create", "satoken", "service-account-token"),
    row("service-account.token.rename", "trename", "satoken", "service-account-token"),
    row("service-account.token.revoke", "trevoke", "satoken", "service-account-token"),
    row("service-account.token.verify", "tverify", "satoken", "service-account-token"),
    row("session.delegate", "dlgsess", "dlgdsess", "session"),
    row("sso-token.verify", "ssotknv", "ssotkn", "sso-token"),
    row("sso.authentication.update", "chngasso", "sso", "sso"),
    row("sso.disable", "disblsso", "sso", "sso"),
    row("sso.enable", "enblsso", "sso", "sso"),
    row("sso.group.create", "addgsso", "sso", "sso"),
    row("sso.group.delete", "delgsso", "sso", "sso"),
    row("sso.policy.update", "chngpsso", "sso", "sso"),
    row("user.activate", "activate", "user", "user"),
    row("user.create", "create", "user", "user"),
    row("user.delete", "delete", "user", "user"),
    row("user.devices.deauthorize", "dealldev", "user", "user"),
    row("user.password.update", "changemp", "user", "user"),
    row("user.provision", "provsn", "user", "user"),
    row("user.reactivate", "reactive", "user", "user"),
    row("user.recovery.begin", "beginr", "user", "user"),
    row("user.recovery.cancel", "cancelr", "user", "user"),
    row("user.recovery.complete", "completr", "user", "user"),
    row("user.secret-key.update", "changesk", "user", "user"),
    row("user.suspend", "suspend", "user", "user"),
    row("vault.attributes.update", "updatea", "vault", "vault"),
    row("vault.create", "create", "vault", "vault"),
    row("vault.delete", "delete", "vault", "vault"),
    row("vault.export", "export", "vault", "vault"),
    row("vault.group-access.grant", "grant", "gva", "vault"),
    row("vault.group-access.revoke", "revoke", "gva", "vault"),
    row("vault.group-access.update", "update", "gva", "vault"),
    row("vault.items.update", "patch", "items", "vault"),
    row("vault.update", "update", "vault", "vault"),
    row("vault.user-access.grant", "grant", "uva", "vault"),
    row("vault.user-access.revoke", "revoke", "uva", "vault"),
    row("vault.user-access.update", "update", "uva", "vault"),
];

/// The action of a name. Words may be joined by `-` or `_`.
pub fn action(name: &str) -> Option<&'static Action> {
    let plain = |a: &Action| {
        a.name.len() == name.len() && a.name.bytes().zip(name.bytes()).all(|(a, b)| a == b || (a == b'-' && b == b'_'))
    };
    ACTIONS.iter().find(|a| plain(a))
}

/// The action of version 2's codes.
pub fn of_codes(code: &str, object_type: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|a| a.action == code && a.object_type == object_type)
}

/// The target of a name: what stands before its first dot.
pub fn target(name: &str) -> &str {
    name.split_once('.').map_or(name, |(target, _)| target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Feed;
    use crate::event::catalogue::{actions, object_types};

    #[test]
    fn every_name_stands_once_and_leads_to_codes_that_are_known() {
        for (at, a) in ACTIONS.iter().enumerate() {
            assert!(
                ACTIONS[at + 1..]
                    .iter()
                    .all(|b| b.name != a.name && (b.action, b.object_type) != (a.action, a.object_type))
            );
            assert!(actions(Feed::AuditEvents).iter().any(|code| code.code == a.action), "{}", a.name);
            assert!(object_types().iter().any(|code| code.code == a.object_type), "{}", a.name);
            assert_eq!(action(&a.name.replace('-', "_")), Some(a));
            assert_eq!(of_codes(a.action, a.object_type), Some(a));
        }
        assert_eq!(action("billing.card.update"), None);
        assert_eq!((target("billing.card.update"), target("odd")), ("billing", "odd"));
    }
}
