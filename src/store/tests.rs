//! The store as its users see it: what is committed, what is told apart, what a crash leaves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::base::time::{HOUR, Ticks};
use crate::event::catalogue::Outcome;
use crate::event::columns::text_at;
use crate::event::{Feed, Source, schema};

const T0: i64 = 739_000 * 24 * HOUR;

fn item(n: u64) -> String {
    format!(
        r#"{{"uuid":"EVENT{n:08}","timestamp":"{}","category":"{}","target_user":{{"email":"user{}@example.com"}},"n":{n}}}"#,
        Ticks(T0 + n as i64 * 10 * crate::base::time::MINUTE),
        if n.is_multiple_of(3) { "credentials_failed" } else { "success" },
        n % 7,
    )
}

fn page_of(items: impl IntoIterator<Item = String>) -> Page {
    let items = items.into_iter().map(Bytes::from).collect();
    Page::new("ACCOUNT".into(), Feed::SignInAttempts, Source::Live, Ticks(T0), items)
}

fn page(range: std::ops::Range<u64>) -> Page {
    page_of(range.map(item))
}

fn advance(page: Page, cursor: &str) -> Page {
    let cursor = Some(CursorUpdate::Advance { version: 2, cursor: Cursor::new(cursor), reading: Source::Live });
    Page { cursor, ..page }
}

fn small() -> Options {
    Options { seal_rows: 100, keep_fresh: 20, ..Options::default() }
}

pub(super) fn raws(batch: &RecordBatch) -> Vec<String> {
    let at = schema::position("raw").unwrap();
    (0..batch.num_rows()).map(|row| text_at(batch.column(at), row).unwrap().to_owned()).collect()
}

/// Every event by sequence number, read the way the engine reads.
fn everything(reader: &Reader) -> BTreeMap<i64, String> {
    let snapshot = reader.snapshot().unwrap();
    let mut all = BTreeMap::new();
    let mut take = |batch: &RecordBatch| {
        assert_eq!(batch.schema(), schema::arrow());
        let seqs = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
        for (seq, raw) in seqs.into_iter().zip(raws(batch)) {
            assert_eq!(all.insert(seq, raw), None, "event {seq} is there twice");
        }
    };
    for segment in &snapshot.segments {
        let metadata = segment.metadata().unwrap().clone();
        let rows =
            ParquetRecordBatchReaderBuilder::new_with_metadata(segment.open().unwrap(), metadata).build().unwrap();
        rows.for_each(|batch| take(&batch.unwrap()));
    }
    snapshot.fresh.iter().for_each(|batch| take(batch));
    assert_eq!(all.len() as u64, snapshot.rows());
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), (1..=snapshot.through).collect::<Vec<_>>());
    all
}

fn copy_store(from: &Path, to: &Path) {
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
fn a_page_is_there_byte_for_byte_once_it_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let done = writer.handle().commit_blocking(page(0..10)).unwrap();
    assert_eq!(done, Committed { stored: 10, through: 10, ..Committed::default() });
    let reader = Reader::open(dir.path()).unwrap();
    let all = everything(&reader);
    assert_eq!(all.into_values().collect::<Vec<_>>(), (0..10).map(item).collect::<Vec<_>>());
}

#[test]
fn duplicates_are_counted_variants_kept_and_the_first_stays_primary() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let handle = writer.handle();
    handle.commit_blocking(page(0..5)).unwrap();
    let other = item(3).replace("\"n\":3", "\"n\":33");
    // 3 again, 3 with other bytes twice, a new one twice in the same page.
    let again = page_of([item(3), other.clone(), other.clone(), item(5), item(5)]);
    let done = handle.commit_blocking(again).unwrap();
    assert_eq!(done, Committed { stored: 1, duplicates: 2, variants: 2, through: 6, ..Committed::default() });

    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(everything(&reader).into_values().collect::<Vec<_>>(), (0..6).map(item).collect::<Vec<_>>());
    let variants = reader.variants(10).unwrap();
    assert_eq!(variants.len(), 1);
    assert_eq!((variants[0].primary_seq, variants[0].arrivals, &*variants[0].raw), (4, 2, other.as_bytes()));
    let feeds = reader.status().unwrap().feeds;
    assert_eq!((feeds[0].events, feeds[0].duplicates, feeds[0].variants), (6, 2, 2));
}

#[test]
fn the_same_uuid_in_another_feed_or_account_is_another_event() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for (account, feed) in [("A", Feed::AuditEvents), ("A", Feed::ItemUsages), ("B", Feed::AuditEvents)] {
        let page = Page { account: account.into(), feed, ..page(0..1) };
        assert_eq!(writer.handle().commit_blocking(page).unwrap().stored, 1, "{account} {feed}");
    }
    assert_eq!(Reader::open(dir.path()).unwrap().accounts().unwrap(), ["A", "B"]);
}

