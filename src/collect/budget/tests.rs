use super::*;

fn take(budget: &Budget, now: Duration) -> Result<(), Duration> {
    budget.take(now, Urgency::Normal)
}

#[test]
fn a_share_of_the_documented_limits_is_given_out_a_minute_at_a_time() {
    let budget = Budget::new(0.5);
    let start = budget.now();
    for _ in 0..300 {
        assert_eq!(take(&budget, start), Ok(()));
    }
    let later = start + Duration::from_secs(20);
    assert_eq!(take(&budget, later), Err(Duration::from_secs(40)));
    assert_eq!(budget.used(later), Used { minute: 300, minute_limit: 300, hour: 300, hour_limit: 15_000 });
    let next = start + MINUTE;
    assert_eq!(take(&budget, next), Ok(()));
    assert_eq!(budget.used(next), Used { minute: 1, minute_limit: 300, hour: 301, hour_limit: 15_000 });
}

#[test]
fn the_hour_binds_when_every_minute_is_used_up() {
    let dir = tempfile::tempdir().unwrap();
    for budget in [Budget::new(0.5), Budget::shared(0.5, dir.path(), "acme")] {
        let start = budget.now();
        for minute in 0..50 {
            for _ in 0..300 {
                assert_eq!(take(&budget, start + MINUTE * minute), Ok(()));
            }
        }
        assert_eq!(take(&budget, start + MINUTE * 50), Err(MINUTE * 10));
        assert_eq!(take(&budget, start + HOUR), Ok(()));
    }
}

#[test]
fn the_smallest_share_still_lets_one_request_through() {
    let budget = Budget::new(1e-9);
    let start = budget.now();
    assert_eq!(take(&budget, start), Ok(()));
    assert_eq!(take(&budget, start), Err(HOUR));
    budget.count(start);
    assert_eq!(budget.used(start).hour, 2);
}

#[test]
fn what_can_wait_leaves_half_to_the_tail() {
    let budget = Budget::new(0.5);
    let start = budget.now();
    for _ in 0..150 {
        assert_eq!(budget.take(start, Urgency::Low), Ok(()));
    }
    assert_eq!(budget.take(start, Urgency::Low), Err(MINUTE));
    assert_eq!(take(&budget, start), Ok(()));
}

#[test]
fn whoever_the_server_sends_away_keeps_the_others_away_too() {
    let budget = Budget::new(1.0);
    let start = budget.now();
    let seconds = Duration::from_secs;
    budget.sent_away(start, Some(seconds(30)));
    budget.sent_away(start, Some(seconds(10)));
    assert_eq!(take(&budget, start + seconds(10)), Err(seconds(20)));
    // One goes first; the others look again until it has come back.
    assert_eq!(take(&budget, start + seconds(30)), Ok(()));
    assert_eq!(take(&budget, start + seconds(31)), Err(LOOK));
    budget.let_through();
    assert_eq!(take(&budget, start + seconds(31)), Ok(()));
    assert_eq!(take(&budget, start + seconds(31)), Ok(()));
}

#[test]
fn one_that_went_first_and_never_came_back_holds_nobody_up_for_ever() {
    let budget = Budget::new(1.0);
    let start = budget.now();
    budget.sent_away(start, None);
    assert_eq!(take(&budget, start + MINUTE), Ok(()));
    assert_eq!(take(&budget, start + MINUTE + LEASE), Ok(()));
}

/// How many requests ten minutes of 429 cost when three feeds ask as soon as they may.
fn storm(retry_after: Option<Duration>) -> u32 {
    let budget = Budget::new(0.5);
    let (start, mut requests) = (budget.now(), 0);
    for tenth in 0..6_000_u32 {
        let now = start + Duration::from_millis(100) * tenth;
        for _feed in 0..3 {
            if take(&budget, now).is_ok() {
                requests += 1;
                budget.sent_away(now, retry_after);
            }
        }
    }
    requests
}

#[test]
fn a_storm_of_ten_minutes_costs_few_requests_whatever_the_server_asks_for() {
    for retry_after in [None, Some(0), Some(1), Some(30), Some(3600)] {
        let requests = storm(retry_after.map(Duration::from_secs));
        assert!(requests <= 30, "{requests} with {retry_after:?}");
    }
}

#[test]
fn processes_share_one_budget_and_its_gate() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Budget::shared(0.5, dir.path(), "acme");
    let (one, two) = (open(), open());
    let start = one.now();
    for _ in 0..150 {
        assert_eq!(take(&one, start), Ok(()));
        assert_eq!(take(&two, start), Ok(()));
    }
    assert!(take(&one, start).is_err() && take(&two, start).is_err());
    assert_eq!(super::used(0.5, dir.path(), "acme").unwrap().minute, 300);
    assert_eq!(super::used(0.5, dir.path(), "labs"), None);
    assert_eq!(take(&Budget::shared(0.5, dir.path(), "labs"), start), Ok(()));
    let later = start + MINUTE;
    one.sent_away(later, Some(HOUR));
    assert_eq!(take(&two, later), Err(HOUR));
    // Whoever comes later finds what was made before.
    drop((one, two));
    assert_eq!(take(&open(), later), Err(HOUR));
}

#[test]
fn a_budget_file_that_cannot_be_had_or_read_leaves_a_budget_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("budgets"), "in the way").unwrap();
    let alone = Budget::shared(1e-9, dir.path(), "acme");
    assert!(!alone.is_shared());
    assert_eq!(take(&alone, alone.now()), Ok(()));
    assert!(take(&alone, alone.now()).is_err());

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("budgets")).unwrap();
    std::fs::write(dir.path().join("budgets/acme"), [0xff; 300]).unwrap();
    let anew = Budget::shared(1e-9, dir.path(), "acme");
    assert_eq!(take(&anew, anew.now()), Ok(()));
    assert!(take(&anew, anew.now()).is_err());
}

#[test]
fn a_budget_whose_lock_is_held_for_long_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Budget::shared(1e-9, dir.path(), "acme"), Budget::shared(1e-9, dir.path(), "acme"));
    let held = one.ring.as_ref().unwrap().lock().unwrap();
    assert_eq!(take(&two, two.now()), Ok(()));
    assert!(take(&two, two.now()).is_err());
    drop(held);
}
