//! What a policy lets go is gone, exactly that, and said once for all.

use std::collections::HashMap;

use super::*;
use crate::base::time::DAY;
use crate::store::chain::{self, Leaf, Root, pruned::Pruned};
use crate::store::retain::run::Request;
use crate::store::retain::{Policy, Retained};
use crate::store::signing::Verifier;

fn small_store() -> Options {
    Options { seal_rows: 100, keep_fresh: 20, merge_rows: 1 << 40, grace: 0, ..Options::default() }
}

/// 500 events, 144 a day: four segments of a hundred, the rest fresh in pages of twenty.
fn days_of_events(dir: &std::path::Path, options: Options) -> Writer {
    let writer = Writer::open_with(dir, options).unwrap();
    for at in (0..500).step_by(20) {
        writer.handle().commit_blocking(page(at..at + 20)).unwrap();
        if (at + 20) % 100 == 0 && at < 400 {
            writer.handle().seal(0).blocking_recv().unwrap().unwrap();
        }
    }
    writer
}

/// A run that lets go what is older than so many days after the first event.
fn request(days: i64) -> Request {
    Request::new(Policy::new(Some(1), [], false), None, "a test", Ticks(T0 + (days + 1) * DAY))
}

fn retain(writer: &Writer, request: Request) -> Retained {
    writer.handle().retain(request).blocking_recv().unwrap().unwrap()
}

/// Number, first event, events, root, and what is left of the gone ones.
type BatchRow = (i64, i64, i64, Root, Option<Vec<u8>>);

/// Does the ledger hold: every batch's events and what was pruned of it hash to its root, and each root covers the one before?
pub(super) fn the_chain_holds(reader: &Reader) {
    let mut leaves: HashMap<i64, Root> = HashMap::new();
    let mut take = |batch: &RecordBatch| {
        let text = |name: &str, row| text_at(batch.column(schema::position(name).unwrap()), row).unwrap();
        let arrived = batch.column(schema::position("arrived").unwrap()).as_primitive::<Int64Type>();
        for (row, seq) in fresh::seqs(batch).iter().enumerate() {
            let leaf = Leaf {
                account: text("account", row),
                feed: Feed::from_name(text("feed", row)).unwrap(),
                uuid: text("uuid_s", row),
                arrived: Ticks(arrived.value(row)),
                source: Source::from_name(text("source", row)).unwrap(),
                raw: text("raw", row).as_bytes(),
            };
            leaves.insert(*seq, leaf.hash());
        }
    };
    let snapshot = reader.snapshot().unwrap();
    snapshot.segments.iter().for_each(|s| s.batches().unwrap().for_each(|b| take(&b.unwrap())));
    snapshot.fresh.iter().for_each(|b| take(b));
    let rows: Vec<BatchRow> = reader
        .with("test", |db| {
            db.prepare(
                "SELECT id, first_seq, stored, root, nodes FROM batch LEFT JOIN pruned ON batch = id ORDER BY id",
            )?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?
            .collect()
        })
        .unwrap();
    let mut before = [0; 32];
    for (id, first, stored, root, nodes) in rows {
        let n = stored as u64;
        let pruned = nodes.map_or_else(|| Pruned::whole(n), |nodes| Pruned::from_bytes(n, &nodes).unwrap());
        let here: Vec<Root> = (first..first + stored).filter_map(|seq| leaves.remove(&seq)).collect();
        let tree = pruned.tree(&here).unwrap_or_else(|| panic!("batch {id}"));
        assert_eq!(chain::root(id as u64, &before, first, n, &tree), root, "batch {id}");
        before = root;
    }
    assert!(leaves.is_empty(), "events of no batch");
}

fn left(reader: &Reader) -> Vec<String> {
    rows(reader).into_values().collect()
}

