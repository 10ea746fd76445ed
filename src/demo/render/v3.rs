//! Audit events as version 3 of the API has them: an actor, the targets, and the context.

use super::Render;
use crate::demo::happening::{Happening, Thing, What};
use crate::event::v3;

impl Render<'_> {
    pub(super) fn v3(&mut self, event: &Happening) {
        let What::Audit { act, object, aux } = event.what else { return };
        let (organisation, session, shape) = (self.organisation, event.session, act.shape());
        let user = organisation.user(session.user);
        let action = v3::of_codes(shape.action, shape.object_type);
        self.upper("{\"uuid\":\"", event.key);
        self.time(",\"timestamp\":\"", event.time);
        self.time(",\"insert_time\":\"", event.visible);
        match action {
            Some(action) => self.text(",\"action\":\"", action.name),
            None => {
                self.text(",\"action\":\"", shape.object_type);
                self.text(".", shape.action);
            }
        }
        self.text(",\"actor\":{\"type\":\"user\",\"uuid\":\"", &user.uuid);
        self.text(",\"name\":\"", &user.name);
        self.text(",\"email\":\"", &user.email);
        self.raw("},\"targets\":[");
        self.target(action.map_or(shape.object_type, |action| action.object), shape.object, object, event);
        if shape.aux != Thing::Nothing {
            self.raw(",");
            self.target(kind(shape.aux), shape.aux, aux, event);
        }
        self.text("],\"context\":{\"account\":{\"uuid\":\"", &organisation.account_uuid);
        self.upper("},\"session\":{\"uuid\":\"", session.key);
        self.time(",\"login_time\":\"", session.login);
        self.text("},\"device\":{\"uuid\":\"", &organisation.devices[session.device as usize].uuid);
        self.raw("}");
        self.client(session);
        self.location(session, false);
        self.raw("}}");
    }

    fn target(&mut self, kind: &str, thing: Thing, n: u32, event: &Happening) {
        self.text("{\"type\":\"", kind);
        self.thing(",\"uuid\":\"", thing, n, event.session);
        if thing == Thing::User {
            let user = self.organisation.user(n);
            self.text(",\"name\":\"", &user.name);
            self.text(",\"email\":\"", &user.email);
        }
        self.raw("}");
    }
}

/// What version 3 calls a thing that is not the first target.
fn kind(thing: Thing) -> &'static str {
    match thing {
        Thing::Account => "account",
        Thing::User => "user",
        Thing::Vault => "vault",
        Thing::Item => "item",
        Thing::Group => "group",
        Thing::Device => "device",
        Thing::Session => "session",
        Thing::Nothing | Thing::Upper | Thing::Lower => "other",
    }
}
