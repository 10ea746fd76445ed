//! Full disks, crashes, damage: what is left is whole.

use std::path::Path;

use super::*;

pub(super) fn copy_store(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_store(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_full_disk_leaves_events_and_cursor_where_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { catalogue_pages: Some(200), ..Options::default() };
    let writer = Writer::open_with(dir.path(), options).unwrap();
    let handle = writer.handle();
    let mut stored = 0;
    let refused = loop {
        match handle.commit_blocking(advance(page(stored..stored + 500), &format!("after {stored}"))) {
            Ok(_) => stored += 500,
            Err(e) => break e,
        }
        assert!(stored < 100_000, "the catalogue never filled");
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    let check = |dir: &Path| {
        let reader = Reader::open(dir).unwrap();
        assert_eq!(everything(&reader).len() as u64, stored);
        let cursor = reader.cursor("ACCOUNT", Feed::SignInAttempts, 2).unwrap().unwrap().cursor;
        assert_eq!(cursor, Some(Cursor::new(&format!("after {}", stored - 500))));
    };
    check(dir.path());
    drop(writer);
    check(dir.path());
    // Cured: it goes on where it was.
    let writer = Writer::open(dir.path()).unwrap();
    assert_eq!(writer.handle().commit_blocking(page(stored..stored + 10)).unwrap().through as u64, stored + 10);
}

#[test]
fn one_page_that_cannot_be_committed_takes_no_other_with_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(Layout::of(dir.path()).segments()).unwrap();
    let options = Options { catalogue_pages: Some(120), ..Options::default() };
    let mut intake = intake::Intake::open(Layout::of(dir.path()), options).unwrap();
    // Random text does not compress: this page is larger than the catalogue may become.
    let noise =
        (0..8_000).map(|n| format!(r#"{{"uuid":"N{n}","x":"{:x}{:x}"}}"#, fastrand::u128(..), fastrand::u128(..)));
    let answers = intake.commit(&[page(0..10), page_of(noise), page(10..20)]);
    let told: Vec<_> = answers.iter().map(|a| a.as_ref().map(|c| c.through).ok()).collect();
    assert_eq!(told, [Some(10), None, Some(20)]);
    assert_eq!(everything(&Reader::open(dir.path()).unwrap()).len(), 20);
}

#[test]
fn every_image_of_a_running_store_opens_with_all_that_was_answered_and_its_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open_with(dir.path(), small()).unwrap();
    for round in 0..12_u64 {
        let upto = (round + 1) * 40;
        writer.handle().commit_blocking(advance(page(round * 40..upto), &format!("{upto}"))).unwrap();
        // The files as a crash would leave them: nothing closed, the log not folded in.
        let image = tempfile::tempdir().unwrap();
        copy_store(dir.path(), image.path());
        let again = Writer::open_with(image.path(), small()).unwrap();
        let reader = Reader::open(image.path()).unwrap();
        assert_eq!(everything(&reader).into_values().collect::<Vec<_>>(), (0..upto).map(item).collect::<Vec<_>>());
        let cursor = reader.cursor("ACCOUNT", Feed::SignInAttempts, 2).unwrap().unwrap().cursor;
        assert_eq!(cursor, Some(Cursor::new(&format!("{upto}"))));
        assert_eq!(reader.gaps(10).unwrap(), []);
        // The last page is fetched again: nothing twice.
        let done = again.handle().commit_blocking(page(round * 40..upto + 1)).unwrap();
        assert_eq!((done.stored, done.duplicates), (1, 40));
    }
}

#[test]
fn lost_commits_are_noticed_by_the_head_file_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(advance(page(0..10), "ten")).unwrap();
    let image = tempfile::tempdir().unwrap();
    copy_store(dir.path(), image.path());
    writer.handle().commit_blocking(advance(page(10..25), "twenty-five")).unwrap();
    // The catalogue of before, the head of after: as when the log's tail was damaged.
    std::fs::copy(Layout::of(dir.path()).heads(), Layout::of(image.path()).heads()).unwrap();
    let again = Writer::open(image.path()).unwrap();
    let reader = Reader::open(image.path()).unwrap();
    let gaps = reader.gaps(10).unwrap();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].why.contains("15 events were lost"), "{}", gaps[0].why);
    // From what came last to when the head was written.
    let last = reader.batches(1).unwrap()[0].arrived.max(reader.cursors().unwrap()[0].at);
    assert_eq!(gaps[0].from, Some(last));
    assert!(gaps[0].to.is_some_and(|to| last <= to && to <= gaps[0].noticed.max(last)), "{gaps:?}");
    // The cursor went back with the events, so that they come again.
    let cursor = reader.cursor("ACCOUNT", Feed::SignInAttempts, 2).unwrap().unwrap().cursor;
    assert_eq!(cursor, Some(Cursor::new("ten")));
    // Numbers that readers have seen are not given to other events.
    assert_eq!(
        again.handle().commit_blocking(page(0..25)).unwrap(),
        Committed { stored: 15, duplicates: 10, through: 40, ..Committed::default() }
    );
    drop((again, reader));
    Writer::open(image.path()).unwrap();
    assert_eq!(Reader::open(image.path()).unwrap().gaps(10).unwrap().len(), 1, "recorded once");
}

