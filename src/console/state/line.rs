//! One event as the tail shows it. Every text in it went through `Shown`.

use crate::base::time::Ticks;
use crate::event::Feed;
pub use crate::event::catalogue::{Outcome, Severity};
use crate::hunt::EntityKind;

/// A field that a filter may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Feed,
    Severity,
    Outcome,
    Action,
    User,
    Target,
    Address,
    Country,
    Client,
}

const FIELDS: [(&str, Field); 12] = [
    ("feed", Field::Feed),
    ("severity", Field::Severity),
    ("outcome", Field::Outcome),
    ("action", Field::Action),
    ("user", Field::User),
    ("who", Field::User),
    ("target", Field::Target),
    ("vault", Field::Target),
    ("ip", Field::Address),
    ("country", Field::Country),
    ("client", Field::Client),
    ("app", Field::Client),
];

impl Field {
    pub fn from_name(name: &str) -> Option<Self> {
        FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, field)| *field)
    }
}

/// One row of the tail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub struct Line {
    /// The store's sequence number.
    pub seq: i64,
    /// When it happened; `None` when the event's own time could not be read.
    pub time: Option<Ticks>,
    pub arrived: Ticks,
    pub feed: Feed,
    pub severity: Severity,
    pub outcome: Outcome,
    /// What the client does by itself, such as a delegated session: real, and rarely worth a look.
    pub plumbing: bool,
    /// What was done, in words.
    pub action: Box<str>,
    /// Who acts: an e-mail address, a name or an identifier.
    pub who: Box<str>,
    /// On whom or what.
    pub target: Box<str>,
    pub address: Box<str>,
    pub country: Box<str>,
    /// City and region, where known.
    pub place: Box<str>,
    /// The program: name, version and platform.
    pub client: Box<str>,
    /// The user, vault and address as the event has them, for pivots; not safe to draw, "" where it names none.
    pub names: [Box<str>; 3],
    /// Something in it had to be made visible: worth a badge.
    pub altered: bool,
    /// It came noticeably later than it happened.
    pub late: bool,
    /// A rule keeps it out of the tail.
    pub suppressed: bool,
    /// Every text in lower case, for the filter.
    pub haystack: Box<str>,
}

impl Line {
    /// The time to show and to sort by.
    pub fn when(&self) -> Ticks {
        self.time.unwrap_or(self.arrived)
    }

    /// Fills the text that the filter looks in.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        let all = [
            &*self.action,
            &self.who,
            &self.target,
            &self.address,
            &self.country,
            &self.place,
            &self.client,
            self.feed.title(),
            self.severity.name(),
        ];
        self.haystack = all.join("\u{1f}").to_lowercase().into();
        self
    }

    /// The user, vault or address that the event names.
    pub fn names(&self, kind: EntityKind) -> Option<&str> {
        let at = match kind {
            EntityKind::User => 0,
            EntityKind::Vault => 1,
            EntityKind::Ip => 2,
            _ => return None,
        };
        Some(&*self.names[at]).filter(|name| !name.is_empty())
    }

    pub fn field(&self, field: Field) -> &str {
        match field {
            Field::Feed => self.feed.title(),
            Field::Severity => self.severity.name(),
            Field::Outcome => self.outcome.name(),
            Field::Action => &self.action,
            Field::User => &self.who,
            Field::Target => &self.target,
            Field::Address => &self.address,
            Field::Country => &self.country,
            Field::Client => &self.client,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::base::time::SECOND;

    /// An event of its own kind for every number, the same each time.
    pub fn line(n: i64) -> Line {
        let start = Ticks::parse_rfc3339("2026-03-02T09:00:00Z").unwrap();
        let pick = |of: &[&str]| -> Box<str> { of[n as usize % of.len()].into() };
        Line {
            seq: n,
            time: Some(Ticks(start.0 + n * 7 * SECOND)),
            arrived: Ticks(start.0 + n * 7 * SECOND + 30 * SECOND),
            feed: Feed::ALL[n as usize % 3],
            severity: [Severity::Info, Severity::Info, Severity::Low, Severity::Medium, Severity::Info, Severity::High]
                [n as usize % 6],
            outcome: [Outcome::Success, Outcome::Success, Outcome::Failure, Outcome::Unknown][n as usize % 4],
            action: pick(&["Signed in", "Revealed a password", "Granted vault access", "Sign-in failed"]),
            who: format!("person{:02}@example.com", n % 17).into(),
            target: pick(&["Production", "Payroll", "", "Break glass", "Marketing"]),
            address: format!("203.0.113.{}", n % 250).into(),
            country: pick(&["DE", "US", "FR", "JP"]),
            place: pick(&["Berlin", "Austin", "Lyon", "Osaka"]),
            client: pick(&["1Password for Mac 8.10", "1Password CLI 2.30", "1Password for Web"]),
            plumbing: false,
            names: [format!("person{:02}@example.com", n % 17).into(), Box::default(), Box::default()],
            altered: false,
            late: false,
            suppressed: false,
            haystack: Box::default(),
        }
        .indexed()
    }
}
