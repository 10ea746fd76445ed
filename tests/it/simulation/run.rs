//! One simulated world from dawn to its end, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use vaultscope::base::clock::Clock;
use vaultscope::base::time::{Span, Ticks};
use vaultscope::collect::{Collector, Pins, Settings};
use vaultscope::event::Feed;
use vaultscope::store::{GapRow, Options, Reader, Writer};

use super::service::{DAWN, Event, LONG_SLEEP, Service, ticks};
use crate::evidence::{every_text, scratch};

/// What stands between the collector's clock and the true one, from when on.
#[derive(Clone, Copy, Debug)]
struct Jump {
    at: Duration,
    skew: i64,
}

/// Runs the world of a seed; answers what happened, request by request.
pub fn world(seed: u64) -> String {
    let mut rng = Rng::with_seed(seed);
    // Back-off draws from the thread's generator.
    fastrand::seed(seed);
    let dir = scratch();
    let service = runtime().block_on(async { Arc::new(Service::new(&mut rng)) });
    let shape = service.shape.clone();
    let mut settings = Settings {
        feeds: shape.feeds.clone(),
        clock: Clock::Simulated,
        poll_interval: Duration::from_secs(rng.u64(240..900)),
        budget_share: if rng.bool() { 0.5 } else { 0.02 },
        ..Settings::default()
    };
    settings.live_interval = settings.poll_interval;
    let mut jumps: Vec<Jump> = (0..rng.usize(0..3))
        .map(|_| Jump {
            at: shape.faults_end.mul_f64(rng.f64()),
            skew: rng.i64(-24..=24) * vaultscope::base::time::HOUR,
        })
        .collect();
    // In the end the clock is right.
    jumps.push(Jump { at: shape.faults_end, skew: 0 });
    jumps.sort_by_key(|jump| jump.at);
    let mut ends: Vec<Duration> = (0..rng.usize(0..4)).map(|_| shape.faults_end.mul_f64(rng.f64())).collect();
    ends.sort();
    let long_sleep = rng.u8(0..25) == 0 && !ends.is_empty();

    let options = Options { seal_rows: rng.u64(8..40), keep_fresh: rng.u64(0..16), ..Options::default() };
    let (mut at, mut slept, mut left) = (Duration::ZERO, Duration::ZERO, None);
    let mut unbegun: Vec<Feed> = Vec::new();
    for end in ends.into_iter().map(Some).chain([None]) {
        let until = end.unwrap_or(shape.end) + slept;
        if at < until {
            live(&service, dir.path(), &options, &settings, &jumps, (at, until, slept));
            at = until;
        }
        // The store was closed by dropping it in the middle of everything, and is looked at by somebody else.
        let stored = left.insert(Stored::read(dir.path()));
        check_cursors(&service, stored);
        if end.is_some() && long_sleep && slept.is_zero() {
            slept = LONG_SLEEP;
            service.sleep_through(at);
            // A process that was killed before its first commit of a feed leaves nothing that says since when the feed was wanted.
            unbegun
                .extend(shape.feeds.iter().filter(|feed| stored.reader.first_asked("A1", **feed).unwrap().is_none()));
            at += LONG_SLEEP;
        }
    }
    let stored = left.unwrap();
    check_events(&service, &stored, shape.end + slept, slept > Duration::ZERO, &unbegun);
    let mut by_feed: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for text in &stored.texts {
        by_feed.entry(text.split('-').next().unwrap_or_default()).or_default().push(text);
    }
    format!("{}{by_feed:?}\n{} gaps", service.trace(), stored.gaps.len())
}

/// What somebody else finds in the store.
struct Stored {
    reader: Reader,
    texts: Vec<String>,
    gaps: Vec<GapRow>,
}

impl Stored {
    fn read(data: &Path) -> Self {
        let reader = Reader::open(data).unwrap();
        let (texts, gaps) = (every_text(&reader), reader.gaps(1_000).unwrap());
        Self { reader, texts, gaps }
    }

