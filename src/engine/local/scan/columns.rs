//! Sentinel's table over the stored columns. Scalars are stored; dynamic columns are exact slices of the event's text; a path inside one is a stored
//! column where there is one.

use std::sync::LazyLock;

use super::super::arrival::ARRIVED;
use crate::event::schema::{DYNAMIC, STORED, position, stored_path};
use crate::kql::plan::{ScanColumn, Step};
use crate::kql::{Column, Schema, Type, Value};

/// Sentinel's table.
pub const EVENTS: &str = "OnePasswordEventLogs_CL";

/// The same with what only a store knows. The shipped views read it; its name is not offered.
pub const STORED_EVENTS: &str = "_StoredEvents";

/// What a Connect server was asked for: rows of the store that are no events, under names of their own.
pub const CONNECT: &str = "OnePasswordConnectActivity";

/// Where a column of the scan comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A stored column as it is.
    Stored(usize),
    /// A stored long that is an int in Sentinel's table: null where it does not fit.
    Narrowed(usize),
    Constant(Value),
    /// The name of what a stored UUID stands for, "" where none is known.
    Named(usize),
    /// A stored path: `text`, or as a dynamic value. `column` and `steps` read it from the event's text where the row is irregular.
    Path {
        stored: usize,
        column: String,
        steps: Vec<Step>,
        text: bool,
    },
    /// A dynamic column, or a path in one that is not stored.
    Raw {
        column: String,
        steps: Vec<Step>,
        text: bool,
    },
}

impl Origin {
    /// The stored column that it is made of; of the events' text, only the text itself is.
    pub fn stored(&self) -> Option<usize> {
        match self {
            Self::Stored(stored) | Self::Narrowed(stored) | Self::Named(stored) | Self::Path { stored, .. } => {
                Some(*stored)
            }
            Self::Constant(_) | Self::Raw { .. } => None,
        }
    }
}

use Type::{DateTime, Dynamic, Int, Long, String as Text};

/// Sentinel's columns, in its order.
const COLUMNS: &[(&str, Type)] = &[
    ("SourceSystem", Text),
    ("TimeGenerated", DateTime),
    ("uuid_s", Text),
    ("session_uuid", Text),
    ("timestamp", DateTime),
    ("country", Text),
    ("category", Text),
    ("action_type", Text),
    ("details", Dynamic),
    ("target_user", Dynamic),
    ("client", Dynamic),
    ("location", Dynamic),
    ("actor_uuid", Text),
    ("actor_details", Dynamic),
    ("actor_type", Text),
    ("actor_account_uuid", Text),
    ("account_uuid", Text),
    ("user_type", Text),
    ("user_account_uuid", Text),
    ("action", Text),
    ("object_type", Text),
    ("object_uuid", Text),
    ("object_details", Dynamic),
    ("aux_id", Int),
    ("aux_uuid", Text),
    ("aux_details", Dynamic),
    ("aux_info", Text),
    ("session", Dynamic),
    ("used_version", Int),
    ("vault_uuid", Text),
    ("item_uuid", Text),
    ("user", Dynamic),
    ("log_source", Text),
    ("TenantId", Text),
    ("Type", Text),
    ("_ResourceId", Text),
];

/// What only a store knows.
const HIDDEN: &[(&str, Type)] =
    &[("arrived", DateTime), ("account", Text), ("source", Text), ("seq", Long), ("raw", Text)];

/// The names of what UUIDs stand for: columns beside the hidden ones, each with the stored column that holds the UUID.
const NAMES: &[(&str, &str)] = &[
    ("name_of_actor", "actor_uuid"),
    ("name_of_object", "object_uuid"),
    ("name_of_aux", "aux_uuid"),
    ("name_of_vault", "vault_uuid"),
    ("name_of_item", "item_uuid"),
    ("name_of_device", "session.device_uuid"),
];

