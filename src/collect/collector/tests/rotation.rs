//! A token that gives way to another while everything runs.

use super::*;

/// A collector of these feeds over a script.
fn start(house: &House, script: &Arc<Script>, feeds: &[Feed], pace: Pace) -> CollectorHandle {
    let settings = Settings { feeds: feeds.to_vec(), pace, clock: Clock::Fixed(NOW), ..Settings::default() };
    house.collector(Arc::clone(script) as Arc<dyn EventSource>, settings)
}

fn refused() -> FetchError {
    FetchError::Unauthorized("revoked".into())
}

fn state_of(collector: &CollectorHandle, feed: Feed) -> FeedState {
    collector.health().borrow().feed(feed).unwrap().state.clone()
}

fn asked_with(script: &Script, credential: u64) -> Vec<Feed> {
    let asked = script.asked_with.lock().unwrap();
    asked.iter().filter(|(_, with)| *with == credential).map(|(feed, _)| *feed).collect()
}

#[tokio::test]
async fn a_rotation_to_a_refused_token_costs_one_request_for_all_feeds() {
    let house = House::new();
    let still = Still::new(&house);
    let script = Script::of([]).identified_as([Ok(owner("A1")), Err(refused())]);
    let collector = start(&house, &script, &Feed::ALL, Pace::Live);
    still.until(|| script.asked().len() == 3).await;
    script.renewed.store(true, Ordering::SeqCst);
    still.pass(120).await;
    assert_eq!((asked_with(&script, 1), script.identified.load(Ordering::SeqCst)), (Vec::new(), 2));
    for feed in Feed::ALL {
        assert!(matches!(state_of(&collector, feed), FeedState::Unauthorised { .. }), "{feed}");
    }
    // The next one is good, and all go on.
    script.renewed.store(true, Ordering::SeqCst);
    still.pass(5).await;
    let mut asked = asked_with(&script, 2);
    asked.sort();
    assert_eq!(asked, Feed::ALL);
    collector.stop().await;
}

#[tokio::test]
async fn a_feed_that_another_token_grants_begins_at_once_and_one_that_it_withdraws_rests() {
    let house = House::new();
    let still = Still::new(&house);
    let may = |feeds: &[Feed]| Ok(Identity { feeds: feeds.to_vec(), ..owner("A1") });
    let (granted, withdrawn) = (Feed::SignInAttempts, Feed::ItemUsages);
    let script = Script::of([]).identified_as([may(&[AUDIT, withdrawn]), may(&[AUDIT, granted])]);
    let collector = start(&house, &script, &Feed::ALL, Pace::Normal);
    still.until(|| script.asked().len() == 2).await;
    still.pass(1).await;
    assert!(matches!(state_of(&collector, granted), FeedState::NotPermitted { .. }));
    script.renewed.store(true, Ordering::SeqCst);
    still.pass(5).await;
    let mut asked = asked_with(&script, 1);
    asked.sort();
    let mut wanted = [granted, AUDIT];
    wanted.sort();
    assert_eq!(asked, wanted);
    assert!(matches!(state_of(&collector, withdrawn), FeedState::NotPermitted { .. }));
    assert!(matches!(state_of(&collector, granted), FeedState::Idle { .. }));
    let health = collector.health().borrow().clone();
    assert!(health.feed(withdrawn).unwrap().last_error.as_ref().unwrap().contains("may not read this feed"));
    collector.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_is_looked_for_where_a_person_may_be_asked_and_its_heir_goes_on_within_seconds() {
    let house = House::new();
    let still = Still::new(&house);
    let script = Script::of([page(&["a"], "one", false), Err(refused()), page(&["b"], "two", false)])
        .identified_as([Ok(owner("A1")), Err(refused())]);
    let collector = start(&house, &script, &[AUDIT], Pace::Live);
    still.until(|| script.asked().len() == 1).await;
    // As `op://` has it: nothing that is looked at every few seconds.
    script.hidden.store(true, Ordering::SeqCst);
    still.pass(15).await;
    assert_eq!(asked_with(&script, 1), [AUDIT]);
    assert_eq!(house.reader().status().unwrap().events(), 2);
    // Refused, found, accepted.
    assert_eq!(script.identified.load(Ordering::SeqCst), 3);
    collector.stop().await;
}

#[tokio::test]
async fn another_token_is_identified_before_a_page_of_it_is_kept() {
    let house = House::new();
    let still = Still::new(&house);
    let script = Script::of([page(&["a"], "one", false), page(&["b"], "two", false), page(&["c"], "three", false)]);
    let collector = house.start(Arc::clone(&script));
    still.until(|| script.asked().len() == 1).await;
    still.pass(1).await;
    // The page comes with the new token before anybody looked whose it is: it is asked for again afterwards.
    script.credential.fetch_add(1, Ordering::SeqCst);
    collector.poll_now();
    still.until(|| script.asked().len() >= 2).await;
    still.pass(5).await;
    collector.stop().await;
    assert_eq!(script.asked()[1..3], [cursor("one"), cursor("one")]);
    assert_eq!(house.reader().status().unwrap().events(), 2, "the page that came too early was not kept");
}

#[tokio::test]
async fn another_token_is_taken_up_within_five_seconds_and_one_of_another_account_ends_it() {
    let house = House::new();
    let still = Still::new(&house);
    let script = Script::of([page(&["a"], "one", false)]).identified_as([Ok(owner("A1")), Ok(owner("B2"))]);
    let collector = house.start(Arc::clone(&script));
    still.until(|| script.asked().len() == 1).await;
    still.pass(1).await;
    script.renewed.store(true, Ordering::SeqCst);
    still.pass(5).await;
    let health = collector.health().borrow().clone();
    assert_eq!(*state(&health), FeedState::Stopped);
    assert!(health.feed(AUDIT).unwrap().last_error.as_ref().unwrap().contains("belongs to account B2"));
    assert_eq!(script.asked().len(), 1);
}
