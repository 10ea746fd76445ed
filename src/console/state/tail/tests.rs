use super::*;
use crate::console::state::line::tests::line;

const HEIGHT: usize = 5;

fn seqs(tail: &Tail) -> Vec<i64> {
    tail.rows(HEIGHT).map(|(line, _)| line.seq).collect()
}

fn tail(n: i64) -> Tail {
    let mut tail = Tail::with_capacity(20);
    tail.push((1..=n).map(line));
    tail
}

#[test]
fn the_newest_rows_are_in_view_while_it_follows() {
    let mut tail = tail(7);
    assert_eq!(seqs(&tail), [3, 4, 5, 6, 7]);
    tail.push([line(8)]);
    assert_eq!(seqs(&tail), [4, 5, 6, 7, 8]);
    assert!(tail.rows(HEIGHT).all(|(_, selected)| !selected));
}

#[test]
fn scrolling_up_pauses_the_view_and_counts_what_comes() {
    let mut tail = tail(7);
    tail.move_by(-1, HEIGHT);
    assert!(!tail.follows());
    assert_eq!(tail.selected().unwrap().seq, 6);
    tail.push([line(8), line(9)]);
    assert_eq!(seqs(&tail), [3, 4, 5, 6, 7]);
    assert_eq!(tail.fresh(), 2);
    tail.resume();
    assert_eq!(seqs(&tail), [5, 6, 7, 8, 9]);
    assert_eq!(tail.fresh(), 0);
}

#[test]
fn moving_past_the_end_resumes() {
    let mut tail = tail(7);
    tail.move_by(-2, HEIGHT);
    for _ in 0..2 {
        tail.move_by(1, HEIGHT);
        assert!(!tail.follows());
    }
    tail.move_by(1, HEIGHT);
    assert!(tail.follows());
}

#[test]
fn a_paused_view_stays_while_the_ring_turns_over() {
    let mut tail = tail(20);
    tail.move_by(-3, HEIGHT);
    let before = seqs(&tail);
    tail.push((21..=75).map(line));
    assert_eq!(seqs(&tail), before);
    // Past four times the capacity the oldest rows go, and the view begins at the first that is left.
    tail.push((76..=200).map(line));
    assert_eq!(seqs(&tail)[0], 121);
    tail.resume();
    assert_eq!(tail.list().held(), 20);
    assert_eq!(seqs(&tail), [196, 197, 198, 199, 200]);
}

#[test]
fn a_filter_shows_what_passes_and_keeps_the_rest() {
    let mut tail = tail(20);
    tail.set_filter(Filter::parse("country:de"), HEIGHT);
    assert_eq!(seqs(&tail), [4, 8, 12, 16, 20]);
    tail.push((21..=24).map(line));
    assert_eq!(seqs(&tail), [8, 12, 16, 20, 24]);
    assert_eq!(tail.list().held(), 20);
    tail.set_filter(Filter::default(), HEIGHT);
    assert_eq!(seqs(&tail), [20, 21, 22, 23, 24]);
    tail.set_only_severe(true, HEIGHT);
    assert!(tail.rows(HEIGHT).all(|(line, _)| line.severity >= Severity::Medium));
}

#[test]
fn a_selection_that_the_filter_hides_moves_to_the_next_row() {
    let mut tail = tail(20);
    tail.move_by(-9, HEIGHT);
    assert_eq!(tail.selected().unwrap().seq, 11);
    tail.set_filter(Filter::parse("country:de"), HEIGHT);
    assert_eq!(tail.selected().unwrap().seq, 12);
}

#[test]
fn a_range_takes_the_view_and_leaves_the_intake_alone() {
    let mut tail = tail(10);
    tail.choose_range(Ticks(10), Ticks(20));
    assert!(!tail.follows() && tail.list().is_empty() && tail.range().unwrap().loading);
    tail.push([line(11)]);
    tail.fill_range(Ticks(1), Ticks(2), vec![line(500)], false);
    assert!(tail.list().is_empty(), "rows of an older choice are dropped");
    tail.fill_range(Ticks(10), Ticks(20), (100..110).map(line).collect(), true);
    assert_eq!(seqs(&tail), [100, 101, 102, 103, 104]);
    tail.go_to_bottom(HEIGHT);
    assert_eq!(seqs(&tail), [105, 106, 107, 108, 109]);
    tail.move_by(1, HEIGHT);
    assert_eq!(tail.selected().unwrap().seq, 109, "the end of a range is its end");
    tail.resume();
    assert_eq!(seqs(&tail), [7, 8, 9, 10, 11]);
}

#[test]
fn neighbours_are_looked_for_among_the_rows_that_pass() {
    let mut tail = tail(20);
    tail.set_filter(Filter::parse("country:de"), HEIGHT);
    assert_eq!(tail.neighbour(8, 1).unwrap().seq, 12);
    assert_eq!(tail.neighbour(8, -1).unwrap().seq, 4);
    assert!(tail.neighbour(20, 1).is_none() && tail.neighbour(4, -1).is_none() && tail.neighbour(5, 1).is_none());
}

#[test]
fn older_rows_come_in_before_the_others_as_far_as_there_is_room() {
    let mut tail = Tail::with_capacity(20);
    tail.push((30..=40).map(line));
    tail.move_by(-1, HEIGHT);
    let before = seqs(&tail);
    tail.push_older((1..=35).map(line).collect());
    assert_eq!(seqs(&tail), before, "the view stays");
    tail.go_to_top(HEIGHT);
    assert_eq!((seqs(&tail), tail.list().held()), (vec![21, 22, 23, 24, 25], 20));
}

#[test]
fn an_empty_tail_takes_every_move() {
    let mut tail = Tail::default();
    tail.move_by(-1, HEIGHT);
    tail.go_to_top(HEIGHT);
    tail.go_to_bottom(HEIGHT);
    tail.keep_selection_visible(0);
    assert!(tail.selected().is_none() && seqs(&tail).is_empty());
}
