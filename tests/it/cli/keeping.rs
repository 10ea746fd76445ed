//! Sealing, retention and damage from the command line.

use std::fmt::Write as _;

use super::Home;

/// Three hundred sign-ins of February 2024.
fn lines() -> String {
    (0..300).fold(String::new(), |mut all, n| {
        let day = n % 29 + 1;
        let _ = writeln!(
            all,
            r#"{{"endpoint":"signinattempts","event":{{"uuid":"E{n:03}","timestamp":"2024-02-{day:02}T10:00:00Z","category":"success"}}}}"#
        );
        all
    })
}

fn store(configuration: &str) -> Home {
    let home = Home::new();
    home.configuration(configuration);
    home.run_with(["import", "-"], &lines()).ended(0);
    home
}

fn count(home: &Home) -> String {
    let ran = home.run(["query", "OnePasswordEvents | count", "--format", "csv"]).ended(0);
    ran.out.lines().nth(1).unwrap_or_default().to_owned()
}

#[test]
fn what_the_policy_does_not_keep_is_shown_goes_and_is_signed_for() {
    let home = store("[retention]\ndays = 30\n");
    let shown = home.run(["store", "retain", "--dry-run"]).ended(0);
    assert!(shown.out.contains("signinattempts  30 days  300"), "{}", shown.out);
    assert_eq!(count(&home), "300");
    let one = home.run(["store", "retain", "--dry-run", "--feed", "itemusages"]).ended(0);
    assert!(one.out.contains("0 events would go"), "{}", one.out);
    let done = home.run(["store", "retain"]).ended(0);
    assert!(done.out.contains("300 events went"), "{}", done.out);
    assert_eq!(count(&home), "0");
    let again = home.run_with(["import", "-"], &lines()).ended(0);
    assert!(again.out.contains("300 older than retention keeps"), "{}", again.out);
    let status = home.run(["store", "status"]).ended(0);
    assert!(status.out.contains("kept    30 days") && status.out.contains("let go  300 events"), "{}", status.out);
    let stones = home
        .run([
            "query",
            "VaultscopeTombstones | where note startswith 'vaultscope tombstone' | summarize sum(events)",
            "--format",
            "csv",
        ])
        .ended(0);
    assert_eq!(stones.out.lines().nth(1), Some("300"));
}

#[test]
fn without_a_policy_or_under_a_hold_nothing_goes() {
    let home = store("");
    let none = home.run(["store", "retain"]).ended(2);
    assert!(none.err.contains("days = 400") && none.err.contains("--days"), "{}", none.err);
    let shown = home.run(["store", "retain", "--dry-run", "--days", "30"]).ended(0);
    assert!(shown.out.contains("300 events would go"), "{}", shown.out);
    home.configuration("[retention]\ndays = 30\nhold = true\n");
    let hold = home.run(["store", "retain"]).ended(0);
    assert!(hold.out.contains("legal hold") && hold.out.contains("0 events"), "{}", hold.out);
    assert!(home.run(["store", "status"]).ended(0).out.contains("kept    legal hold, 30 days"));
    assert_eq!(count(&home), "300");
}

#[test]
fn a_query_over_a_damaged_segment_answers_from_the_rest_and_says_so() {
    let home = store("");
    let sealed = home.run(["store", "seal", "--keep", "0"]).ended(0);
    assert!(sealed.out.contains("300 events sealed"), "{}", sealed.out);
    home.run_with(["import", "-"], &lines().replace("\"E", "\"F")).ended(0);
    let segments = home.path(".local/share/vaultscope/default/evidence/segments");
    let file = std::fs::read_dir(&segments).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::metadata(&file).unwrap().len() as usize;
    std::fs::write(&file, vec![7; bytes]).unwrap();
    // Found by the query itself, which may not mark it.
    let ran = home.run(["query", "OnePasswordEvents | count", "--format", "csv"]).ended(0);
    assert_eq!(ran.out.lines().nth(1), Some("300"));
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        ran.err.contains(name) && ran.err.contains("store verify") && ran.err.contains("300 events"),
        "{}",
        ran.err
    );
    // Cut: the next writer marks it, and what is fetched again is stored.
    std::fs::write(&file, "").unwrap();
    let again = home.run_with(["import", "-"], &lines()).ended(0);
    assert!(again.out.contains("300 stored"), "{}", again.out);
    let ran = home.run(["query", "OnePasswordEvents | count", "--format", "csv"]).ended(0);
    assert_eq!(ran.out.lines().nth(1), Some("600"));
    assert!(ran.err.contains(name) && ran.err.contains("store verify"), "{}", ran.err);
    let status = home.run(["store", "status"]).ended(0);
    assert!(status.out.contains("damaged 1 segments") && status.out.contains("gaps"), "{}", status.out);
}
