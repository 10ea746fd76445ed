//! The power goes at every operation in turn.

use vaultscope::store::{Reader, Writer};
use vaultscope_faults::{Keep, Plan};

use super::{Answered, Mounted, PAGES, STREAM, intake, newest, small};
use crate::evidence::{first_kept, retention, scratch, seed, soak};

/// Of the operations, every how many is tried in CI. `VAULTSCOPE_SOAK=40` tries all.
const STRIDE: u64 = 40;

#[test]
fn whenever_the_power_goes_every_answered_page_is_there_once_and_intake_goes_on() {
    let dir = scratch();
    let disk = Mounted::below(dir.path());
    assert_eq!(intake(dir.path()).pages, PAGES);
    let (operations, _) = disk.0.counted();
    drop(disk);
    let stones = Reader::open(dir.path()).unwrap().tombstones().unwrap();
    assert!(stones.len() > 2, "retention had little to do: {stones:?}");
    assert!(operations > 300, "{operations}");
    let kept = scratch();
    let writer = Writer::open_here(kept.path(), small()).unwrap();
    for number in 0..PAGES {
        writer.handle().commit_blocking(STREAM.page(number)).unwrap();
    }
    let status = Reader::open(kept.path()).unwrap().status().unwrap();
    assert!(status.segments > 0, "nothing is sealed on the way: {status:?}");
    assert!(status.segments < status.sealed_rows / 30, "nothing is merged on the way: {status:?}");

    let (stride, mut images) = ((STRIDE / soak()).max(1), 0);
    for operation in (1 + seed() % stride..=operations).step_by(stride as usize) {
        let dir = scratch();
        let disk = Mounted::below(dir.path());
        disk.0.plan(Plan::PowerAt(operation));
        let answered = intake(dir.path());
        assert!(disk.0.is_dead(), "operation {operation} never came: {answered:?}");
        for keep in [Keep::Nothing, Keep::First, Keep::Some] {
            let image = scratch();
            disk.0.image(image.path(), keep, operation).unwrap();
            let case = format!("power lost at operation {operation} of {operations}, {keep:?} kept");
            reopened(image.path(), answered, &case);
            images += 1;
        }
    }
    assert!(images > 40, "{images}");
}

/// Opens without help, holds what was answered, and goes on.
#[track_caller]
fn reopened(dir: &std::path::Path, answered: Answered, case: &str) {
    let writer = Writer::open_here(dir, small()).unwrap_or_else(|e| panic!("{case}: {e}"));
    let held = STREAM.holds(dir);
    let pages = held.pages;
    // The page that was under way may be there: its answer got lost, and it comes again.
    let expected = answered.pages..=answered.pages + 1;
    assert!(expected.contains(&pages), "{case}: {answered:?}, {held:?}");
    assert!(held.first >= answered.first, "{case}: {answered:?}, {held:?}");
    let reader = Reader::open(dir).unwrap();
    assert_eq!(reader.gaps(5).unwrap(), [], "{case}");
    for number in pages.saturating_sub(1)..pages + 4 {
        let done = writer.handle().commit_blocking(STREAM.page(number)).unwrap_or_else(|e| panic!("{case}: {e}"));
        let expected = if number < pages { (0, STREAM.size) } else { (STREAM.size, 0) };
        assert_eq!((done.stored, done.duplicates), expected, "{case}");
    }
    assert_eq!(STREAM.holds(dir).pages, pages + 4, "{case}");
    // Retention goes on where it was cut off.
    let last = newest(pages + 4);
    writer.handle().retain(retention(last, 1)).blocking_recv().unwrap().unwrap_or_else(|e| panic!("{case}: {e}"));
    drop(writer);
    let held = STREAM.holds(dir);
    assert_eq!((held.pages, held.first), (pages + 4, first_kept(last, 1)), "{case}");
}
