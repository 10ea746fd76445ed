//! Random histories against a model of a few lines: nothing lost, nothing twice, whatever the order of commits, sealings and restarts.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::*;

/// What the store should hold, said the simple way.
#[derive(Default)]
struct Model {
    /// By sequence number.
    events: Vec<String>,
    primary: HashMap<(Feed, u64), String>,
    variants: HashSet<(Feed, u64, String)>,
    bad: HashSet<(Feed, String)>,
    counted: Committed,
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
                Some((uuid, None)) => {
                    done.stored += 1;
                    self.primary.insert((feed, uuid), text.clone());
                    self.events.push(text.clone());
                }
                Some((_, Some(first))) if first == text => done.duplicates += 1,
                Some((uuid, Some(_))) => {
                    let new = self.variants.insert((feed, uuid, text.clone()));
                    *if new { &mut done.variants } else { &mut done.duplicates } += 1;
                }
            }
        }
        done.through = self.events.len() as i64;
        self.counted.add(done);
        done
    }
}

fn random_item(rng: &mut fastrand::Rng) -> (Option<u64>, String) {
    let uuid = rng.u64(..400);
    match rng.u32(..20) {
        0 => (None, format!("{{\"uuid\":{}}}", rng.u32(..3))),
        1 => (Some(uuid), format!("{{\"uuid\":\"U{uuid}\",\"other\":{}}}", rng.u32(..2))),
        _ => (Some(uuid), format!("{{\"uuid\":\"U{uuid}\",\"timestamp\":\"2026-01-01T00:00:00Z\"}}")),
    }
}

#[test]
fn any_history_of_pages_sealings_merges_and_restarts_ends_as_the_model_says() {
    let soak: u64 = std::env::var("VAULTSCOPE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for seed in 0..soak {
        let mut rng = fastrand::Rng::with_seed(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let mut writer = Writer::open_with(dir.path(), small()).unwrap();
        for step in 0..45 {
            match rng.u32(..12) {
                0 => {
                    drop(writer);
                    writer = Writer::open_with(dir.path(), small()).unwrap();
                }
                1 => writer.handle().seal(rng.u64(..80)).blocking_recv().unwrap().unwrap(),
                2 => writer.handle().merge().blocking_recv().unwrap().unwrap(),
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
        let reader = Reader::open(dir.path()).unwrap();
        let expected: BTreeMap<i64, String> = (1..).zip(model.events).collect();
        assert_eq!(everything(&reader), expected, "seed {seed}");
        assert_eq!(reader.variants(9_999).unwrap().len(), model.variants.len(), "seed {seed}");
        assert_eq!(reader.quarantined(9_999).unwrap().len(), model.bad.len(), "seed {seed}");
        let status = reader.status().unwrap();
        let sum = |of: fn(&FeedStatus) -> u64| status.feeds.iter().map(of).sum::<u64>();
        assert_eq!(sum(|f| f.events), model.counted.stored);
        assert_eq!(sum(|f| f.duplicates), model.counted.duplicates);
        assert_eq!(sum(|f| f.variants), model.counted.variants);
        assert_eq!(sum(|f| f.quarantined), model.counted.quarantined);
    }
}
