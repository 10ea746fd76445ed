//! The simulated service: what it has, what it tells, and how it misbehaves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use tokio::time::Instant;
use vaultscope::base::time::{DAY, HOUR, MINUTE, SECOND, Span, Ticks};
use vaultscope::collect::source::Asked;
use vaultscope::collect::{EventSource, FetchError, Fetched, Identity, Position};
use vaultscope::event::Feed;
use vaultscope::store::Cursor;

/// When a simulated world begins.
pub const DAWN: Ticks = Ticks(739_400 * DAY);
/// How long the service keeps an event.
const KEPT: i64 = 120 * DAY;
/// The latest that an event comes: what is later, a read a day back would miss.
const LATEST: i64 = 20 * HOUR;

/// An event of the service.
#[derive(Clone, Debug)]
pub struct Event {
    /// Since dawn: when the service has it.
    pub at: Duration,
    pub timestamp: Ticks,
    pub text: String,
}

/// A feed's log, in the order in which the service came to have it.
#[derive(Debug)]
struct Log {
    events: Vec<Event>,
    rng: Rng,
    /// Cursors of an earlier age are refused.
    age: u32,
    trace: String,
}

#[derive(Debug)]
struct Inside {
    logs: BTreeMap<Feed, Log>,
    /// When this life of the process began: since dawn, and on the runtime's clock.
    life: (Duration, Instant),
    /// Requests of this life.
    asked: Vec<Duration>,
}

/// The service, and the network on the way to it.
#[derive(Debug)]
pub struct Service {
    pub shape: Shape,
    inside: Mutex<Inside>,
}

/// What a seed decides at the beginning.
#[derive(Clone, Debug)]
pub struct Shape {
    pub feeds: Vec<Feed>,
    page: usize,
    /// Of a hundred requests so many go wrong, until the faults end.
    faults: u32,
    /// Of a thousand requests so many find that all cursors are refused from now on.
    refusals: u32,
    pub faults_end: Duration,
    pub end: Duration,
}

/// For the trace.
fn describe(position: &Position) -> String {
    match position {
        Position::Cursor(cursor) => cursor.expose().to_owned(),
        Position::Since(start) => format!("since {start}"),
        Position::Between { from, to } => format!("from {from} to {to}"),
    }
}

pub fn ticks(duration: Duration) -> i64 {
    (duration.as_nanos() / 100) as i64
}

