use super::*;
use crate::base::time::Span;
use crate::event::Source;
use crate::store::page::{CursorUpdate, GapRecord, Suppressed, SuppressedBy};
use crate::store::writer::{Writer, WriterHandle, wait};

const NOW: Ticks = Ticks(739_000 * DAY);
const AUDIT: Feed = Feed::AuditEvents;

struct House {
    writer: Writer,
    dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { writer: Writer::open(dir.path()).unwrap(), dir }
    }

    fn writer(&self) -> WriterHandle {
        self.writer.handle()
    }

    fn reader(&self) -> Reader {
        Reader::open(self.dir.path()).unwrap()
    }

    fn commit(&self, page: Page) -> Committed {
        self.writer().commit_blocking(page).unwrap()
    }

    /// Makes the store know that feeds of an account are collected.
    fn collects(&self, account: &str, feeds: &[Feed]) {
        for feed in feeds {
            let cursor = Some(CursorUpdate::Advance { version: 2, cursor: Cursor::new("c"), reading: Source::Live });
            self.commit(Page { cursor, ..page(account, *feed, 0..0) });
        }
    }

    fn gap(&self, account: &str, feed: Option<Feed>, from: Option<Ticks>) {
        let gap = GapRecord { account: account.into(), feed, from, to: Some(NOW), why: "lost".into(), noticed: NOW };
        wait(self.writer().record_gap(gap)).unwrap();
    }

    fn states(&self) -> Vec<&'static str> {
        self.reader().gaps(10).unwrap().iter().rev().map(GapRow::state).collect()
    }
}

