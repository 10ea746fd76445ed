//! Who works there, with what, and from where. All of it follows from the seed and the number of users.

mod devices;
mod people;
mod places;

use std::fmt::Write as _;
use std::ops::Range;

use fastrand::Rng;

use super::ids::{self, Domain};
use super::{BadOption, DAY, HOUR, MINUTE, Nanos, Options};

pub use devices::Device;
pub use places::Place;

/// What a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Person,
    Admin,
    /// A machine that fetches secrets with a token, always from the same network.
    ServiceAccount,
    /// The SCIM bridge: provisions users.
    Bot,
}

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub uuid: String,
    pub name: String,
    pub email: String,
    pub kind: Kind,
    /// Where they live: a position of `Organisation::places`.
    pub place: usize,
    /// Positions of `Organisation::origins`.
    pub home: u32,
    pub office: u32,
    pub mobile: u32,
    pub hotel: u32,
    /// Positions of `Organisation::devices`.
    pub devices: Range<u32>,
    /// Vaults they may read, and the few items they use all the time.
    pub vaults: Vec<u32>,
    pub favourites: Vec<u32>,
    /// How busy they are, 0 to 1.
    pub weight: f64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vault {
    pub uuid: String,
    pub name: String,
    /// Positions of `Organisation::items`.
    pub items: Range<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub uuid: String,
    pub vault: u32,
    pub version: u32,
}

/// A network address and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub ip: String,
    pub place: usize,
}

/// The organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Organisation {
    pub seed: u64,
    pub account_uuid: String,
    pub name: &'static str,
    pub domain: &'static str,
    pub places: &'static [Place],
    pub users: Vec<User>,
    pub vaults: Vec<Vault>,
    pub items: Vec<Item>,
    pub groups: Vec<String>,
    pub origins: Vec<Origin>,
    pub devices: Vec<Device>,
    /// Networks and devices that belong to nobody here: for the stories.
    pub strangers: Vec<(u32, u32)>,
    /// The item that nobody uses, so that any use of it tells.
    pub canary: u32,
    admins: Range<u32>,
    persons: Range<u32>,
    services: Range<u32>,
}

/// People the stories are about. Their background work exports nothing.
pub(super) const CAST: u32 = 16;

impl Organisation {
    pub fn new(options: &Options) -> Result<Self, BadOption> {
        let options = options.checked()?;
        let mut rng = Rng::with_seed(ids::key(options.seed, Domain::Account, 1));
        let users = options.users;
        let (admins, services) = ((users / 40).max(4), (users / 40).max(2));
        let seed = options.seed;
        let vault_count = (users * 3 / 10).max(12);
        let (vaults, items) = vaults(seed, vault_count, users * 15, &mut rng);
        let mut organisation = Self {
            seed,
            account_uuid: ids::upper(ids::key(seed, Domain::Account, 0)),
            name: people::ORGANISATION,
            domain: people::DOMAIN,
            places: places::PLACES,
            users: Vec::with_capacity(users as usize),
            vaults,
            canary: items.len() as u32 - 1,
            items,
            groups: (0..12).map(|n| ids::lower(ids::key(seed, Domain::Group, n))).collect(),
            origins: Vec::new(),
            devices: Vec::new(),
            strangers: Vec::new(),
            admins: 0..admins,
            persons: admins..users - services - 1,
            services: users - services - 1..users - 1,
        };
        organisation.offices();
        for n in 0..users {
            organisation.hire(n, &mut rng);
        }
        organisation.strangers();
        Ok(organisation)
    }

    /// One address a city that has an office.
    fn offices(&mut self) {
        for (place, _) in places::offices() {
            self.origins.push(Origin { ip: format!("192.0.2.{}", 10 + place), place });
        }
    }

    /// Where the organisation's addresses are, as `geo_info_from_ip_address` reads it.
    pub fn geography(&self) -> String {
        let mut out = String::from("network,country,state,city,latitude,longitude\n");
        for Origin { ip, place } in &self.origins {
            let Place { country, region, city, latitude, longitude, .. } = self.places[*place];
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{ip},{country},{region},{city},{latitude},{longitude}");
        }
        out
    }

    fn origin(&mut self, ip: String, place: usize) -> u32 {
        self.origins.push(Origin { ip, place });
        self.origins.len() as u32 - 1
    }

    fn kind(&self, n: u32) -> Kind {
        if self.admins.contains(&n) {
            Kind::Admin
        } else if self.services.contains(&n) {
            Kind::ServiceAccount
        } else if self.persons.contains(&n) {
            Kind::Person
        } else {
            Kind::Bot
        }
    }