#[test]
fn what_cannot_be_read_is_quarantined_whole_with_its_reason_and_the_rest_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let bad: [&[u8]; 3] = [b"{\"no\":\"uuid\"}", b"not json", b"\xff\xfe"];
    let mut hostile = page(0..2);
    hostile.items.extend(bad.map(Bytes::from_static));
    hostile.items.push(Bytes::from(r#"{"uuid":"X","timestamp":"yesterday"}"#));
    let done = writer.handle().commit_blocking(hostile.clone()).unwrap();
    assert_eq!(done, Committed { stored: 3, quarantined: 3, undated: 1, through: 3, ..Committed::default() });
    // Once more: the same items do not pile up.
    writer.handle().commit_blocking(hostile).unwrap();
    let rows = Reader::open(dir.path()).unwrap().quarantined(10).unwrap();
    assert_eq!(rows.iter().rev().map(|r| &*r.raw).collect::<Vec<_>>(), bad);
    assert!(rows.iter().all(|r| r.arrivals == 2 && !r.reason.is_empty()));
    assert_eq!(rows[2].place, "item 3 of a page of 6");
}

#[test]
fn arrival_is_time_generated_for_live_rows_and_the_events_time_for_older_ones() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for (n, source) in Source::ALL.into_iter().enumerate() {
        let n = n as u64 + 10;
        writer.handle().commit_blocking(Page { source, ..page(n..n + 1) }).unwrap();
    }
    let snapshot = Reader::open(dir.path()).unwrap().snapshot().unwrap();
    for batch in &snapshot.fresh {
        let column = |name: &str| batch.column(schema::position(name).unwrap());
        let ticks = |name: &str, row| column(name).as_primitive::<Int64Type>().value(row);
        for row in 0..batch.num_rows() {
            let source = text_at(column("source"), row).unwrap();
            let expected = if ["live", "demo"].contains(&source) { "arrived" } else { "timestamp" };
            assert_eq!(ticks("TimeGenerated", row), ticks(expected, row), "{source}");
            assert_eq!(ticks("arrived", row), T0);
        }
    }
}

#[test]
fn sealing_keeps_every_row_byte_exact_and_tells_again_across_segments() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open_with(dir.path(), small()).unwrap();
    let handle = writer.handle();
    for at in (0..600).step_by(30) {
        handle.commit_blocking(page(at..at + 30)).unwrap();
    }
    handle.seal(20).blocking_recv().unwrap().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let status = reader.status().unwrap();
    assert!(status.segments >= 2 && status.fresh_rows >= 20, "{status:?}");
    assert_eq!(status.events(), 600);
    assert_eq!(everything(&reader).into_values().collect::<Vec<_>>(), (0..600).map(item).collect::<Vec<_>>());

    // Sealed and fresh ones again, one of each with other bytes, and a new one.
    let other = |n: u64| item(n) + " ";
    let done = handle.commit_blocking(page_of([item(7), item(599), other(8), other(598), item(7), item(600)])).unwrap();
    assert_eq!(done, Committed { stored: 1, duplicates: 3, variants: 2, through: 601, ..Committed::default() });
    let primaries: Vec<i64> = reader.variants(10).unwrap().iter().map(|v| v.primary_seq).collect();
    assert_eq!(primaries, [599, 9]);

    // Reopened, the filters come back from the catalogue.
    drop(writer);
    let writer = Writer::open_with(dir.path(), small()).unwrap();
    let done = writer.handle().commit_blocking(page(0..601)).unwrap();
    assert_eq!((done.stored, done.duplicates), (0, 601));
}

