//! `import` and `store status`: what files bring, counted.

use serde_json::Value;

use super::Home;

const SIGN_IN: &str = r#"{"uuid":"S1","timestamp":"2026-03-01T08:00:00.123456789Z","category":"success","type":"credentials_ok","country":"NL","target_user":{"uuid":"U1","name":"Ann","email":"ann@example.com"},"client":{"ip_address":"192.0.2.7"}}"#;
const USAGE: &str = r#"{"uuid":"I1","timestamp":"2026-03-01T08:05:00Z","used_version":2,"vault_uuid":"v1","item_uuid":"i1","action":"reveal","user":{"uuid":"U1","name":"Ann","email":"ann@example.com"},"client":{"ip":"192.0.2.7"}}"#;
const AUDIT: &str = r#"{"uuid":"A1","timestamp":"2026-03-01T08:10:00+01:00","actor_uuid":"U1","action":"updatfw","object_type":"account","object_uuid":"ACC","session":{"ip":"192.0.2.7"}}"#;

/// A line that names its feed.
pub fn line(feed: &str, event: &str) -> String {
    format!("{{\"endpoint\":\"{feed}\",\"event\":{event}}}\n")
}

/// Seven lines: three events, one of them twice, one once more with other bytes, one unreadable, one undated.
pub fn lines() -> String {
    let lines = [
        line("signinattempts", SIGN_IN),
        line("itemusages", USAGE),
        line("auditevents", AUDIT),
        line("signinattempts", SIGN_IN),
        line("signinattempts", &SIGN_IN.replace("\"NL\"", "\"BE\"")),
        line("auditevents", "17"),
        line("auditevents", &AUDIT.replace("A1", "A2").replace("2026-03-01T08:10:00+01:00", "yesterday")),
    ];
    lines.concat()
}

fn status(home: &Home) -> Value {
    serde_json::from_str(&home.run(["store", "status", "--format", "json"]).ended(0).out).unwrap()
}

fn feed<'a>(status: &'a Value, name: &str) -> &'a Value {
    status["feeds"].as_array().unwrap().iter().find(|feed| feed["feed"] == name).unwrap()
}

#[test]
fn duplicates_variants_and_unreadable_events_are_counted_and_nothing_is_stored_twice() {
    let home = Home::new();
    let file = home.file("events.ndjson", &lines());
    let ran = home.run(["import".as_ref(), file.as_os_str()]).ended(0);
    let counts =
        "4 stored, 1 there already, 1 variants of stored ones, 1 unreadable and set aside, 1 without a readable time";
    assert!(ran.out.contains(counts), "{}", ran.out);
    let first = status(&home);
    assert_eq!(first["events"], 4);
    for (name, events, duplicates, variants, unreadable) in
        [("signinattempts", 1, 1, 1, 0), ("itemusages", 1, 0, 0, 0), ("auditevents", 2, 0, 0, 1)]
    {
        let feed = feed(&first, name);
        assert_eq!(
            [&feed["events"], &feed["duplicates"], &feed["variants"], &feed["quarantined"]],
            [events, duplicates, variants, unreadable],
            "{name}"
        );
    }
    let again = home.run(["import".as_ref(), file.as_os_str()]).ended(0);
    assert!(again.out.contains("0 stored"), "{}", again.out);
    assert_eq!(status(&home)["events"], 4);
}

#[test]
fn events_without_a_feed_are_set_aside_and_the_fix_is_named() {
    let home = Home::new();
    let file = home.file("bare.ndjson", "{\"uuid\":\"X\",\"timestamp\":\"2026-03-01T08:00:00Z\"}\n");
    let ran = home.run(["import".as_ref(), file.as_os_str()]).ended(1);
    assert!(ran.err.contains("--feed"), "{}", ran.err);
    home.run(["import".as_ref(), "--feed".as_ref(), "auditevents".as_ref(), file.as_os_str()]).ended(0);
    assert_eq!(status(&home)["events"], 1);
}

#[test]
fn standard_input_is_a_file_too() {
    let home = Home::new();
    let ran = home.run_with(["import", "-"], &lines()).ended(0);
    assert!(ran.out.starts_with("-: 4 stored"), "{}", ran.out);
}

#[test]
fn a_store_is_for_its_owner_and_a_missing_one_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let missing = home.run(["store", "status"]).ended(1);
    assert!(missing.err.contains("collect, import or run the demo"), "{}", missing.err);
    home.run_with(["import", "-"], &lines()).ended(0);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode();
    for entry in home.entries() {
        assert_eq!(mode(&entry) & 0o027, 0, "{} has mode {:o}", entry.display(), mode(&entry));
    }
    // Evidence is readable for a group, which the folder above it does not let in until it is opened to them.
    let data = home.path(".local/share/vaultscope/default");
    assert_eq!(mode(&data) & 0o077, 0);
    assert_eq!(mode(&data.join("evidence/catalogue.db")) & 0o777, 0o640);
}
