//! What a 1Password Connect server tells of a request: `GET /v1/activity`.

use std::fmt::Write as _;

use super::Render;
use crate::demo::happening::{Happening, Use, What};
use crate::demo::ids;

/// One request in so many is for something that the token may not have.
const DENIED: u64 = 40;

impl Render<'_> {
    pub(super) fn activity(&mut self, event: &Happening) {
        let What::Usage { action, item } = event.what else { return };
        let (o, session) = (self.organisation, event.session);
        let item = &o.items[item as usize];
        self.text("{\"requestId\":\"", &dashed(event.key));
        self.time(",\"timestamp\":\"", event.time);
        self.raw(match action {
            Use::ServerCreate => ",\"action\":\"CREATE\"",
            Use::ServerUpdate => ",\"action\":\"UPDATE\"",
            _ => ",\"action\":\"READ\"",
        });
        let denied = ids::mix(event.key).is_multiple_of(DENIED);
        self.text(",\"result\":\"", if denied { "DENY" } else { "SUCCESS" });
        self.text(",\"actor\":{\"id\":\"", &o.user(session.user).uuid);
        self.text(",\"account\":\"", &o.account_uuid);
        self.text(",\"jti\":\"", &dashed(session.key));
        self.text(",\"userAgent\":\"", "connect-sdk-go/1.5.3");
        self.text(",\"requestIp\":\"", &o.origins[session.origin as usize].ip);
        self.text("},\"resource\":{\"type\":\"ITEM\",\"vault\":{\"id\":\"", &o.vaults[item.vault as usize].uuid);
        self.text("},\"item\":{\"id\":\"", &item.uuid);
        self.raw("},\"itemVersion\":");
        self.number(item.version);
        self.raw("}}");
    }
}

/// A UUID as most of the world writes them.
fn dashed(key: u64) -> String {
    let (a, b) = (ids::mix(key), ids::mix(key ^ 0x5555_5555_5555_5555));
    let mut text = String::with_capacity(36);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0xfff,
        b & 0xffff_ffff_ffff
    );
    text
}