#[test]
fn a_segments_statistics_in_the_catalogue_are_those_of_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(page(0..50)).unwrap();
    writer.handle().commit_blocking(page_of([r#"{"uuid":"undated"}"#.to_owned()])).unwrap();
    writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    let snapshot = Reader::open(dir.path()).unwrap().snapshot().unwrap();
    assert!(snapshot.fresh.is_empty());
    let segment = &snapshot.segments[0];
    let time = |n: i64| T0 + n * 10 * crate::base::time::MINUTE;
    assert_eq!((segment.rows, segment.seqs), (51, (1, 51)));
    assert_eq!(segment.timestamps, Some((time(0), time(49))));
    assert_eq!(segment.generated, (T0, T0));
    assert_eq!(segment.bytes, std::fs::metadata(&segment.path).unwrap().len());
    let metadata = segment.metadata().unwrap().metadata();
    let at = schema::position("timestamp").unwrap();
    let statistics = metadata.row_group(0).column(at).statistics().unwrap();
    assert_eq!(statistics.min_bytes_opt(), Some(time(0).to_le_bytes().as_slice()));
    assert!(metadata.page_index().is_some());
    assert!(metadata.row_group(0).column(schema::position("uuid_s").unwrap()).bloom_filter_offset().is_some());
}

#[test]
fn hourly_counts_are_the_same_before_and_after_sealing() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for at in (0..300).step_by(50) {
        writer.handle().commit_blocking(page(at..at + 50)).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let all = || reader.hourly_counts(Ticks(0), Ticks(i64::MAX)).unwrap();
    let fresh = all();
    writer.handle().seal(120).blocking_recv().unwrap().unwrap();
    assert_eq!(all(), fresh);
    assert!(reader.status().unwrap().segments == 1);
    let sum = |of: Outcome| fresh.iter().filter(|c| c.outcome == of).map(|c| c.events).sum::<u64>();
    assert_eq!((sum(Outcome::Failure), sum(Outcome::Success), sum(Outcome::Unknown)), (100, 200, 0));
    // Six events an hour, from the hour of the first.
    let first = reader.hourly_counts(Ticks(T0), Ticks(T0 + HOUR)).unwrap();
    assert_eq!(first.iter().map(|c| (c.hour, c.events)).collect::<Vec<_>>(), [(Ticks(T0), 4), (Ticks(T0), 2)]);
}

#[test]
fn many_small_pages_are_gathered_and_nothing_changes_for_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    for n in 0..100 {
        writer.handle().commit_blocking(page(n..n + 1)).unwrap();
        if n % 10 == 0 {
            assert_eq!(reader.snapshot().unwrap().rows(), n + 1);
        }
    }
    let status = reader.status().unwrap();
    assert!(status.fresh_pages < 20, "{} pages", status.fresh_pages);
    assert_eq!(everything(&reader).into_values().collect::<Vec<_>>(), (0..100).map(item).collect::<Vec<_>>());
    let snapshot = reader.snapshot().unwrap();
    for batch in &snapshot.fresh {
        for column in batch.columns().iter().filter_map(|c| c.as_any_dictionary_opt()) {
            let values = column.values();
            let texts: std::collections::BTreeSet<_> = (0..values.len()).map(|i| text_at(values, i)).collect();
            assert_eq!(texts.len(), values.len(), "a dictionary holds a value twice");
        }
    }
}

#[test]
fn the_newest_rows_are_given_in_order_and_what_is_left_out_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for at in (0..100).step_by(10) {
        writer.handle().commit_blocking(page(at..at + 10)).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let seqs = |rows: &Rows| rows.batches.iter().flat_map(|b| fresh::seqs(b).to_vec()).collect::<Vec<_>>();
    let newest = reader.recent(25).unwrap();
    assert_eq!((seqs(&newest), newest.skipped, newest.through), ((76..=100).collect(), 75, 100));
    let above = reader.rows_above(93, 1_000).unwrap();
    assert_eq!((seqs(&above), above.skipped), ((94..=100).collect(), 0));
    let late = reader.rows_above(10, 50).unwrap();
    assert_eq!((seqs(&late), late.skipped), ((51..=100).collect(), 40));
    assert_eq!(reader.rows_above(100, 5).unwrap().batches.len(), 0);
    writer.handle().seal(30).blocking_recv().unwrap().unwrap();
    let rest = reader.rows_above(0, 1_000).unwrap();
    assert_eq!(rest.skipped + seqs(&rest).len() as u64, 100);
}

#[test]
fn a_snapshot_stays_readable_while_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open_with(dir.path(), small()).unwrap();
    writer.handle().commit_blocking(page(0..50)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let before = reader.snapshot().unwrap();
    for at in (50..400).step_by(50) {
        writer.handle().commit_blocking(page(at..at + 50)).unwrap();
    }
    writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    assert_eq!((before.rows(), before.through), (50, 50));
    assert_eq!(raws(&before.fresh[0])[0], item(0));
    assert_eq!(reader.snapshot().unwrap().rows(), 400);
}

#[test]
fn an_unchanged_store_gives_the_same_batches_again() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(page(0..50)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let (a, b) = (reader.snapshot().unwrap(), reader.snapshot().unwrap());
    assert!(Arc::ptr_eq(&a.fresh[0], &b.fresh[0]));
    writer.handle().commit_blocking(page(50..60)).unwrap();
    let c = reader.snapshot().unwrap();
    assert!(Arc::ptr_eq(&a.fresh[0], &c.fresh[0]) && c.fresh.len() == 2);
}

#[test]
fn the_cursor_moves_with_its_page_and_a_rejected_one_is_kept_for_diagnosis() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let handle = writer.handle();
    let reader = Reader::open(dir.path()).unwrap();
    let now = || reader.cursor("ACCOUNT", Feed::SignInAttempts, 2).unwrap();
    assert_eq!(now(), None);
    handle.commit_blocking(advance(page(0..1), "first")).unwrap();
    handle.commit_blocking(advance(page(1..2), "second")).unwrap();
    let at = now().unwrap();
    assert_eq!((at.cursor, at.previous), (Some(Cursor::new("second")), Some(Cursor::new("first"))));
    let mut refused = page(0..0);
    refused.cursor = Some(CursorUpdate::Reject { version: 2, reason: "invalid cursor".into() });
    handle.commit_blocking(refused).unwrap();
    let at = now().unwrap();
    assert_eq!((at.cursor, at.previous), (None, Some(Cursor::new("second"))));
    let (cursor, reason): (String, String) = reader
        .with("test", |db| {
            db.query_row("SELECT cursor, reason FROM rejected_cursor", [], |r| Ok((r.get(0)?, r.get(1)?)))
        })
        .unwrap();
    assert_eq!((&*cursor, &*reason), ("second", "invalid cursor"));
}

