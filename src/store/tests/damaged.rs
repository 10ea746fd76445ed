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
fn a_doubted_segment_is_marked_where_the_writer_finds_the_same_and_only_then() {
    let dir = tempfile::tempdir().unwrap();
    let segments = three_segments(dir.path());
    let sound: Vec<Vec<u8>> = segments.iter().map(|s| std::fs::read(&s.path).unwrap()).collect();
    std::fs::write(&segments[2].path, vec![0x5a; sound[2].len()]).unwrap();
    let doubted: Vec<i64> = segments.iter().map(|s| s.id).collect();
    let told = doubts::tell(dir.path(), &doubted).unwrap();
    assert_eq!(told, doubts::Told::Settled { marked: 1, back: 0, refiltered: 0 }, "the first two are whole");
    let reader = Reader::open(dir.path()).unwrap();
    let gaps = reader.gaps(9).unwrap();
    assert!(gaps.len() == 1 && gaps[0].why.contains("of 100 events is damaged"), "{gaps:?}");
    assert_eq!(
        (reader.snapshot().unwrap().rows(), doubts::tell(dir.path(), &doubted).unwrap()),
        (210, doubts::Told::Settled { marked: 0, back: 0, refiltered: 0 })
    );
    // Put back as it was, it is read again, and nothing is missing.
    std::fs::write(&segments[2].path, &sound[2]).unwrap();
    assert_eq!(
        doubts::tell(dir.path(), &doubted[2..]).unwrap(),
        doubts::Told::Settled { marked: 0, back: 1, refiltered: 0 }
    );
    assert_eq!((reader.snapshot().unwrap().rows(), reader.snapshot().unwrap().damaged.len()), (310, 0));
    assert_eq!(reader.gaps(9).unwrap()[0].state(), "filled");
    let counts = reader.hourly_counts(Ticks(0), Ticks(i64::MAX)).unwrap();
    assert_eq!(counts.iter().map(|c| c.events).sum::<u64>(), 310);
    let writer = Writer::open(dir.path()).unwrap();
    assert_eq!(writer.handle().commit_blocking(page(0..310)).unwrap().duplicates, 310, "by its filter, too");
    writer.close();
    let report = verify::verify(dir.path(), &verify::Options::default(), &|_, _| ()).unwrap();
    assert!(report.is_sound(), "{report:#?}");
}

#[test]
fn a_running_writer_looks_at_what_a_reader_doubts() {
    let dir = tempfile::tempdir().unwrap();
    let segments = three_segments(dir.path());
    let writer = Writer::open(dir.path()).unwrap();
    let length = std::fs::metadata(&segments[1].path).unwrap().len();
    std::fs::write(&segments[1].path, vec![0x5a; length as usize]).unwrap();
    let told = doubts::tell(dir.path(), &[segments[1].id]).unwrap();
    assert!(matches!(&told, doubts::Told::Writer(holder) if holder.pid == std::process::id()), "{told:?}");
    writer.handle().look_at_doubts().blocking_recv().unwrap().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!((reader.snapshot().unwrap().rows(), reader.gaps(9).unwrap().len()), (210, 1));
}

#[test]
fn an_altered_event_is_no_damage_and_nothing_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let segments = three_segments(dir.path());
    // Somebody writes the file of the first segment anew, as well formed as before, and one event in it is another.
    let layout = Layout::of(dir.path());
    let mut file = file::SegmentFile::create(&layout, "forged".to_owned(), file::Effort::Sealing).unwrap();
    for batch in segments[0].batches().unwrap() {
        let batch = batch.unwrap();
        let raw = schema::position("raw").unwrap();
        let mut texts = raws(&batch);
        texts[7] = texts[7].replace("success", "forgery").replace("credentials_failed", "forgery");
        let mut columns = batch.columns().to_vec();
        columns[raw] = std::sync::Arc::new(arrow::array::StringViewArray::from_iter_values(texts));
        file.write(&arrow::array::RecordBatch::try_new(schema::arrow(), columns).unwrap()).unwrap();
    }
    file.finish().unwrap();
    std::fs::rename(layout.segments().join("forged"), &segments[0].path).unwrap();
    let length = std::fs::metadata(&segments[0].path).unwrap().len();
    // Also told as long as it is now, so that the opening does not take it for cut.
    let db = rusqlite::Connection::open(layout.catalogue()).unwrap();
    db.execute("UPDATE segment SET bytes = ? WHERE id = ?", rusqlite::params![length as i64, segments[0].id]).unwrap();
    drop(db);
    let forged = std::fs::read(&segments[0].path).unwrap();
    let report = verify::verify(dir.path(), &verify::Options::default(), &|_, _| ()).unwrap();
    assert_eq!((report.first().unwrap().kind, report.first().unwrap().seq), (verify::Kind::Changed, 8), "{report:#?}");
    assert_eq!(report.doubts, Vec::<i64>::new());
    // Whoever doubts it all the same, and whoever opens the store: it stays, no gap asks for it again, and verify goes on to say so.
    let told = doubts::tell(dir.path(), &[segments[0].id]).unwrap();
    assert_eq!(told, doubts::Told::Settled { marked: 0, back: 0, refiltered: 0 });
    let writer = Writer::open(dir.path()).unwrap();
    let done = writer.handle().commit_blocking(page(0..310)).unwrap();
    assert_eq!((done.stored, done.variants, done.duplicates), (0, 1, 309), "what the service has is kept beside it");
    writer.handle().merge().blocking_recv().unwrap().unwrap();
    writer.close();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!((reader.gaps(9).unwrap(), std::fs::read(&segments[0].path).unwrap()), (vec![], forged));
    let report = verify::verify(dir.path(), &verify::Options::default(), &|_, _| ()).unwrap();
    assert_eq!(report.first().unwrap().kind, verify::Kind::Changed);
}

