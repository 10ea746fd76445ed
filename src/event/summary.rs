//! One line for an event: what the tail shows. Strings are as the event has them; whoever draws them makes them safe.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::catalogue::{self, Outcome, Severity};
use super::columns::text_at;
use super::json::{self, Step};
use super::{Feed, Source};
use crate::base::time::Ticks;

/// An event in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    pub seq: i64,
    /// `None` where the event's time is missing or unreadable.
    pub timestamp: Option<Ticks>,
    pub arrived: Ticks,
    pub source: Option<Source>,
    pub feed: Feed,
    /// Who acts: the e-mail address, else the name, else the uuid, else "".
    pub who: String,
    /// What was done, in words.
    pub what: Cow<'static, str>,
    /// On what or whom: an e-mail address or a uuid; "" for a sign-in.
    pub target: String,
    pub ip: String,
    /// As the event has it: a code in sign-ins, a name elsewhere.
    pub country: String,
    pub severity: Severity,
    pub outcome: Outcome,
    pub plumbing: bool,
}

/// The columns of a stored batch that lines are made of. Columns that the batch does not have count as null.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    batch: &'a RecordBatch,
}

impl<'a> Lines<'a> {
    /// Lines of a batch with columns of `schema::STORED`, by name.
    pub fn new(batch: &'a RecordBatch) -> Self {
        Self { batch }
    }

    fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch.column_by_name(name)
    }

    fn text(&self, name: &str, row: usize) -> Option<&'a str> {
        text_at(self.column(name)?, row)
    }

    fn ticks(&self, name: &str, row: usize) -> Option<i64> {
        let column = self.column(name)?.as_primitive_opt::<Int64Type>()?;
        (row < column.len() && column.is_valid(row)).then(|| column.value(row))
    }

    /// The first of the columns that has text in this row.
    fn first(&self, row: usize, names: &[&str]) -> Option<&'a str> {
        names.iter().filter_map(|name| self.text(name, row)).find(|text| !text.is_empty())
    }

    /// The line of a row; `None` past the end, and where the batch has no feed.
    pub fn line(&self, row: usize) -> Option<EventLine> {
        let feed = Feed::from_name(self.text("feed", row)?)?;
        let code = |name| self.text(name, row).unwrap_or_default();
        let (meaning, who, target, ip) = match feed {
            Feed::SignInAttempts => (
                catalogue::sign_in(code("category"), code("action_type")),
                self.first(row, &["target_user.email", "target_user.name", "target_user.uuid"]),
                None,
                self.first(row, &["client.ip_address"]),
            ),
            Feed::ItemUsages => (
                catalogue::usage(code("action")),
                self.first(row, &["user.email", "user.name", "user.uuid"]),
                self.first(row, &["item_uuid", "vault_uuid"]),
                self.first(row, &["client.ip_address"]),
            ),
            Feed::AuditEvents => (
                catalogue::audit(code("action"), code("object_type")),
                self.first(row, &["actor_details.email", "actor_details.name", "actor_uuid", "actor_details.uuid"]),
                self.audit_target(row),
                self.first(row, &["session.ip"]),
            ),
            Feed::ConnectActivity => (
                catalogue::connect(code("action"), code("category"), code("object_type")),
                self.first(row, &["actor_uuid"]),
                self.first(row, &["item_uuid", "vault_uuid"]),
                self.first(row, &["client.ip_address"]),
            ),
        };
        let ip = ip.map_or_else(|| self.alias(row, feed), str::to_owned);
        Some(EventLine {
            seq: self.ticks("seq", row).unwrap_or_default(),
            timestamp: self.ticks("timestamp", row).map(Ticks),
            arrived: Ticks(self.ticks("arrived", row).unwrap_or_default()),
            source: self.text("source", row).and_then(Source::from_name),
            feed,
            who: who.unwrap_or_default().to_owned(),
            what: meaning.label,
            target: target.unwrap_or_default().to_owned(),
            ip,
            country: self.first(row, &["country", "location.country"]).unwrap_or_default().to_owned(),
            severity: meaning.severity,
            outcome: catalogue::outcome(feed, self.text("category", row)),
            plumbing: meaning.plumbing,
        })
    }

    /// Whom an audit event is about, else the thing.
    fn audit_target(&self, row: usize) -> Option<&'a str> {
        let names = ["object_details.email", "aux_details.email", "object_uuid", "aux_uuid"];
        self.first(row, &names)
    }

    /// Some events call the address `client.ip`.
    fn alias(&self, row: usize, feed: Feed) -> String {
        if matches!(feed, Feed::AuditEvents | Feed::ConnectActivity) {
            return String::new();
        }
        let raw = self.text("raw", row).unwrap_or_default();
        let ip = json::path(raw, &[Step::Key("client"), Step::Key("ip")]).and_then(json::string);
        ip.unwrap_or_default().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::columns::{Arrival, BatchBuilder};
    use crate::event::decode::decode_of;

    fn line(feed: Feed, item: &str) -> EventLine {
        let mut builder = BatchBuilder::new();
        let arrival = Arrival {
            seq: 3,
            feed,
            account: "A",
            source: Source::Live,
            arrived: Ticks(9),
            time_generated: Ticks(9),
            tag: 0,
        };
        builder.push(&arrival, &decode_of(feed, item.as_bytes()).unwrap());
        let batch = builder.finish().unwrap();
        assert_eq!(Lines::new(&batch).line(1), None);
        Lines::new(&batch).line(0).unwrap()
    }

    #[test]
    fn a_sign_in_says_who_and_from_where() {
        let line = line(
            Feed::SignInAttempts,
            r#"{"uuid":"A","timestamp":"2026-01-01T00:00:00Z","category":"mfa_failed","type":"totp_bad","country":"FR",
                "target_user":{"email":"a@example.com"},"client":{"ip":"192.0.2.9"}}"#,
        );
        assert_eq!((line.seq, line.arrived, line.source), (3, Ticks(9), Some(Source::Live)));
        assert_eq!(line.timestamp.unwrap().to_string(), "2026-01-01T00:00:00.0000000Z");
        assert_eq!((line.who.as_str(), line.ip.as_str(), line.country.as_str()), ("a@example.com", "192.0.2.9", "FR"));
        assert_eq!(line.what, "second factor failed: wrong one-time password");
        assert_eq!((line.severity, line.outcome, line.plumbing), (Severity::Medium, Outcome::Failure, false));
    }

    #[test]
    fn an_audit_event_names_whom_it_is_about() {
        let line = line(
            Feed::AuditEvents,
            r#"{"uuid":"A","action":"grant","object_type":"uva","object_uuid":"vault","actor_uuid":"ACTOR",
                "aux_details":{"email":"b@example.com"},"session":{"ip":"192.0.2.1"},"location":{"country":"Canada"}}"#,
        );
        assert_eq!((line.who.as_str(), line.target.as_str()), ("ACTOR", "b@example.com"));
        assert_eq!((line.ip.as_str(), line.country.as_str(), line.timestamp), ("192.0.2.1", "Canada", None));
    }

    #[test]
    fn an_event_of_nothing_but_its_uuid_has_a_line() {
        for feed in Feed::STORED {
            let line = line(feed, r#"{"uuid":"A","requestId":"A"}"#);
            assert_eq!((line.who.as_str(), line.ip.as_str(), line.feed), ("", "", feed));
        }
    }
}
