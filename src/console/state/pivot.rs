//! From one thing to all that is known of it: who or what, and the questions that answer it. The questions are KQL over the
//! normalised view; values come into them through the literal printer only.

use std::fmt::Write;

use crate::base::shown::Shown;
use crate::base::time::{DAY, HOUR, MINUTE, Ticks};
use crate::hunt::EntityKind;
use crate::kql::Value;
use crate::kql::literal::print_literal;

/// What a page is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The whole store: where a drill-down begins.
    Everything,
    /// One user, vault, address, …; `id` is the event's own text.
    One { kind: EntityKind, id: Box<str> },
}

/// Rows of a list.
const ROWS: usize = 50;
/// Bins of a page's timeline, about.
const BINS: i64 = 160;

/// A list on a page: its title, the column it groups by, and what an entry of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    pub title: &'static str,
    pub column: &'static str,
    pub kind: Option<EntityKind>,
}

/// What was done is grouped by two columns, and its labels come from the catalogue.
pub const ACTIONS: &str = "event_type";

const LISTS: [List; 7] = [
    List { title: "Actions", column: ACTIONS, kind: None },
    List { title: "Users", column: "user_email", kind: Some(EntityKind::User) },
    List { title: "Vaults", column: "vault_uuid", kind: Some(EntityKind::Vault) },
    List { title: "Items", column: "item_uuid", kind: Some(EntityKind::Item) },
    List { title: "Addresses", column: "client_ip", kind: Some(EntityKind::Ip) },
    List { title: "Countries", column: "country", kind: Some(EntityKind::Country) },
    List { title: "Devices", column: "device_uuid", kind: Some(EntityKind::Device) },
];

/// The column of an answer that names what its UUID stands for.
pub const LABEL: &str = "label";

/// Facts of the summary, in the order of its columns.
pub const FACTS: [&str; 8] = ["events", "failures", "first_seen", "last_seen", "users", "vaults", "items", "addresses"];

/// How far back a page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    Day,
    Week,
    #[default]
    Month,
    All,
}

impl Window {
    pub const fn next(self) -> Self {
        match self {
            Self::Day => Self::Week,
            Self::Week => Self::Month,
            Self::Month => Self::All,
            Self::All => Self::Day,
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Day => "last 24 hours",
            Self::Week => "last 7 days",
            Self::Month => "last 30 days",
            Self::All => "all time",
        }
    }

    const fn ticks(self) -> Option<i64> {
        match self {
            Self::Day => Some(DAY),
            Self::Week => Some(7 * DAY),
            Self::Month => Some(30 * DAY),
            Self::All => None,
        }
    }

    /// The first moment; `oldest` is the store's first event.
    pub fn from(self, now: Ticks, oldest: Option<Ticks>) -> Ticks {
        match self.ticks() {
            Some(ticks) => Ticks(now.0 - ticks),
            None => oldest.unwrap_or(Ticks(now.0 - 120 * DAY)),
        }
    }
}

/// A page's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub subject: Subject,
    pub text: String,
    pub from: Ticks,
    pub to: Ticks,
    /// Ticks of a bin of the timeline.
    pub bin: i64,
    /// The lists, in the order of the result tables after summary and timeline.
    pub lists: Vec<List>,
}

impl Subject {
    pub fn one(kind: EntityKind, id: &str) -> Self {
        Self::One { kind, id: id.into() }
    }

    /// What a breadcrumb and a title say.
    pub fn title(&self) -> String {
        match self {
            Self::Everything => "Entities".to_owned(),
            Self::One { id, .. } => Shown::with_limit(id, 60).into_string(),
        }
    }

    /// The predicate over the normalised view.
    pub fn predicate(&self) -> Option<String> {
        let Self::One { kind, id } = self else { return None };
        let value = print_literal(&Value::string(&**id));
        let columns: &[&str] = match kind {
            EntityKind::User if id.contains('@') => &["user_email", "target_email"],
            EntityKind::User => &["user_uuid", "target_uuid"],
            EntityKind::Vault => &["vault_uuid"],
            EntityKind::Item => &["item_uuid"],
            EntityKind::Group => &["group_uuid"],
            EntityKind::Device => &["device_uuid"],
            EntityKind::Session => &["session_uuid"],
            EntityKind::Ip => &["client_ip"],
            EntityKind::Country => &["country"],
            EntityKind::App => &["app_name"],
            EntityKind::Event => &["uuid"],
        };
        Some(columns.iter().map(|column| format!("{column} == {value}")).collect::<Vec<_>>().join(" or "))
    }

    /// The events themselves, newest first: what the editor opens for this subject.
    pub fn events(&self, from: Ticks, to: Ticks) -> String {
        let mut text = String::from("OnePasswordEvents\n");
        bound(&mut text, from, to);
        if let Some(predicate) = self.predicate() {
            let _ = writeln!(text, "| where {predicate}");
        }
        text.push_str(
            "| project timestamp, feed, event_type, outcome, user_email, target_email, vault_uuid, item_uuid, client_ip, country, uuid\n\
             | top 1000 by timestamp desc",
        );
        text
    }