    fn hire(&mut self, n: u32, rng: &mut Rng) {
        let kind = self.kind(n);
        let uuid = ids::upper(ids::key(self.seed, Domain::User, u64::from(n)));
        let share = rng.f64();
        // Two of a story work in one city.
        let together = n == self.admin(3) || n == self.person(4);
        let (office, place) = places::office_of(if together { 0.0 } else { share });
        let (name, email) = match kind {
            Kind::Person | Kind::Admin => people::person(n),
            Kind::ServiceAccount => people::service(n - self.services.start, &uuid),
            Kind::Bot => people::bot(),
        };
        // 198.18.0.0/15 is for benchmarks, 2001:db8::/32 and 198.51.100.0/24 for documentation: nobody's.
        let ip = format!("198.{}.{}.{}", 18 + (n >> 15 & 1), n >> 7 & 255, n << 1 & 255);
        let home = self.origin(ip, place);
        let mobile = self.origin(format!("2001:db8:{:x}::{:x}", place + 16, n + 1), place);
        let hotel_place = places::elsewhere(place, rng);
        let hotel = self.origin(format!("198.51.100.{}", 1 + n % 254), hotel_place);
        let first = self.devices.len() as u32;
        devices::issue(self.seed, first, kind, &email, rng, &mut self.devices);
        let vaults = self.memberships(kind, rng);
        let favourites = self.favourites(&vaults, rng);
        let (home, office) = match kind {
            // A machine has one network.
            Kind::ServiceAccount | Kind::Bot => (home, home),
            _ => (home, office),
        };
        let weight = match kind {
            Kind::ServiceAccount => 0.25,
            Kind::Bot => 0.1,
            Kind::Admin => 0.8,
            Kind::Person if self.is_cast(n) => 0.4,
            Kind::Person => 0.3 + 0.7 * rng.f64(),
        };
        let devices = first..self.devices.len() as u32;
        self.users.push(User {
            uuid,
            name,
            email,
            kind,
            place,
            home,
            office,
            mobile,
            hotel,
            devices,
            vaults,
            favourites,
            weight,
        });
    }

    /// Everybody reads the company's vault; administrators read those of infrastructure only when they must.
    fn memberships(&self, kind: Kind, rng: &mut Rng) -> Vec<u32> {
        let count = self.vaults.len() as u32;
        let mut vaults = vec![2];
        let more = if kind == Kind::ServiceAccount { 1 } else { 3 + rng.u32(0..5) };
        while vaults.len() <= more as usize {
            // Past the three that are special.
            let vault = rng.u32(3..count);
            if !vaults.contains(&vault) {
                vaults.push(vault);
            }
        }
        vaults
    }

    fn favourites(&self, vaults: &[u32], rng: &mut Rng) -> Vec<u32> {
        let mut favourites: Vec<u32> = Vec::with_capacity(10);
        while favourites.len() < 10 {
            favourites.push(self.any_item(vaults, rng));
        }
        favourites
    }

    /// An item of one of the vaults, never the canary.
    pub(super) fn any_item(&self, vaults: &[u32], rng: &mut Rng) -> u32 {
        let vault = &self.vaults[vaults[rng.usize(0..vaults.len())] as usize];
        let item = rng.u32(vault.items.clone());
        if item == self.canary { vault.items.start } else { item }
    }

    fn strangers(&mut self) {
        for (n, place) in places::far().enumerate() {
            let origin = self.origin(format!("203.0.113.{}", 20 + 11 * n), place);
            let device = self.devices.len() as u32;
            self.devices.push(devices::browser(self.seed, device));
            self.strangers.push((origin, device));
        }
    }

    /// An administrator of the stories: 0 to 3.
    pub(super) fn admin(&self, n: u32) -> u32 {
        self.admins.start + n % self.admins.len() as u32
    }

    /// A person of the stories: 0 to `CAST` - 1.
    pub(super) fn person(&self, n: u32) -> u32 {
        self.persons.end - 1 - n % self.persons.len() as u32
    }

    /// Whether the stories are about this user.
    pub(super) fn is_cast(&self, user: u32) -> bool {
        self.persons.contains(&user) && self.persons.end - user <= CAST
    }

    pub(super) fn persons(&self) -> Range<u32> {
        self.persons.clone()
    }

    pub(super) fn admins(&self) -> Range<u32> {
        self.admins.clone()
    }

    pub(super) fn service(&self, n: u32) -> u32 {
        self.services.start + n % self.services.len() as u32
    }

    pub(super) fn user(&self, n: u32) -> &User {
        &self.users[n as usize]
    }

    /// The user's hour of the week on their clock, 0 to 167 from Monday, and the week's number.
    fn local(&self, user: &User, at: Nanos) -> (i64, i64) {
        let local = at + i64::from(self.places[user.place].offset) * MINUTE;
        // 1970-01-01 was a Thursday.
        let hours = local.div_euclid(HOUR) + 3 * 24;
        (hours.rem_euclid(168), hours.div_euclid(168))
    }

