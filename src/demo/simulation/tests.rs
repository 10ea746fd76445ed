use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::*;
use crate::event::catalogue::is_plumbing;
use crate::event::decode::{Value, decode};
use crate::event::schema::position;

fn options() -> Options {
    let now = Ticks::parse_rfc3339("2026-03-04T12:00:00Z").unwrap();
    Options { users: 45, ..Options::new(5, now) }
}

fn texts(simulation: &Simulation, feed: Feed) -> Vec<Vec<u8>> {
    (0..simulation.count(feed))
        .map(|position| {
            let mut out = Vec::new();
            simulation.render(feed, position, &mut out);
            out
        })
        .collect()
}

/// What the tests below look at, of one event.
struct Seen {
    feed: Feed,
    time: i64,
    fields: HashMap<&'static str, String>,
    at: (f64, f64),
}

impl Seen {
    fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// When and where.
type SignIn = (i64, (f64, f64));

const FIELDS: &[&str] = &[
    "uuid_s",
    "category",
    "action",
    "action_type",
    "object_type",
    "object_uuid",
    "aux_uuid",
    "actor_uuid",
    "item_uuid",
    "vault_uuid",
    "user.uuid",
    "user.email",
    "target_user.uuid",
    "target_user.email",
    "client.ip_address",
    "actor_details.email",
];

/// The simulation half an hour after its start, when all stories have been told, and its events.
static TOLD: LazyLock<(Simulation, Vec<Seen>)> = LazyLock::new(|| {
    let mut simulation = Simulation::new(&options()).unwrap();
    simulation.advance(options().start() + 30 * 60_000_000_000);
    let all = seen(&simulation);
    (simulation, all)
});

fn seen(simulation: &Simulation) -> Vec<Seen> {
    let real = |value: &Value<'_>| if let Value::Float(n) = value { *n } else { f64::NAN };
    let column = |name| position(name).unwrap();
    let columns: Vec<(&str, usize)> = FIELDS.iter().map(|&name| (name, column(name))).collect();
    let (latitude, longitude) = (column("location.latitude"), column("location.longitude"));
    let mut all = Vec::new();
    for feed in Feed::ALL {
        for text in texts(simulation, feed) {
            let event = decode(&text).unwrap();
            assert!(!event.irregular, "{}", event.raw());
            let fields = columns.iter().filter_map(|&(name, at)| Some((name, event.text(at)?.to_owned()))).collect();
            let at = (real(event.value(latitude)), real(event.value(longitude)));
            all.push(Seen { feed, time: event.timestamp().unwrap().0, fields, at });
        }
    }
    all
}

#[test]
fn the_same_seed_and_time_give_the_same_bytes() {
    let small = Options { users: 40, days: 4, ..options() };
    let (mut once, mut again) = (Simulation::new(&small).unwrap(), Simulation::new(&small).unwrap());
    let other = Simulation::new(&Options { seed: 6, ..small }).unwrap();
    let later = small.start() + 600_000_000_000;
    once.advance(later);
    // The clock's steps make no difference.
    for minute in 1..=10 {
        again.advance(small.start() + minute * 60_000_000_000);
    }
    for feed in Feed::ALL {
        let all = texts(&once, feed);
        assert_eq!(all, texts(&again, feed));
        assert_ne!(all, texts(&other, feed));
    }
    assert_eq!(once.truths(), again.truths());
}

#[test]
fn history_has_its_size_and_most_of_the_audit_log_is_plumbing() {
    let (_, all) = &*TOLD;
    // A month, and half an hour of live events.
    let expected = 45 * 30 * PER_USER_AND_DAY as usize + 30 * 60 * 3;
    assert!((expected * 8 / 10..expected * 12 / 10).contains(&all.len()), "{} of {expected}", all.len());
    let uuids: HashSet<&str> = all.iter().map(|e| e.get("uuid_s")).collect();
    assert_eq!(uuids.len(), all.len());
    let audit: Vec<&Seen> = all.iter().filter(|e| e.feed == Feed::AuditEvents).collect();
    let plumbing = audit.iter().filter(|e| is_plumbing(e.get("action"), e.get("object_type"))).count();
    assert!(plumbing * 10 > audit.len() * 7 && audit.len() * 2 > all.len(), "{plumbing} of {}", audit.len());
}

#[test]
fn item_usages_arrive_late_and_the_stream_is_in_order_of_arrival() {
    let simulation = Simulation::new(&options()).unwrap();
    for feed in Feed::ALL {
        let stream = &simulation.streams[feed as usize].events;
        assert!(stream.iter().zip(stream.iter().skip(1)).all(|(a, b)| a.visible <= b.visible));
        let late = stream.iter().filter(|e| e.visible - e.time > 60_000_000_000).count();
        if feed == Feed::ItemUsages {
            assert!(late * 20 > stream.len(), "{late} of {}", stream.len());
        } else {
            assert_eq!(late, 0, "{feed}");
        }
    }
}

#[test]
fn live_events_come_at_their_rate() {
    let options = Options { users: 45, days: 1, rate: 5.0, ..options() };
    let mut simulation = Simulation::new(&options).unwrap();
    let count = |s: &Simulation| Feed::ALL.iter().map(|&f| s.count(f)).sum::<u64>();
    let before = count(&simulation);
    // After the story that runs live.
    simulation.advance(options.start() + 3_600_000_000_000);
    let story = simulation.truths().iter().filter(|t| t.live).map(|t| t.uuids.len() as u64).sum::<u64>();
    let live = count(&simulation) - before - story;
    assert!((16_000..20_000).contains(&live), "{live}");
}

#[test]
fn every_truth_is_in_the_events() {
    let (simulation, all) = &*TOLD;
    let by_uuid: HashMap<&str, &Seen> = all.iter().map(|e| (e.get("uuid_s"), e)).collect();
    let truths = simulation.truths();
    for truth in truths {
        assert!(!truth.uuids.is_empty() && !truth.hunts.is_empty(), "{}", truth.story);
        for uuid in &truth.uuids {
            let event = by_uuid[uuid.as_str()];
            assert!((truth.from.0..=truth.to.0).contains(&event.time), "{}", truth.story);
            let who = [event.get("user.email"), event.get("target_user.email"), event.get("actor_details.email")];
            assert!(truth.who.iter().any(|email| who.contains(&email.as_str())), "{}: {who:?}", truth.story);
        }
    }
    let hunts: HashSet<&str> = truths.iter().flat_map(|t| t.hunts).copied().collect();
    assert_eq!(hunts.len(), 15, "{hunts:?}");
    let live: Vec<&Truth> = truths.iter().filter(|t| t.live).collect();
    assert!(live.iter().any(|t| t.story == "password-spray"));
    assert!(live.iter().all(|t| t.from > options().now));
    let first = live.iter().map(|t| t.from.0 - options().now.0).min().unwrap();
    assert!(first < 2 * crate::base::time::MINUTE);
}

fn of_story<'a>(truths: &'a [Truth], hunt: &str) -> HashSet<&'a str> {
    truths.iter().filter(|t| t.trips(hunt)).map(|t| t.users[0].as_str()).collect()
}

