//! What was lost on the disk or at the service is on record, with the time that it is of.

use super::*;
use crate::store::Layout;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, path) = (entry.as_ref().unwrap().file_name(), entry.as_ref().unwrap().path());
        if path.is_dir() {
            copy(&path, &to.join(entry));
        } else {
            std::fs::copy(path, to.join(entry)).unwrap();
        }
    }
}

#[tokio::test]
async fn commits_that_the_disk_lost_are_a_gap_with_its_time_which_is_fetched_again_and_closed() {
    let house = House::new();
    house.pass(Script::of([page(&["a"], "one", false)])).await;
    let image = tempfile::tempdir().unwrap();
    copy(house.path(), image.path());
    house.pass(Script::of([page(&["b"], "two", false)])).await;
    // The catalogue of before, the heads of after: as when the log's tail was damaged.
    std::fs::copy(Layout::of(house.path()).heads(), Layout::of(image.path()).heads()).unwrap();
    let house = House { writer: Writer::open(image.path()).unwrap(), dir: image };
    let gap = house.reader().gaps(1).unwrap()[0].clone();
    let (from, to) = (gap.from.unwrap(), gap.to.unwrap());
    assert!(from == NOW && to > from && gap.state() == "open", "{gap:?}");
    let script = Script::of([page(&["b"], "two", false)]).read_again([page(&["a", "b", "c"], "again1", false)]);
    let health = house.pass(Arc::clone(&script)).await;
    let range = Position::Between { from: from - Span(DAY), to: to + Span(1) };
    assert_eq!(script.asked(), [cursor("one"), range]);
    assert_eq!((health.taken.stored, health.taken.duplicates), (2, 2));
    assert_eq!(house.reader().gaps(1).unwrap()[0].state(), "filled");
}

fn bare(uuids: &[&str]) -> Result<Fetched, FetchError> {
    page(uuids, "", true).map(|page| Fetched { cursor: None, ..page })
}

#[tokio::test]
async fn history_that_the_service_forgot_before_a_first_cursor_came_is_lost_and_recorded_once() {
    let house = House::new();
    house.pass(Script::of([bare(&["a"])])).await;
    forgotten(house).await;
}

#[tokio::test]
async fn history_that_was_asked_for_in_vain_and_is_forgotten_is_lost_and_recorded_once() {
    let house = House::new();
    let collector = house.start_at(Script::of([away()]), NOW);
    until(&collector, |h| h.feed(AUDIT).unwrap().errors > 0).await;
    collector.stop().await;
    forgotten(house).await;
}

#[tokio::test]
async fn history_whose_reading_was_broken_off_and_is_forgotten_is_lost_from_its_beginning_on() {
    for refused in [false, true] {
        let house = House::new();
        let mut answers = vec![page(&["a"], "one", true)];
        answers.extend(refused.then(|| Err(FetchError::BadRequest("cursor is invalid".into()))));
        answers.extend((0..9).map(|_| away()));
        let collector = house.start_at(Script::of(answers), NOW);
        until(&collector, |h| h.feed(AUDIT).unwrap().errors > u64::from(refused)).await;
        collector.stop().await;
        let later = NOW + Span(200 * DAY);
        let collector = house.start_at(Script::of([page(&["z"], "two", false)]), later);
        until(&collector, Health::is_settled).await;
        collector.stop().await;
        let gaps = house.reader().gaps(10).unwrap();
        assert_eq!(gaps.len(), 1 + usize::from(refused), "{gaps:?}");
        assert!(gaps.iter().all(|gap| gap.state() == "lost"), "{gaps:?}");
        assert_eq!(gaps[0].from, Some(NOW - Span(120 * DAY)));
        assert_eq!(gaps[0].to, Some(later - Span(120 * DAY)));
    }
}

fn away() -> Result<Fetched, FetchError> {
    Err(FetchError::Server { status: 503, said: String::new() })
}

/// Collection goes on after the service forgot what was first asked for.
async fn forgotten(house: House) {
    let later = NOW + Span(200 * DAY);
    // Twice: the service is away at first.
    for (n, answer) in [away(), page(&["z"], "one", false)].into_iter().enumerate() {
        let now = later + Span(n as i64 * HOUR);
        let script = Script::of([answer]);
        let collector = house.start_at(Arc::clone(&script), now);
        until(&collector, |h| h.feed(AUDIT).unwrap().errors > 0 || h.is_settled()).await;
        collector.stop().await;
        assert_eq!(script.asked()[0], Position::Since(now - Span(120 * DAY)));
    }
    let gaps = house.reader().gaps(10).unwrap();
    assert_eq!((gaps.len(), gaps[0].state()), (1, "lost"), "{gaps:?}");
    // From the beginning of what the first contact wanted to what there still was.
    assert_eq!(gaps[0].from, Some(NOW - Span(120 * DAY)));
    assert_eq!(gaps[0].to, Some(later + Span(HOUR) - Span(120 * DAY)));
}

#[tokio::test]
async fn a_first_contact_that_is_begun_anew_the_same_day_leaves_no_gap() {
    let house = House::new();
    house.pass(Script::of([bare(&["a"])])).await;
    let collector = house.start_at(Script::of([page(&["a", "b"], "one", false)]), NOW + Span(HOUR));
    until(&collector, Health::is_settled).await;
    collector.stop().await;
    assert!(house.reader().gaps(1).unwrap().is_empty());
}
