//! Retention, and what somebody does in its name.

use super::*;
use crate::base::time::Span;
use crate::store::retain::run::Request;
use crate::store::retain::{Policy, Retained};

/// Lets go what is older than thirty days, so many days after the first event. Days end within the eighth batch.
pub(super) fn let_go(dir: &tempfile::TempDir, days: i64) -> Retained {
    let writer = Writer::open(dir.path()).unwrap();
    let (policy, now) = (Policy::new(Some(30), [], false), Ticks(T0) + Span(days * DAY));
    let done = writer.handle().retain(Request::new(policy, None, "test", now)).blocking_recv().unwrap().unwrap();
    writer.close();
    done
}

/// What retention leaves is sound, fresh and sealed, in parts and whole; what somebody else takes away in its name is not.
#[test]
fn what_retention_took_is_accounted_for_and_nothing_else_is() {
    for keep in [0, 35, 1_000] {
        let dir = store(20, keep);
        let done = let_go(&dir, 30);
        let report = look(&dir);
        assert!(report.is_sound(), "keep {keep}: {done:?} {report:#?}");
        assert_eq!((report.purged, report.events, report.batches), (75, 125, 20), "keep {keep}");
        // A bundle of what is left is sound too.
        let folder = dir.path().join("bundle");
        let options = crate::store::export::Options {
            from: None,
            to: None,
            feeds: Vec::new(),
            predicate: None,
            format: crate::store::export::Format::Ndjson,
            raw_csv: false,
            demo: false,
        };
        crate::store::export::export(dir.path(), &folder, &options, None, &mut |_, _| ()).unwrap();
        assert_eq!(crate::store::export::check_folder(&folder, None).unwrap().unwrap().events, 125);
        // A tombstone less.
        let changed = db(&dir);
        changed.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM tombstone").unwrap();
        let report = look(&dir);
        assert_eq!((report.first().unwrap().kind, report.first().unwrap().events), (Kind::Removed, 75), "{report:#?}");
    }
}

/// A store of which retention took a fresh page of ten events, batch 21, and 75 of a segment, batches 1 to 8.
pub(super) fn two_tombstones() -> tempfile::TempDir {
    let dir = store(20, 35);
    let writer = Writer::open(dir.path()).unwrap();
    let old = |n| Bytes::from(format!(r#"{{"uuid":"OLD{n}","timestamp":"{}"}}"#, Ticks(T0 - DAY + n)));
    let page = Page { items: (0..10).map(old).collect(), ..page(0..0) };
    writer.handle().commit_blocking(page).unwrap();
    writer.close();
    assert_eq!(let_go(&dir, 30).going.events(), 85);
    dir
}

#[test]
fn a_tombstone_that_was_changed_removed_or_put_in_is_told() {
    for (change, says) in [
        (
            "UPDATE tombstone SET note = replace(note, 'policy 30', 'policy 31') WHERE id = 1",
            "not one that the store's key has signed",
        ),
        ("UPDATE tombstone SET policy = '1 days' WHERE id = 2", "lists of tombstone 2 is not what was signed"),
        ("UPDATE tombstone SET who = 'nobody' WHERE id = 2", "lists of tombstone 2"),
        ("UPDATE tombstone SET at = at + 1 WHERE id = 1", "lists of tombstone 1"),
        ("UPDATE tombstone SET variants = 9 WHERE id = 1", "lists of tombstone 1"),
        ("UPDATE tombstone SET first_batch = 2 WHERE id = 1", "lists of tombstone 1"),
        ("UPDATE tombstone_feed SET events = events + 1 WHERE tombstone = 1", "lists of tombstone 1"),
        ("UPDATE tombstone_feed SET last = last + 1 WHERE tombstone = 1", "lists of tombstone 1"),
        ("DELETE FROM tombstone WHERE id = 1", "the tombstone before 2 was changed, removed or put in"),
        (
            "UPDATE tombstone SET note = (SELECT note FROM tombstone WHERE id = 1) WHERE id = 2",
            "tombstone 2 stands there twice",
        ),
        ("DELETE FROM pruned WHERE batch = 8", "is not what tombstone"),
        ("INSERT INTO pruned SELECT 12, nodes FROM pruned WHERE batch = 8", "it lost events, and no tombstone says so"),
    ] {
        let dir = two_tombstones();
        assert_eq!(db(&dir).query_row("SELECT count(*) FROM tombstone", [], |r| r.get::<_, i64>(0)).unwrap(), 2);
        let report = look(&dir);
        assert!(report.is_sound() && report.tombstones == 2, "{report:#?}");
        let edited = db(&dir);
        edited.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        assert_eq!(edited.execute(change, []).unwrap(), 1, "{change}");
        let report = look(&dir);
        let said = report.findings.iter().any(|f| f.kind == Kind::Tombstone && f.what.contains(says));
        assert!(said, "{change}: {report:#?}");
    }
}

/// A later run takes more of a batch: what the earlier tombstone was signed for cannot be computed again, and nothing is found.
#[test]
fn tombstones_about_the_same_batch_are_sound_one_after_the_other() {
    let dir = store(20, 35);
    let_go(&dir, 30);
    assert_eq!(let_go(&dir, 31).going.events(), 125);
    let report = look(&dir);
    assert!(report.is_sound() && report.purged == 200 && report.tombstones >= 2, "{report:#?}");
}