/// What was fetched again while a segment was away is there once when the segment comes back, whether the writer sealed it or not.
#[test]
fn a_segment_that_comes_back_brings_only_what_was_not_fetched_again() {
    for (fetched, sealed) in [(130..180, false), (100..200, true), (199..200, true)] {
        let dir = tempfile::tempdir().unwrap();
        let segments = three_segments(dir.path());
        let away = dir.path().join("away");
        std::fs::rename(&segments[1].path, &away).unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        // One of them is not what it was.
        let mut again = page(fetched.clone());
        again.items[0] = bytes::Bytes::from([again.items[0].as_ref(), b" "].concat());
        let done = writer.handle().commit_blocking(again).unwrap();
        let count = fetched.end - fetched.start;
        assert_eq!(done.stored, count);
        if sealed {
            writer.handle().seal(0).blocking_recv().unwrap().unwrap();
        }
        writer.close();
        std::fs::rename(&away, &segments[1].path).unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!((reader.snapshot().unwrap().rows(), reader.status().unwrap().events()), (310, 310), "{fetched:?}");
        let mut all: Vec<String> = rows(&reader).into_values().map(|raw| raw.trim_end().to_owned()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 310, "{fetched:?}");
        let variants = reader.variants(9).unwrap();
        assert_eq!((variants.len(), &*variants[0].raw), (1, item(fetched.start).as_bytes()), "{fetched:?}");
        let stones = reader.tombstones().unwrap();
        assert_eq!((stones.len(), stones[0].events[0], stones[0].signed), (1, count, true));
        assert!(stones[0].policy.starts_with("fetched again while"), "{}", stones[0].policy);
        let again = writer.handle().commit_blocking(page(0..310)).unwrap();
        assert_eq!((again.stored, again.duplicates), (0, 310), "{fetched:?}");
        writer.close();
        let report = verify::verify(dir.path(), &verify::Options::default(), &|_, _| ()).unwrap();
        assert!(report.is_sound(), "{fetched:?}: {report:#?}");
    }
}

#[test]
fn a_membership_filter_that_is_lost_or_forgot_an_event_is_told_and_made_anew_and_nothing_comes_in_twice() {
    let other = filter::Filter::build(vec![4_711]).to_bytes();
    for (stored, by_verify) in [(None, 0), (Some(b"none".to_vec()), 0), (Some(other), 1)] {
        let dir = tempfile::tempdir().unwrap();
        let segments = three_segments(dir.path());
        let db = rusqlite::Connection::open(Layout::of(dir.path()).catalogue()).unwrap();
        match &stored {
            Some(bytes) => {
                db.execute("UPDATE filter SET data = ? WHERE segment = ?", rusqlite::params![bytes, segments[1].id])
            }
            None => db.execute("DELETE FROM filter WHERE segment = ?", [segments[1].id]),
        }
        .unwrap();
        let look = || verify::verify(dir.path(), &verify::Options::default(), &|_, _| ()).unwrap();
        let report = look();
        assert_eq!((report.findings.len(), &report.doubts), (1, &vec![segments[1].id]), "{report:#?}");
        let found = &report.findings[0];
        assert!(found.kind == verify::Kind::Catalogue && found.what.contains("does not know 100 of"), "{found:?}");
        let settled = doubts::Told::Settled { marked: 0, back: 0, refiltered: by_verify };
        assert_eq!(doubts::tell(dir.path(), &report.doubts).unwrap(), settled);
        assert!(look().is_sound());
        let writer = Writer::open(dir.path()).unwrap();
        let again = writer.handle().commit_blocking(page(100..200)).unwrap();
        assert_eq!((again.stored, again.duplicates), (0, 100));
    }
}

#[test]
fn a_fresh_page_that_rotted_holds_up_no_intake_and_its_events_are_kept_when_they_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(page(0..10)).unwrap();
    let db = rusqlite::Connection::open(Layout::of(dir.path()).catalogue()).unwrap();
    db.execute("UPDATE page SET data = x'01ff000000abcd'", []).unwrap();
    for n in 1..20 {
        assert_eq!(writer.handle().commit_blocking(page(n * 10..n * 10 + 10)).unwrap().stored, 10);
    }
    let again = writer.handle().commit_blocking(page(0..10)).unwrap();
    assert_eq!((again.stored, again.variants), (0, 10));
    let again = writer.handle().commit_blocking(page(0..10)).unwrap();
    assert_eq!((again.stored, again.duplicates, again.variants), (0, 10, 0));
    assert!(Reader::open(dir.path()).unwrap().snapshot().is_err_and(|e| e.to_string().contains("fresh page")));
}
