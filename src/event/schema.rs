//! The columns an event is stored in: ONE schema for fresh pages and for Parquet segments, and so for every scan.
//!
//! Sentinel's dynamic columns (`client`, `session`, …) are not stored a second time: they are read out of `raw`. The
//! paths inside them that hunts read all the time are columns of their own. A path column holds exactly that path: a
//! string where the event has a string, null where it has null or nothing. An event that has anything else there (a number, a list, a
//! repeated key) is marked `irregular`, and is read from `raw` instead: rare, and never wrong.
//!
//! An audit event of version 3 has another shape. Its columns hold what version 2 would have had there (`decode::v3`), its text is what
//! the service sent; the dynamic columns, which are cut out of the text, are null.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// How a stored column lies in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    /// A string of few distinct values: `Dictionary(Int32, Utf8)`, codes kept from Parquet to the result.
    Dictionary,
    /// A string of many distinct values: `Utf8View`.
    Text,
    /// `Int64`: a number, or 100 ns ticks since 0001-01-01 where `is_time`.
    Int64,
    Int32,
    Float64,
    Boolean,
}

/// What a stored column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A fact about the arrival that the store adds: sequence number, account, arrival time.
    Arrival,
    /// A scalar column of Sentinel's table, named as there. The second field is the event's own key, "" where derived.
    Scalar(&'static str),
    /// A path inside a dynamic column of Sentinel's table: (`client`, `ip_address`).
    Path(&'static str, &'static str),
    /// The event's text, byte for byte.
    Raw,
}

/// One stored column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The physical name: Sentinel's for a scalar, `client.ip_address` for a path.
    pub name: &'static str,
    pub physical: Physical,
    pub holds: Holds,
    pub nullable: bool,
}

const fn arrival(name: &'static str, physical: Physical) -> Stored {
    Stored { name, physical, holds: Holds::Arrival, nullable: false }
}

const fn scalar(name: &'static str, key: &'static str, physical: Physical) -> Stored {
    Stored { name, physical, holds: Holds::Scalar(key), nullable: true }
}

const fn path(name: &'static str, column: &'static str, key: &'static str, physical: Physical) -> Stored {
    Stored { name, physical, holds: Holds::Path(column, key), nullable: true }
}

use Physical::{Boolean, Dictionary, Float64, Int32, Int64, Text};

