//! `query`, `check`, `tail` and `hunt run`: questions on the command line.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::Home;
use super::import::lines;

fn filled() -> Home {
    let home = Home::new();
    home.run_with(["import", "-"], &lines()).ended(0);
    home
}

#[test]
fn a_question_without_tables_needs_nothing_and_leaves_nothing() {
    let home = Home::new();
    let ran = home.run(["query", "print a = 1 + 1, b = 'x'", "--format", "ndjson"]).ended(0);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("{\"a\":2,\"b\":\"x\"}\n", ""));
    let ran = home.run_with(["query", "-", "--format", "csv", "--now", "2026-03-01"], "print t = now() - 1h").ended(0);
    assert!(ran.out.contains("2026-02-28T23:00:00"), "{}", ran.out);
    home.run_with(["check", "-"], "print 1").ended(0);
    home.run(["query", "print 1", "--explain"]).ended(0);
    assert_eq!(home.entries(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_explained_query_tells_its_plan_and_what_each_stage_cost() {
    let home = filled();
    let ran =
        home.run(["query", "OnePasswordEvents | summarize n = count() by feed | top 1 by n", "--explain"]).ended(0);
    assert!(ran.out.contains("top 1 by n desc"), "{}", ran.out);
    assert!(ran.out.contains("> summarize\n") && ran.out.contains("> top\n"), "{}", ran.out);
    assert!(ran.out.contains("4 rows and"), "{}", ran.out);
}

#[test]
fn stored_events_are_counted_by_feed() {
    let home = filled();
    let text = "OnePasswordEvents | summarize n = count() by feed | sort by feed asc";
    let ran = home.run(["query", text, "--format", "csv"]).ended(0);
    let rows: Vec<&str> = ran.out.lines().skip(1).collect();
    assert_eq!(rows, ["auditevents,2", "itemusages,1", "signinattempts,1"], "{}", ran.out);
    let ran = home.run([
        "query",
        "OnePasswordEventLogs_CL | count",
        "--timespan",
        "2026-02-01/2026-02-02",
        "--format",
        "csv",
    ]);
    assert_eq!(ran.ended(0).out.lines().nth(1), Some("0"));
}

#[test]
fn parameters_are_values_and_never_text_of_the_query() {
    let home = filled();
    let text = "declare query_parameters(u: string); OnePasswordEvents | where user_email == u | count";
    for (value, count) in [("u=ann@example.com", "1"), ("u=x\" or true or \"", "0")] {
        let ran = home.run(["query", text, "--param", value, "--format", "csv"]).ended(0);
        assert!(ran.out.lines().nth(1).is_some_and(|line| (line == "0") == (count == "0")), "{value}: {}", ran.out);
    }
}

#[test]
fn a_wrong_question_says_where_and_keeps_standard_output_clean() {
    let home = filled();
    let ran = home.run(["query", "OnePasswordEvents\n| sumarize count()"]).ended(1);
    assert!(ran.out.is_empty() && ran.err.contains("summarize") && ran.err.contains("query:2:"), "{}", ran.err);
    let ran = home.run(["query", "OnePasswordEvents | sumarize count()", "--format", "kusto"]).ended(1);
    assert!(serde_json::from_str::<Value>(&ran.out).unwrap()["error"]["code"].is_string(), "{}", ran.out);
    home.run(["query"]).ended(2);
    home.run(["query", "print 1", "--format", "xml"]).ended(2);
    home.run(["query", "-f", "nowhere.kql"]).ended(1);
    let ran = Home::new().run(["query", "OnePasswordEvents | count"]).ended(1);
    assert!(ran.err.contains("there is no store"), "{}", ran.err);
}

#[test]
fn check_reads_many_files_and_prints_a_line_of_json_for_each() {
    let home = Home::new();
    home.file("good.kql", "OnePasswordEvents | where timestamp > ago(1d) | take 1");
    home.file("bad.kql", "OnePasswordEvents\n| where feeed == 'x' and timestamp > ago(1d)");
    home.file("hunt.kql", "// id = \"h\"\n// nmae = \"H\"\nprint 1");
    let ran = home.run(["check", "--format", "json", "good.kql", "bad.kql", "hunt.kql"]).ended(3);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["diagnostics"], Value::Array(vec![]), "{}", ran.out);
    let found = &lines[1]["diagnostics"][0];
    assert_eq!(
        (&found["severity"], &found["line"], &found["column"]),
        (&"error".into(), &2.into(), &9.into()),
        "{found}"
    );
    assert_eq!(
        (&lines[2]["diagnostics"][0]["code"], &lines[2]["diagnostics"][0]["line"]),
        (&"HUNT001".into(), &2.into())
    );
    home.run(["check", "--syntax", "bad.kql"]).ended(0);
    home.run(["check", "good.kql", "nowhere.kql"]).ended(1);
    home.file("foreign.kql", "SigninLogs | where UserPrincipalName has 'x' | invoke FileProfile()");
    home.run(["check", "foreign.kql"]).ended(3);
    home.run(["check", "--open-schema", "foreign.kql"]).ended(0);
}

#[test]
fn the_hunts_of_the_program_pass_its_own_check() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/queries");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "kql")).collect();
    assert!(files.len() >= 12);
    let ran = Home::new().run(["check", "--deny", "warnings"].map(Into::into).into_iter().chain(files)).ended(0);
    assert_eq!(ran.out, "");
}