#[test]
fn nobody_but_the_stories_reveals_in_bulk() {
    let (simulation, all) = &*TOLD;
    let mut hours: HashMap<(String, i64), HashSet<String>> = HashMap::new();
    for e in all {
        if e.feed == Feed::ItemUsages && !e.get("user.email").ends_with("@1passwordserviceaccounts.com") {
            let hour = e.time / crate::base::time::HOUR;
            hours.entry((e.get("user.uuid").into(), hour)).or_default().insert(e.get("item_uuid").into());
        }
    }
    let many: HashSet<&str> =
        hours.iter().filter(|(_, items)| items.len() >= 20).map(|((who, _), _)| who.as_str()).collect();
    assert_eq!(many, of_story(simulation.truths(), "reveal-spike"));
}

#[test]
fn nobody_but_the_stories_travels_too_fast() {
    let (simulation, all) = &*TOLD;
    let mut sign_ins: HashMap<String, Vec<SignIn>> = HashMap::new();
    for e in all {
        if e.get("category") == "success" {
            sign_ins.entry(e.get("target_user.uuid").into()).or_default().push((e.time, e.at));
        }
    }
    let mut fast = HashSet::new();
    let mut travelled = 0;
    for (who, mut list) in sign_ins {
        list.sort_by_key(|(time, _)| *time);
        for pair in list.windows(2) {
            let kilometres = distance(pair[0].1, pair[1].1);
            let hours = (pair[1].0 - pair[0].0) as f64 / crate::base::time::HOUR as f64;
            if kilometres > 500.0 && kilometres > hours * 900.0 {
                fast.insert(who.clone());
            }
            travelled += usize::from(kilometres > 500.0);
        }
    }
    assert_eq!(
        fast.iter().map(String::as_str).collect::<HashSet<_>>(),
        of_story(simulation.truths(), "impossible-travel")
    );
    assert!(travelled > 5, "{travelled} journeys");
}