    fn gap_holds(&self, feed: Feed, at: Ticks) -> bool {
        self.gaps.iter().any(|gap| {
            gap.feed.is_none_or(|of| of == feed)
                && gap.from.is_none_or(|from| from <= at)
                && gap.to.is_none_or(|to| at <= to)
        })
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// A process that lives until it is killed.
fn live(
    service: &Arc<Service>,
    data: &Path,
    options: &Options,
    settings: &Settings,
    jumps: &[Jump],
    (from, until, slept): (Duration, Duration, Duration),
) {
    let writer = Writer::open_here(data, options.clone()).unwrap();
    let runtime = runtime();
    let show = |skew: i64| Clock::simulate(DAWN + Span(ticks(service.now()) + skew));
    runtime.block_on(async {
        service.begin_life(from);
        let past = jumps.iter().rev().find(|jump| jump.at + slept <= from);
        show(past.map_or(0, |jump| jump.skew));
        let collector = Collector {
            account: "acme".into(),
            source: Arc::clone(service) as Arc<dyn vaultscope::collect::EventSource>,
            writer: writer.handle(),
            reader: Reader::open(data).unwrap(),
            pins: Pins::of(data),
            settings: settings.clone(),
        }
        .start();
        for jump in jumps.iter().filter(|jump| (from..until).contains(&(jump.at + slept)) && jump.at + slept > from) {
            tokio::time::sleep((jump.at + slept).saturating_sub(service.now())).await;
            show(jump.skew);
        }
        tokio::time::sleep(until.saturating_sub(service.now())).await;
        drop(collector);
    });
    // Whatever was under way ends where it stands.
    drop(runtime);
    check_budget(&service.asked(), settings.budget_share);
}

/// No more requests in any minute and in any hour than the share of the limits that is ours.
fn check_budget(asked: &[Duration], share: f64) {
    for (length, limit) in [(60, 600.0), (3_600, 30_000.0)] {
        let most = (limit * share) as usize;
        let length = Duration::from_secs(length);
        for (n, first) in asked.iter().enumerate() {
            let within = asked[n..].iter().take_while(|at| at.saturating_sub(*first) < length).count();
            assert!(within <= most, "{within} requests in {length:?} from {first:?}, {most} are allowed");
        }
    }
}

/// A cursor never runs ahead of its events: all that stands before it is stored.
fn check_cursors(service: &Service, stored: &Stored) {
    let held: BTreeSet<&String> = stored.texts.iter().collect();
    for feed in &service.shape.feeds {
        let Some(cursor) = stored.reader.cursor("A1", *feed, 2).unwrap().and_then(|row| row.cursor) else { continue };
        for event in service.before(*feed, &cursor) {
            let gone = stored.gap_holds(*feed, event.timestamp);
            assert!(
                held.contains(&event.text) || gone,
                "the cursor {} is ahead of {}, gaps: {:?}\n{}",
                cursor.expose(),
                event.text,
                stored.gaps,
                service.trace()
            );
        }
    }
}

/// Every event that the service had is stored once, byte for byte, and nothing else is; what could not be had is in a gap on record.
fn check_events(service: &Service, stored: &Stored, end: Duration, slept: bool, unbegun: &[Feed]) {
    let mut held = BTreeMap::new();
    for text in &stored.texts {
        *held.entry(text).or_insert(0) += 1;
    }
    let twice: Vec<_> = held.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "stored twice: {twice:?}");
    // An interval, a minute's closed window and a token's rest before the end everything that came is in.
    let due = end.saturating_sub(Duration::from_secs(2_000));
    for (feed, events) in service.had(end) {
        for Event { at, timestamp, text } in events {
            let is_there = held.remove(&text).is_some();
            let forgotten = unbegun.contains(&feed) && at < LONG_SLEEP;
            let excused = at > due || forgotten || (slept && stored.gap_holds(feed, timestamp));
            assert!(
                is_there || excused,
                "not stored: {text}, there from {at:?} on; gaps: {:?}\n{}",
                stored.gaps,
                service.trace()
            );
        }
    }
    assert!(held.is_empty(), "stored, though the service never had it: {held:?}");
    let status = stored.reader.status().unwrap();
    assert!(status.feeds.iter().all(|feed| feed.variants == 0 && feed.quarantined == 0), "{status:?}");
}