#[test]
fn a_catalogue_that_was_changed_behind_its_head_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    Writer::open(dir.path()).unwrap().handle().commit_blocking(page(0..10)).unwrap();
    let db = rusqlite::Connection::open(Layout::of(dir.path()).catalogue()).unwrap();
    db.execute("UPDATE head SET root = zeroblob(32)", []).unwrap();
    drop(db);
    Writer::open(dir.path()).unwrap();
    let gaps = Reader::open(dir.path()).unwrap().gaps(10).unwrap();
    assert!(gaps.len() == 1 && gaps[0].why.contains("changed"), "{gaps:?}");
}

#[test]
fn events_of_a_segment_that_is_gone_are_taken_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(page(0..30)).unwrap();
    writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    let snapshot = Reader::open(dir.path()).unwrap().snapshot().unwrap();
    std::fs::remove_file(&snapshot.segments[0].path).unwrap();
    assert_eq!(writer.handle().commit_blocking(page(0..30)).unwrap().stored, 30);
}

#[test]
fn a_stopped_writer_refuses_and_a_missing_store_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Reader::open(dir.path()).unwrap_err();
    assert!(missing.to_string().contains(&dir.path().display().to_string()), "{missing}");
    let writer = Writer::open(dir.path()).unwrap();
    let handle = writer.handle();
    writer.close();
    assert!(matches!(handle.commit_blocking(page(0..1)), Err(StoreError::Stopped)));
}
#[test]
fn the_files_are_for_their_owner_and_the_group_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let writer = Writer::open(&data).unwrap();
    writer.handle().commit_blocking(page(0..3)).unwrap();
    writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    let workspace = Workspace::open(&data).unwrap();
    workspace.save_session("a", "b", Ticks(0)).unwrap();
    let mut left = vec![data];
    while let Some(path) = left.pop() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o027, 0, "{} has {mode:o}", path.display());
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
        }
    }
}

#[test]
fn a_store_without_a_thread_does_each_job_before_it_answers() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open_here(dir.path(), small()).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    for at in (0..200).step_by(40) {
        let mut answer = writer.handle().commit(page(at..at + 40));
        assert_eq!(answer.try_recv().unwrap().unwrap().through as u64, at + 40);
        assert_eq!(everything(&reader).len() as u64, at + 40);
    }
    assert!(reader.status().unwrap().segments > 0);
    let handle = writer.handle();
    writer.close();
    assert!(matches!(handle.commit(page(0..1)).try_recv().unwrap(), Err(StoreError::Stopped)));
}
