//! The store as its users see it: what is committed, and what is told apart.

mod damaged;
mod faults;
mod merging;
mod migrating;
mod model;
mod reading;
mod retaining;

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;

use super::*;
use crate::base::time::{HOUR, Ticks};
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

/// Every event by sequence number, of a store that retention has taken nothing from.
fn everything(reader: &Reader) -> BTreeMap<i64, String> {
    let all = rows(reader);
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), (1..=all.len() as i64).collect::<Vec<_>>());
    assert_eq!(all.len() as i64, reader.snapshot().unwrap().through);
    all
}

/// Every event by sequence number, read the way the engine reads.
fn rows(reader: &Reader) -> BTreeMap<i64, String> {
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
        let rows = segment.read(&(0..schema::STORED.len()).collect::<Vec<_>>(), |all| all).unwrap();
        rows.for_each(|batch| take(&batch.unwrap()));
    }
    snapshot.fresh.iter().for_each(|batch| take(batch));
    assert_eq!(all.len() as u64, snapshot.rows());
    all
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
    assert_eq!(done, Committed { stored: 1, duplicates: 3, variants: 1, through: 6, ..Committed::default() });

    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(everything(&reader).into_values().collect::<Vec<_>>(), (0..6).map(item).collect::<Vec<_>>());
    let variants = reader.variants(10).unwrap();
    assert_eq!(variants.len(), 1);
    assert_eq!((variants[0].primary_seq, variants[0].arrivals, &*variants[0].raw), (4, 2, other.as_bytes()));
    let feeds = reader.status().unwrap().feeds;
    assert_eq!((feeds[0].events, feeds[0].duplicates, feeds[0].variants), (6, 3, 1));
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
