//! What is read beside the tail: gaps that are filled, and sweeps.

use super::*;

/// The store notes a gap of its own: events that were lost on the disk.
async fn note_gap(house: &House, from: Ticks, to: Ticks) {
    let gap =
        GapRecord { account: "".into(), feed: None, from: Some(from), to: Some(to), why: "disk".into(), noticed: NOW };
    house.writer.handle().record_gap(gap).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_open_gap_with_a_range_is_fetched_again_beside_the_tail() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    let (from, to) = (NOW - Span(3 * DAY), NOW - Span(2 * DAY));
    note_gap(&house, from, to).await;
    let script = Script::of([page(&["d"], "two", false)])
        .read_again([page(&["a", "b"], "again1", true), page(&["c"], "again2", false)]);
    let health = house.pass(Arc::clone(&script)).await;
    let range = Position::Between { from: from - Span(DAY), to: to + Span(1) };
    assert_eq!(script.asked(), [cursor("one"), range, cursor("again1")]);
    assert_eq!((health.taken.stored, health.taken.duplicates, health.found_late), (3, 1, 0));
    assert_eq!(house.reader().gaps(1).unwrap()[0].state(), "filled");
    assert_eq!(house.saved().cursor, Some(Cursor::new("two")), "the tail's cursor stays its own");
    assert_eq!(house.reader().batches(1).unwrap()[0].source, Source::Gap);
}

#[tokio::test]
async fn a_gap_is_filled_on_from_where_the_last_run_stopped() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    note_gap(&house, NOW - Span(3 * DAY), NOW - Span(2 * DAY)).await;
    let down = Err(FetchError::Server { status: 500, said: String::new() });
    let health = house.pass(Script::of([]).read_again([page(&["b"], "again1", true), down])).await;
    // The tail goes on.
    assert!(matches!(health.state, FeedState::Idle { .. }), "{:?}", health.state);
    assert_eq!(house.reader().gaps(1).unwrap()[0].state(), "open");
    let script = Script::of([]).read_again([page(&["c"], "again2", false)]);
    house.pass(Arc::clone(&script)).await;
    assert_eq!(script.asked()[1..], [cursor("again1")]);
    assert_eq!(house.reader().gaps(1).unwrap()[0].state(), "filled");
}

#[tokio::test]
async fn a_gap_that_the_service_has_forgotten_is_lost_without_asking() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    note_gap(&house, NOW - Span(300 * DAY), NOW - Span(200 * DAY)).await;
    note_gap(&house, NOW - Span(130 * DAY), NOW - Span(110 * DAY)).await;
    let script = Script::of([]).read_again([page(&["b"], "again1", false)]);
    house.pass(Arc::clone(&script)).await;
    let oldest = NOW - Span(120 * DAY);
    assert_eq!(script.asked()[1..], [Position::Between { from: oldest, to: NOW - Span(110 * DAY) + Span(1) }]);
    let states: Vec<_> = house.reader().gaps(2).unwrap().iter().map(|gap| (gap.state(), gap.lost)).collect();
    assert_eq!(states, [("partly lost", Some(oldest)), ("lost", Some(NOW - Span(200 * DAY)))]);
}

#[tokio::test]
async fn a_sweep_reads_the_last_week_once_a_day_and_counts_what_the_tail_had_missed() {
    let house = House::new();
    let first = house.sweeping_pass(Script::of([page(&["a"], "one", false)]), NOW).await;
    assert_eq!((first.pages, house.reader().sweeps().unwrap().len()), (1, 0), "what there was has just been read");
    let early = Script::of([]);
    house.sweeping_pass(Arc::clone(&early), NOW + Span(23 * HOUR)).await;
    assert_eq!(early.asked(), [cursor("one")]);
    // `b` has only just come; the tail has it before the page is kept. `lost` it never had.
    let tail = [page(&[], "one", false), page(&["b"], "two", false)];
    let script = Script::of(tail).read_again([page(&["a", "b", "lost"], "again1", false)]);
    let day = NOW + Span(DAY);
    let health = house.sweeping_pass(Arc::clone(&script), day).await;
    let week = Position::Between { from: day - Span(7 * DAY), to: day };
    assert_eq!(script.asked(), [cursor("one"), week, cursor("one")]);
    assert_eq!((health.found_late, health.taken.stored), (1, 2));
    let sweep = &house.reader().sweeps().unwrap()[0];
    assert_eq!((sweep.events, sweep.late, sweep.ended), (3, 1, Some(day)));
    let sources: Vec<_> = house.reader().batches(2).unwrap().iter().map(|batch| (batch.source, batch.stored)).collect();
    assert_eq!(sources, [(Source::Gap, 1), (Source::Live, 1)]);
}

#[tokio::test]
async fn a_sweep_that_was_broken_off_goes_on_after_a_restart() {
    let house = House::new();
    house.sweeping_pass(Script::of([page(&["a"], "one", false)]), NOW).await;
    let down = Err(FetchError::Server { status: 500, said: String::new() });
    let day = NOW + Span(DAY);
    house.sweeping_pass(Script::of([]).read_again([page(&["a"], "again1", true), down]), day).await;
    let script = Script::of([]).read_again([page(&["b"], "again2", false)]);
    house.sweeping_pass(Arc::clone(&script), day + Span(HOUR)).await;
    assert!(script.asked().contains(&cursor("again1")), "{:?}", script.asked());
    let sweep = &house.reader().sweeps().unwrap()[0];
    assert_eq!((sweep.began, sweep.pages, sweep.late), (day, 2, 1));
}

#[tokio::test]
async fn a_cursor_of_a_sweep_that_is_refused_begins_its_range_anew() {
    let house = House::new();
    house.sweeping_pass(Script::of([page(&["a"], "one", false)]), NOW).await;
    let refused = Err(FetchError::BadRequest("Bad Request".into()));
    let day = NOW + Span(DAY);
    house.sweeping_pass(Script::of([]).read_again([page(&["a"], "again1", true), refused]), day).await;
    let script = Script::of([]).read_again([page(&["a"], "again1", false)]);
    house.sweeping_pass(Arc::clone(&script), day).await;
    assert!(matches!(script.asked()[1], Position::Between { .. }), "{:?}", script.asked());
    assert!(house.reader().gaps(1).unwrap().is_empty(), "the tail is whole");
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_storm_of_sweeps_and_no_end_of_them() {
    let house = House::new();
    house.sweeping_pass(Script::of([page(&["a"], "one", false)]), NOW).await;
    let back = NOW - Span(30 * DAY);
    let script = Script::of([]);
    house.sweeping_pass(Arc::clone(&script), back).await;
    assert_eq!(script.asked().len(), 1);
    let script = Script::of([]).read_again([page(&["a"], "again1", false)]);
    house.sweeping_pass(Arc::clone(&script), back + Span(DAY)).await;
    assert_eq!(script.asked().len(), 3);
    // And forward again.
    let script = Script::of([]).read_again([page(&["a"], "again1", false)]);
    house.sweeping_pass(Arc::clone(&script), NOW + Span(DAY)).await;
    assert_eq!(script.asked().len(), 3);
}
