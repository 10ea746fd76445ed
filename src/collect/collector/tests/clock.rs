//! A wall clock that is set while everything runs: polls are timed by another, and nothing is decided by it twice.

use super::*;

fn is_of_the_tail(position: &Position) -> bool {
    match position {
        Position::Cursor(cursor) => !cursor.expose().starts_with("again"),
        Position::Since(_) => true,
        Position::Between { .. } => false,
    }
}

#[tokio::test]
async fn a_wall_clock_that_is_set_by_hours_and_days_makes_no_storm_and_no_pause() {
    Clock::simulate(NOW);
    let house = House::new();
    let still = Still::new(&house);
    let script = Script::of((0..200).map(|n| page(&[&format!("e{n}")], &format!("c{n}"), false)));
    let settings = Settings {
        pace: Pace::Live,
        sweep: Some(Duration::from_secs(86_400)),
        clock: Clock::Simulated,
        ..Settings::default()
    };
    let collector = house.start_with(Arc::clone(&script), settings);
    still.until(|| script.asked().len() == 1).await;
    let (mut tail, mut sweeps) = (1, 0);
    for hours in [5, -5, -30, 24, 30, 24 * 40, -24 * 80, 24 * 40] {
        let set = Clock::Simulated.now() + Span(hours * HOUR);
        Clock::simulate(set);
        still.pass(60).await;
        let asked = script.asked();
        let polls = asked.iter().filter(|position| is_of_the_tail(position)).count();
        // Every ten seconds, whatever the clock says; a sweep has the tail read once more before it is kept.
        assert!((5..=7).contains(&(polls - tail)), "{} polls in the minute after {hours} hours", polls - tail);
        let swept = asked.iter().filter(|position| matches!(position, Position::Between { .. })).count();
        assert!(swept - sweeps <= usize::from(hours > 0), "{} sweeps after {hours} hours", swept - sweeps);
        (tail, sweeps) = (polls, swept);
        // What comes is dated by the clock as it is by then, and not by what it was.
        let arrived = house.reader().batches(1).unwrap()[0].arrived;
        assert!((set..=set + Span(crate::base::time::MINUTE)).contains(&arrived), "{arrived} after {hours} hours");
    }
    let health = collector.health().borrow().clone();
    assert_eq!((health.feed(AUDIT).unwrap().errors, house.reader().gaps(1).unwrap().len()), (0, 0));
    assert_eq!(house.reader().status().unwrap().events(), tail as u64);
    collector.stop().await;
}

#[tokio::test]
async fn how_long_a_failure_took_is_not_told_by_a_clock_that_is_set_meanwhile() {
    Clock::simulate(NOW);
    let source = Doing(|_| {
        Clock::simulate(Clock::Simulated.now() + Span(DAY));
        Err(FetchError::Server { status: 500, said: String::new() })
    });
    let house = House::new();
    let settings = Settings { feeds: vec![AUDIT], clock: Clock::Simulated, ..Settings::default() };
    let collector = house.collector(Arc::new(source), settings);
    until(&collector, |h| matches!(state(h), FeedState::BackingOff { .. })).await;
    collector.stop().await;
    let poll = &house.reader().polls(1).unwrap()[0];
    assert!(poll.status == 500 && poll.slowest_millis < 3_600_000, "{poll:?}");
}