#[test]
fn exactly_the_events_past_the_policy_go_and_the_chain_holds() {
    for (days, dropped, rewritten, pages) in [(0, 0, 0, 0), (1, 1, 1, 0), (2, 2, 1, 0), (3, 4, 0, 2), (4, 4, 0, 5)] {
        let dir = tempfile::tempdir().unwrap();
        let writer = days_of_events(dir.path(), small_store());
        let reader = Reader::open(dir.path()).unwrap();
        let planned = reader.retention(&Policy::new(Some(1), [], false), request(days).now).unwrap();
        let done = retain(&writer, request(days));
        let gone = (144 * days as u64).min(500);
        let expected: Vec<_> = (gone..500).map(item).collect();
        assert_eq!(left(&reader), expected, "{days} days");
        assert_eq!((done.dropped, done.rewritten, done.pages), (dropped, rewritten, pages), "{days} days");
        assert_eq!((planned.dropped, planned.rewritten, planned.pages), (dropped, rewritten, pages), "{days} days");
        let (feed, plan) = (done.going.of(Feed::SignInAttempts), planned.going.of(Feed::SignInAttempts));
        assert_eq!((feed.events, feed.times, done.kept.len()), (plan.events, plan.times, 0), "{days} days");
        assert_eq!(feed.events, gone);
        assert_eq!(reader.status().unwrap().feeds[0].events, 500 - gone);
        let hours = reader.hourly_counts(Ticks(0), Ticks(i64::MAX)).unwrap();
        assert_eq!(hours.iter().map(|c| c.events).sum::<u64>(), 500 - gone);
        the_chain_holds(&reader);
        for seq in [1, 145, 289, 433, 500] {
            let found = reader.event(seq).unwrap().map(|row| raws(&row));
            assert_eq!(found, (seq as u64 > gone).then(|| vec![item(seq as u64 - 1)]), "{days} days");
        }
        // Again: nothing is left to do.
        assert_eq!(retain(&writer, request(days)).going.events(), 0);
        // And it goes on, sealing and merging what has holes.
        assert_eq!(writer.handle().commit_blocking(page(600..610)).unwrap().stored, 10, "{days} days");
        writer.handle().seal(0).blocking_recv().unwrap().unwrap();
        writer.handle().merge().blocking_recv().unwrap().unwrap();
        assert_eq!(left(&reader).len() as u64, 510 - gone);
        the_chain_holds(&reader);
    }
}

#[test]
fn feeds_have_days_of_their_own_and_one_can_be_asked_for_alone() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open_with(dir.path(), small_store()).unwrap();
    for feed in Feed::ALL {
        writer.handle().commit_blocking(Page { feed, ..page(0..300) }).unwrap();
    }
    let policy = Policy::new(Some(2), [(Feed::ItemUsages, 1)], false);
    assert_eq!(policy.to_string(), "signinattempts 2 days, itemusages 1 days, auditevents 2 days, activity 2 days");
    let now = Ticks(T0 + 3 * DAY);
    let done = retain(&writer, Request::new(policy.clone(), Some(Feed::ItemUsages), "a test", now));
    let gone = |done: &Retained| Feed::ALL.map(|feed| done.going.of(feed).events);
    assert_eq!(gone(&done), [0, 288, 0]);
    let done = retain(&writer, Request::new(policy, None, "a test", now));
    assert_eq!(gone(&done), [144, 0, 144]);
    assert_eq!(left(&Reader::open(dir.path()).unwrap()).len(), 900 - 288 - 288);
}

#[test]
fn an_event_without_a_time_is_as_old_as_its_arrival() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let undated = |uuid: &str| format!(r#"{{"uuid":"{uuid}"}}"#);
    writer.handle().commit_blocking(page_of([undated("OLD")])).unwrap();
    writer.handle().commit_blocking(Page { arrived: Ticks(T0 + 5 * DAY), ..page_of([undated("NEW")]) }).unwrap();
    for sealed in [false, true] {
        if sealed {
            writer.handle().seal(0).blocking_recv().unwrap().unwrap();
        }
        retain(&writer, request(1));
        assert_eq!(left(&Reader::open(dir.path()).unwrap()), [undated("NEW")]);
    }
}

