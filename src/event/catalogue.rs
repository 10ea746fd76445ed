//! What the codes in events mean: a short label, how much a look is worth, and whether it is plumbing.
//!
//! Labels say only what the contract of the API confirms or spells out. A code whose meaning is not confirmed is labelled
//! by the code itself, and so is one that is not known here: every enumeration of the API is open.

mod audit;
mod sign_in;
mod usage;

use std::borrow::Cow;

use super::Feed;

/// How much a look is worth, before any context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Whether what was tried was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Success,
    Failure,
    /// A sign-in of a category that is not known.
    Unknown,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Unknown];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// A code and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub code: &'static str,
    /// The code itself where the meaning is not confirmed.
    pub label: &'static str,
    pub severity: Severity,
}

const fn code(code: &'static str, label: &'static str, severity: Severity) -> Code {
    Code { code, label, severity }
}

/// What an event means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub label: Cow<'static, str>,
    pub severity: Severity,
    /// Session plumbing (delegated sessions, SSO token verification): most audit rows, and rarely what is looked for.
    pub plumbing: bool,
}

/// What a Connect server can be asked for.
const CONNECT: &[Code] = &[
    code("READ", "read", Severity::Info),
    code("CREATE", "created", Severity::Info),
    code("UPDATE", "updated", Severity::Info),
    code("DELETE", "deleted", Severity::Low),
];