    /// Whether the user works from elsewhere in this week: some do in every second. They fly on weekends, and do nothing
    /// else on these.
    pub(super) fn travels(&self, n: u32, week: i64) -> bool {
        let habit = ids::mix(ids::key(self.seed, Domain::Thing, u64::from(n)));
        // Stories bring their own journeys.
        let may = self.persons.contains(&n) && !self.is_cast(n);
        may && habit.is_multiple_of(12) && (habit >> 8 ^ week as u64) & 1 == 0
    }

    /// How likely the user does something now, 0 to 1.
    pub(super) fn activity(&self, n: u32, at: Nanos) -> f64 {
        let user = self.user(n);
        let (hour, week) = self.local(user, at);
        let (day, hour) = (hour / 24, hour % 24);
        let curve = match user.kind {
            Kind::ServiceAccount | Kind::Bot => 1.0,
            _ => match hour {
                9..=11 | 13..=16 => 1.0,
                8 | 12 => 0.6,
                17 | 18 => 0.4,
                7 | 19..=22 => 0.06,
                _ => 0.005,
            },
        };
        let weekend = day >= 5 && matches!(user.kind, Kind::Person | Kind::Admin);
        let factor = match weekend {
            false => 1.0,
            // The flight, there or back.
            true if (week - 1..=week + 1).any(|w| self.travels(n, w)) => 0.0,
            true => 0.06,
        };
        user.weight * curve * factor
    }

    /// Where the user works from now, and with which device.
    pub(super) fn whereabouts(&self, n: u32, at: Nanos, rng: &mut Rng) -> (u32, u32) {
        let user = self.user(n);
        let (hour, week) = self.local(user, at);
        let device = rng.u32(user.devices.clone());
        let travels = self.travels(n, week);
        let day = ids::mix(ids::key(self.seed, Domain::Thing, u64::from(n)) ^ at.div_euclid(DAY) as u64);
        let at_work = (8..18).contains(&(hour % 24)) && hour < 120;
        let origin = match user.kind {
            Kind::ServiceAccount | Kind::Bot => user.home,
            _ if travels => user.hotel,
            _ if self.devices[device as usize].mobile && rng.f64() < 0.5 => user.mobile,
            // In the office on seven days of ten.
            _ if at_work && day % 10 < 7 => user.office,
            _ => user.home,
        };
        (device, origin)
    }
}

fn vaults(seed: u64, count: u32, items: u32, rng: &mut Rng) -> (Vec<Vault>, Vec<Item>) {
    let mut vaults = Vec::with_capacity(count as usize);
    let mut all = Vec::with_capacity(items as usize);
    for n in 0..count {
        let first = all.len() as u32;
        let left = items - first;
        // Sizes differ by three.
        let mean = left / (count - n);
        let size = if n + 1 == count { left } else { rng.u32(mean / 2..=mean * 3 / 2).max(1) };
        for item in first..first + size {
            let uuid = ids::lower(ids::key(seed, Domain::Item, u64::from(item)));
            all.push(Item { uuid, vault: n, version: 1 + rng.u32(0..6) });
        }
        let uuid = ids::lower(ids::key(seed, Domain::Vault, u64::from(n)));
        vaults.push(Vault { uuid, name: people::vault(n), items: first..first + size });
    }
    (vaults, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Ticks;

    fn options() -> Options {
        Options::new(1, Ticks::parse_rfc3339("2026-03-04T12:00:00Z").unwrap())
    }

    #[test]
    fn the_default_organisation_has_the_promised_size() {
        let o = Organisation::new(&options()).unwrap();
        assert_eq!((o.users.len(), o.vaults.len(), o.items.len()), (200, 60, 3000));
        assert!(o.vaults.iter().all(|v| !v.items.is_empty()));
        let services = o.users.iter().filter(|u| u.email.ends_with("@1passwordserviceaccounts.com"));
        assert_eq!(services.count(), 5);
        let emails: std::collections::HashSet<_> = o.users.iter().map(|u| &u.email).collect();
        assert_eq!(emails.len(), 200);
        assert_eq!(o, Organisation::new(&options()).unwrap());
    }

    #[test]
    fn people_work_by_their_own_clock() {
        let o = Organisation::new(&options()).unwrap();
        // Wednesday noon and Sunday night, UTC.
        let noon = super::super::nanos(options().now);
        let night = noon + 3 * DAY + 11 * HOUR;
        let london = o.persons().find(|&n| o.places[o.user(n).place].city == "London").unwrap();
        assert!(o.activity(london, noon) > 10.0 * o.activity(london, night));
        let service = o.service(0);
        assert!((o.activity(service, noon) - o.activity(service, night)).abs() < f64::EPSILON);
    }

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        for (options, name) in [
            (Options { users: 5, ..options() }, "users"),
            (Options { days: 0, ..options() }, "days"),
            (Options { rate: f64::NAN, ..options() }, "rate"),
            (Options { now: Ticks(0), ..options() }, "now"),
        ] {
            assert_eq!(Organisation::new(&options).unwrap_err().option, name);
        }
    }
}
