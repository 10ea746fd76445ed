use bytes::Bytes;

use super::*;
use crate::base::time::{Span, Ticks};
use crate::engine::local::{Local, Options};
use crate::event::Source;
use crate::store::{Page, Reader, Writer};

const NOW: Ticks = Ticks(739_000 * DAY);

/// Ten days: a reveal a day by each of two people, and one sign-in at the end.
fn store() -> (tempfile::TempDir, Local) {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let commit = |feed, arrived, items| {
        let page = Page::new("A1".into(), feed, Source::Live, arrived, items);
        writer.handle().commit_blocking(page).unwrap();
    };
    for day in 1..=10 {
        let at = NOW - Span(day * DAY);
        let usage = |who: &str| {
            Bytes::from(format!(
                r#"{{"uuid":"{who}{day}","timestamp":"{at}","action":"reveal","vault_uuid":"V{}","user":{{"email":"{who}@x.example"}}}}"#,
                day % 3
            ))
        };
        commit(Feed::ItemUsages, at, vec![usage("ann"), usage("bob")]);
    }
    let text = format!(r#"{{"uuid":"s","timestamp":"{NOW}","category":"success","padding":"{}"}}"#, "x".repeat(900));
    commit(Feed::SignInAttempts, NOW - Span(1), vec![Bytes::from(text)]);
    let engine = Local::new(Reader::open(dir.path()).unwrap(), Options { workers: 1, ..Options::default() });
    (dir, engine)
}

fn asked(name: &str, predicate: &str, feeds: &[&str]) -> Asked {
    let feeds = feeds.iter().map(|feed| (*feed).to_owned()).collect();
    Asked { name: name.to_owned(), does: "hide".to_owned(), predicate: predicate.to_owned(), feeds }
}

#[test]
fn every_event_is_in_one_part_of_each_kind_and_the_largest_come_first() {
    let (_dir, engine) = store();
    let by = [By::Feed, By::Action, By::User, By::Vault];
    let volume = measure(&engine, &Request::new("", NOW), &by, 1, &[]).unwrap();
    assert_eq!(volume.all.events, 21);
    assert!((volume.days - 10.0).abs() < 1e-6, "{}", volume.days);
    for part in &volume.parts {
        let mut sum = part.others.1;
        part.largest.iter().for_each(|(_, amount)| sum.add(*amount));
        assert_eq!((sum.events, sum.bytes), (volume.all.events, volume.all.bytes), "{part:?}");
        assert_eq!(part.largest.len(), 1);
    }
    assert_eq!(volume.parts[0].largest[0].0, "itemusages");
    assert_eq!((volume.parts[2].others.0, volume.parts[3].others.0), (2, 3));
}

#[test]
fn a_span_bounds_what_is_measured_and_what_averages_are_over() {
    let (_dir, engine) = store();
    let request = Request { timespan: Some((NOW - Span(5 * DAY), NOW)), ..Request::new("", NOW) };
    let volume = measure(&engine, &request, &[], 10, &[]).unwrap();
    assert_eq!(volume.all.events, 11);
    assert!((volume.days - 5.0).abs() < 1e-6, "{}", volume.days);
}

#[test]
fn a_rule_is_measured_by_what_it_covers() {
    let (_dir, engine) = store();
    let rules = [
        asked("ann", "user_email startswith 'ann' // of them", &[]),
        asked("elsewhere", "true", &["auditevents"]),
        asked("usages", "true", &["itemusages"]),
    ];
    let volume = measure(&engine, &Request::new("", NOW), &[], 10, &rules).unwrap();
    let events: Vec<_> = volume.rules.iter().map(|(_, amount)| amount.events).collect();
    assert_eq!(events, [10, 0, 20]);
    assert!(volume.rules[0].1.bytes * 2 == volume.rules[2].1.bytes && volume.rules[0].1.row_bytes > 0.0);
}

#[test]
fn the_weight_in_sentinel_is_that_of_the_row_as_json() {
    let (_dir, engine) = store();
    let volume = measure(&engine, &Request::new("", NOW), &[By::Feed], 10, &[]).unwrap();
    let weight = |feed: &str| volume.parts[0].largest.iter().find(|(name, _)| name == feed).unwrap().1.row_bytes;
    let text = "OnePasswordEventLogs_CL | where log_source == 'itemusages' | project-away Type, TenantId, SourceSystem, \
                _ResourceId | summarize sum(string_size(tostring(pack_all(true))))";
    let exact: f64 = rows(&engine.run(&Request::new(text, NOW)).unwrap())[0][0].parse().unwrap();
    assert!((weight("itemusages") - exact).abs() < 1.0, "{} and {exact}", weight("itemusages"));
    // What is in no column of the table weighs nothing there.
    assert!(weight("signinattempts") < 400.0, "{}", weight("signinattempts"));
}

#[test]
fn nothing_stored_is_nothing_measured() {
    let dir = tempfile::tempdir().unwrap();
    Writer::open(dir.path()).unwrap().close();
    let engine = Local::new(Reader::open(dir.path()).unwrap(), Options::default());
    let volume = measure(&engine, &Request::new("", NOW), &[By::Feed], 10, &[asked("a", "true", &[])]).unwrap();
    assert_eq!((volume.all, volume.between), (Amount::default(), None));
}

#[test]
fn what_was_discarded_is_told_by_rule_and_weighs_as_much_as_what_is_stored_of_its_feed() {
    let (_dir, engine) = store();
    let mut volume = measure(&engine, &Request::new("", NOW), &[], 1, &[]).unwrap();
    let row = |rule: &str, action: &str, feed, events| SuppressedRow {
        day: NOW,
        account: "A1".into(),
        feed,
        rule: rule.into(),
        action: action.into(),
        events,
        bytes: events * 100,
    };
    let (usage, sign_in) = (Feed::ItemUsages, Feed::SignInAttempts);
    volume.add_discarded(&[
        row("fills", "discard", usage, 3),
        row("fills", "discard", usage, 4),
        row("seen", "hide", usage, 9),
        row("fills", "discard", sign_in, 1),
    ]);
    let [(rule, amount)] = &volume.discarded[..] else { panic!("{:?}", volume.discarded) };
    assert_eq!((rule.as_str(), amount.events, amount.bytes), ("fills", 8, 800));
    let weight = 700.0 * volume.ratios["itemusages"] + 100.0 * volume.ratios["signinattempts"];
    assert!((amount.row_bytes - weight).abs() < 1e-6, "{amount:?}");
    assert_eq!(volume.all.events, 21);
}
