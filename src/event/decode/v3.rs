//! An audit event of version 3 into the columns that version 2's have, so that one question holds for both. What it says and version
//! 2 has no place for stays in its text.
//!
//! The beta's schema is not settled: actor, targets and context are looked for under the names that its documentation has used.

use super::{Decoded, Value, real};
use crate::base::time::Ticks;
use crate::event::json::{self, Kind};
use crate::event::schema::position;
use crate::event::v3;

/// Names under which the same has been seen.
const IDS: &[&str] = &["uuid", "id"];
const TIMES: &[&str] = &["timestamp", "event_time", "occurred_at", "insert_time"];
const TARGETS: &[&str] = &["targets", "target_entities", "entities", "target"];
const ADDRESSES: &[&str] = &["ip_address", "ip"];

/// The value under the first of these keys that is there and not null.
fn first<'a>(text: &'a str, keys: &[&str]) -> Option<&'a str> {
    keys.iter().filter_map(|key| json::key(text, key)).find(|value| json::kind(value) != Some(Kind::Null))
}

/// Fills the columns of an event that has a time of insertion. What the event has under version 2's own keys stands.
pub(super) fn fill<'a>(event: &mut Decoded<'a>) {
    let raw: &'a str = event.raw;
    put(event, "uuid_s", first(raw, IDS));
    if event.undated() {
        let ticks = TIMES.iter().find_map(|key| Ticks::parse_rfc3339(&json::string(json::key(raw, key)?)?));
        if let (Some(at), Some(ticks)) = (position("timestamp"), ticks) {
            event.values[at] = Value::Int(ticks.0);
        }
    }
    let known = action(event);
    let actor = json::key(raw, "actor").unwrap_or("{}");
    put(event, "actor_uuid", first(actor, IDS));
    put(event, "actor_type", json::key(actor, "type"));
    put(event, "actor_account_uuid", json::key(actor, "account_uuid"));
    person(event, "actor_details", actor);
    targets(event, first(raw, TARGETS).unwrap_or("[]"), known);
    context(event, json::key(raw, "context").unwrap_or(raw));
}

/// Version 2's codes in place of the name, where it has them.
fn action(event: &mut Decoded<'_>) -> Option<&'static v3::Action> {
    let at = position("action")?;
    let name = event.text(at)?;
    let known = v3::action(name);
    let object_type = match known {
        Some(known) => known.object_type.to_owned(),
        None if name.contains('.') => v3::target(name).to_owned(),
        None => return None,
    };
    if let Some(known) = known {
        event.values[at] = Value::Text(known.action.into());
    }
    let column = position("object_type")?;
    if event.values[column] == Value::Null {
        event.values[column] = Value::Text(object_type.into());
    }
    known
}

/// The first target of the object's type is version 2's object, the next of the others its auxiliary.
fn targets<'a>(event: &mut Decoded<'a>, list: &'a str, known: Option<&v3::Action>) {
    let all =
        if json::kind(list) == Some(Kind::Object) { vec![list] } else { json::elements(list).unwrap_or_default() };
    let is_object = |target: &&'a str| {
        let ty = json::key(target, "type").and_then(json::string).unwrap_or_default();
        known.is_some_and(|known| ty.replace('_', "-") == known.object)
    };
    let object = all.iter().position(is_object).unwrap_or(0);
    let Some(target) = all.get(object).copied() else { return };
    put(event, "object_uuid", first(target, IDS));
    person(event, "object_details", target);
    let aux = all.iter().enumerate().find(|(at, _)| *at != object).map(|(_, target)| *target);
    if let Some(aux) = aux {
        put(event, "aux_uuid", first(aux, IDS));
        person(event, "aux_details", aux);
    }
}

/// Name and address, with the uuid where there is either: version 2 gives details of people alone.
fn person<'a>(event: &mut Decoded<'a>, column: &str, of: &'a str) {
    let (name, email) = (first(of, &["name", "display_name"]), json::key(of, "email"));
    let is_user = json::key(of, "type").and_then(json::string).is_some_and(|ty| ty == "user");
    if email.is_some() || (is_user && name.is_some()) {
        put(event, &format!("{column}.uuid"), first(of, IDS));
        put(event, &format!("{column}.name"), name);
        put(event, &format!("{column}.email"), email);
    }
}

fn context<'a>(event: &mut Decoded<'a>, context: &'a str) {
    let part = |key: &str| json::key(context, key).unwrap_or("{}");
    let (account, session, client) = (part("account"), part("session"), part("client"));
    let (device, location) = (part("device"), part("location"));
    put(event, "account_uuid", first(account, IDS));
    put(event, "session.uuid", first(session, IDS));
    put(event, "session.login_time", json::key(session, "login_time"));
    put(event, "session.device_uuid", first(device, IDS).or_else(|| json::key(session, "device_uuid")));
    let address = first(session, ADDRESSES).or_else(|| first(client, ADDRESSES)).or_else(|| first(context, ADDRESSES));
    put(event, "session.ip", address);
    put(event, "client.ip_address", first(client, ADDRESSES));
    for key in ["app_name", "app_version", "platform_name", "platform_version", "os_name", "os_version"] {
        put(event, &format!("client.{key}"), json::key(client, key));
    }
    for key in ["country", "region", "city"] {
        put(event, &format!("location.{key}"), json::key(location, key));
    }
    for key in ["latitude", "longitude"] {
        if let (Some(at), Some(number)) =
            (position(&format!("location.{key}")), json::key(location, key).and_then(real))
        {
            event.values[at] = Value::Float(number);
        }
    }
}

/// A string into a column that has nothing yet.
fn put<'a>(event: &mut Decoded<'a>, column: &str, value: Option<&'a str>) {
    if let Some(at) = position(column)
        && event.values[at] == Value::Null
        && let Some(text) = value.and_then(json::string).filter(|text| !text.is_empty())
    {
        event.values[at] = Value::Text(text);
    }
}
