use super::*;
use crate::base::config::Config;

fn rules(text: &str) -> Rules {
    of(text).unwrap()
}

fn of(text: &str) -> Result<Rules, BadRule> {
    let config = Config::parse(text, Some(std::path::Path::new("/c.toml")), None).unwrap();
    Rules::of(&config, Surroundings::default())
}

fn audit(n: usize, action: &str) -> Bytes {
    let text = format!(
        r#"{{"uuid":"U{n}","timestamp":"2026-03-01T12:00:00Z","action":"{action}","object_type":"vault","actor_details":{{"email":"a@b.example"}}}}"#
    );
    Bytes::from(text)
}

fn judged(rules: &Rules, feed: Feed, items: &[Bytes]) -> Vec<Option<u16>> {
    rules.page("A1", feed, Source::Live, Ticks::now(), items).unwrap().items
}

const TWO: &str = r#"
[[suppress]]
name = "reads"
where = 'action == "view" // of any vault'
action = "hide"

[[suppress]]
name = "the rest of one"
"#;

#[test]
fn the_first_rule_that_holds_decides_and_feeds_narrow_it() {
    let rules = rules(&format!(
        "{}\n{}",
        TWO.replace("the rest of one", "b"),
        "where = 'user_email == \"a@b.example\"'\nfeeds = [\"auditevents\"]\ndiscard = true"
    ));
    let items = [audit(1, "view"), audit(2, "create"), Bytes::from_static(b"no event")];
    assert_eq!(judged(&rules, Feed::AuditEvents, &items), [Some(0), Some(1), None]);
    assert_eq!(judged(&rules, Feed::ItemUsages, &items), [Some(0), None, None]);
    assert_eq!(rules.names()[1], SuppressedBy { rule: "b".into(), action: "discard", discards: true });
}

#[test]
fn a_predicate_that_is_null_holds_for_nothing() {
    let rules = rules("[[suppress]]\nname = \"a\"\nwhere = 'latitude > 1.0'\naction = \"hide\"\n");
    assert_eq!(judged(&rules, Feed::AuditEvents, &[audit(1, "view")]), [None]);
}

#[test]
fn a_sample_keeps_one_in_so_many_and_always_the_same() {
    let rules = rules("[[suppress]]\nname = \"a\"\nwhere = 'true'\naction = \"sample\"\nkeep_one_in = 10\n");
    let items: Vec<_> = (0..2_000).map(|n| audit(n, "view")).collect();
    let all = judged(&rules, Feed::AuditEvents, &items);
    let kept = all.iter().filter(|rule| rule.is_none()).count();
    assert!((120..280).contains(&kept), "{kept}");
    assert_eq!(judged(&rules, Feed::AuditEvents, &items[500..]), all[500..]);
}

#[test]
fn a_predicate_that_is_wrong_names_rule_file_and_place() {
    for (predicate, at, says) in [
        ("actoin == \"view\"", (0, 6), "actoin"),
        ("strlen(action)", (0, 14), "bool"),
        ("action ==", (9, 9), ""),
        ("true | take 1", (13, 13), ""),
    ] {
        let text = format!("[[suppress]]\nname = \"noise\"\nwhere = '{predicate}'\naction = \"hide\"\n");
        let error = of(&text).unwrap_err();
        assert_eq!((error.rule.as_str(), error.place.as_str()), ("noise", "/c.toml:3:10"));
        let found = &error.diagnostics[0];
        assert_eq!(error.predicate, predicate);
        assert!(found.message.contains(says), "{predicate}: {found:?}");
        assert_eq!(found.range.start as usize, at.0, "{predicate}: {found:?}");
    }
}

#[test]
fn rows_that_are_shown_are_those_that_no_rule_suppresses() {
    let rules = rules("[[suppress]]\nname = \"a\"\nwhere = 'action == \"view\"'\naction = \"hide\"\n");
    let mut builder = BatchBuilder::new();
    let items = [audit(1, "view"), audit(2, "create"), audit(3, "view")];
    for (seq, item) in (1..).zip(&items) {
        let (at, feed) = (Ticks::now(), Feed::AuditEvents);
        let arrival =
            Arrival { seq, feed, account: "A1", source: Source::Live, arrived: at, time_generated: at, tag: 0 };
        builder.push(&arrival, &decode_of(feed, item).unwrap());
    }
    let (shown, hidden) = rules.shown(&builder.finish().unwrap()).unwrap();
    assert_eq!((shown.num_rows(), hidden), (1, 2));
    assert_eq!(text_at(shown.column_by_name("uuid_s").unwrap(), 0), Some("U2"));
}
