//! The JSON of an event, as the API writes it: v2 shapes, fields in its order, times with trimmed nanoseconds.

mod activity;
mod v3;

use super::happening::{Happening, Session, Thing, What};
use super::ids::{self, Domain};
use super::organisation::{Organisation, User};
use super::{Nanos, ticks};

/// Appends the event's JSON.
pub(super) fn render(organisation: &Organisation, event: &Happening, out: &mut Vec<u8>) {
    Render { organisation, out }.event(event);
}

/// The same audit event as version 3 of the API has it.
pub(super) fn v3(organisation: &Organisation, event: &Happening, out: &mut Vec<u8>) {
    Render { organisation, out }.v3(event);
}

/// What the organisation's Connect server keeps of a use.
pub(super) fn activity(organisation: &Organisation, event: &Happening, out: &mut Vec<u8>) {
    Render { organisation, out }.activity(event);
}

/// The event's uuid, as its JSON has it.
pub(super) fn uuid(event: &Happening) -> String {
    ids::upper(event.key)
}

/// RFC 3339 with up to nine digits, trailing zeros trimmed.
pub(super) fn push_time(at: Nanos, out: &mut Vec<u8>) {
    let civil = ticks(at).civil();
    let mut pair =
        |n: u32, after: u8| out.extend_from_slice(&[b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8, after]);
    let year = civil.year.clamp(0, 9999) as u32;
    pair(year / 100, b'0' + (year / 10 % 10) as u8);
    out.push(b'0' + (year % 10) as u8);
    out.push(b'-');
    let mut pair =
        |n: u32, after: u8| out.extend_from_slice(&[b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8, after]);
    pair(civil.month, b'-');
    pair(civil.day, b'T');
    pair(civil.hour, b':');
    pair(civil.minute, b':');
    pair(civil.second, b'.');
    let mut fraction = at.rem_euclid(super::SECOND);
    let end = out.len();
    let mut digits = [b'0'; 9];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    let kept = digits.iter().rposition(|&d| d != b'0').map_or(0, |last| last + 1);
    if kept == 0 {
        out.truncate(end - 1);
    } else {
        out.extend_from_slice(&digits[..kept]);
    }
    out.push(b'Z');
}

struct Render<'a> {
    organisation: &'a Organisation,
    out: &'a mut Vec<u8>,
}