/// The columns of a Connect server's requests, and the stored column of each (`event::decode::connect` says what lies there).
const REQUESTS: &[(&str, Type, &str)] = &[
    ("TimeGenerated", DateTime, "TimeGenerated"),
    ("timestamp", DateTime, "timestamp"),
    ("server", Text, "account"),
    ("request_id", Text, "uuid_s"),
    ("action", Text, "action"),
    ("result", Text, "category"),
    ("actor_id", Text, "actor_uuid"),
    ("actor_account", Text, "actor_account_uuid"),
    ("actor_jti", Text, "session_uuid"),
    ("user_agent", Text, "client.app_name"),
    ("client_ip", Text, "client.ip_address"),
    ("resource_type", Text, "object_type"),
    ("vault_uuid", Text, "vault_uuid"),
    ("item_uuid", Text, "item_uuid"),
    ("item_version", Int, "used_version"),
    ("raw", Text, "raw"),
];

fn schema_of(columns: &[&[(&str, Type)]]) -> Schema {
    columns.concat().into_iter().map(|(name, ty)| Column::new(name, ty)).collect()
}

/// The schema of an event table.
pub fn schema(table: &str) -> Option<&'static Schema> {
    static PLAIN: LazyLock<Schema> = LazyLock::new(|| schema_of(&[COLUMNS]));
    static WHOLE: LazyLock<Schema> = LazyLock::new(|| {
        let names = NAMES.iter().map(|(name, _)| Column::new(*name, Text));
        schema_of(&[COLUMNS, HIDDEN]).0.into_iter().chain(names).collect()
    });
    static REQUEST: LazyLock<Schema> =
        LazyLock::new(|| REQUESTS.iter().map(|(name, ty, _)| Column::new(*name, *ty)).collect());
    match table {
        EVENTS => Some(&PLAIN),
        CONNECT => Some(&REQUEST),
        STORED_EVENTS => Some(&WHOLE),
        _ => None,
    }
}

/// Where a column comes from; `None` for one that the table does not have.
pub fn origin(table: &str, column: &ScanColumn) -> Option<Origin> {
    match column {
        ScanColumn::Column(name) if table == CONNECT => {
            let stored = if &**name == ARRIVED { Some("arrived") } else { None };
            let own = || REQUESTS.iter().find(|(own, ..)| *own == &**name).map(|(.., stored)| *stored);
            Some(Origin::Stored(position(stored.or_else(own)?)?))
        }
        ScanColumn::Path { .. } if table == CONNECT => None,
        ScanColumn::Column(name) => Some(match &**name {
            "SourceSystem" | "TenantId" | "_ResourceId" => Origin::Constant(Value::string("")),
            "Type" => Origin::Constant(Value::string(EVENTS)),
            "log_source" => Origin::Stored(position("feed")?),
            "aux_id" => Origin::Narrowed(position("aux_id")?),
            ARRIVED => Origin::Stored(position("arrived")?),
            name if DYNAMIC.contains(&name) => Origin::Raw { column: name.to_owned(), steps: Vec::new(), text: false },
            name => match NAMES.iter().find(|(known, _)| *known == name) {
                Some((_, uuid)) => Origin::Named(position(uuid)?),
                None => Origin::Stored(position(name)?),
            },
        }),
        ScanColumn::Path { column, steps, text } => {
            if !DYNAMIC.contains(&&**column) {
                return None;
            }
            let (column, steps, text) = (column.to_string(), steps.clone(), *text);
            Some(match steps.as_slice() {
                [Step::Key(key)] => match stored_path(&column, key) {
                    Some(stored) => Origin::Path { stored, column, steps, text },
                    None => Origin::Raw { column, steps, text },
                },
                _ => Origin::Raw { column, steps, text },
            })
        }
    }
}

/// The name of a stored column, for messages.
pub fn stored_name(at: usize) -> &'static str {
    STORED.get(at).map_or("?", |c| c.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_table_comes_from_somewhere() {
        for table in [EVENTS, STORED_EVENTS, CONNECT] {
            for column in schema(table).unwrap() {
                assert!(origin(table, &ScanColumn::Column(column.name.clone())).is_some(), "{}", column.name);
            }
        }
    }

    #[test]
    fn a_path_with_a_column_of_its_own_is_read_from_it() {
        let path = |column: &str, key: &str| ScanColumn::Path {
            column: column.into(),
            steps: vec![Step::Key(key.into())],
            text: true,
        };
        assert!(matches!(origin(EVENTS, &path("client", "ip_address")), Some(Origin::Path { .. })));
        assert!(matches!(origin(EVENTS, &path("client", "other")), Some(Origin::Raw { .. })));
        assert_eq!(origin(EVENTS, &path("category", "x")), None);
    }
}
