//! What happens among all the work: attacks and mishaps, with their ground truth, and innocent look-alikes beside them.
//!
//! A hunt finds its story, and nothing where nothing happened.

mod canary;
mod export;
mod leaver;
mod passkey;
mod policy;
mod recovery;
mod self_grant;
mod service;
mod spray;
mod travel;

use super::background::Quiet;
use super::happening::{Act, Happening, Session, Use, Verdict, What};
use super::ids::{self, Domain};
use super::organisation::Organisation;
use super::{DAY, MINUTE, Nanos, Options, SECOND, render, ticks};
use crate::base::config;
use crate::base::config::organisation::{Date, Leaver, Privileged};
use crate::base::config::values::Network;
use crate::base::time::{self, Ticks};

/// What one story did: the ground truth of a hunt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The story's name: `password-spray`.
    pub story: &'static str,
    /// Ids of the hunts that it trips.
    pub hunts: &'static [&'static str],
    /// E-mail addresses of those concerned; the one to be found first.
    pub who: Vec<String>,
    /// Their uuids, in the same order.
    pub users: Vec<String>,
    /// From which addresses.
    pub addresses: Vec<String>,
    /// From the first to the last of its events, both included.
    pub from: Ticks,
    pub to: Ticks,
    /// Its events.
    pub uuids: Vec<String>,
    /// Vaults and items that it is about.
    pub vaults: Vec<String>,
    pub items: Vec<String>,
    /// Whether it begins after the start.
    pub live: bool,
}

impl Truth {
    /// Whether the story trips the hunt of this id.
    pub fn trips(&self, hunt: &str) -> bool {
        self.hunts.contains(&hunt)
    }
}

/// All stories, told.
#[derive(Debug)]
pub(super) struct Told {
    /// In order of visibility.
    pub happenings: Vec<Happening>,
    pub truths: Vec<Truth>,
    pub quiet: Quiet,
}

/// What the organisation would write under `[organisation]`: canary items, leavers, who and what is privileged.
pub(super) fn facts(organisation: &Organisation, options: &Options) -> config::Organisation {
    let o = organisation;
    let (leaver, left) = leaver::who(&Script::new(organisation, options));
    let day = |at: Nanos| Date(Ticks(ticks(at).0 / time::DAY * time::DAY));
    config::Organisation {
        name: Some(o.name.to_owned()),
        privileged: Privileged {
            users: o.admins().map(|n| o.user(n).email.clone()).collect(),
            groups: o.groups.iter().take(3).cloned().collect(),
            vaults: o.vaults.iter().take(2).map(|vault| vault.uuid.clone()).collect(),
        },
        internal_networks: Network::new("192.0.2.0/24").into_iter().collect(),
        canary_items: vec![o.items[o.canary as usize].uuid.clone()],
        leavers: vec![Leaver { user: o.user(leaver).email.clone(), left: day(left) }],
        ..config::Organisation::default()
    }
}

pub(super) fn tell(organisation: &Organisation, options: &Options) -> Told {
    let mut script = Script::new(organisation, options);
    leaver::tell(&mut script);
    export::tell(&mut script);
    self_grant::tell(&mut script);
    recovery::tell(&mut script);
    policy::tell(&mut script);
    travel::tell(&mut script);
    service::tell(&mut script);
    canary::tell(&mut script);
    passkey::tell(&mut script);
    spray::past(&mut script);
    spray::live(&mut script);
    let mut happenings = script.happenings;
    happenings.sort_by_key(|event| event.visible);
    Told { happenings, truths: script.truths, quiet: script.quiet }
}

/// A story while it is written.
struct Script<'a> {
    organisation: &'a Organisation,
    now: Nanos,
    /// Less than 1 where history is shorter than the 30 days that the stories are written for.
    scale: f64,
    happenings: Vec<Happening>,
    truths: Vec<Truth>,
    quiet: Quiet,
    number: u64,
}

