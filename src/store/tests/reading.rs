//! Snapshots, counts and rows: what a reader is given.

use std::sync::Arc;

use super::*;
use crate::base::time::HOUR;
use crate::event::catalogue::Outcome;

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