#[test]
fn what_goes_is_in_no_file_afterwards() {
    const CANARIES: [&str; 4] = ["kxv7QpTz9mWd2LsY", "Jb4nRt8wHc6ZfAq1", "Pe5uXo3vKg0MiSy7", "Dr2lNh9tBj6CwFz4"];
    let dir = tempfile::tempdir().unwrap();
    let writer = days_of_events(dir.path(), small_store());
    let [fresh, variant, quarantined, stays] = CANARIES;
    let old = |uuid: &str, n| format!(r#"{{"uuid":"{uuid}","timestamp":"{}","n":{n}}}"#, Ticks(T0 + 1));
    writer.handle().commit_blocking(page_of([old(fresh, 1)])).unwrap();
    // Other bytes under an identity that is there: variants, kept as they came.
    let other = |n: u64, canary: &str| item(n).replace("success", canary).replace("credentials_failed", canary);
    writer.handle().commit_blocking(page_of([other(3, variant), other(490, stays)])).unwrap();
    writer.handle().commit_blocking(page_of([quarantined.to_owned()])).unwrap();
    let found = |canary: &str| {
        let mut left = vec![Layout::of(dir.path()).root().to_path_buf()];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
            } else if std::fs::read(&path).unwrap().windows(canary.len()).any(|w| w == canary.as_bytes()) {
                return true;
            }
        }
        false
    };
    assert!(CANARIES.iter().all(|canary| found(canary)));
    let done = retain(&writer, request(2));
    assert_eq!((done.quarantined, done.variants), (1, 1), "{done:?}");
    drop(writer);
    Writer::open_with(dir.path(), small_store()).unwrap();
    assert_eq!(CANARIES.map(&found), [false, false, false, true]);
    the_chain_holds(&Reader::open(dir.path()).unwrap());
}

/// A name that events told is kept as long as one of them, an older name where that is what is left to tell, and what came meanwhile counts.
#[test]
fn learned_names_go_with_the_last_event_that_told_them() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open_with(dir.path(), small_store()).unwrap();
    let told = |feed: Feed, n: u64, day: i64, who: &str, name: &str| {
        let at = Ticks(T0 + day * DAY + 1);
        let user = format!(r#"{{"uuid":"{who}","name":"{name}","email":"{who}@example.com"}}"#);
        let key = if feed == Feed::SignInAttempts { "target_user" } else { "user" };
        let item = format!(r#"{{"uuid":"{feed}{n}","timestamp":"{at}","{key}":{user}}}"#);
        writer.handle().commit_blocking(Page { feed, ..page_of([item]) }).unwrap();
    };
    told(Feed::SignInAttempts, 1, 0, "GONE", "kxv7QpTz9mWd2LsY");
    told(Feed::SignInAttempts, 2, 0, "STAYS", "Stay");
    told(Feed::SignInAttempts, 3, 5, "STAYS", "Stay");
    told(Feed::ItemUsages, 4, 0, "OLDER", "Before");
    told(Feed::SignInAttempts, 5, 1, "OLDER", "After");
    writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    told(Feed::SignInAttempts, 6, 1, "GONE", "Jb4nRt8wHc6ZfAq1");
    let reader = Reader::open(dir.path()).unwrap();
    let names = || {
        let mut names: Vec<String> =
            reader.learned_names().unwrap().iter().map(|n| format!("{} {}", n.uuid, n.name)).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["GONE Jb4nRt8wHc6ZfAq1", "OLDER After", "STAYS Stay"]);
    let workspace = Workspace::open(dir.path()).unwrap();
    let imported = names::NewName {
        kind: names::Kind::User,
        uuid: "GONE".into(),
        name: "Imported".into(),
        email: String::new(),
        vault: String::new(),
    };
    workspace.import_names(&[imported], Ticks(1)).unwrap();
    // Usages are kept for ever, sign-ins up to the third day.
    let policy = Policy::new(None, [(Feed::SignInAttempts, 1)], false);
    let done = retain(&writer, Request::new(policy.clone(), None, "a test", Ticks(T0 + 4 * DAY)));
    assert_eq!((done.going.events(), done.names), (4, 2));
    assert_eq!(names(), ["OLDER Before", "STAYS Stay"]);
    assert_eq!(workspace.imported_names().unwrap().len(), 1, "it is the analyst's own");
    // Nothing is left of the name in any file, and the same name may come again.
    let catalogue: Vec<u8> = ["catalogue.db", "catalogue.db-wal"]
        .iter()
        .flat_map(|file| std::fs::read(Layout::of(dir.path()).root().join(file)).unwrap_or_default())
        .collect();
    assert!(!catalogue.windows(16).any(|w| w == b"Jb4nRt8wHc6ZfAq1"));
    told(Feed::SignInAttempts, 7, 6, "GONE", "Jb4nRt8wHc6ZfAq1");
    assert_eq!(names(), ["GONE Jb4nRt8wHc6ZfAq1", "OLDER Before", "STAYS Stay"]);
    let again = retain(&writer, Request::new(policy, None, "a test", Ticks(T0 + 4 * DAY)));
    assert_eq!((again.names, names().len()), (0, 3));
}

#[test]
fn variants_and_later_arrivals_go_with_their_event_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let writer = days_of_events(dir.path(), small_store());
    let other = |n: u64| item(n) + " ";
    let again = page_of([item(3), item(450), other(4), other(451), other(420)]);
    assert_eq!(writer.handle().commit_blocking(again).unwrap().variants, 3);
    let reader = Reader::open(dir.path()).unwrap();
    let arrivals = || -> Vec<i64> {
        let blobs: Vec<Vec<u8>> = reader
            .with("test", |db| db.prepare("SELECT seqs FROM arrived_again")?.query_map([], |r| r.get(0))?.collect())
            .unwrap();
        blobs.iter().flat_map(|blob| records::seqs_of(blob)).collect()
    };
    assert_eq!(arrivals(), [4, 451, 5, 452, 421]);
    assert_eq!(retain(&writer, request(3)).variants, 2);
    assert_eq!(arrivals(), [451, 452]);
    assert_eq!(reader.variants(9).unwrap().iter().map(|v| v.primary_seq).collect::<Vec<_>>(), [452]);
}