impl Render<'_> {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// The inside of a string. What the organisation is made of needs no escapes but these two.
    fn inside(&mut self, text: &str) {
        for &byte in text.as_bytes() {
            if byte == b'"' || byte == b'\\' {
                self.out.push(b'\\');
            }
            self.out.push(byte);
        }
    }

    /// `"before": "text"` where `before` has the key and the opening quote.
    fn text(&mut self, before: &str, text: &str) {
        self.raw(before);
        self.inside(text);
        self.out.push(b'"');
    }

    fn upper(&mut self, before: &str, key: u64) {
        self.raw(before);
        ids::push_upper(key, self.out);
        self.out.push(b'"');
    }

    fn time(&mut self, before: &str, at: Nanos) {
        self.raw(before);
        push_time(at, self.out);
        self.out.push(b'"');
    }

    fn event(&mut self, event: &Happening) {
        self.upper("{\"uuid\":\"", event.key);
        let (organisation, session) = (self.organisation, event.session);
        let user = organisation.user(session.user);
        match event.what {
            What::SignIn(verdict) => {
                let (category, kind) = verdict.codes();
                let origin = &organisation.origins[session.origin as usize];
                self.upper(",\"session_uuid\":\"", session.key);
                self.time(",\"timestamp\":\"", event.time);
                self.text(",\"country\":\"", organisation.places[origin.place].iso);
                self.text(",\"category\":\"", category);
                self.text(",\"type\":\"", kind);
                self.raw(if kind == "country_blocked" { ",\"details\":{\"value\":\"" } else { ",\"details\":null" });
                if kind == "country_blocked" {
                    self.raw(organisation.places[origin.place].iso);
                    self.raw("\"}");
                }
                self.user(",\"target_user\":", user);
                self.client(session);
                self.location(session, true);
            }
            What::Usage { action, item } => {
                let item = &organisation.items[item as usize];
                self.time(",\"timestamp\":\"", event.time);
                self.raw(",\"used_version\":");
                self.number(item.version);
                self.text(",\"vault_uuid\":\"", &organisation.vaults[item.vault as usize].uuid);
                self.text(",\"item_uuid\":\"", &item.uuid);
                self.user(",\"user\":", user);
                self.client(session);
                self.location(session, false);
                self.text(",\"action\":\"", action.code());
            }
            What::Audit { act, object, aux } => {
                let shape = act.shape();
                self.time(",\"timestamp\":\"", event.time);
                self.text(",\"actor_uuid\":\"", &user.uuid);
                self.user(",\"actor_details\":", user);
                self.raw(",\"actor_type\":\"user\"");
                self.text(",\"action\":\"", shape.action);
                self.text(",\"object_type\":\"", shape.object_type);
                self.thing(",\"object_uuid\":\"", shape.object, object, session);
                if shape.object == Thing::User {
                    self.user(",\"object_details\":", organisation.user(object));
                }
                if shape.numbered {
                    self.raw(",\"aux_id\":");
                    self.number(1_000_000 + (ids::mix(event.key) % 90_000_000) as u32);
                }
                self.thing(",\"aux_uuid\":\"", shape.aux, aux, session);
                if shape.aux == Thing::User {
                    self.user(",\"aux_details\":", organisation.user(aux));
                }
                if let Some(info) = shape.info {
                    self.text(",\"aux_info\":\"", info);
                }
                self.upper(",\"session\":{\"uuid\":\"", session.key);
                self.time(",\"login_time\":\"", session.login);
                self.text(",\"device_uuid\":\"", &organisation.devices[session.device as usize].uuid);
                self.text(",\"ip\":\"", &organisation.origins[session.origin as usize].ip);
                self.out.push(b'}');
                self.location(session, false);
            }
        }
        self.out.push(b'}');
    }

    fn number(&mut self, mut n: u32) {
        let mut digits = [0; 10];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    fn thing(&mut self, before: &str, thing: Thing, n: u32, session: Session) {
        let o = self.organisation;
        let key = ids::key(o.seed, Domain::Thing, u64::from(n) | 1 << 40);
        match thing {
            Thing::Nothing => {}
            Thing::Account => self.text(before, &o.account_uuid),
            Thing::User => self.text(before, &o.user(n).uuid),
            Thing::Vault => self.text(before, &o.vaults[n as usize].uuid),
            Thing::Item => self.text(before, &o.items[n as usize].uuid),
            Thing::Group => self.text(before, &o.groups[n as usize]),
            Thing::Device => self.text(before, &o.devices[n as usize].uuid),
            Thing::Session => self.upper(before, session.key),
            Thing::Upper => self.upper(before, key),
            Thing::Lower => {
                self.raw(before);
                ids::push_lower(key, self.out);
                self.out.push(b'"');
            }
        }
    }

    fn user(&mut self, before: &str, user: &User) {
        self.raw(before);
        self.text("{\"uuid\":\"", &user.uuid);
        self.text(",\"name\":\"", &user.name);
        self.text(",\"email\":\"", &user.email);
        self.out.push(b'}');
    }

    fn client(&mut self, session: Session) {
        let o = self.organisation;
        let device = &o.devices[session.device as usize];
        self.text(",\"client\":{\"app_name\":\"", device.app);
        self.text(",\"app_version\":\"", device.app_version);
        self.text(",\"platform_name\":\"", &device.platform);
        self.text(",\"platform_version\":\"", device.platform_version);
        self.text(",\"os_name\":\"", device.os);
        self.text(",\"os_version\":\"", device.os_version);
        self.text(",\"ip_address\":\"", &o.origins[session.origin as usize].ip);
        self.out.push(b'}');
    }

    /// Sign-ins have the country's code, the other feeds its name.
    fn location(&mut self, session: Session, code: bool) {
        let o = self.organisation;
        let place = &o.places[o.origins[session.origin as usize].place];
        self.text(",\"location\":{\"country\":\"", if code { place.iso } else { place.country });
        self.text(",\"region\":\"", place.region);
        self.text(",\"city\":\"", place.city);
        self.raw(",\"latitude\":");
        self.raw(place.latitude);
        self.raw(",\"longitude\":");
        self.raw(place.longitude);
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nanoseconds_with_trailing_zeros_trimmed() {
        for (at, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_772_352_900_123_456_789, "2026-03-01T08:15:00.123456789Z"),
            (1_772_352_900_120_000_000, "2026-03-01T08:15:00.12Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
        ] {
            let mut out = Vec::new();
            push_time(at, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