fn page(account: &str, feed: Feed, events: std::ops::Range<u64>) -> Page {
    let event = |n| format!(r#"{{"uuid":"U{n}","timestamp":"{}"}}"#, NOW - Span(n as i64 * 1_000)).into();
    Page::new(account.into(), feed, Source::Gap, NOW, events.map(event).collect())
}

fn step(cursor: Option<&str>) -> Step {
    Step { version: 2, cursor: cursor.map(Cursor::new), done: cursor.is_none() }
}

fn filling(gap: i64, cursor: Option<&str>, page: Page) -> Page {
    Page { errand: Some(Errand::Refill { gap, lost: None, step: step(cursor) }), ..page }
}

#[test]
fn a_gap_is_closed_when_every_feed_that_is_collected_has_filled_it() {
    let house = House::new();
    house.collects("A1", &[AUDIT, Feed::ItemUsages]);
    house.collects("B2", &[AUDIT]);
    house.gap("", None, Some(NOW - Span(DAY)));
    let open = |account, feed| house.reader().refills(account, feed).unwrap().len();
    let all = [("A1", AUDIT), ("A1", Feed::ItemUsages), ("B2", AUDIT)];
    for (at, (account, feed)) in all.into_iter().enumerate() {
        assert_eq!((house.states(), open(account, feed)), (vec!["open"], 1), "{account}");
        house.commit(filling(1, Some("half"), page(account, feed, 0..2)));
        let waiting = &house.reader().refills(account, feed).unwrap()[0];
        assert_eq!(waiting.cursor, Some((2, Cursor::new("half"))));
        house.commit(filling(1, None, page(account, feed, 2..3)));
        assert_eq!(open(account, feed), 0);
        assert_eq!(house.states() == ["filled"], at == 2);
    }
    let status = house.reader().status().unwrap();
    assert_eq!((status.gaps, status.gaps_filled, status.gaps_lost), (0, 1, 0));
}

#[test]
fn a_gap_of_one_feed_concerns_no_other_and_one_without_a_range_waits_for_nobody() {
    let house = House::new();
    house.collects("A1", &[AUDIT, Feed::ItemUsages]);
    house.gap("A1", Some(AUDIT), Some(NOW - Span(DAY)));
    let unknown = GapRecord { account: "".into(), feed: None, from: None, to: None, why: "?".into(), noticed: NOW };
    wait(house.writer().record_gap(unknown)).unwrap();
    let count = |account, feed| house.reader().refills(account, feed).unwrap().len();
    assert_eq!((count("A1", AUDIT), count("A1", Feed::ItemUsages), count("B2", AUDIT)), (1, 0, 0));
    house.commit(filling(1, None, page("A1", AUDIT, 0..1)));
    assert_eq!(house.states(), ["filled", "open"]);
}

#[test]
fn what_the_service_has_forgotten_is_told_from_what_was_filled() {
    let house = House::new();
    house.collects("A1", &[AUDIT]);
    for lost in [NOW - Span(DAY), NOW] {
        house.gap("A1", Some(AUDIT), Some(NOW - Span(3 * DAY)));
        let gap = house.reader().gaps(1).unwrap()[0].id;
        let errand = Some(Errand::Refill { gap, lost: Some(lost), step: step(None) });
        house.commit(Page { errand, ..page("A1", AUDIT, 0..0) });
    }
    let errand = Some(Errand::Lost { from: None, to: NOW, why: "too long ago".into() });
    house.commit(Page { errand, ..page("A1", AUDIT, 0..0) });
    assert_eq!(house.states(), ["partly lost", "lost", "lost"]);
    assert_eq!(house.reader().status().unwrap().gaps_lost, 3);
}

#[test]
fn the_tail_closes_the_gaps_of_its_own_resets() {
    let house = House::new();
    house.collects("A1", &[AUDIT, Feed::ItemUsages]);
    let errand = Some(Errand::Reset { from: Some(NOW - Span(DAY)), to: Some(NOW), why: "refused".into(), version: 2 });
    house.commit(Page { errand, ..page("A1", AUDIT, 0..0) });
    assert!(house.reader().refills("A1", AUDIT).unwrap().is_empty(), "the tail reads it by itself");
    house.commit(Page { errand: Some(Errand::CaughtUp), ..page("A1", Feed::ItemUsages, 0..0) });
    assert_eq!(house.states(), ["open"]);
    house.commit(Page { errand: Some(Errand::CaughtUp), ..page("A1", AUDIT, 0..3) });
    assert_eq!(house.states(), ["filled"]);
}

#[test]
fn a_sweep_counts_what_only_it_found_and_goes_on_where_it_stopped() {
    let house = House::new();
    house.commit(page("A1", AUDIT, 0..5));
    let sweep =
        |cursor: Option<&str>| Errand::Sweep { began: NOW, first: NOW - Span(7 * DAY), last: NOW, step: step(cursor) };
    house.commit(Page { errand: Some(sweep(Some("half"))), ..page("A1", AUDIT, 0..6) });
    let half = house.reader().last_sweep("A1", AUDIT, NOW).unwrap().unwrap();
    assert_eq!((half.events, half.late, half.ended), (6, 1, None));
    assert_eq!(half.cursor, Some((2, Cursor::new("half"))));
    house.commit(Page { errand: Some(sweep(None)), ..page("A1", AUDIT, 6..8) });
    let done = house.reader().sweeps().unwrap();
    assert_eq!((done[0].pages, done[0].events, done[0].late, done[0].ended), (2, 8, 3, Some(NOW)));
    assert_eq!(done[0].cursor, None);
    assert_eq!(house.reader().found_late().unwrap(), 3);
}

fn suppressing(page: Page, action: &'static str, which: impl Fn(usize) -> bool) -> Page {
    let by = SuppressedBy { rule: "noise".into(), action, discards: action == "discard" };
    let items = (0..page.items.len()).map(|at| which(at).then_some(0)).collect();
    Page { suppressed: Some(Suppressed { rules: [by].into(), items }), ..page }
}

#[test]
fn hidden_events_are_stored_and_counted_once() {
    let house = House::new();
    for (range, hidden) in [(0..4, 2), (0..4, 0), (2..6, 1)] {
        let done = house.commit(suppressing(page("A1", AUDIT, range), "hide", |at| at % 2 == 0));
        assert_eq!(done.hidden, hidden);
    }
    let rows = house.reader().suppressed(NOW - Span(DAY)).unwrap();
    assert_eq!((rows[0].rule.as_str(), rows[0].action.as_str(), rows[0].events), ("noise", "hide", 3));
    assert_eq!(house.reader().status().unwrap().events(), 6);
}

#[test]
fn discarded_events_are_not_stored_and_the_batch_says_so() {
    let house = House::new();
    let cursor = Some(CursorUpdate::Advance { version: 2, cursor: Cursor::new("next"), reading: Source::Live });
    let page_of = |range| Page { cursor: cursor.clone(), ..page("A1", AUDIT, range) };
    let done = house.commit(suppressing(page_of(0..10), "discard", |at| at < 7));
    assert_eq!((done.stored, done.discarded, done.quarantined), (3, 7, 0));
    assert_eq!(house.reader().batches(1).unwrap()[0].discarded, 7);
    assert_eq!(house.reader().cursor("A1", AUDIT, 2).unwrap().unwrap().cursor, Some(Cursor::new("next")));
    // Whatever comes again is not counted again.
    house.commit(suppressing(page_of(5..8), "discard", |at| at < 2));
    let rows = house.reader().suppressed(NOW).unwrap();
    assert_eq!((rows.len(), rows[0].events), (1, 7));
    let bytes: usize = page_of(0..7).items.iter().map(bytes::Bytes::len).sum();
    assert_eq!(rows[0].bytes, bytes as u64);
    // All of a page: a batch without events, and the cursor moves.
    let done = house.commit(suppressing(page_of(20..25), "discard", |_| true));
    assert_eq!((done.stored, done.discarded), (0, 5));
    assert_eq!(house.reader().status().unwrap().events(), 3);
}

#[test]
fn what_was_stored_before_a_rule_discards_it_comes_again_and_is_not_counted_as_discarded() {
    let house = House::new();
    house.commit(page("A1", AUDIT, 0..4));
    // By a sweep, after the rule was made.
    let done = house.commit(suppressing(page("A1", AUDIT, 0..6), "discard", |at| at % 2 == 0));
    assert_eq!((done.stored, done.duplicates, done.discarded), (1, 4, 1));
    let rows = house.reader().suppressed(NOW).unwrap();
    assert_eq!((rows.len(), rows[0].events), (1, 1));
    assert_eq!(house.reader().status().unwrap().events(), 5);
}

#[test]
fn a_lost_stretch_that_becomes_longer_stays_one_gap() {
    let house = House::new();
    house.collects("A1", &[AUDIT]);
    let lost = |from: i64, to: i64| {
        let at = |days| NOW + Span(days * DAY);
        let errand = Some(Errand::Lost { from: Some(at(from)), to: at(to), why: "too long ago".into() });
        house.commit(Page { errand, ..page("A1", AUDIT, 0..0) });
    };
    for to in [3, 4, 4, 9] {
        lost(0, to);
    }
    lost(20, 21);
    let gaps = house.reader().gaps(10).unwrap();
    let stretches: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.to, gap.lost)).collect();
    let want = [(20, 21), (0, 9)].map(|(from, to)| (NOW + Span(from * DAY), NOW + Span(to * DAY)));
    assert_eq!(stretches, want.map(|(from, to)| (Some(from), Some(to), Some(to))));
}