impl Service {
    pub fn new(rng: &mut Rng) -> Self {
        let feeds: Vec<Feed> = Feed::ALL.into_iter().take(rng.usize(1..=3)).collect();
        let faults_end = Duration::from_secs(rng.u64(1_200..3_600));
        let end = faults_end + Duration::from_secs(3_600);
        let shape =
            Shape { feeds, page: rng.usize(3..=12), faults: rng.u32(0..50), refusals: rng.u32(0..60), faults_end, end };
        let logs = shape.feeds.iter().map(|feed| (*feed, Log::new(*feed, &shape, rng))).collect();
        let inside = Inside { logs, life: (Duration::ZERO, Instant::now()), asked: Vec::new() };
        Self { shape, inside: Mutex::new(inside) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// A process begins to live. Called on its runtime.
    pub fn begin_life(&self, at: Duration) {
        let mut inside = self.inside();
        inside.life = (at, Instant::now());
        inside.asked.clear();
    }

    /// Since dawn, whatever anybody's clock shows.
    pub fn now(&self) -> Duration {
        let inside = self.inside();
        inside.life.0 + inside.life.1.elapsed()
    }

    /// When the requests of this life were made.
    pub fn asked(&self) -> Vec<Duration> {
        self.inside().asked.clone()
    }

    /// Who outlives the process for longer than the service keeps events finds them gone; the age of cursors stays.
    pub fn sleep_through(&self, gone: Duration) {
        let mut inside = self.inside();
        for log in inside.logs.values_mut() {
            for event in &mut log.events {
                // What was to come comes after the long sleep.
                if event.at > gone {
                    event.at += LONG_SLEEP;
                    event.timestamp = event.timestamp + Span(ticks(LONG_SLEEP));
                    event.text = event.text.replace("\"n\"", "\"slept\":true,\"n\"");
                }
            }
        }
    }

    pub fn trace(&self) -> String {
        let inside = self.inside();
        inside.logs.iter().fold(String::new(), |all, (feed, log)| all + feed.name() + "\n" + &log.trace)
    }

    /// Events that the service had by then, by feed.
    pub fn had(&self, by: Duration) -> BTreeMap<Feed, Vec<Event>> {
        let had = |log: &Log| log.events.iter().filter(|event| event.at <= by).cloned().collect();
        self.inside().logs.iter().map(|(feed, log)| (*feed, had(log))).collect()
    }

    /// What stands before a cursor: all that whoever holds it has been told.
    pub fn before(&self, feed: Feed, cursor: &Cursor) -> Vec<Event> {
        let cursor = parse(cursor).expect("a cursor of this service");
        let inside = self.inside();
        let log = &inside.logs[&feed];
        log.events[..cursor.index].iter().filter(|event| cursor.tells(event)).cloned().collect()
    }

    fn answer(&self, feed: Feed, position: &Position) -> (Duration, Result<Fetched, FetchError>) {
        let now = self.now();
        let mut inside = self.inside();
        let shape = &self.shape;
        let log = inside.logs.get_mut(&feed).expect("a feed of this world");
        let faulty = now < shape.faults_end || now > shape.end;
        let mut took = Duration::from_millis(log.rng.u64(5..400));
        if faulty && log.rng.u32(0..1_000) < shape.refusals {
            log.age += 1;
        }
        let answer = if faulty && log.rng.u32(0..100) < shape.faults {
            if log.rng.u8(0..6) == 0 {
                took = Duration::from_secs(log.rng.u64(10..150));
            }
            log.fault(now, position, shape)
        } else {
            log.page(now, position, shape, 0)
        };
        let answer = answer.map(|mut page| {
            page.took = took;
            page.server_time = Some(DAWN + Span(ticks(now)));
            page
        });
        let told = match &answer {
            Ok(page) => format!(
                "{} items, {:?}, more {}",
                page.items.len(),
                page.cursor.as_ref().map(Cursor::expose),
                page.has_more
            ),
            Err(error) => error.to_string(),
        };
        let _ = writeln!(log.trace, "{} ms: {} → {told}", now.as_millis(), describe(position));
        (took, answer)
    }
}

/// Longer than the service keeps events.
pub const LONG_SLEEP: Duration = Duration::from_secs(130 * 24 * 3600);

/// A place in a log.
#[derive(Clone, Copy)]
struct Place {
    age: u32,
    /// The times that were asked for.
    from: i64,
    to: i64,
    /// How many of the log are behind it.
    index: usize,
}

impl Place {
    fn tells(self, event: &Event) -> bool {
        (self.from..self.to).contains(&event.timestamp.0)
    }
}

/// `2/7394000000/9223372036854775807/17`.
fn parse(cursor: &Cursor) -> Option<Place> {
    let mut parts = cursor.expose().split('/');
    let age = parts.next()?.parse().ok()?;
    let (from, to) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Place { age, from, to, index: parts.next()?.parse().ok()? })
}

impl Log {
    fn new(feed: Feed, shape: &Shape, rng: &mut Rng) -> Self {
        let count = rng.usize(8..36);
        let mut moments: Vec<u64> =
            (0..count).map(|_| if rng.u8(0..3) == 0 { 0 } else { rng.u64(0..shape.end.as_secs()) }).collect();
        moments.sort_unstable();
        let events = moments.into_iter().enumerate().map(|(n, second)| {
            let at = Duration::from_secs(second);
            let lateness = match rng.u8(0..4) {
                0 => rng.i64(0..LATEST),
                1 => rng.i64(0..MINUTE),
                _ => rng.i64(0..SECOND),
            };
            // History is as old as the service keeps it.
            let lateness = if second == 0 { rng.i64(0..KEPT - DAY) } else { lateness };
            let timestamp = DAWN + Span(ticks(at) - lateness);
            let text = format!(r#"{{"uuid":"{feed}-{n}", "timestamp":"{timestamp}","n":{n}.0}}"#);
            Event { at, timestamp, text }
        });
        Self { events: events.collect(), rng: rng.fork(), age: 0, trace: String::new() }
    }

    fn fault(&mut self, now: Duration, position: &Position, shape: &Shape) -> Result<Fetched, FetchError> {
        match self.rng.u8(0..11) {
            0 => Err(FetchError::RateLimited { retry_after: None }),
            1 => Err(FetchError::RateLimited { retry_after: Some(Duration::from_secs(self.rng.u64(0..120))) }),
            2 | 3 => Err(FetchError::Server { status: 503, said: "later".into() }),
            4 => Err(FetchError::Malformed("it breaks off".into())),
            5 => Err(FetchError::Unauthorized("expired".into())),
            // Events come a second time, in another order, with no cursor, or slowly.
            6 | 7 => self.page(now, position, shape, 4),
            8 => {
                let mut page = self.page(now, position, shape, 0)?;
                self.rng.shuffle(&mut page.items);
                Ok(page)
            }
            9 => {
                let mut page = self.page(now, position, shape, 0)?;
                page.cursor = None;
                Ok(page)
            }
            _ => {
                // More is promised than there is.
                let mut page = self.page(now, position, shape, 0)?;
                page.has_more = true;
                Ok(page)
            }
        }
    }

    /// The page at a position; with `again` so many of the events before it once more.
    fn page(&self, now: Duration, position: &Position, shape: &Shape, again: usize) -> Result<Fetched, FetchError> {
        let reset = |from: Ticks, to: i64| Place { age: self.age, from: from.0, to, index: 0 };
        let place = match position {
            Position::Since(start) => reset(*start, i64::MAX),
            Position::Between { from, to } => reset(*from, to.0),
            Position::Cursor(cursor) => match parse(cursor) {
                Some(place) if place.age == self.age => place,
                _ => return Err(FetchError::BadRequest("cursor is invalid".into())),
            },
        };
        let oldest = DAWN.0 + ticks(now) - KEPT;
        let told = |event: &Event| event.at <= now && event.timestamp.0 >= oldest && place.tells(event);
        let mut items: Vec<Bytes> = Vec::new();
        let mut upto = place.index;
        for event in &self.events[upto..] {
            if event.at > now || items.len() == shape.page {
                break;
            }
            upto += 1;
            if told(event) {
                items.push(Bytes::from(event.text.clone()));
            }
        }
        let has_more = self.events[upto..].iter().any(told);
        let repeated = self.events[..place.index].iter().rev().filter(|event| told(event)).take(again);
        items.extend(repeated.map(|event| Bytes::from(event.text.clone())));
        let cursor = Some(Cursor::new(&format!("{}/{}/{}/{upto}", place.age, place.from, place.to)));
        Ok(Fetched { items, cursor, has_more, status: 200, ..Fetched::default() })
    }
}

impl EventSource for Service {
    fn version(&self, _: Feed) -> u8 {
        2
    }

    fn place(&self) -> String {
        "a simulated service".into()
    }

    fn identify(&self) -> Asked<'_, Result<Identity, FetchError>> {
        let at = self.now();
        self.inside().asked.push(at);
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Identity { account: Some("A1".into()), feeds: Feed::ALL.to_vec(), ..Identity::default() })
        })
    }

    fn fetch<'a>(&'a self, feed: Feed, position: &'a Position) -> Asked<'a, Result<Fetched, FetchError>> {
        let at = self.now();
        self.inside().asked.push(at);
        Box::pin(async move {
            let (took, answer) = self.answer(feed, position);
            tokio::time::sleep(took).await;
            answer
        })
    }
}
