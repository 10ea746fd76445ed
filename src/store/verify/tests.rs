mod flips;
mod retained;

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take};
use bytes::Bytes;
use rusqlite::params;

use super::*;
use crate::base::time::{DAY, HOUR, Ticks};
use crate::event::{Feed, Source, schema};
use crate::store::{BadItem, Page, Writer, chain, fresh};

const T0: i64 = 739_000 * 24 * HOUR;

fn page(range: std::ops::Range<u64>) -> Page {
    let items = range.map(|n| {
        // The first seventy-five are of the day before.
        let at = Ticks(T0 + n as i64 - if n < 75 { DAY } else { 0 });
        Bytes::from(format!(
            r#"{{"uuid":"EVENT{n:06}","timestamp":"{at}","category":"success","target_user":{{"email":"user{}@example.com"}},"n":{n}}}"#,
            n % 7
        ))
    });
    Page::new("ACCOUNT".into(), Feed::SignInAttempts, Source::Live, Ticks(T0), items.collect())
}

/// A store of `pages` pages of ten events, `sealed` of the pages in segments of fifty.
fn store(pages: u64, keep: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::store::Options { seal_rows: 50, keep_fresh: keep, ..Default::default() };
    let writer = Writer::open_with(dir.path(), options).unwrap();
    for n in 0..pages {
        writer.handle().commit_blocking(page(n * 10..n * 10 + 10)).unwrap();
    }
    writer.handle().seal(keep).blocking_recv().unwrap().unwrap();
    writer.close();
    dir
}

fn look(dir: &tempfile::TempDir) -> Report {
    look_with(dir, &Options::default())
}

fn look_with(dir: &tempfile::TempDir, options: &Options) -> Report {
    verify(dir.path(), options, &|_, _| ()).unwrap()
}

fn db(dir: &tempfile::TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(Layout::of(dir.path()).catalogue()).unwrap()
}

/// Writes the rows of the only page of a store anew.
fn rewrite(dir: &tempfile::TempDir, change: impl FnOnce(RecordBatch) -> RecordBatch) {
    let db = db(dir);
    let pages: Vec<Vec<u8>> = db
        .prepare("SELECT data FROM page ORDER BY first_seq")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let batches: Vec<_> = pages.iter().map(|data| Arc::new(fresh::decode(data).unwrap())).collect();
    let changed = change(fresh::join(&batches).unwrap());
    let seqs = fresh::seqs(&changed);
    db.execute("DELETE FROM page", []).unwrap();
    db.execute(
        "INSERT INTO page (first_seq, last_seq, rows, data) VALUES (?, ?, ?, ?)",
        params![seqs.iter().min(), seqs.iter().max(), changed.num_rows() as i64, fresh::encode(&changed).unwrap()],
    )
    .unwrap();
}

fn column(batch: &RecordBatch, name: &str, array: ArrayRef) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    columns[schema::position(name).unwrap()] = array;
    RecordBatch::try_new(schema::arrow(), columns).unwrap()
}

fn rows(batch: &RecordBatch, rows: &[u32]) -> RecordBatch {
    let rows = UInt32Array::from(rows.to_vec());
    let columns = batch.columns().iter().map(|c| take(c, &rows, None).unwrap()).collect();
    RecordBatch::try_new(schema::arrow(), columns).unwrap()
}

/// The rows in this order, numbered as they stand.
fn renumbered(batch: &RecordBatch, order: &[u32]) -> RecordBatch {
    let seqs: Vec<i64> = (1..=order.len() as i64).collect();
    column(&rows(batch, order), "seq", Arc::new(arrow::array::Int64Array::from(seqs)))
}

fn with_raw(batch: &RecordBatch, at: usize, raw: &str) -> RecordBatch {
    let raws: Vec<String> = (0..batch.num_rows())
        .map(|row| {
            let is = crate::event::columns::text_at(batch.columns().last().unwrap(), row).unwrap();
            if row == at { raw.to_owned() } else { is.to_owned() }
        })
        .collect();
    column(batch, "raw", Arc::new(arrow::array::StringViewArray::from_iter_values(raws)))
}

/// The tags that belong to the rows as they are.
fn with_true_tags(batch: &RecordBatch) -> RecordBatch {
    use arrow::array::AsArray as _;
    let arrived = batch.column(schema::position("arrived").unwrap()).as_primitive::<arrow::datatypes::Int64Type>();
    let text =
        |name: &str, row| crate::event::columns::text_at(batch.column(schema::position(name).unwrap()), row).unwrap();
    let tags: Vec<i64> = (0..batch.num_rows())
        .map(|row| {
            let leaf = chain::Leaf {
                account: text("account", row),
                feed: Feed::from_name(text("feed", row)).unwrap(),
                uuid: text("uuid_s", row),
                arrived: Ticks(arrived.value(row)),
                source: Source::from_name(text("source", row)).unwrap(),
                raw: text("raw", row).as_bytes(),
            };
            chain::tag(&leaf.hash())
        })
        .collect();
    column(batch, "tag", Arc::new(arrow::array::Int64Array::from(tags)))
}

