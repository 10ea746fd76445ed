//! What goes on all day: people sign in, fill passwords, and leave a trail of session plumbing, which is most of the audit
//! log.

use fastrand::Rng;

use super::happening::{Act, Happening, Session, Use, Verdict, What};
use super::ids::{self, Domain};
use super::organisation::{Kind, Organisation};
use super::{DAY, HOUR, MINUTE, Nanos, SECOND};

/// When users do nothing, by user: they are somewhere else in a story, or gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quiet(Vec<(u32, Nanos, Nanos)>);

impl Quiet {
    pub fn add(&mut self, user: u32, from: Nanos, to: Nanos) {
        self.0.push((user, from, to));
    }

    fn holds(&self, user: u32, at: Nanos) -> bool {
        self.0.iter().any(|&(who, from, to)| who == user && (from..to).contains(&at))
    }
}

/// How fast events follow each other.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Nanoseconds an event, on average.
    gap: f64,
    /// How busy each hour of the week is, UTC, 1 on average.
    hours: Option<Vec<f64>>,
}

impl Pace {
    /// Always the same.
    pub fn steady(rate: f64) -> Self {
        Self { gap: SECOND as f64 / rate, hours: None }
    }

    /// `events` over `span`, as the organisation's working hours have it.
    pub fn working(organisation: &Organisation, events: u64, span: Nanos) -> Self {
        let users = organisation.users.len();
        let mut hours: Vec<f64> = (0..168)
            .map(|hour| {
                let at = hour * HOUR + HOUR / 2;
                (0..users).step_by(users.div_ceil(400)).map(|n| organisation.activity(n as u32, at)).sum()
            })
            .collect();
        let mean = hours.iter().sum::<f64>() / 168.0;
        for hour in &mut hours {
            *hour = (*hour / mean).max(0.02);
        }
        Self { gap: span as f64 / events.max(1) as f64, hours: Some(hours) }
    }

    /// When the next events come, `emitted` having come at `at`.
    pub fn next(&self, at: Nanos, emitted: usize, rng: &mut Rng) -> Nanos {
        let hour = at.div_euclid(HOUR).rem_euclid(168) as usize;
        let busy = self.hours.as_ref().map_or(1.0, |hours| hours[hour]);
        at + ((emitted as f64 * self.gap / busy * (0.4 + 1.2 * rng.f64())) as Nanos).max(1)
    }
}

/// The source of background events, in the order in which the API tells of them.
#[derive(Clone, Debug)]
pub(super) struct Background {
    pub rng: Rng,
    quiet: Quiet,
    sessions: Vec<Option<Session>>,
    /// Numbers of events and sessions begin here, so that streams never share one.
    next: u64,
    last: Nanos,
}

impl Background {
    /// Streams of different numbers (below 256) are independent of each other.
    pub fn new(organisation: &Organisation, quiet: Quiet, stream: u64) -> Self {
        Self {
            rng: Rng::with_seed(ids::key(organisation.seed, Domain::Background, stream << 48)),
            quiet,
            sessions: vec![None; organisation.users.len()],
            next: stream << 48,
            last: Nanos::MIN,
        }
    }

    /// Somebody does something that the API tells of from `at` on: one to ten events, `visible` never falling.
    pub fn step(&mut self, organisation: &Organisation, at: Nanos, out: &mut Vec<Happening>) {
        let mut now = Step { organisation, at, out };
        let user = self.somebody(organisation, at);
        let kind = organisation.user(user).kind;
        let Some(session) = self.session(user, at) else {
            self.sign_in(&mut now, user);
            return;
        };
        let dice = self.rng.f64();
        match kind {
            Kind::ServiceAccount => self.fetches(&mut now, session),
            Kind::Bot => self.provision(&mut now, session),
            Kind::Admin if dice < 0.10 => self.administer(&mut now, session),
            _ if dice < 0.45 => self.plumbing(&mut now, session),
            _ if dice < 0.94 => self.uses(&mut now, session),
            _ => self.act(&mut now, session),
        }
    }