    /// Everything a page shows, asked at once: the events are found a single time and then counted in several ways.
    pub fn question(&self, from: Ticks, to: Ticks) -> Question {
        let bin = bin(to.0 - from.0);
        let lists: Vec<List> = LISTS.into_iter().filter(|list| !self.is_about(list.kind)).collect();
        let mut source = String::from("OnePasswordEvents\n");
        bound(&mut source, from, to);
        let mut text = match self.predicate() {
            Some(predicate) => format!(
                "let these = materialize({source}| where {predicate}\n| project timestamp, event_type, object_type, feed, detail, outcome, \
                 user_uuid, user_email, vault_uuid, vault_name, item_uuid, item_name, group_uuid, group_name, client_ip, country, \
                 device_uuid, device_name);\n"
            ),
            // All events would not fit in memory; counting them again costs less.
            None => format!("let these = {source};\n"),
        };
        let name = match self {
            Self::One { kind, .. } => name_of(Some(*kind)),
            Self::Everything => None,
        };
        let name = name.map_or_else(String::new, |column| format!(", {LABEL} = take_any({column})"));
        let bin_literal = print_literal(&Value::TimeSpan(bin));
        let _ = write!(
            text,
            "these | summarize events = count(), failures = countif(outcome == \"failure\"), first_seen = min(timestamp), \
             last_seen = max(timestamp), users = dcount(user_uuid), vaults = dcount(vault_uuid), items = dcount(item_uuid), \
             addresses = dcount(client_ip){name};\n\
             these | summarize events = count() by timestamp = bin(timestamp, {bin_literal}), outcome;\n"
        );
        for List { column, kind, .. } in &lists {
            let label = name_of(*kind).map_or_else(String::new, |name| format!(", {LABEL} = take_any({name})"));
            let keys = if *column == ACTIONS { "event_type, object_type, feed" } else { column };
            let _ = writeln!(
                text,
                "these | where isnotempty({column}) | summarize events = count(), failures = countif(outcome == \"failure\"), \
                 last_seen = max(timestamp){label} by {keys} | top {ROWS} by events desc;"
            );
        }
        Question { subject: self.clone(), text, from, to, bin, lists }
    }

    fn is_about(&self, of: Option<EntityKind>) -> bool {
        matches!(self, Self::One { kind, .. } if Some(*kind) == of)
    }
}

/// The column of the normalised view that names what a UUID of this kind stands for.
fn name_of(kind: Option<EntityKind>) -> Option<&'static str> {
    Some(match kind? {
        EntityKind::Vault => "vault_name",
        EntityKind::Item => "item_name",
        EntityKind::Group => "group_name",
        EntityKind::Device => "device_name",
        _ => return None,
    })
}

fn bound(text: &mut String, from: Ticks, to: Ticks) {
    let [from, to] = [from, to].map(|at| print_literal(&Value::DateTime(at.0)));
    let _ = writeln!(text, "| where timestamp between ({from} .. {to})");
}

/// A bin so that a stretch has about as many as a wide screen shows.
fn bin(ticks: i64) -> i64 {
    let steps = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY];
    steps.into_iter().find(|step| ticks / step <= BINS).unwrap_or(30 * DAY)
}

/// What a column of an answer names, by the names that the table, the view and the hunts use.
pub fn kind_of(column: &str) -> Option<EntityKind> {
    Some(match column {
        "user"
        | "user_email"
        | "user_uuid"
        | "target_email"
        | "target_uuid"
        | "email"
        | "actor"
        | "actor_email"
        | "actor_uuid"
        | "target_user_email"
        | "target_user_uuid"
        | "actor_details_email"
        | "ActorUsername"
        | "TargetUsername" => EntityKind::User,
        "vault" | "vault_uuid" => EntityKind::Vault,
        "item" | "item_uuid" => EntityKind::Item,
        "group" | "group_uuid" => EntityKind::Group,
        "device" | "device_uuid" => EntityKind::Device,
        "session_uuid" => EntityKind::Session,
        "ip" | "client_ip" | "client_ip_address" | "session_ip" | "SrcIpAddr" | "address" => EntityKind::Ip,
        "country" | "location_country" => EntityKind::Country,
        "app_name" | "client_app_name" => EntityKind::App,
        "uuid" | "uuid_s" => EntityKind::Event,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kql::parser::parse;

    const NOW: Ticks = Ticks(639_000_000_000_000_000);

    #[test]
    fn every_page_is_a_question_that_parses_whatever_its_subject_is_called() {
        let hostile = "x\" or true // \n'\\\u{202e}";
        for kind in [EntityKind::User, EntityKind::Vault, EntityKind::Item, EntityKind::Ip, EntityKind::Country] {
            for id in ["alice@example.com", hostile] {
                let subject = Subject::one(kind, id);
                let question = subject.question(Window::Month.from(NOW, None), NOW);
                let parsed = parse(&question.text);
                assert_eq!(parsed.diagnostics, [], "{}", question.text);
                // One let, the summary, the timeline, and a list each.
                assert_eq!(parsed.query.statements.len(), 3 + question.lists.len());
                assert!(parse(&subject.events(Window::Day.from(NOW, None), NOW)).diagnostics.is_empty());
            }
        }
        assert!(parse(&Subject::Everything.question(Window::All.from(NOW, None), NOW).text).diagnostics.is_empty());
    }

    #[test]
    fn a_page_does_not_list_what_it_is_about() {
        let question = Subject::one(EntityKind::Vault, "v").question(Window::Day.from(NOW, None), NOW);
        assert!(question.lists.iter().all(|list| list.kind != Some(EntityKind::Vault)));
        assert_eq!(question.bin, 15 * MINUTE);
    }
}