#[test]
fn a_sound_store_is_sound_fresh_and_sealed_and_every_event_was_looked_at() {
    for keep in [0, 35, 1_000] {
        let dir = store(20, keep);
        let report = look(&dir);
        assert!(report.is_sound(), "{report:#?}");
        assert_eq!((report.events, report.batches), (200, 20));
        assert_eq!(report.segments > 0, keep < 200);
        assert_eq!(report.head.unwrap().through, 200);
        assert_eq!(
            report.key,
            Some(fs::read_to_string(Layout::of(dir.path()).signing_public()).unwrap().trim().to_owned())
        );
        assert!(report.checkpoints > 0 && report.notes.is_empty(), "{:?}", report.notes);
    }
}

#[test]
fn an_empty_store_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    Writer::open(dir.path()).unwrap().close();
    let report = look(&dir);
    assert!(report.is_sound(), "{report:#?}");
}

#[test]
fn a_changed_event_is_named() {
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| with_raw(&batch, 22, r#"{"uuid":"EVENT000022","category":"credentials_failed"}"#));
    let report = look(&dir);
    let first = report.first().unwrap();
    assert_eq!((first.kind, first.seq, first.batch), (Kind::Changed, 23, Some(3)), "{report:#?}");
    assert_eq!(first.event.as_ref().unwrap().uuid, "EVENT000022");
    assert_eq!(report.counts[&Kind::Changed], (1, 1));
}

#[test]
fn a_changed_event_with_a_new_tag_shows_in_its_batch() {
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| {
        with_true_tags(&with_raw(
            &batch,
            22,
            &page(22..23).items[0].iter().map(|b| char::from(*b)).collect::<String>().replace("user1", "user2"),
        ))
    });
    let report = look(&dir);
    let about: Vec<_> = report.findings.iter().map(|f| (f.kind, f.seq)).collect();
    assert!(about.contains(&(Kind::Batch, 21)), "{report:#?}");
    assert!(about.contains(&(Kind::Column, 23)), "what queries read is not what the text says: {report:#?}");
}

#[test]
fn a_removed_event_is_named_by_its_number_also_where_all_of_a_batch_is_gone() {
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| rows(&batch, &(0..50).filter(|n| *n != 31).collect::<Vec<_>>()));
    let report = look(&dir);
    assert_eq!(
        (report.findings[0].kind, report.findings[0].seq, report.findings[0].batch),
        (Kind::Removed, 32, Some(4)),
        "{report:#?}"
    );
    assert_eq!(report.counts[&Kind::Removed], (1, 1));

    let dir = store(5, 1_000);
    rewrite(&dir, |batch| rows(&batch, &(0..30).collect::<Vec<_>>()));
    let report = look(&dir);
    assert_eq!(report.counts[&Kind::Removed].1, 20, "{report:#?}");
    assert_eq!(report.first().unwrap().seq, 31);
}

#[test]
fn a_removed_event_whose_followers_were_numbered_anew_is_noticed() {
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| renumbered(&batch, &(0..50).filter(|n| *n != 31).collect::<Vec<_>>()));
    let report = look(&dir);
    assert_eq!((report.first().unwrap().kind, report.first().unwrap().seq), (Kind::Batch, 31), "{report:#?}");
    assert!(report.findings.iter().any(|f| f.kind == Kind::Removed && f.seq == 50), "{report:#?}");
}

#[test]
fn an_added_event_is_named() {
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| {
        let twin = rows(&batch, &[10]);
        concat_batches(&schema::arrow(), &[batch.slice(0, 11), twin, batch.slice(11, 39)]).unwrap()
    });
    let report = look(&dir);
    let kinds: Vec<_> = report.findings.iter().map(|f| (f.kind, f.seq)).collect();
    assert!(kinds.contains(&(Kind::Added, 11)) && kinds.contains(&(Kind::Twice, 11)), "{report:#?}");
    // Past the end, too.
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| {
        let more = column(&rows(&batch, &[10]), "seq", Arc::new(arrow::array::Int64Array::from(vec![51])));
        concat_batches(&schema::arrow(), &[batch, more]).unwrap()
    });
    let report = look(&dir);
    assert!(report.findings.iter().any(|f| f.kind == Kind::Added && f.seq == 51), "{report:#?}");
}

