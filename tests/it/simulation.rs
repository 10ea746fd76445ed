//! A collector, its pollers and its store in a simulated world: one thread, a clock that is moved by whoever waits, a service and a network that a seed
//! decides. Any seed replays: `VAULTSCOPE_SEED=4711 cargo test --test it simulation`.

mod run;
mod service;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::evidence::{seed, soak};

/// Runs seeds on two threads; a seed that fails is named with what is to be done to see it again.
fn run_seeds(seeds: std::ops::Range<u64>) {
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failed.lock().unwrap().len() > 2 {
                        return;
                    }
                    let ran = std::panic::catch_unwind(|| run::world(seed));
                    if let Err(why) = ran {
                        let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
                        failed.lock().unwrap().push(format!("VAULTSCOPE_SEED={seed}: {why}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// 1,000 seeds, `VAULTSCOPE_SOAK` times as many, from `VAULTSCOPE_SEED` on.
#[test]
fn whatever_the_network_the_clock_and_restarts_do_every_event_is_stored_once() {
    run_seeds(seed()..seed() + 1_000 * soak());
}

#[test]
fn a_seed_replays_request_by_request() {
    for seed in [3, 14, 159, 2_653] {
        let first = run::world(seed);
        for _ in 0..3 {
            let again = run::world(seed);
            for (n, (a, b)) in first.lines().zip(again.lines()).enumerate() {
                assert_eq!(a, b, "line {n} of seed {seed}");
            }
            assert_eq!(first.len(), again.len());
        }
    }
}
