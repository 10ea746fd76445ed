//! `demo` without a console, and the way from its server into a store: collected over HTTP, counted.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::import::{line, lines};
use super::{Home, Ran};

/// A demo server of its own process. Dropped, it is asked to end.
pub struct Served {
    child: Child,
    pub url: String,
    pub token: String,
}

impl Served {
    pub fn start(home: &Home, args: &[&str]) -> Self {
        let mut command = home.command();
        command.args(["demo", "--serve", "0"]).args(args).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        Self { child, url: text("url"), token: text("token") }
    }

    fn stop(&mut self) -> Option<i32> {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect_once(home: &Home, served: &Served) -> Ran {
    home.configuration(&format!("[[accounts]]\nname = \"demo\"\ntoken = \"env:TOKEN\"\nhost = \"{}\"\n", served.url));
    Ran::of(home.command().env("TOKEN", &served.token).args(["collect", "--once"]).output().unwrap())
}

fn events(home: &Home, feed: &str) -> Value {
    let status = home.run(["store", "status", "--format", "json"]).ended(0);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    status["feeds"].as_array().unwrap().iter().find(|of| of["feed"] == feed).unwrap()["events"].clone()
}

#[test]
fn a_replayed_file_is_collected_whole_and_once() {
    let home = Home::new();
    let file = home
        .file("given.ndjson", &(lines() + &line("itemusages", r#"{"uuid":"I2","timestamp":"2026-03-01T09:00:00Z"}"#)));
    let mut served = Served::start(&home, &["--replay", file.to_str().unwrap()]);
    let first = collect_once(&home, &served).ended(0);
    assert!(first.out.contains("signinattempts: 1 new, 1 there already, 1 variants, 0 unreadable"), "{}", first.out);
    assert!(first.out.contains("auditevents: 2 new, 0 there already, 0 variants, 1 unreadable"), "{}", first.out);
    let again = collect_once(&home, &served).ended(0);
    assert!(again.out.contains("signinattempts: 0 new"), "{}", again.out);
    for (feed, count) in [("signinattempts", 1), ("itemusages", 2), ("auditevents", 2)] {
        assert_eq!(events(&home, feed), count, "{feed}");
    }
    assert_eq!(served.stop(), Some(0));
}

#[test]
fn duplicates_and_refusals_change_nothing_of_what_is_stored() {
    let home = Home::new();
    let file = home.file("given.ndjson", &lines());
    let faults = ["--fault", "duplicates", "--fault", "429:retry-after=0,requests=2"];
    let served = Served::start(&home, &[&["--replay", file.to_str().unwrap()], &faults[..]].concat());
    for _ in 0..3 {
        collect_once(&home, &served).ended(0);
    }
    for (feed, count) in [("signinattempts", 1), ("itemusages", 1), ("auditevents", 2)] {
        assert_eq!(events(&home, feed), count, "{feed}");
    }
    // One text differs from the first, however often it came.
    let status = home.run(["store", "status", "--format", "json"]).ended(0);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let variants: u64 = status["feeds"].as_array().unwrap().iter().filter_map(|of| of["variants"].as_u64()).sum();
    assert_eq!(variants, 1);
    // What is stored is the first text of each, byte for byte.
    let asked = home.run(["query", "OnePasswordEvents | project raw", "--format", "ndjson"]).ended(0);
    let mut stored: Vec<String> = asked
        .out
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap()["raw"].as_str().unwrap().into())
        .collect();
    let given = lines();
    let mut first: Vec<&str> = [0, 1, 2, 6]
        .map(|n| given.lines().nth(n).unwrap().split_once("\"event\":").unwrap().1.strip_suffix('}').unwrap())
        .to_vec();
    stored.sort();
    first.sort_unstable();
    assert_eq!(stored, first);
}

#[test]
fn a_refused_token_ends_one_pass_with_the_reason() {
    let home = Home::new();
    let served = Served::start(&home, &["--users", "30", "--days", "1", "--fault", "expired-token"]);
    let ran = collect_once(&home, &served).ended(1);
    assert!(ran.err.contains("the token is not accepted") && !ran.err.contains(&served.token), "{}", ran.err);
}

#[test]
fn a_store_is_filled_with_events_that_say_they_are_made_up() {
    let home = Home::new();
    let data = home.path("big");
    let fill = |count: &str| {
        let args = ["demo", "--users", "30", "--days", "2", "--fill", count, "--data-dir", data.to_str().unwrap()];
        home.run(args)
    };
    assert!(fill("3000").ended(0).out.starts_with("3000 events"));
    // Another time it begins anew.
    fill("2000").ended(0);
    let status = home.run(["store", "status", "--format", "json", "--data-dir", data.to_str().unwrap()]).ended(0);
    assert_eq!(serde_json::from_str::<Value>(&status.out).unwrap()["events"], 2000);
    assert!(data.join("DEMO.toml").exists());
}

#[test]
fn a_demo_never_goes_over_evidence() {
    let home = Home::new();
    home.run_with(["import", "-", "--data-dir", "evidence"], &lines()).ended(0);
    let refused = home.run(["demo", "--fill", "10", "--data-dir", "evidence"]).ended(2);
    assert!(refused.err.contains("no demo's"), "{}", refused.err);
}

#[test]
fn what_a_demo_cannot_do_is_told() {
    let home = Home::new();
    for (args, status, says) in [
        (&["demo"][..], 2, "--serve"),
        (&["demo", "--users", "3", "--serve", "0"], 2, "30 to 20000"),
        (&["demo", "--serve", "192.0.2.1:80"], 1, "loopback"),
        (&["demo", "--fault", "fire", "--serve", "0"], 2, "is no fault"),
        (&["demo", "--now", "noon", "--serve", "0"], 2, "2026-03-01"),
        (&["demo", "--replay", "nowhere.ndjson", "--serve", "0"], 1, "nowhere.ndjson"),
    ] {
        let ran = home.run(args).ended(status);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}