#[test]
fn moved_events_are_named() {
    // Whole rows, numbers and all.
    let dir = store(5, 1_000);
    let exchanged: Vec<u32> = (0..50)
        .map(|n| match n {
            14 => 15,
            15 => 14,
            n => n,
        })
        .collect();
    rewrite(&dir, |batch| rows(&batch, &exchanged));
    let report = look(&dir);
    assert_eq!((report.first().unwrap().kind, report.first().unwrap().seq), (Kind::Moved, 15), "{report:#?}");
    // Numbered as they stand.
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| renumbered(&batch, &exchanged));
    let report = look(&dir);
    let moved: Vec<_> = report.findings.iter().filter(|f| f.kind == Kind::Moved).map(|f| f.seq).collect();
    assert_eq!(moved, [15, 16], "{report:#?}");
    assert_eq!(report.first().unwrap().event.as_ref().unwrap().uuid, "EVENT000015");
}

#[test]
fn a_changed_column_is_named_though_the_text_is_what_it_was() {
    let dir = store(5, 1_000);
    rewrite(&dir, |batch| {
        let column_of = schema::position("target_user.email").unwrap();
        let other = rows(&batch, &(0..50).map(|n| if n == 7 { 8 } else { n }).collect::<Vec<_>>());
        column(&batch, "target_user.email", Arc::clone(other.column(column_of)))
    });
    let report = look(&dir);
    assert_eq!(report.counts.keys().collect::<Vec<_>>(), [&Kind::Column], "{report:#?}");
    let first = report.first().unwrap();
    assert_eq!(first.seq, 8);
    assert!(first.what.contains("target_user.email"), "{first:?}");
}

#[test]
fn a_record_of_a_batch_that_was_changed_is_told_from_its_events() {
    for (change, kind, batch) in [
        ("UPDATE batch SET root = zeroblob(32) WHERE id = 3", Kind::Ledger, 3),
        ("UPDATE batch SET tree = zeroblob(32) WHERE id = 3", Kind::Ledger, 3),
        ("UPDATE batch SET source = 'import' WHERE id = 4", Kind::Ledger, 4),
        ("UPDATE batch SET first_seq = first_seq + 1 WHERE id = 2", Kind::Removed, 2),
        ("DELETE FROM batch WHERE id = 2", Kind::Ledger, 2),
        ("UPDATE head SET root = zeroblob(32)", Kind::Ledger, 5),
    ] {
        let dir = store(5, 1_000);
        db(&dir).execute("PRAGMA foreign_keys = OFF", []).unwrap();
        db(&dir).execute(change, []).unwrap();
        let report = look(&dir);
        let found = report.findings.iter().any(|f| (f.kind, f.batch) == (kind, Some(batch)));
        assert!(found, "{change}: {report:#?}");
    }
}

#[test]
fn checkpoints_hold_the_chain_that_somebody_wrote_anew() {
    // All of it rewritten without the key: one event gone, every root computed again.
    let dir = store(5, 1_000);
    let other = tempfile::tempdir().unwrap();
    let writer = Writer::open(other.path()).unwrap();
    for n in 0..5 {
        let mut page = page(n * 10..n * 10 + 10);
        page.items.truncate(if n == 3 { 9 } else { 10 });
        writer.handle().commit_blocking(page).unwrap();
    }
    writer.close();
    let forged = db(&dir);
    forged.execute("ATTACH ? AS other", [Layout::of(other.path()).catalogue().to_string_lossy()]).unwrap();
    forged
        .execute_batch(
            "PRAGMA foreign_keys = OFF; DELETE FROM page; INSERT INTO page SELECT * FROM other.page; \
             DELETE FROM batch; INSERT INTO batch SELECT * FROM other.batch; DELETE FROM fresh; INSERT INTO fresh SELECT * FROM other.fresh; \
             DELETE FROM head; INSERT INTO head SELECT * FROM other.head;",
        )
        .unwrap();
    drop(forged);
    let report = look(&dir);
    let heads: Vec<_> = report.findings.iter().filter(|f| f.kind == Kind::Head).map(|f| f.what.as_str()).collect();
    assert!(
        heads.iter().any(|w| w.contains("signed here")) && heads.iter().any(|w| w.contains("head file")),
        "{report:#?}"
    );
    // With the forger's own signatures and head file the store looks sound, but not to who has the key.
    let (from, to) = (Layout::of(other.path()), Layout::of(dir.path()));
    let key: Verifier = fs::read_to_string(to.signing_public()).unwrap().parse().unwrap();
    let forged = db(&dir);
    forged.execute("ATTACH ? AS other", [from.catalogue().to_string_lossy()]).unwrap();
    forged
        .execute_batch(
            "PRAGMA foreign_keys = OFF; DELETE FROM checkpoint; INSERT INTO checkpoint SELECT * FROM other.checkpoint; \
             DELETE FROM signer; INSERT INTO signer SELECT * FROM other.signer;",
        )
        .unwrap();
    drop(forged);
    fs::copy(from.heads(), to.heads()).unwrap();
    fs::copy(from.signing_public(), to.signing_public()).unwrap();
    assert!(look(&dir).is_sound());
    let report = look_with(&dir, &Options { key: Some(key), ..Options::default() });
    assert_eq!(report.counts.keys().collect::<Vec<_>>(), [&Kind::Head], "{report:#?}");
}

