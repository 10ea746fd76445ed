//! Rows of Sentinel's table `OnePasswordEventLogs_CL` back into events. The columns are the API's fields under other names; an export has
//! nothing else, so what the table never had is not in the event either.
//!
//! The feed is told by what a row has, not by its `log_source`: the serverless connector says `itemusages` of every audit event with an
//! `aux_id`.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::cells::{Cell, Typed};
use super::source::Columns;
use crate::base::time::Ticks;
use crate::event::schema::{DYNAMIC, Holds, Physical, STORED};
use crate::event::{Feed, json};
use crate::kql::Type;

/// The names under which a person may call the table.
pub const NAMES: &[&str] = &["OnePasswordEventLogs_CL", "OnePasswordEventLogs"];

/// An event out of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub feed: Feed,
    /// The event as the API would have given it.
    pub raw: String,
    /// `TimeGenerated`: when it came into the workspace.
    pub generated: Option<Ticks>,
}

/// What a column of the table is in the event.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Field {
    Text(&'static str),
    Number(&'static str),
    Time(&'static str),
    Object(&'static str),
    Generated,
    LogSource,
    /// A column of the workspace: no part of the event.
    Workspace,
}

/// What the columns of a file are; `Err` names those that the table does not have.
#[derive(Debug)]
pub struct Mapping(Vec<Option<Field>>);

impl Mapping {
    pub fn of(columns: &Columns) -> Self {
        Self(columns.list.iter().map(|c| field(&c.name)).collect())
    }

    /// The columns that mean nothing here, by name.
    pub fn unknown<'a>(&self, columns: &'a Columns) -> Vec<&'a str> {
        columns.list.iter().zip(&self.0).filter(|(_, f)| f.is_none()).map(|(c, _)| &*c.name).collect()
    }

    /// The event of a row; `Err` says why there is none.
    pub fn event(&self, cells: &[(usize, Cell<'_>)]) -> Result<Event, String> {
        let mut raw = String::from("{");
        let (mut generated, mut source, mut uuid) = (None, Cow::Borrowed(""), false);
        let mut has = Vec::new();
        for (at, cell) in cells {
            let Some(field) = self.0.get(*at).copied().flatten() else { continue };
            let plain = cell.plain();
            match field {
                Field::Workspace => {}
                Field::LogSource => source = plain,
                Field::Generated => {
                    if let Some(Typed::Long(ticks)) = cell.typed(Type::DateTime) {
                        generated = Some(Ticks(ticks));
                    }
                }
                _ if plain.is_empty() => {}
                Field::Text(key) => {
                    uuid |= key == "uuid";
                    has.push(key);
                    member(&mut raw, key);
                    json::quote(&mut raw, &plain);
                }
                Field::Number(key) => {
                    let Some(Typed::Long(n)) = cell.typed(Type::Long) else {
                        return Err(format!("`{key}` is no whole number"));
                    };
                    has.push(key);
                    member(&mut raw, key);
                    raw.push_str(&n.to_string());
                }
                Field::Time(key) => {
                    member(&mut raw, key);
                    // As the API writes it; what is no time is kept as it stands.
                    match cell.typed(Type::DateTime) {
                        Some(Typed::Long(ticks)) => json::quote(&mut raw, &Ticks(ticks).to_string()),
                        _ => json::quote(&mut raw, &plain),
                    }
                }
                Field::Object(key) => {
                    let Some(Typed::Text(value)) = cell.typed(Type::Dynamic) else { continue };
                    if matches!(&*value, "{}" | "[]" | "\"\"") {
                        continue;
                    }
                    has.push(key);
                    member(&mut raw, key);
                    raw.push_str(&value);
                }
            }
        }
        let feed = feed(&has, &source).ok_or("nothing in it tells its feed")?;
        if !uuid {
            // Early versions of the serverless connector left it out. What a row holds is its identity then.
            let hash = Sha256::digest(raw.as_bytes());
            let digits = hash.iter().take(13).fold(String::new(), |mut digits, byte| {
                let _ = write!(digits, "{byte:02X}");
                digits
            });
            member(&mut raw, "uuid");
            json::quote(&mut raw, &digits);
        }
        raw.push('}');
        Ok(Event { feed, raw, generated })
    }
}

fn member(raw: &mut String, key: &str) {
    if raw.len() > 1 {
        raw.push(',');
    }
    json::quote(raw, key);
    raw.push(':');
}

fn field(column: &str) -> Option<Field> {
    match column {
        "TimeGenerated" => return Some(Field::Generated),
        "log_source" => return Some(Field::LogSource),
        "TenantId"
        | "Type"
        | "_ResourceId"
        | "SourceSystem"
        | "MG"
        | "ManagementGroupName"
        | "Computer"
        | "RawData"
        | "_ItemId"
        | "_TimeReceived"
        | "_IsBillable"
        | "_BilledSize"
        | "_SubscriptionId" => {
            return Some(Field::Workspace);
        }
        // Also without the renaming that the connector does.
        "uuid" => return Some(Field::Text("uuid")),
        "type" => return Some(Field::Text("type")),
        _ => {}
    }
    if let Some(key) = DYNAMIC.iter().find(|d| **d == column) {
        return Some(Field::Object(key));
    }
    STORED.iter().find(|c| c.name == column).and_then(|c| match c.holds {
        Holds::Scalar(key) if key == "timestamp" => Some(Field::Time(key)),
        Holds::Scalar(key) => Some(match c.physical {
            Physical::Int32 | Physical::Int64 => Field::Number(key),
            _ => Field::Text(key),
        }),
        _ => None,
    })
}

/// The feed by the shape of the row: who acts on what is said in a way of its own in each.
fn feed(has: &[&str], source: &str) -> Option<Feed> {
    let any = |keys: &[&str]| keys.iter().any(|k| has.contains(k));
    if any(&["actor_uuid", "actor_details", "object_type", "object_uuid"]) {
        return Some(Feed::AuditEvents);
    }
    if any(&["target_user", "category", "type"]) {
        return Some(Feed::SignInAttempts);
    }
    if any(&["used_version", "item_uuid", "vault_uuid", "user"]) {
        return Some(Feed::ItemUsages);
    }
    Feed::from_name(source).filter(|feed| feed.is_of_events_api())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(names: &[&str], cells: &[&str]) -> Result<Event, String> {
        let mut columns = Columns::default();
        let cells: Vec<_> = names.iter().zip(cells).map(|(n, c)| (columns.at(n), Cell::Text(c))).collect();
        Mapping::of(&columns).event(&cells)
    }

    #[test]
    fn a_row_becomes_the_event_it_was() {
        let got = event(
            &[
                "TimeGenerated",
                "uuid_s",
                "timestamp",
                "category",
                "action_type",
                "country",
                "target_user",
                "TenantId",
                "aux_id",
            ],
            &[
                "4/18/2025, 12:40:00.000 PM",
                "ABC",
                "2025-04-04T16:45:12.5Z",
                "success",
                "credentials_ok",
                "CA",
                r#"{"uuid": "U", "email": "a@b.c"}"#,
                "x",
                "",
            ],
        )
        .unwrap();
        assert_eq!(got.feed, Feed::SignInAttempts);
        assert_eq!(
            got.raw,
            r#"{"uuid":"ABC","timestamp":"2025-04-04T16:45:12.5000000Z","category":"success","type":"credentials_ok","country":"CA","target_user":{"uuid":"U","email":"a@b.c"}}"#
        );
        assert_eq!(got.generated.unwrap().to_string(), "2025-04-18T12:40:00.0000000Z");
    }

    #[test]
    fn an_audit_event_is_one_whatever_its_log_source_says() {
        let got =
            event(&["uuid_s", "action", "actor_uuid", "aux_id", "log_source"], &["A", "grant", "U", "7", "itemusages"]);
        assert_eq!(got.unwrap().feed, Feed::AuditEvents);
        let got = event(
            &["uuid_s", "action", "used_version", "user", "log_source"],
            &["A", "reveal", "2", "{\"uuid\":\"U\"}", "auditevents"],
        );
        assert_eq!(got.unwrap().feed, Feed::ItemUsages);
        assert!(event(&["uuid_s"], &["A"]).is_err());
        assert_eq!(event(&["uuid_s", "log_source"], &["A", "auditevents"]).unwrap().feed, Feed::AuditEvents);
    }

    #[test]
    fn a_row_without_uuid_is_known_by_what_it_holds() {
        let of = |action: &str| event(&["action", "actor_uuid"], &[action, "U"]).unwrap().raw;
        assert_eq!(of("grant"), of("grant"));
        assert_ne!(of("grant"), of("revoke"));
        assert!(of("grant").contains("\"uuid\":\""));
    }
}
