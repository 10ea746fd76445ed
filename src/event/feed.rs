//! The three feeds of the Events API, and what else is kept as events are.

use std::fmt;

/// A stream of records that the store keeps. The name of a feed of the Events API is its endpoint's, which is also Sentinel's
/// `log_source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feed {
    SignInAttempts,
    ItemUsages,
    AuditEvents,
    /// What a 1Password Connect server was asked for, `GET /v1/activity`. Kept and chained as events are, but of another shape: it has a
    /// table of its own and is in no table of events.
    ConnectActivity,
}

impl Feed {
    /// The feeds of the Events API: what tables of events hold.
    pub const ALL: [Self; 3] = [Self::SignInAttempts, Self::ItemUsages, Self::AuditEvents];

    /// Everything that the store keeps, in the order of the variants.
    pub const STORED: [Self; 4] = [Self::SignInAttempts, Self::ItemUsages, Self::AuditEvents, Self::ConnectActivity];

    /// The endpoint's name: `signinattempts`, `itemusages`, `auditevents`, `activity`.
    ///
    /// `activity` comes before the others in the order of text: the smallest feed of a row group tells whether it holds any.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInAttempts => "signinattempts",
            Self::ItemUsages => "itemusages",
            Self::AuditEvents => "auditevents",
            Self::ConnectActivity => "activity",
        }
    }

    /// What the feed is called in front of people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SignInAttempts => "sign-ins",
            Self::ItemUsages => "item usages",
            Self::AuditEvents => "audit events",
            Self::ConnectActivity => "Connect activity",
        }
    }

    /// Whether its records are events of the Events API.
    pub const fn is_of_events_api(self) -> bool {
        !matches!(self, Self::ConnectActivity)
    }

    /// The feed of an endpoint's name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::STORED.into_iter().find(|feed| feed.name() == name)
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_stand_at_their_number_and_connect_comes_first_as_text() {
        for (at, feed) in Feed::STORED.into_iter().enumerate() {
            assert_eq!((feed as usize, Feed::from_name(feed.name())), (at, Some(feed)));
            assert_eq!(Feed::ALL.contains(&feed), feed.is_of_events_api());
        }
        assert!(Feed::ALL.iter().all(|feed| Feed::ConnectActivity.name() < feed.name()));
    }
}