#[test]
fn what_was_let_go_does_not_come_back_unless_the_policy_does() {
    let dir = tempfile::tempdir().unwrap();
    let writer = days_of_events(dir.path(), small_store());
    retain(&writer, request(2));
    let done = writer.handle().commit_blocking(page(0..500)).unwrap();
    assert_eq!((done.stored, done.duplicates, done.expired), (0, 212, 288));
    drop(writer);
    let writer = Writer::open_with(dir.path(), small_store()).unwrap();
    assert_eq!(writer.handle().commit_blocking(page(0..10)).unwrap().expired, 10, "remembered");
    retain(&writer, request(1));
    let done = writer.handle().commit_blocking(page(0..500)).unwrap();
    assert_eq!((done.stored, done.duplicates, done.expired), (144, 212, 144));
    the_chain_holds(&Reader::open(dir.path()).unwrap());
}

#[test]
fn under_a_hold_nothing_goes_and_nothing_is_turned_away() {
    let dir = tempfile::tempdir().unwrap();
    let writer = days_of_events(dir.path(), small_store());
    retain(&writer, request(1));
    let hold = Policy::new(Some(1), [], true);
    assert_eq!(hold.to_string(), "legal hold, 1 days");
    let done = retain(&writer, Request { policy: hold.clone(), ..request(3) });
    assert_eq!((done.going.events(), done.quarantined), (0, 0));
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.retention(&hold, request(3).now).unwrap().going.events(), 0);
    assert_eq!(writer.handle().commit_blocking(page(0..500)).unwrap().stored, 144);
}

#[test]
fn every_tombstone_is_signed_and_says_what_went() {
    let dir = tempfile::tempdir().unwrap();
    let writer = days_of_events(dir.path(), small_store());
    retain(&writer, request(3));
    let reader = Reader::open(dir.path()).unwrap();
    let stones = reader.tombstones().unwrap();
    // A segment each, and a page each.
    assert_eq!((stones.len(), stones.iter().flat_map(|s| s.events).sum::<u64>()), (6, 432));
    let key: Verifier = reader
        .with("test", |db| db.query_row("SELECT key FROM signer", [], |r| r.get::<_, String>(0)))
        .unwrap()
        .parse()
        .unwrap();
    for stone in &stones {
        let text = key.open(&stone.note).unwrap();
        assert!(stone.signed && text.contains("\npolicy 1 days\n") && text.contains("\nby a test on "), "{text}");
        assert!(text.contains(&format!("\nfeed signinattempts {} 20", stone.events[0])), "{text}");
        let (first, last) = stone.batches.unwrap();
        assert!(text.contains(&format!("\nbatches {first} {last} ")), "{text}");
    }
    let db = rusqlite::Connection::open(Layout::of(dir.path()).catalogue()).unwrap();
    db.execute("UPDATE tombstone SET note = replace(note, '1 days', '9 days') WHERE id = 2", []).unwrap();
    let signed: Vec<bool> = reader.tombstones().unwrap().iter().map(|s| s.signed).collect();
    assert_eq!(signed, [true, false, true, true, true, true]);
}