#[test]
fn a_hunt_runs_with_parameters_and_a_window_and_tells_what_to_do() {
    let home = filled();
    let ran = home
        .run(["hunt", "run", "firewall-rule-change", "--window", "2026-03-01/2026-03-02", "--format", "csv"])
        .ended(0);
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.out);
    assert!(ran.out.contains("A1") && ran.err.contains("What to do"), "{}\n{}", ran.out, ran.err);
    let ran = home.run(["hunt", "run", "canary-item"]).ended(0);
    assert!(ran.err.contains("canary_items is empty"), "{}", ran.err);
    let canary = [
        "hunt",
        "run",
        "canary-item",
        "--param",
        "canary_items=i1,i9",
        "--window",
        "2026-03-01/2026-03-02",
        "--format",
        "ndjson",
    ];
    let ran = home.run(canary).ended(0);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["item_uuid"], "i1");
    let ran = home.run(["hunt", "run", "bulk-export", "--param", "min_itmes=2"]).ended(2);
    assert!(ran.err.contains("did you mean `min_items`?"), "{}", ran.err);
    let all = home.run(["hunt", "run", "--all"]).ended(0);
    assert!(all.out.contains("not asked") && all.out.lines().count() >= 13, "{}", all.out);
    Home::new().run(["hunt", "run", "--all"]).ended(1);
}

#[test]
fn tail_prints_what_was_there_and_what_comes_in_the_order_of_arrival() {
    let home = filled();
    let mut command = home.command();
    command.args(["tail", "-n", "100", "--format", "ndjson", "--where", "feed != 'itemusages'"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut text = String::new();
        said.read_line(&mut text).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        (line["endpoint"].as_str().unwrap().to_owned(), line["event"]["uuid"].as_str().unwrap().to_owned())
    };
    let mut there = vec![next(), next(), next()];
    there.sort();
    let pair = |feed: &str, uuid: &str| (feed.to_owned(), uuid.to_owned());
    assert_eq!(there, [pair("auditevents", "A1"), pair("auditevents", "A2"), pair("signinattempts", "S1")]);
    let fresh = lines().replace("\"A1\"", "\"A7\"").replace("\"I1\"", "\"I7\"");
    home.run_with(["import", "-"], &fresh).ended(0);
    assert_eq!(next(), pair("auditevents", "A7"));
    let _ = child.kill();
    let _ = child.wait();
    let wrong = home.run(["tail", "--where", "feeed == 1"]).ended(2);
    assert!(wrong.err.contains("feed"), "{}", wrong.err);
}