/// Great circle, in kilometres.
fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (la, lb) = (a.0.to_radians(), b.0.to_radians());
    let half = |x: f64| (x / 2.0).sin().powi(2);
    let h = half(lb - la) + la.cos() * lb.cos() * half((b.1 - a.1).to_radians());
    2.0 * 6371.0 * h.sqrt().min(1.0).asin()
}

#[test]
fn look_alikes_stay_innocent() {
    let (simulation, all) = &*TOLD;
    let truths = simulation.truths();
    let audit =
        |action: &'static str| all.iter().filter(move |e| e.feed == Feed::AuditEvents && e.get("action") == action);

    let selves: HashSet<&str> = ["grant", "update"]
        .into_iter()
        .flat_map(audit)
        .filter(|e| e.get("object_type") == "uva" && e.get("actor_uuid") == e.get("aux_uuid"))
        .map(|e| e.get("actor_uuid"))
        .collect();
    assert_eq!(selves, of_story(truths, "self-grant-then-read"));

    let exporters: HashSet<&str> =
        all.iter().filter(|e| e.get("action") == "export").map(|e| e.get("user.uuid")).collect();
    let suspended: Vec<&str> = audit("suspend").map(|e| e.get("object_uuid")).collect();
    assert_eq!(suspended.len(), 2);
    let both: HashSet<&str> = suspended.into_iter().filter(|who| exporters.contains(who)).collect();
    assert_eq!(both, of_story(truths, "export-then-leave"));

    let begun: HashMap<&str, &str> = audit("beginr").map(|e| (e.get("object_uuid"), e.get("actor_uuid"))).collect();
    assert_eq!(begun.len(), 2);
    let taken: HashSet<&str> = audit("completr")
        .filter(|e| begun[e.get("object_uuid")] == e.get("actor_uuid"))
        .map(|e| e.get("object_uuid"))
        .collect();
    assert_eq!(taken, of_story(truths, "recovery-by-one-administrator"));

    let canary = &simulation.facts().canary_items[0];
    let readers: HashSet<&str> =
        all.iter().filter(|e| e.get("item_uuid") == canary).map(|e| e.get("user.uuid")).collect();
    assert_eq!(readers, of_story(truths, "canary-item"));

    let mut networks: HashMap<&str, HashSet<&str>> = HashMap::new();
    for e in all.iter().filter(|e| e.get("user.email").ends_with("@1passwordserviceaccounts.com")) {
        networks.entry(e.get("user.uuid")).or_default().insert(e.get("client.ip_address"));
    }
    let moved: HashSet<&str> = networks.iter().filter(|(_, ips)| ips.len() > 1).map(|(who, _)| *who).collect();
    assert_eq!(moved, of_story(truths, "service-account-new-network"));

    for (hunt, action) in [("firewall-rule-change", "updatfw"), ("mfa-switched-off", "disblmfa")] {
        assert_eq!(audit(action).map(|e| e.get("actor_uuid")).collect::<HashSet<_>>(), of_story(truths, hunt));
    }
}