#[test]
fn polls_are_summed_over_five_minutes_and_empty_ones_add_no_batch() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for (second, status) in [(0, 200), (10, 200), (20, 429), (299, 200), (300, 200)] {
        let started = Ticks(T0 + second * crate::base::time::SECOND);
        let error = (status != 200).then(|| "slow down".to_owned());
        let poll = Some(PollRecord { started, millis: second as u64 + 1, status, bytes: 10, error });
        writer.handle().commit_blocking(Page { poll, ..page(0..0) }).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let polls = reader.polls(10).unwrap();
    let told: Vec<_> = polls.iter().map(|p| (p.bin.0 - T0, p.status, p.polls, p.slowest_millis, p.bytes)).collect();
    assert_eq!(told, [(5 * crate::base::time::MINUTE, 200, 1, 301, 10), (0, 200, 3, 300, 30), (0, 429, 1, 21, 10)]);
    assert_eq!(polls[2].error.as_deref(), Some("slow down"));
    assert_eq!(reader.batches(10).unwrap(), []);
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
    // The cursor went back with the events, so that they come again.
    let cursor = reader.cursor("ACCOUNT", Feed::SignInAttempts, 2).unwrap().unwrap().cursor;
    assert_eq!(cursor, Some(Cursor::new("ten")));
    assert_eq!(again.handle().commit_blocking(page(0..25)).unwrap().stored, 15);
    drop((again, reader));
    Writer::open(image.path()).unwrap();
    assert_eq!(Reader::open(image.path()).unwrap().gaps(10).unwrap().len(), 1, "recorded once");
}

#[test]
fn the_chain_is_what_its_events_say() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for at in [0, 20, 40] {
        writer.handle().commit_blocking(page(at..at + 20)).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let snapshot = reader.snapshot().unwrap();
    let batches = reader.batches(10).unwrap();
    let mut root = [0; 32];
    for (batch, ledger) in snapshot.fresh.iter().zip(batches.iter().rev()) {
        root = commit::recompute_root(batch, ledger.id, &root);
        assert_eq!(root, ledger.root);
    }
    let status = reader.status().unwrap();
    assert_eq!((status.head.root, status.head.batches, status.head.through), (root, 3, 60));
    assert_eq!(status.kept_head, Some(status.head));
    assert_eq!(status.writer, Some(status.writer.clone().unwrap()));
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
fn one_event_is_found_by_its_number_fresh_or_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for at in [0, 30, 60] {
        writer.handle().commit_blocking(page(at..at + 30)).unwrap();
    }
    writer.handle().seal(30).blocking_recv().unwrap().unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    for seq in [1, 31, 60, 61, 90] {
        let row = reader.event(seq).unwrap().unwrap();
        assert_eq!((row.num_rows(), row.schema()), (1, schema::arrow()));
        assert_eq!(raws(&row), [item(seq as u64 - 1)]);
    }
    assert!(reader.event(0).unwrap().is_none() && reader.event(91).unwrap().is_none());
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
fn the_watermark_reaches_a_reader_of_the_same_process() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let mut watermark = reader.watermark();
    assert_eq!(*watermark.borrow_and_update(), 0);
    writer.handle().commit_blocking(page(0..3)).unwrap();
    assert!(watermark.has_changed().unwrap());
    assert_eq!(*watermark.borrow_and_update(), 3);
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
