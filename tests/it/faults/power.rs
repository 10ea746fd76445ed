//! The power goes at every operation in turn.

use vaultscope::store::{Reader, Writer};
use vaultscope_faults::{Keep, Plan};

use super::{Mounted, PAGES, STREAM, intake, small};
use crate::evidence::{scratch, seed, soak};

/// Of the operations, every how many is tried in CI. `VAULTSCOPE_SOAK=40` tries all.
const STRIDE: u64 = 40;

#[test]
fn whenever_the_power_goes_every_answered_page_is_there_once_and_intake_goes_on() {
    let dir = scratch();
    let disk = Mounted::below(dir.path());
    assert_eq!(intake(dir.path()), PAGES);
    let (operations, _) = disk.0.counted();
    drop(disk);
    let status = Reader::open(dir.path()).unwrap().status().unwrap();
    assert!(status.segments > 0, "nothing was sealed on the way: {status:?}");
    assert!(status.segments < status.sealed_rows / 30, "nothing was merged on the way: {status:?}");
    assert!(operations > 300, "{operations}");

    let (stride, mut images) = ((STRIDE / soak()).max(1), 0);
    for operation in (1 + seed() % stride..=operations).step_by(stride as usize) {
        let dir = scratch();
        let disk = Mounted::below(dir.path());
        disk.0.plan(Plan::PowerAt(operation));
        let answered = intake(dir.path());
        assert!(disk.0.is_dead(), "operation {operation} never came");
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
fn reopened(dir: &std::path::Path, answered: u64, case: &str) {
    let writer = Writer::open_here(dir, small()).unwrap_or_else(|e| panic!("{case}: {e}"));
    let pages = STREAM.holds(dir);
    // The page that was under way may be there: its answer got lost, and it comes again.
    assert!((answered..=answered + 1).contains(&pages), "{case}: {answered} pages were answered, {pages} are there");
    let reader = Reader::open(dir).unwrap();
    assert_eq!(reader.gaps(5).unwrap(), [], "{case}");
    for number in pages.saturating_sub(1)..pages + 4 {
        let done = writer.handle().commit_blocking(STREAM.page(number)).unwrap_or_else(|e| panic!("{case}: {e}"));
        let expected = if number < pages { (0, STREAM.size) } else { (STREAM.size, 0) };
        assert_eq!((done.stored, done.duplicates), expected, "{case}");
    }
    assert_eq!(STREAM.holds(dir), pages + 4, "{case}");
    drop(writer);
    assert_eq!(STREAM.holds(dir), pages + 4, "{case}");
}
