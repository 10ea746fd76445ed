//! Segments that cannot be read any more: intake goes on, and what is missing is said.

use super::*;

/// A store with three segments of a hundred events and ten fresh ones.
fn three_segments(dir: &std::path::Path) -> Vec<std::sync::Arc<Segment>> {
    let writer = Writer::open(dir).unwrap();
    for at in [0, 100, 200] {
        writer.handle().commit_blocking(page(at..at + 100)).unwrap();
        writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    }
    writer.handle().commit_blocking(page(300..310)).unwrap();
    Reader::open(dir).unwrap().snapshot().unwrap().segments
}

type Harm = fn(&std::path::Path);

/// Ways a file comes to harm, each told by the opening.
const HARMS: [(&str, Harm); 3] = [
    ("missing", |path| std::fs::remove_file(path).unwrap()),
    ("cut", |path| std::fs::File::options().write(true).open(path).unwrap().set_len(1_000).unwrap()),
    ("empty", |path| std::fs::write(path, "").unwrap()),
];

#[test]
fn a_segment_that_is_missing_or_cut_is_marked_at_opening_and_its_events_come_in_again() {
    for (name, harm) in HARMS {
        let dir = tempfile::tempdir().unwrap();
        let segments = three_segments(dir.path());
        harm(&segments[1].path);
        let writer = Writer::open(dir.path()).unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        let snapshot = reader.snapshot().unwrap();
        assert_eq!((snapshot.rows(), snapshot.segments.len()), (210, 2), "{name}");
        assert_eq!(snapshot.damaged.iter().map(|s| s.id).collect::<Vec<_>>(), [segments[1].id], "{name}");
        let gaps = reader.gaps(9).unwrap();
        assert_eq!(gaps.len(), 1, "{name}: {gaps:?}");
        let gap = &gaps[0];
        assert_eq!((&*gap.account, gap.feed), ("ACCOUNT", Some(Feed::SignInAttempts)));
        // The gap spans its events, and no hour more.
        assert_eq!(gap.from.zip(gap.to), segments[1].timestamps.map(|(a, b)| (Ticks(a), Ticks(b))));
        assert!(gap.why.contains("damaged") && gap.why.contains("100 events"), "{}", gap.why);
        assert_eq!(reader.hourly_counts(Ticks(0), Ticks(i64::MAX)).unwrap().iter().map(|c| c.events).sum::<u64>(), 210);
        // Fetched again, what was lost is new, and what was not is not.
        let done = writer.handle().commit_blocking(page(0..310)).unwrap();
        assert_eq!((done.stored, done.duplicates), (100, 210), "{name}");
        drop(writer);
        Writer::open(dir.path()).unwrap();
        assert_eq!(reader.gaps(9).unwrap().len(), 1, "{name}: recorded once");
    }
}

#[test]
fn a_segment_that_turns_out_unreadable_in_a_commit_is_marked_then() {
    let dir = tempfile::tempdir().unwrap();
    let segments = three_segments(dir.path());
    let writer = Writer::open(dir.path()).unwrap();
    // Of the same length, so that opening saw nothing.
    let length = std::fs::metadata(&segments[0].path).unwrap().len();
    std::fs::write(&segments[0].path, vec![0x5a; length as usize]).unwrap();
    let done = writer.handle().commit_blocking(page(0..310)).unwrap();
    assert_eq!((done.stored, done.duplicates), (100, 210));
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!((reader.gaps(9).unwrap().len(), reader.snapshot().unwrap().damaged.len()), (1, 1));
    // Now they are there.
    assert_eq!(writer.handle().commit_blocking(page(0..310)).unwrap().duplicates, 310);
    assert_eq!(reader.snapshot().unwrap().rows(), 310);
}

#[test]
fn any_flipped_byte_of_a_segment_leaves_intake_and_readers_standing() {
    let dir = tempfile::tempdir().unwrap();
    let segments = three_segments(dir.path());
    let sound = std::fs::read(&segments[0].path).unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..60 {
        let mut bytes = sound.clone();
        // Half of them in the footer and the indexes before it.
        let at = if rng.bool() { rng.usize(..bytes.len()) } else { bytes.len() - 1 - rng.usize(..6_000) };
        bytes[at] ^= 1 << rng.u32(..8);
        std::fs::write(&segments[0].path, &bytes).unwrap();
        // What is read twice is told apart by its bytes or stored anew, and neither panics nor loses what follows.
        let done = writer.handle().commit_blocking(page(0..310)).unwrap();
        assert_eq!(done.stored + done.duplicates + done.variants, 310, "byte {at}");
    }
    let reader = Reader::open(dir.path()).unwrap();
    let fresh: usize = reader.snapshot().unwrap().fresh.iter().map(|b| b.num_rows()).sum();
    assert!(fresh == 10 || fresh == 110, "{fresh}");
}

#[test]
fn a_store_whose_segments_are_all_away_is_not_taken_for_lost() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for at in (0..100).step_by(10) {
        writer.handle().commit_blocking(page(at..at + 10)).unwrap();
        writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    }
    drop(writer);
    let (segments, away) = (Layout::of(dir.path()).segments(), dir.path().join("away"));
    std::fs::rename(&segments, &away).unwrap();
    let refused = Writer::open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::NoSegments { segments: 10, .. }), "{refused}");
    std::fs::remove_dir(&segments).unwrap();
    std::fs::rename(&away, &segments).unwrap();
    Writer::open(dir.path()).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!((everything(&reader).len(), reader.gaps(9).unwrap()), (100, vec![]));
}

#[test]
fn a_descriptor_that_cannot_be_had_is_not_damage() {
    let error = |code: rustix::io::Errno| StoreError::io(std::path::Path::new("x"), code.into());
    assert!(!damage::is_damage(&error(rustix::io::Errno::MFILE)));
    assert!(!damage::is_damage(&error(rustix::io::Errno::ACCESS)));
    assert!(damage::is_damage(&error(rustix::io::Errno::IO)) && damage::is_damage(&error(rustix::io::Errno::NOENT)));
}

#[test]
fn segments_can_be_marked_from_outside_while_nobody_writes() {
    let dir = tempfile::tempdir().unwrap();
    let segments = three_segments(dir.path());
    let writer = Writer::open(dir.path()).unwrap();
    let found = [(segments[2].id, "page 3 of raw cannot be unpacked".to_owned())];
    assert!(matches!(damage::mark(dir.path(), &found), Err(StoreError::Locked { .. })));
    drop(writer);
    damage::mark(dir.path(), &found).unwrap();
    let gaps = Reader::open(dir.path()).unwrap().gaps(9).unwrap();
    assert!(gaps.len() == 1 && gaps[0].why.contains("page 3"), "{gaps:?}");
}