/// Every stored column, in the order of the segment files. Adding one is a new segment version.
pub const STORED: &[Stored] = &[
    // The store's own facts. `seq` counts arrivals over all feeds, from 1, without gaps inside one store.
    arrival("seq", Int64),
    arrival("feed", Dictionary),
    arrival("account", Dictionary),
    // How it came: `live`, `backfill`, `gap`, `import`, `demo`.
    arrival("source", Dictionary),
    arrival("arrived", Int64),
    arrival("TimeGenerated", Int64),
    // The first eight bytes of the event's leaf hash (`store`'s chain), big-endian.
    arrival("tag", Int64),
    // True where a stored path could not hold what the event has there.
    arrival("irregular", Boolean),
    scalar("timestamp", "timestamp", Int64),
    Stored { name: "uuid_s", physical: Text, holds: Holds::Scalar("uuid"), nullable: false },
    scalar("session_uuid", "session_uuid", Text),
    scalar("country", "country", Dictionary),
    scalar("category", "category", Dictionary),
    scalar("action_type", "type", Dictionary),
    scalar("actor_uuid", "actor_uuid", Dictionary),
    scalar("actor_type", "actor_type", Dictionary),
    scalar("actor_account_uuid", "actor_account_uuid", Dictionary),
    scalar("account_uuid", "account_uuid", Dictionary),
    scalar("user_type", "user_type", Dictionary),
    scalar("user_account_uuid", "user_account_uuid", Dictionary),
    scalar("action", "action", Dictionary),
    scalar("object_type", "object_type", Dictionary),
    scalar("object_uuid", "object_uuid", Dictionary),
    // Wider than Sentinel's int: the table shows a larger value as null.
    scalar("aux_id", "aux_id", Int64),
    scalar("aux_uuid", "aux_uuid", Dictionary),
    scalar("aux_info", "aux_info", Dictionary),
    scalar("used_version", "used_version", Int32),
    scalar("vault_uuid", "vault_uuid", Dictionary),
    scalar("item_uuid", "item_uuid", Dictionary),
    path("target_user.uuid", "target_user", "uuid", Dictionary),
    path("target_user.name", "target_user", "name", Dictionary),
    path("target_user.email", "target_user", "email", Dictionary),
    path("user.uuid", "user", "uuid", Dictionary),
    path("user.name", "user", "name", Dictionary),
    path("user.email", "user", "email", Dictionary),
    path("actor_details.uuid", "actor_details", "uuid", Dictionary),
    path("actor_details.name", "actor_details", "name", Dictionary),
    path("actor_details.email", "actor_details", "email", Dictionary),
    path("object_details.uuid", "object_details", "uuid", Dictionary),
    path("object_details.name", "object_details", "name", Dictionary),
    path("object_details.email", "object_details", "email", Dictionary),
    path("aux_details.uuid", "aux_details", "uuid", Dictionary),
    path("aux_details.name", "aux_details", "name", Dictionary),
    path("aux_details.email", "aux_details", "email", Dictionary),
    path("client.app_name", "client", "app_name", Dictionary),
    path("client.app_version", "client", "app_version", Dictionary),
    path("client.platform_name", "client", "platform_name", Dictionary),
    path("client.platform_version", "client", "platform_version", Dictionary),
    path("client.os_name", "client", "os_name", Dictionary),
    path("client.os_version", "client", "os_version", Dictionary),
    path("client.ip_address", "client", "ip_address", Dictionary),
    path("location.country", "location", "country", Dictionary),
    path("location.region", "location", "region", Dictionary),
    path("location.city", "location", "city", Dictionary),
    path("location.latitude", "location", "latitude", Float64),
    path("location.longitude", "location", "longitude", Float64),
    path("session.uuid", "session", "uuid", Text),
    path("session.login_time", "session", "login_time", Text),
    path("session.device_uuid", "session", "device_uuid", Dictionary),
    path("session.ip", "session", "ip", Dictionary),
    path("details.value", "details", "value", Dictionary),
    Stored { name: "raw", physical: Text, holds: Holds::Raw, nullable: false },
];

/// The dynamic columns of Sentinel's table, all read out of `raw` under the same key.
pub const DYNAMIC: &[&str] = &[
    "details",
    "target_user",
    "client",
    "location",
    "actor_details",
    "object_details",
    "aux_details",
    "session",
    "user",
];

impl Stored {
    /// The Arrow type of the column.
    pub fn data_type(&self) -> DataType {
        match self.physical {
            Dictionary => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Text => DataType::Utf8View,
            Int64 => DataType::Int64,
            Int32 => DataType::Int32,
            Float64 => DataType::Float64,
            Boolean => DataType::Boolean,
        }
    }
}

/// The Arrow schema of a stored batch: `STORED`, in order.
pub fn arrow() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = STORED.iter().map(|c| Field::new(c.name, c.data_type(), c.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

/// The position of a stored column by its physical name.
pub fn position(name: &str) -> Option<usize> {
    STORED.iter().position(|c| c.name == name)
}

/// The stored column that holds exactly `column.key`, if one does.
pub fn stored_path(column: &str, key: &str) -> Option<usize> {
    STORED.iter().position(|c| matches!(c.holds, Holds::Path(of, k) if of == column && k == key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_paths_are_named_by_their_path() {
        for (i, c) in STORED.iter().enumerate() {
            assert_eq!(position(c.name), Some(i), "{}", c.name);
            if let Holds::Path(column, key) = c.holds {
                assert_eq!(c.name, format!("{column}.{key}"));
                assert!(DYNAMIC.contains(&column));
                assert_eq!(stored_path(column, key), Some(i));
            }
        }
    }
}
