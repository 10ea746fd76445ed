//! Random histories against a model of a few lines: nothing lost, nothing twice, nothing kept that should go, whatever the order of commits,
//! sealings, merges, runs of retention and restarts.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::*;
use crate::base::time::DAY;
use crate::store::retain::Policy;
use crate::store::retain::run::Request;

/// 2026-01-01; events are of the ten days from then.
const FIRST: i64 = 739_616 * DAY;

/// What the store should hold, said the simple way.
#[derive(Default)]
struct Model {
    /// By sequence number.
    events: BTreeMap<i64, (Feed, u64, String)>,
    primary: HashMap<(Feed, u64), String>,
    variants: HashSet<(Feed, u64, String)>,
    bad: HashSet<(Feed, String)>,
    through: i64,
    /// Events older than this are not taken in.
    line: i64,
    counted: Committed,
}

/// How old an event is: what has no time arrived long ago.
fn age(text: &str) -> i64 {
    let at = text.find("2026-01-").map(|at| text[at + 8..at + 10].parse::<i64>().unwrap());
    at.map_or(T0, |day| FIRST + (day - 1) * DAY)
}

impl Model {
    fn commit(&mut self, feed: Feed, items: &[(Option<u64>, String)]) -> Committed {
        let mut done = Committed::default();
        for (uuid, text) in items {
            match uuid.map(|uuid| (uuid, self.primary.get(&(feed, uuid)))) {
                None => {
                    done.quarantined += 1;
                    self.bad.insert((feed, text.clone()));
                }
                Some(_) if age(text) < self.line => done.expired += 1,
                Some((uuid, None)) => {
                    done.stored += 1;
                    self.primary.insert((feed, uuid), text.clone());
                    self.through += 1;
                    self.events.insert(self.through, (feed, uuid, text.clone()));
                }
                Some((_, Some(first))) if first == text => done.duplicates += 1,
                Some((uuid, Some(_))) => {
                    let new = self.variants.insert((feed, uuid, text.clone()));
                    *if new { &mut done.variants } else { &mut done.duplicates } += 1;
                }
            }
        }
        done.through = self.through;
        self.counted.add(done);
        done
    }

    /// Lets go what is older; answers how much.
    fn retain(&mut self, line: i64) -> u64 {
        self.line = line;
        self.bad.clear();
        let before = self.events.len();
        self.events.retain(|_, (feed, uuid, text)| {
            let stays = age(text) >= line;
            if !stays {
                self.primary.remove(&(*feed, *uuid));
                self.variants.retain(|(f, u, _)| (f, u) != (feed, uuid));
            }
            stays
        });
        (before - self.events.len()) as u64
    }
}

fn random_item(rng: &mut fastrand::Rng) -> (Option<u64>, String) {
    let uuid = rng.u64(..400);
    match rng.u32(..20) {
        0 => (None, format!("{{\"uuid\":{}}}", rng.u32(..3))),
        1 => (Some(uuid), format!("{{\"uuid\":\"U{uuid}\",\"other\":{}}}", rng.u32(..2))),
        _ => (Some(uuid), format!("{{\"uuid\":\"U{uuid}\",\"timestamp\":\"2026-01-{:02}T00:00:00Z\"}}", uuid % 10 + 1)),
    }
}

#[test]
fn any_history_of_commits_sealings_merges_retention_and_restarts_ends_as_the_model_says() {
    let soak: u64 = std::env::var("VAULTSCOPE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let first: u64 = std::env::var("VAULTSCOPE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let options = || Options { merge_rows: 300, grace: 0, ..small() };
    for seed in first..first + 3 * soak {
        let mut rng = fastrand::Rng::with_seed(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let mut writer = Writer::open_with(dir.path(), options()).unwrap();
        for step in 0..45 {
            match rng.u32(..14) {
                0 => {
                    drop(writer);
                    writer = Writer::open_with(dir.path(), options()).unwrap();
                }
                1 => writer.handle().seal(rng.u64(..80)).blocking_recv().unwrap().unwrap(),
                2 => writer.handle().merge().blocking_recv().unwrap().unwrap(),
                3 => {
                    let day = rng.i64(0..4);
                    let request =
                        Request::new(Policy::new(Some(1), [], false), None, "a test", Ticks(FIRST + (day + 1) * DAY));
                    let done = writer.handle().retain(request).blocking_recv().unwrap().unwrap();
                    let gone = model.retain(FIRST + day * DAY);
                    assert_eq!((done.going.events(), done.kept), (gone, vec![]), "seed {seed} step {step}");
                }
                _ => {
                    let feed = Feed::ALL[rng.usize(..3)];
                    let items: Vec<_> = (0..rng.usize(..40)).map(|_| random_item(&mut rng)).collect();
                    let expected = model.commit(feed, &items);
                    let page = Page { feed, ..page_of(items.into_iter().map(|(_, text)| text)) };
                    let done = writer.handle().commit_blocking(page).unwrap();
                    assert_eq!(Committed { undated: 0, ..done }, expected, "seed {seed} step {step}");
                }
            }
        }
        // Nobody reads beside this writer: it gives superseded files no grace.
        writer.close();
        let reader = Reader::open(dir.path()).unwrap();
        super::retaining::the_chain_holds(&reader);
        let kept = model.events.len() as u64;
        let expected: BTreeMap<i64, String> = model.events.into_iter().map(|(seq, (.., text))| (seq, text)).collect();
        assert_eq!(rows(&reader), expected, "seed {seed}");
        assert_eq!(reader.variants(9_999).unwrap().len(), model.variants.len(), "seed {seed}");
        assert_eq!(reader.quarantined(9_999).unwrap().len(), model.bad.len(), "seed {seed}");
        let status = reader.status().unwrap();
        let sum = |of: fn(&FeedStatus) -> u64| status.feeds.iter().map(of).sum::<u64>();
        assert_eq!(sum(|f| f.events), kept);
        assert_eq!(sum(|f| f.duplicates), model.counted.duplicates);
        assert_eq!(sum(|f| f.variants), model.counted.variants);
        assert_eq!(sum(|f| f.quarantined), model.counted.quarantined);
        assert_eq!(reader.hourly_counts(Ticks(0), Ticks(i64::MAX)).unwrap().iter().map(|c| c.events).sum::<u64>(), {
            expected.values().filter(|text| text.contains("2026-")).count() as u64
        });
    }
}