#[test]
fn a_checkpoint_with_a_wrong_signature_and_batches_without_one_are_told() {
    let dir = store(5, 1_000);
    db(&dir).execute("UPDATE checkpoint SET at = at + 1", []).unwrap();
    let report = look(&dir);
    assert_eq!(report.counts.keys().collect::<Vec<_>>(), [&Kind::Head], "{report:#?}");
    let dir = store(5, 1_000);
    let writer = Writer::open(dir.path()).unwrap();
    let signed = db(&dir);
    let before: Vec<u8> = signed.query_row("SELECT signature FROM checkpoint", [], |r| r.get(0)).unwrap();
    drop(before);
    signed.execute_batch("CREATE TEMP TABLE old AS SELECT * FROM checkpoint").unwrap();
    writer.handle().commit_blocking(page(50..60)).unwrap();
    writer.close();
    signed.execute_batch("DELETE FROM checkpoint; INSERT INTO checkpoint SELECT * FROM old").unwrap();
    let report = look(&dir);
    let first = report.first().unwrap();
    assert_eq!((first.kind, first.seq, first.events), (Kind::Unsigned, 51, 10), "{report:#?}");
    // The next to open it signs, and that stays to be seen.
    Writer::open(dir.path()).unwrap().close();
    let report = look(&dir);
    assert!(report.is_sound() && report.notes[0].contains("batches 6 to 6"), "{report:#?}");
}

#[test]
fn a_missing_tail_is_noticed_by_the_head_file() {
    let dir = store(5, 1_000);
    let layout = Layout::of(dir.path());
    let older = fs::read(layout.catalogue()).unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(page(50..60)).unwrap();
    writer.close();
    for end in ["catalogue.db-wal", "catalogue.db-shm"] {
        let _ = fs::remove_file(layout.root().join(end));
    }
    fs::write(layout.catalogue(), older).unwrap();
    let report = look(&dir);
    let tail = report.first().unwrap();
    assert_eq!((tail.kind, tail.batch, tail.events), (Kind::Tail, Some(6), 10), "{report:#?}");
}

#[test]
fn files_that_are_gone_cut_or_not_what_the_catalogue_counts_are_named() {
    let dir = store(20, 0);
    let mut files: Vec<_> =
        fs::read_dir(Layout::of(dir.path()).segments()).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let whole = fs::read(&files[1]).unwrap();
    fs::write(&files[1], &whole[..whole.len() / 2]).unwrap();
    let report = look(&dir);
    let first = report.first().unwrap();
    assert_eq!((first.kind, first.seq, first.events), (Kind::Unreadable, 51, 50), "{report:#?}");
    assert!(first.place.as_ref().unwrap().contains(files[1].file_name().unwrap().to_str().unwrap()));
    fs::remove_file(&files[1]).unwrap();
    let report = look(&dir);
    assert_eq!((report.first().unwrap().kind, report.events), (Kind::Unreadable, 150), "{report:#?}");
    fs::write(&files[1], &whole).unwrap();
    assert!(look(&dir).is_sound());
    db(&dir).execute("UPDATE segment SET rows = rows + 1 WHERE first_seq = 1", []).unwrap();
    assert_eq!(look(&dir).first().unwrap().kind, Kind::Catalogue);
}

#[test]
fn variants_and_quarantine_are_held_to_their_digests() {
    let dir = store(2, 1_000);
    let writer = Writer::open(dir.path()).unwrap();
    let item = BadItem { raw: "[]".into(), place: "x:1".into(), reason: "not an object".into(), arrived: Ticks(T0) };
    writer.handle().set_aside("ACCOUNT", vec![item]).blocking_recv().unwrap().unwrap();
    let mut other = page(0..1);
    other.items[0] = Bytes::from(r#"{"uuid":"EVENT000000","other":1}"#);
    writer.handle().commit_blocking(other).unwrap();
    writer.close();
    assert!(look(&dir).is_sound());
    for table in ["quarantine", "variant"] {
        db(&dir).execute(&format!("UPDATE {table} SET raw = CAST('x' AS BLOB)"), []).unwrap();
        let report = look(&dir);
        assert!(report.findings.iter().any(|f| f.kind == Kind::SetAside && f.what.contains(table)), "{report:#?}");
    }
}
