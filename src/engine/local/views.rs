//! The shipped views: one KQL definition each, in `queries/views/`. Locally they read the table that has what only a store knows;
//! elsewhere the same text reads Sentinel's table, and those columns are empty.

use std::sync::LazyLock;

use super::scan::columns::{CONNECT, EVENTS, STORED_EVENTS};
use crate::event::normalised;

static NORMALISED: LazyLock<String> = LazyLock::new(|| normalised::KQL.replace(EVENTS, STORED_EVENTS));

/// The views of Sentinel's information model (ASIM) by name. `_Im_…` is what Sentinel has built in, `im…` what its workspaces used to deploy;
/// both take filters as parameters. `_ASim_…` and `ASim…` are the same without filters.
const ASIM: &[(&str, &str)] = &[
    ("_Im_Authentication", AUTHENTICATION),
    ("_Im_AuditEvent", AUDIT_EVENT),
    ("_Im_UserManagement", USER_MANAGEMENT),
    ("imAuthentication", AUTHENTICATION),
    ("imAuditEvent", AUDIT_EVENT),
    ("imUserManagement", USER_MANAGEMENT),
    ("_ASim_Authentication", "(pack: bool = false) { _Im_Authentication(pack = pack) }"),
    ("_ASim_AuditEvent", "(pack: bool = false) { _Im_AuditEvent(pack = pack) }"),
    ("_ASim_UserManagement", "(pack: bool = false) { _Im_UserManagement(pack = pack) }"),
    ("ASimAuthentication", "(pack: bool = false) { _Im_Authentication(pack = pack) }"),
    ("ASimAuditEvent", "(pack: bool = false) { _Im_AuditEvent(pack = pack) }"),
    ("ASimUserManagement", "(pack: bool = false) { _Im_UserManagement(pack = pack) }"),
];

const AUTHENTICATION: &str = include_str!("../../../queries/views/_Im_Authentication.kql");
const AUDIT_EVENT: &str = include_str!("../../../queries/views/_Im_AuditEvent.kql");
const USER_MANAGEMENT: &str = include_str!("../../../queries/views/_Im_UserManagement.kql");

/// The definition of a view.
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        normalised::NAME | normalised::ALIAS => Some(NORMALISED.as_str()),
        _ => ASIM.iter().find(|(n, _)| *n == name).map(|(_, text)| *text),
    }
}

/// The names that are offered: Sentinel's table first, then the views.
pub fn names() -> impl Iterator<Item = &'static str> {
    [EVENTS, normalised::NAME, normalised::ALIAS, CONNECT].into_iter().chain(ASIM.iter().map(|(name, _)| *name))
}