    fn somebody(&mut self, organisation: &Organisation, at: Nanos) -> u32 {
        let (mut best, mut most) = (organisation.service(0), 0.0);
        for _ in 0..48 {
            let user = self.rng.u32(0..organisation.users.len() as u32);
            let activity = organisation.activity(user, at);
            let dice = self.rng.f64();
            if (dice < activity || activity > most) && self.quiet.holds(user, at) {
                continue;
            }
            if dice < activity {
                return user;
            }
            if activity > most {
                (best, most) = (user, activity);
            }
        }
        best
    }

    /// The user's session, if it still lasts.
    fn session(&self, user: u32, at: Nanos) -> Option<Session> {
        self.sessions[user as usize].filter(|s| at - s.login < HOUR * (3 + (s.key % 6) as Nanos))
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn emit(&mut self, now: &mut Step<'_>, session: Session, before: Nanos, what: What) {
        let key = ids::key(now.organisation.seed, Domain::Background, self.number());
        self.last = now.at.max(self.last + 1_000);
        // Most clocks tell nanoseconds, some microseconds: trailing zeros are trimmed when it is printed.
        let time = now.at - before;
        let time = if key.is_multiple_of(10) { time - time.rem_euclid(10_000) } else { time };
        now.out.push(Happening { time, visible: self.last, key, session, what });
    }

    fn soon(&mut self) -> Nanos {
        self.rng.i64(200_000_000..3 * SECOND)
    }

    fn sign_in(&mut self, now: &mut Step<'_>, user: u32) {
        let organisation = now.organisation;
        let (device, origin) = organisation.whereabouts(user, now.at, &mut self.rng);
        let key = ids::key(organisation.seed, Domain::Session, self.number());
        let mut before = self.rng.i64(8 * SECOND..20 * SECOND);
        let person = matches!(organisation.user(user).kind, Kind::Person | Kind::Admin);
        let stumbles = match self.rng.u32(0..100) {
            _ if !person => 0,
            0..5 => 1,
            5..7 => 2,
            7.. => 0,
        };
        for n in (1..=stumbles).rev() {
            let failed = ids::key(organisation.seed, Domain::Session, self.number());
            let time = now.at - before - n * 15 * SECOND;
            let session = Session { key: failed, login: time, user, device, origin };
            let verdict = match self.rng.u32(0..20) {
                0..14 => Verdict::BadPassword,
                14..18 => Verdict::BadTotp,
                18 => Verdict::NoSecondFactor,
                _ => Verdict::OldClient,
            };
            self.emit(now, session, before + n * 15 * SECOND, What::SignIn(verdict));
        }
        let login = now.at - before;
        let session = Session { key, login, user, device, origin };
        let verdict = if person && key.is_multiple_of(3) { Verdict::SuccessMfa } else { Verdict::Success };
        self.emit(now, session, before, What::SignIn(verdict));
        // `login_time` of the session is the sign-in's time.
        let time = now.out.last().map_or(login, |h| h.time);
        let session = Session { login: time, ..session };
        if let Some(last) = now.out.last_mut() {
            last.session = session;
        }
        self.sessions[user as usize] = Some(session);
        if person {
            before /= 2;
            self.audit(now, session, before, Act::VerifySsoToken);
            for _ in 0..self.rng.u32(1..4) {
                let before = self.soon();
                self.delegate(now, session, before);
            }
        }
    }

    fn audit(&mut self, now: &mut Step<'_>, session: Session, before: Nanos, act: Act) {
        let object = self.rng.u32(..);
        self.emit(now, session, before, What::Audit { act, object, aux: 0 });
    }

    fn delegate(&mut self, now: &mut Step<'_>, session: Session, before: Nanos) {
        self.audit(now, session, before, Act::DelegateSession);
    }

    fn plumbing(&mut self, now: &mut Step<'_>, session: Session) {
        for _ in 0..self.rng.u32(2..5) {
            let before = self.soon();
            if self.rng.f64() < 0.6 {
                self.delegate(now, session, before);
            } else {
                self.audit(now, session, before, Act::VerifySsoToken);
            }
        }
    }

    /// Clients tell of item usages when they synchronise: mostly at once, sometimes hours later.
    fn lateness(&mut self) -> Nanos {
        match self.rng.u32(0..1000) {
            0..900 => self.soon(),
            900..980 => self.rng.i64(5 * MINUTE..90 * MINUTE),
            980..998 => self.rng.i64(90 * MINUTE..12 * HOUR),
            _ => self.rng.i64(DAY..4 * DAY),
        }
    }

    fn uses(&mut self, now: &mut Step<'_>, session: Session) {
        let organisation = now.organisation;
        let user = organisation.user(session.user);
        let before = self.lateness();
        for n in 0..self.rng.i64(1..3) {
            let item = if self.rng.f64() < 0.015 {
                organisation.any_item(&user.vaults, &mut self.rng)
            } else {
                // The first of the favourites most.
                let dice = self.rng.f64();
                user.favourites[((dice * dice) * user.favourites.len() as f64) as usize]
            };
            let action = match self.rng.u32(0..1000) {
                550..740 => Use::Copy,
                740..850 => Use::Reveal,
                850..910 => Use::Edit,
                910..930 => Use::Provider,
                930..950 => Use::ServerCreate,
                950..980 => Use::ServerUpdate,
                980..990 => Use::Other,
                990..995 => Use::Share,
                995.. if !organisation.is_cast(session.user) => Use::Export,
                // Mostly.
                _ => Use::Fill,
            };
            let late = before + n * 700_000_000;
            self.emit(now, session, late, What::Usage { action, item });
        }
    }

    fn fetches(&mut self, now: &mut Step<'_>, session: Session) {
        let favourites = &now.organisation.user(session.user).favourites;
        for _ in 0..self.rng.u32(1..4) {
            let item = favourites[self.rng.usize(0..favourites.len())];
            let before = self.soon();
            self.emit(now, session, before, What::Usage { action: Use::ServerFetch, item });
        }
    }

    fn other(&mut self, organisation: &Organisation, not: u32) -> u32 {
        let other = self.rng.u32(organisation.persons());
        if other == not { organisation.persons().start } else { other }
    }

    fn provision(&mut self, now: &mut Step<'_>, session: Session) {
        let organisation = now.organisation;
        let user = self.other(organisation, session.user);
        let before = self.soon();
        let (act, object, aux) = if self.rng.bool() {
            (Act::ProvisionUser, user, 0)
        } else {
            (Act::JoinGroup, self.group(organisation), user)
        };
        self.emit(now, session, before, What::Audit { act, object, aux });
    }

    /// A group without privileges: the first three have them.
    fn group(&mut self, organisation: &Organisation) -> u32 {
        self.rng.u32(3..organisation.groups.len() as u32)
    }

    fn administer(&mut self, now: &mut Step<'_>, session: Session) {
        let organisation = now.organisation;
        let user = self.other(organisation, session.user);
        let vault = self.rng.u32(3..organisation.vaults.len() as u32);
        let group = self.group(organisation);
        let (act, object, aux) = match self.rng.u32(0..9) {
            0 | 1 => (Act::GrantUser, vault, user),
            2 => (Act::RevokeUser, vault, user),
            3 => (Act::UpdateUser, vault, user),
            4 => (Act::GrantGroup, vault, group),
            5 => (Act::JoinGroup, group, user),
            6 => (Act::LeaveGroup, group, user),
            7 => (Act::CreateInvite, self.rng.u32(..), 0),
            _ => (Act::ViewReport, self.rng.u32(..), 0),
        };
        let before = self.soon();
        self.emit(now, session, before, What::Audit { act, object, aux });
    }

    fn act(&mut self, now: &mut Step<'_>, session: Session) {
        let organisation = now.organisation;
        let user = organisation.user(session.user);
        let vault = user.vaults[self.rng.usize(0..user.vaults.len())];
        let item = organisation.any_item(&user.vaults, &mut self.rng);
        let (act, object, aux) = match self.rng.u32(0..20) {
            0..13 => (Act::PatchItems, vault, 0),
            13 => (Act::ShareItem, item, organisation.items[item as usize].vault),
            14 => (Act::DeleteShare, item, organisation.items[item as usize].vault),
            15..18 => (Act::CreateFile, self.rng.u32(..), 0),
            18 => (Act::UpdateVault, vault, 0),
            _ => (Act::ReauthDevice, session.device, 0),
        };
        let before = self.soon();
        self.emit(now, session, before, What::Audit { act, object, aux });
    }
}

/// One step while it is taken.
struct Step<'a> {
    organisation: &'a Organisation,
    at: Nanos,
    out: &'a mut Vec<Happening>,
}
