//! Ten minutes in which nothing works cost few requests.

use super::*;

/// A collector of three feeds whose every request for a page fails like this.
fn failing(
    house: &House,
    feeds: &[Feed],
    settings: Settings,
    failure: impl Fn() -> FetchError,
) -> (Arc<Script>, CollectorHandle) {
    let script = Script::of([]);
    for feed in feeds {
        script.pages.lock().unwrap().insert(*feed, (0..1_000).map(|_| Err(failure())).collect());
    }
    let settings = Settings { clock: Clock::Fixed(NOW), ..settings };
    let collector = house.collector(Arc::clone(&script) as Arc<dyn EventSource>, settings);
    (script, collector)
}

/// How many requests ten minutes of nothing but this failure cost an account with three feeds.
async fn requests_of_ten_minutes(failure: impl Fn() -> FetchError) -> usize {
    let house = House::new();
    let still = Still::new(&house);
    let (script, collector) = failing(&house, &Feed::ALL, Settings::default(), failure);
    still.pass(600).await;
    collector.stop().await;
    script.asked().len()
}

#[tokio::test]
async fn ten_minutes_of_429_cost_few_requests() {
    for retry_after in [None, Some(Duration::from_secs(1))] {
        let requests = requests_of_ten_minutes(|| FetchError::RateLimited { retry_after }).await;
        assert!((4..=30).contains(&requests), "{requests} with {retry_after:?}");
    }
}

#[tokio::test]
async fn ten_minutes_of_outage_cost_few_requests() {
    let requests = requests_of_ten_minutes(|| FetchError::Server { status: 503, said: String::new() }).await;
    // Three a feed show that it goes on trying: how many more there are depends on chance, and on how busy the machine is.
    assert!((9..=40).contains(&requests), "{requests}");
}

#[tokio::test]
async fn a_refused_token_is_tried_once_in_five_minutes_a_feed() {
    let requests = requests_of_ten_minutes(|| FetchError::Unauthorized(String::new())).await;
    assert!((6..=9).contains(&requests), "{requests}");
}

#[tokio::test]
async fn a_dead_feed_does_not_stop_the_others() {
    let house = House::new();
    let still = Still::new(&house);
    let settings = Settings { pace: Pace::Live, ..Settings::default() };
    let dead = || FetchError::Server { status: 500, said: String::new() };
    let (_, collector) = failing(&house, &[AUDIT], settings, dead);
    still.pass(120).await;
    let health = collector.health().borrow().clone();
    collector.stop().await;
    let pages = |feed| health.feed(feed).map_or(0, |feed| feed.pages);
    // Twelve, or fewer where the machine is so busy that an answer comes a second later.
    assert!((8..=13).contains(&pages(Feed::ItemUsages)) && pages(AUDIT) == 0, "{health:?}");
}