impl<'a> Script<'a> {
    fn new(organisation: &'a Organisation, options: &Options) -> Self {
        Self {
            organisation,
            now: options.start(),
            scale: f64::from(options.days.min(30)) / 30.0,
            happenings: Vec::new(),
            truths: Vec::new(),
            quiet: Quiet::default(),
            number: 0,
        }
    }

    /// A time in the past, told in days of a month of history, at an odd fraction of a second.
    fn ago(&self, days: f64) -> Nanos {
        self.now - (days * self.scale * DAY as f64) as Nanos - 4_321_987
    }

    /// A length that shrinks with the history, told in days of a month.
    fn days(&self, days: f64) -> Nanos {
        (days * self.scale * DAY as f64) as Nanos
    }

    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// A session with a key of its own.
    fn session(&mut self, user: u32, device: u32, origin: u32, login: Nanos) -> Session {
        let key = ids::key(self.organisation.seed, Domain::Session, self.next() | 3 << 48);
        Session { key, login, user, device, origin }
    }

    /// A session on the user's own computer at home.
    fn at_home(&mut self, user: u32, login: Nanos) -> Session {
        let who = self.organisation.user(user);
        let (device, origin) = (who.devices.start, who.home);
        self.session(user, device, origin, login)
    }

    fn add(&mut self, session: Session, time: Nanos, what: What) {
        let key = ids::key(self.organisation.seed, Domain::Story, self.next());
        let visible = time + SECOND + (key % 1_000_000_000) as Nanos;
        // Like a clock that counts nanoseconds.
        let time = time + (ids::mix(key) % 900_000_000) as Nanos;
        self.happenings.push(Happening { time, visible, key, session, what });
    }

    /// A sign-in attempt at the session's login.
    fn sign_in(&mut self, session: Session, verdict: Verdict) {
        self.add(session, session.login, What::SignIn(verdict));
    }

    fn usage(&mut self, session: Session, time: Nanos, action: Use, item: u32) {
        self.add(session, time, What::Usage { action, item });
    }

    fn audit(&mut self, session: Session, time: Nanos, act: Act, object: u32, aux: u32) {
        self.add(session, time, What::Audit { act, object, aux });
    }

    /// Where a truth begins.
    fn mark(&self) -> usize {
        self.happenings.len()
    }

    /// Everything told since `mark` is the story's. The first of `who` is the one to be found.
    fn truth(&mut self, story: &'static str, hunts: &'static [&'static str], who: &[u32], mark: usize) {
        let o = self.organisation;
        let events = &self.happenings[mark..];
        let unique = |mut all: Vec<String>| {
            all.sort_unstable();
            all.dedup();
            all
        };
        let items = || {
            events.iter().filter_map(|e| match e.what {
                What::Usage { item, .. } => Some(&o.items[item as usize]),
                _ => None,
            })
        };
        let time = |n: Option<Nanos>| ticks(n.unwrap_or_default());
        let truth = Truth {
            story,
            hunts,
            who: who.iter().map(|&n| o.user(n).email.clone()).collect(),
            users: who.iter().map(|&n| o.user(n).uuid.clone()).collect(),
            addresses: unique(events.iter().map(|e| o.origins[e.session.origin as usize].ip.clone()).collect()),
            from: time(events.iter().map(|e| e.time).min()),
            to: time(events.iter().map(|e| e.time).max()),
            uuids: events.iter().map(render::uuid).collect(),
            vaults: unique(items().map(|i| o.vaults[i.vault as usize].uuid.clone()).collect()),
            items: unique(items().map(|i| i.uuid.clone()).collect()),
            live: events.iter().any(|e| e.visible > self.now),
        };
        self.truths.push(truth);
    }

    /// Different items that the user may read, most from vaults read anyway; never the canary.
    fn items_of(&self, user: u32, count: usize) -> Vec<u32> {
        let o = self.organisation;
        let vaults = o.user(user).vaults.iter().rev();
        let all = vaults.flat_map(|&v| o.vaults[v as usize].items.clone()).filter(|&item| item != o.canary);
        all.take(count).collect()
    }
}

const HALF_HOUR: Nanos = 30 * MINUTE;
