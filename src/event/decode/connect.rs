//! A request that a Connect server was asked, into the columns that events have: its `requestId` is the identity, the token is who
//! acts, vault and item are what it is about.

use super::{Decoded, Undecodable, Value};
use crate::event::json::{self, Step};
use crate::event::schema::position;

/// Where the columns come from. `OnePasswordConnectActivity` reads them under names of its own.
pub const COLUMNS: &[(&str, &[&str])] = &[
    ("category", &["result"]),
    ("actor_uuid", &["actor", "id"]),
    ("actor_account_uuid", &["actor", "account"]),
    ("session_uuid", &["actor", "jti"]),
    ("client.app_name", &["actor", "userAgent"]),
    ("client.ip_address", &["actor", "requestIp"]),
    ("object_type", &["resource", "type"]),
    ("vault_uuid", &["resource", "vault", "id"]),
    ("item_uuid", &["resource", "item", "id"]),
];

/// Fills the columns of a request. `timestamp` and `action` are there: their keys are those of events.
pub(super) fn fill<'a>(event: &mut Decoded<'a>) -> Result<(), Undecodable> {
    let raw: &'a str = event.raw;
    let ids = json::members(raw).unwrap_or_default().iter().filter(|(key, _)| key == "requestId").count();
    if ids > 1 {
        return Err(Undecodable::RepeatedUuid);
    }
    put(event, "uuid_s", json::key(raw, "requestId"));
    for (column, keys) in COLUMNS {
        let mut steps = [Step::Key(""); 3];
        steps.iter_mut().zip(*keys).for_each(|(step, key)| *step = Step::Key(key));
        put(event, column, json::path(raw, &steps[..keys.len()]));
    }
    let version = json::path(raw, &[Step::Key("resource"), Step::Key("itemVersion")]);
    if let (Some(at), Some(version)) = (position("used_version"), version.and_then(|text| text.parse::<i32>().ok())) {
        event.values[at] = Value::Int(version.into());
    }
    Ok(())
}

/// A string, or nothing: what an event has under a key of the same name is none of this.
fn put<'a>(event: &mut Decoded<'a>, column: &str, value: Option<&'a str>) {
    if let Some(at) = position(column) {
        event.values[at] = value.and_then(json::string).map_or(Value::Null, Value::Text);
    }
}
