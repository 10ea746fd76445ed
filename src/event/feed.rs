//! The three feeds of the Events API.

use std::fmt;

/// A feed of the Events API. The name is the endpoint's, which is also Sentinel's `log_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    SignInAttempts,
    ItemUsages,
    AuditEvents,
}

impl Feed {
    pub const ALL: [Self; 3] = [Self::SignInAttempts, Self::ItemUsages, Self::AuditEvents];

    /// The endpoint's name: `signinattempts`, `itemusages`, `auditevents`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInAttempts => "signinattempts",
            Self::ItemUsages => "itemusages",
            Self::AuditEvents => "auditevents",
        }
    }

    /// What the feed is called in front of people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SignInAttempts => "sign-ins",
            Self::ItemUsages => "item usages",
            Self::AuditEvents => "audit events",
        }
    }

    /// The feed of an endpoint's name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feed| feed.name() == name)
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