#[test]
fn a_batch_that_somebody_changed_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let writer = days_of_events(dir.path(), small_store());
    let db = rusqlite::Connection::open(Layout::of(dir.path()).catalogue()).unwrap();
    // Batches of twenty: the second lies in the first segment, the 21st is fresh.
    db.execute("UPDATE batch SET root = zeroblob(32) WHERE id IN (2, 21)", []).unwrap();
    let done = retain(&writer, request(3));
    // The batch after a changed root does not hold either, and the segment of the first stays whole.
    assert_eq!((done.going.events(), done.kept.len()), (300, 3), "{:?}", done.kept);
    assert!(done.kept.iter().all(|why| why.contains("changed") && why.contains("verify")), "{:?}", done.kept);
}

#[test]
fn a_crash_between_two_steps_leaves_a_store_that_goes_on() {
    let origin = tempfile::tempdir().unwrap();
    drop(days_of_events(origin.path(), small_store()));
    for step in ["line drawn", "page", "file", "adopted"] {
        let dir = tempfile::tempdir().unwrap();
        super::faults::copy_store(origin.path(), dir.path());
        let layout = Layout::of(dir.path());
        let mut intake = intake::Intake::open(layout.clone(), small_store()).unwrap();
        let cutoffs = request(3).policy.cutoffs(request(3).now);
        let order = retain::purge::Order { policy: "1 days", by: "a test" };
        let mut done = Retained::default();
        intake.draw_line(&cutoffs, None).unwrap();
        if step == "page" {
            assert_eq!(intake.sieve_page(0, &cutoffs, order, &mut done).unwrap(), Some(420));
        }
        if step == "file" || step == "adopted" {
            let source = std::sync::Arc::clone(&intake.sealed[3].segment);
            let cutoffs = request(2).policy.cutoffs(request(2).now);
            let name = merge::name(std::slice::from_ref(&source), intake.next_number().unwrap());
            assert!(retain::purge::write(&layout, &source, &cutoffs, name, &false.into()).unwrap().is_none());
            let source = std::sync::Arc::clone(&intake.sealed[2].segment);
            let name = merge::name(std::slice::from_ref(&source), intake.next_number().unwrap());
            let sieved = retain::purge::write(&layout, &source, &cutoffs, name, &false.into()).unwrap().unwrap();
            if step == "adopted" {
                assert!(intake.let_go(&source, sieved, order, &mut done).unwrap());
            }
        }
        drop(intake);
        let reader = Reader::open(dir.path()).unwrap();
        the_chain_holds(&reader);
        let writer = Writer::open_with(dir.path(), small_store()).unwrap();
        let rest = retain(&writer, request(3));
        assert_eq!(done.going.events() + rest.going.events(), 432, "{step}");
        assert_eq!(left(&reader), (432..500).map(item).collect::<Vec<_>>(), "{step}");
        assert_eq!(reader.tombstones().unwrap().iter().flat_map(|s| s.events).sum::<u64>(), 432, "{step}");
        the_chain_holds(&reader);
    }
}

#[test]
fn a_reader_in_the_middle_of_a_query_reads_on_while_its_events_go() {
    let dir = tempfile::tempdir().unwrap();
    let writer = days_of_events(dir.path(), Options { grace: DAY, ..small_store() });
    let reader = Reader::open(dir.path()).unwrap();
    let before = reader.snapshot().unwrap();
    let done = retain(&writer, request(3));
    assert!(done.files_until.is_some_and(|at| at > Ticks::now()));
    let rows: usize = before.segments.iter().flat_map(|s| s.batches().unwrap()).map(|b| b.unwrap().num_rows()).sum();
    let fresh: usize = before.fresh.iter().map(|b| b.num_rows()).sum();
    assert_eq!((rows, fresh, reader.snapshot().unwrap().rows()), (400, 100, 68));
}

#[test]
fn the_policy_of_the_options_is_carried_out_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    drop(days_of_events(dir.path(), small_store()));
    let retention = Some(Policy::new(Some(1), [], false));
    let writer = Writer::open_with(dir.path(), Options { retention, ..small_store() }).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    for _ in 0..1_000 {
        if reader.snapshot().unwrap().rows() == 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(reader.snapshot().unwrap().rows(), 0, "all of it is years old");
    the_chain_holds(&reader);
    // Without a policy nothing goes by itself; what was let go stays away all the same.
    drop(writer);
    let writer = Writer::open(dir.path()).unwrap();
    assert_eq!(writer.handle().commit_blocking(page(0..5)).unwrap().expired, 5);
}
