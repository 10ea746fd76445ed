//! Operations of the disk fail, one after the other, and the disk is well again.

use vaultscope::store::{Reader, Writer};
use vaultscope_faults::{Failure, Keep, Plan};

use super::{Mounted, PAGES, SESSIONS, STREAM, intake, newest, small};
use crate::evidence::{Held, first_kept, retention, scratch, seed, soak};

/// Of the operations, every how many is tried in CI. `VAULTSCOPE_SOAK=120` tries all.
const STRIDE: u64 = 120;

/// Intake by somebody who tries again, as a poller does. Answers how often it had to.
fn stubborn(dir: &std::path::Path, case: &str) -> u32 {
    let (mut answered, mut failures) = (0, 0);
    for (upto, days) in SESSIONS {
        let writer = loop {
            match Writer::open_here(dir, small()) {
                Ok(writer) => break writer,
                Err(e) => failures = again(failures, case, &e),
            }
        };
        while answered < upto {
            match writer.handle().commit_blocking(STREAM.page(answered)) {
                Ok(_) => answered += 1,
                Err(e) => failures = again(failures, case, &e),
            }
        }
        while let Some(days) = days {
            match writer.handle().retain(retention(newest(upto), days)).blocking_recv().unwrap() {
                Ok(done) => {
                    assert!(done.kept.is_empty(), "{case}: {:?}", done.kept);
                    break;
                }
                Err(e) => failures = again(failures, case, &e),
            }
        }
    }
    failures
}

#[track_caller]
fn again(failures: u32, case: &str, error: &vaultscope::store::StoreError) -> u32 {
    assert!(failures < 20, "{case}: no end of {error}");
    failures + 1
}

#[test]
fn whatever_operation_of_the_disk_fails_nothing_is_lost_or_doubled_and_intake_goes_on() {
    let dir = scratch();
    let disk = Mounted::below(dir.path());
    let whole = intake(dir.path());
    assert_eq!(whole.pages, PAGES);
    let (operations, reads) = disk.0.counted();
    drop(disk);
    let expected = Held { pages: PAGES, gone: whole.first, first: first_kept(newest(PAGES), 0) };
    assert_eq!(STREAM.holds(dir.path()), expected);

    let stride = (STRIDE / soak()).max(1);
    let steps = |count: u64| (1 + seed() % stride..=count).step_by(stride as usize);
    let mut plans = Vec::new();
    for (how, times) in [(Failure::Eio, 1), (Failure::Eio, 9), (Failure::Enospc, 3), (Failure::Erofs, 3)] {
        plans.extend(steps(operations).map(|operation| Plan::FailAt { operation, times, how }));
    }
    for (how, times) in [(Failure::Eio, 1), (Failure::Eio, 5), (Failure::Short, 1)] {
        plans.extend(steps(reads).map(|read| Plan::FailReadAt { read, times, how }));
    }
    let (mut met, mut retried) = (0, 0);
    for plan in &plans {
        let case = format!("{plan:?} of {operations} operations and {reads} reads");
        let dir = scratch();
        let disk = Mounted::below(dir.path());
        disk.0.plan(*plan);
        retried += u32::from(stubborn(dir.path(), &case) > 0);
        met += u32::from(disk.0.failed() > 0);
        disk.0.plan(Plan::Sound);
        assert_eq!(STREAM.holds(dir.path()), expected, "{case}");
        assert_eq!(Reader::open(dir.path()).unwrap().gaps(5).unwrap(), [], "{case}");
        // What a failed sync was to write is not on the disk, whatever the next sync says: power lost now shows whether anybody relied on it.
        disk.0.kill();
        let image = scratch();
        disk.0.image(image.path(), Keep::Nothing, 0).unwrap();
        drop(disk);
        let writer = Writer::open_here(image.path(), small()).unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(STREAM.holds(image.path()), expected, "after a loss of power, {case}");
        writer.handle().commit_blocking(STREAM.page(PAGES)).unwrap();
    }
    assert!(met as usize > plans.len() / 2 && retried > 0, "{met} of {} met, {retried} retried", plans.len());
}
