//! Small segments become large ones: rows, order and identities stay, readers and crashes find the old or the new.

use super::*;

/// Merges what 400 rows make large, and removes at once.
fn merging() -> Options {
    Options { seal_rows: 100, keep_fresh: 20, merge_rows: 400, grace: 0, ..Options::default() }
}

fn files(dir: &std::path::Path) -> Vec<String> {
    let names = std::fs::read_dir(Layout::of(dir).segments()).unwrap();
    let mut names: Vec<_> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Ten segments of a hundred events, none merged.
fn ten_segments(dir: &std::path::Path) {
    let writer = Writer::open_with(dir, Options { merge_rows: 1 << 40, ..small() }).unwrap();
    for at in (0..1_000).step_by(20) {
        writer.handle().commit_blocking(page(at..at + 20)).unwrap();
        if (at + 20) % 100 == 0 {
            writer.handle().seal(0).blocking_recv().unwrap().unwrap();
        }
    }
}

#[test]
fn merged_segments_hold_the_same_events_in_the_same_order() {
    let dir = tempfile::tempdir().unwrap();
    ten_segments(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let (before, hours) = (everything(&reader), reader.hourly_counts(Ticks(0), Ticks(i64::MAX)).unwrap());
    let writer = Writer::open_with(dir.path(), merging()).unwrap();
    writer.handle().merge().blocking_recv().unwrap().unwrap();
    let status = reader.status().unwrap();
    assert_eq!((status.segments, status.sealed_rows), (3, 1_000), "four, four and the two that are left");
    assert_eq!(everything(&reader), before);
    assert_eq!(reader.hourly_counts(Ticks(0), Ticks(i64::MAX)).unwrap(), hours);
    for seq in [1, 400, 401, 1_000] {
        assert_eq!(raws(&reader.event(seq).unwrap().unwrap()), [item(seq as u64 - 1)]);
    }
    let done = writer.handle().commit_blocking(page(0..1_000)).unwrap();
    assert_eq!((done.stored, done.duplicates), (0, 1_000));
    // A merged segment is not merged again for its own sake, whatever comes after it.
    writer.handle().merge().blocking_recv().unwrap().unwrap();
    assert_eq!(reader.status().unwrap().segments, 3);
}

#[test]
fn merging_goes_on_beside_intake_and_old_files_go() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open_with(dir.path(), merging()).unwrap();
    for at in (0..3_000).step_by(50) {
        writer.handle().commit_blocking(page(at..at + 50)).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    // Merging and removing take no promise of when: they are looked at until they are done.
    let merged = || {
        let status = reader.status().unwrap();
        status.segments <= 10 && files(dir.path()).len() as u64 == status.segments
    };
    for _ in 0..1_000 {
        if merged() {
            break;
        }
        writer.handle().commit_blocking(page(0..1)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(merged(), "{:?}", files(dir.path()));
    let expected: Vec<_> = (0..3_000).map(item).collect();
    assert_eq!(everything(&reader).into_values().collect::<Vec<_>>(), expected);
}

#[test]
fn a_snapshot_of_before_a_merge_stays_readable_until_the_grace_is_over() {
    let dir = tempfile::tempdir().unwrap();
    ten_segments(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let before = reader.snapshot().unwrap();
    let grace = 60 * crate::base::time::SECOND;
    let writer = Writer::open_with(dir.path(), Options { grace, ..merging() }).unwrap();
    writer.handle().merge().blocking_recv().unwrap().unwrap();
    assert_eq!(before.segments.iter().map(|s| s.batches().unwrap().count()).sum::<usize>(), 10);
    assert_eq!(files(dir.path()).len(), 13);
    // After a restart too, and no sooner than then.
    drop(writer);
    let mut intake = intake::Intake::open(Layout::of(dir.path()), Options { grace, ..merging() }).unwrap();
    let now = Ticks::now();
    assert!(intake.remove_superseded(now).unwrap().is_some_and(|next| next > now));
    assert_eq!(files(dir.path()).len(), 13);
    assert_eq!(intake.remove_superseded(Ticks(now.0 + grace)).unwrap(), None);
    assert_eq!(files(dir.path()).len(), 3);
    assert_eq!(everything(&reader).len(), 1_000);
}

#[test]
fn a_crash_at_any_step_of_a_merge_leaves_the_old_or_the_new() {
    let origin = tempfile::tempdir().unwrap();
    ten_segments(origin.path());
    let expected = everything(&Reader::open(origin.path()).unwrap());
    for step in ["writing", "written", "adopted", "file removed", "all removed"] {
        let dir = tempfile::tempdir().unwrap();
        super::faults::copy_store(origin.path(), dir.path());
        let layout = Layout::of(dir.path());
        let mut intake = intake::Intake::open(layout.clone(), merging()).unwrap();
        let sources = merge::plan(&intake.sealed, &intake.options, false).unwrap();
        let name = merge::name(&sources, intake.next_number().unwrap());
        if step == "writing" {
            std::fs::write(layout.segments().join(format!("{name}.tmp")), "half a fi").unwrap();
        } else {
            let written = merge::write(&layout, &sources, name, &false.into()).unwrap();
            if step != "written" {
                assert!(intake.replace(&sources, written).unwrap());
            }
        }
        match step {
            "file removed" => std::fs::remove_file(&sources[0].path).unwrap(),
            "all removed" => assert_eq!(intake.remove_superseded(Ticks::now()).unwrap(), None),
            _ => {}
        }
        // As a crash leaves it: nothing is said goodbye to.
        drop(intake);
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!(everything(&reader), expected, "{step}");
        let writer = Writer::open_with(dir.path(), merging()).unwrap();
        assert_eq!(writer.handle().commit_blocking(page(0..1_000)).unwrap().duplicates, 1_000, "{step}");
        writer.handle().merge().blocking_recv().unwrap().unwrap();
        drop(writer);
        let intake = intake::Intake::open(layout, merging()).map(|mut i| i.remove_superseded(Ticks::now()).unwrap());
        assert_eq!(intake.unwrap(), None);
        assert_eq!(everything(&reader), expected, "{step}");
        assert_eq!(files(dir.path()).len() as u64, reader.status().unwrap().segments, "{step}");
        assert_eq!(reader.gaps(9).unwrap(), [], "{step}");
    }
}

#[test]
fn a_merge_whose_sources_changed_meanwhile_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    ten_segments(dir.path());
    let layout = Layout::of(dir.path());
    let mut intake = intake::Intake::open(layout.clone(), merging()).unwrap();
    let sources = merge::plan(&intake.sealed, &intake.options, false).unwrap();
    let write = |name: &str| merge::write(&layout, &sources, name.to_owned(), &false.into()).unwrap();
    let (one, two) = (write("one.parquet"), write("two.parquet"));
    assert!(intake.replace(&sources, one).unwrap());
    assert!(!intake.replace(&sources, two).unwrap());
    assert!(!layout.segments().join("two.parquet").exists());
    drop(intake);
    assert_eq!(everything(&Reader::open(dir.path()).unwrap()).len(), 1_000);
}

#[test]
fn a_file_that_was_not_signed_for_is_not_vouched_for() {
    let dir = tempfile::tempdir().unwrap();
    ten_segments(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    let changed = reader.snapshot().unwrap().segments[4].path.clone();
    // A byte of the program's name in the footer: the file reads as before.
    let mut bytes = std::fs::read(&changed).unwrap();
    let at = bytes.windows(10).rposition(|w| w == b"vaultscope").unwrap();
    bytes[at] = b'V';
    std::fs::write(&changed, bytes).unwrap();
    let writer = Writer::open_with(dir.path(), merging()).unwrap();
    writer.handle().merge().blocking_recv().unwrap().unwrap();
    let left: Vec<_> = reader.snapshot().unwrap().segments.iter().map(|s| (s.rows, s.path == changed)).collect();
    assert_eq!(left, [(400, false), (100, true), (400, false), (100, false)]);
    assert_eq!(everything(&reader).len(), 1_000);
}

#[test]
fn a_large_segment_divides_small_ones_and_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    ten_segments(dir.path());
    let intake = intake::Intake::open(Layout::of(dir.path()), merging()).unwrap();
    let rows = |merge_rows, all| {
        let plan = merge::plan(&intake.sealed, &Options { merge_rows, ..merging() }, all);
        plan.map(|sources| sources.iter().map(|s| s.rows).sum::<u64>())
    };
    assert_eq!(rows(400, false), Some(400));
    assert_eq!(rows(1_001, false), None, "not ripe: neither large together nor many");
    assert_eq!(rows(1_001, true), Some(1_000));
    assert_eq!(rows(200, true), None, "each is half of a whole one");
}