fn find(table: &'static [Code], code: &str) -> Option<&'static Code> {
    table.iter().find(|c| c.code == code)
}

fn meaning(label: impl Into<Cow<'static, str>>, severity: Severity) -> Meaning {
    Meaning { label: label.into(), severity, plumbing: false }
}

/// Whether the audit event is session plumbing.
pub fn is_plumbing(action: &str, object_type: &str) -> bool {
    matches!((action, object_type), ("dlgsess", "dlgdsess") | ("ssotknv", "ssotkn"))
}

/// What an audit event means: a pair that has a meaning of its own, else the action and what it was done to.
pub fn audit(action: &str, object_type: &str) -> Meaning {
    let known = audit::ACTIONS.iter().find(|c| c.code == action);
    let pair = audit::PAIRS.iter().find(|(a, o, ..)| *a == action && *o == object_type);
    let mut meaning = if let Some(&(.., label, severity)) = pair {
        meaning(label, severity)
    } else if action.contains('.') {
        // Version 3's name of an action that version 2 has no code for: it says itself on what.
        meaning(action.to_owned(), Severity::Info)
    } else {
        let what = find(audit::OBJECTS, object_type).map_or(object_type, |c| c.label);
        let verb = known.map_or(action, |c| c.label);
        let label = [verb, what].join(" ").trim().to_owned();
        meaning(label, known.map_or(Severity::Info, |c| c.severity))
    };
    meaning.plumbing = is_plumbing(action, object_type);
    meaning
}

/// What an item usage means.
pub fn usage(action: &str) -> Meaning {
    match find(usage::ACTIONS, action) {
        Some(c) => meaning(c.label, c.severity),
        // The field was added late: old events have none.
        None if action.is_empty() => meaning("used an item", Severity::Info),
        None => meaning(action.to_owned(), Severity::Info),
    }
}

/// What a sign-in attempt means, by its category and type.
pub fn sign_in(category: &str, kind: &str) -> Meaning {
    let of = find(sign_in::CATEGORIES, category);
    let why = find(sign_in::TYPES, kind);
    let severity = of.map_or(Severity::Info, |c| c.severity).max(why.map_or(Severity::Info, |c| c.severity));
    let label = of.map_or(category, |c| c.label);
    let why = match (category, kind) {
        // The usual case, said shortly.
        ("success", "credentials_ok") => "",
        _ => why.map_or(kind, |c| c.label),
    };
    if why.is_empty() { meaning(label.to_owned(), severity) } else { meaning(format!("{label}: {why}"), severity) }
}

/// What a request to a Connect server means.
pub fn connect(action: &str, result: &str, resource: &str) -> Meaning {
    let verb = find(CONNECT, action).map_or(action, |code| code.label);
    let what = match resource {
        "ITEM" => "an item",
        "VAULT" => "a vault",
        other => other,
    };
    let what = format!("{verb} {what}");
    if result == "DENY" {
        meaning(format!("was denied: {}", what.trim()), Severity::Low)
    } else {
        meaning(what.trim().to_owned(), Severity::Info)
    }
}

/// Whether what the event tells of was done. Item usages and audit events tell of what was done; a sign-in says so.
pub fn outcome(feed: Feed, category: Option<&str>) -> Outcome {
    match (feed, category) {
        (Feed::ItemUsages | Feed::AuditEvents, _) | (_, Some("success" | "firewall_reported_success")) => {
            Outcome::Success
        }
        (Feed::ConnectActivity, Some("SUCCESS")) => Outcome::Success,
        (Feed::ConnectActivity, Some("DENY")) => Outcome::Failure,
        (Feed::ConnectActivity, _) => Outcome::Unknown,
        (_, Some(c)) if c.ends_with("_failed") || find(sign_in::CATEGORIES, c).is_some() => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Every code of the feed's actions (for sign-ins: categories), for completion and documentation.
pub fn actions(feed: Feed) -> &'static [Code] {
    match feed {
        Feed::SignInAttempts => sign_in::CATEGORIES,
        Feed::ItemUsages => usage::ACTIONS,
        Feed::AuditEvents => audit::ACTIONS,
        Feed::ConnectActivity => CONNECT,
    }
}

/// Every type of a sign-in attempt.
pub fn sign_in_types() -> &'static [Code] {
    sign_in::TYPES
}

/// Every object type of an audit event.
pub fn object_types() -> &'static [Code] {
    audit::OBJECTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_each_code_once() {
        for table in [audit::ACTIONS, audit::OBJECTS, usage::ACTIONS, sign_in::CATEGORIES, sign_in::TYPES] {
            for (i, c) in table.iter().enumerate() {
                assert!(!c.label.is_empty(), "{}", c.code);
                assert_eq!(table.iter().position(|d| d.code == c.code), Some(i), "{}", c.code);
            }
        }
        assert_eq!((audit::ACTIONS.len(), audit::OBJECTS.len()), (79, 30));
        for (action, object, ..) in audit::PAIRS {
            assert!(find(audit::ACTIONS, action).is_some(), "{action}");
            assert!(find(audit::OBJECTS, object).is_some(), "{object}");
        }
    }

    #[test]
    fn a_pair_has_its_own_label_and_an_unknown_code_is_shown_as_it_is() {
        assert_eq!(audit("grant", "uva").label, "granted vault access to a user");
        assert_eq!(audit("create", "vault").label, "created vault");
        assert_eq!(audit("frobnicate", "vault").label, "frobnicate vault");
        assert_eq!(audit("sendts", "invite").label, "sendts invitation");
        assert_eq!(audit("", "").label, "");
        assert_eq!(usage("teleport").label, "teleport");
        assert_eq!(sign_in("success", "credentials_ok").label, "signed in");
        assert_eq!(sign_in("later", "new").label, "later: new");
    }

    #[test]
    fn plumbing_is_delegated_sessions_and_sso_tokens_only() {
        assert!(audit("dlgsess", "dlgdsess").plumbing);
        assert!(audit("ssotknv", "ssotkn").plumbing);
        assert!(!audit("grant", "uva").plumbing);
    }

    #[test]
    fn a_reported_firewall_match_is_a_success_and_a_blocked_one_is_not() {
        let of = |category| outcome(Feed::SignInAttempts, category);
        assert_eq!(of(Some("success")), Outcome::Success);
        assert_eq!(of(Some("firewall_reported_success")), Outcome::Success);
        assert_eq!(of(Some("firewall_failed")), Outcome::Failure);
        assert_eq!(of(Some("later_failed")), Outcome::Failure);
        assert_eq!(of(Some("modern_version_required")), Outcome::Failure);
        assert_eq!(of(Some("later")), Outcome::Unknown);
        assert_eq!(of(None), Outcome::Unknown);
        assert_eq!(outcome(Feed::AuditEvents, None), Outcome::Success);
    }
}
