//! The feed of an event that does not say it, by the keys it has: who acts on what is said in a way of its own in each.

use crate::event::{Feed, json};

/// `None` where its keys tell nothing, or it is no object.
pub(super) fn feed(event: &str) -> Option<Feed> {
    let members = json::members(event)?;
    let has = |keys: &[&str]| members.iter().any(|(key, _)| keys.contains(&key.as_ref()));
    if has(&["requestId"]) && has(&["actor", "resource"]) {
        return Some(Feed::ConnectActivity);
    }
    if has(&["insert_time", "actor_uuid", "actor_details", "object_type", "object_uuid"]) {
        return Some(Feed::AuditEvents);
    }
    if has(&["target_user", "category"]) {
        return Some(Feed::SignInAttempts);
    }
    has(&["used_version", "item_uuid", "vault_uuid", "user"]).then_some(Feed::ItemUsages)
}
