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

/// A file of each kind, and standard output: the events, and no word of a proof that is not there.
#[test]
fn an_export_goes_to_a_folder_a_file_or_standard_output() {
    let home = store("");
    let csv = home.run(["store", "export", "-o", "some.csv", "--to", "2024-02-03T00:00:00Z"]).ended(0);
    assert!(csv.out.is_empty() && csv.err.contains("events alone prove nothing"), "{}", csv.err);
    let written = std::fs::read_to_string(home.path("some.csv")).unwrap();
    assert_eq!(written.lines().count(), 1 + 22, "two days, and the heads of the columns");
    let refused = home.run(["store", "export", "-o", "some.csv"]).ended(2);
    assert!(refused.err.contains("some.csv is there already"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(home.path("some.csv")).unwrap(), written);
    home.run(["store", "export", "-o", "all.parquet"]).ended(0);
    home.run(["import", "--table", "Again", "all.parquet"]).ended(0);
    let again = home.run(["query", "Again | count", "--format", "csv"]).ended(0);
    assert_eq!(again.out.lines().nth(1), Some("300"));
    let lines = home.run(["store", "export", "-o", "-", "--feed", "signinattempts"]).ended(0);
    assert_eq!(lines.out.lines().count(), 300);
    assert!(lines.out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(lines.err.contains("300 events") && lines.err.contains("in standard output; SHA-256"), "{}", lines.err);
    let wrong = home.run(["store", "export", "-o", "x.csv", "--format", "parquet"]).ended(2);
    assert!(wrong.err.contains("says another format than --format"), "{}", wrong.err);
    assert!(!home.path("x.csv").exists() && !home.path("x.csv.part").exists());
    home.run(["store", "export", "-o", "folder"]).ended(0);
    home.run(["store", "verify", "--bundle", "folder"]).ended(0);
}

/// Without its catalogue a store is nothing: every command says which file it is and what to do, and none writes over what is left.
#[test]
fn a_catalogue_past_opening_is_named_with_its_cure_and_nothing_is_written_over() {
    let home = store("[retention]\ndays = 30\n");
    home.run(["store", "seal", "--keep", "100"]).ended(0);
    let evidence = find(&home.path(".local/share"), "evidence");
    let catalogue = evidence.join("catalogue.db");
    let whole = std::fs::read(&catalogue).unwrap();
    let is = |folder: &std::path::Path| {
        let mut all: Vec<(std::path::PathBuf, Vec<u8>)> = Vec::new();
        let mut left = vec![folder.to_path_buf()];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path()));
            } else if !path.ends_with("writer.lock") && !path.ends_with("catalogue.db-shm") {
                all.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
        all.sort();
        all
    };
    let harms: [(&str, Option<Vec<u8>>); 3] =
        [("is missing", None), ("is empty", Some(Vec::new())), ("is damaged", Some(vec![0x5a; whole.len()]))];
    for (says, bytes) in harms {
        match &bytes {
            None => std::fs::remove_file(&catalogue).unwrap(),
            Some(bytes) => std::fs::write(&catalogue, bytes).unwrap(),
        }
        let before = is(&evidence);
        for (command, status) in [
            (&["store", "status"][..], 1),
            (&["store", "verify"], 3),
            (&["store", "seal"], 1),
            (&["store", "retain"], 1),
            (&["store", "export", "-o", "out.csv"], 1),
            (&["query", "OnePasswordEvents | count"], 1),
            (&["import", "-"], 1),
            (&["doctor"], 3),
        ] {
            let ran = home.run_with(command, &lines()).ended(status);
            let said = format!("{}{}", ran.out, ran.err);
            assert!(said.contains("catalogue.db") && said.contains(says), "{says}, {command:?}: {said}");
            assert!(said.contains("from a backup"), "{says}, {command:?}: {said}");
            let names =
                |all: &[(std::path::PathBuf, Vec<u8>)]| all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
            assert_eq!(names(&is(&evidence)), names(&before), "{says}, {command:?}");
            assert!(is(&evidence) == before, "{says}, {command:?}: a file was written over");
        }
    }
    std::fs::write(&catalogue, whole).unwrap();
    home.run(["store", "verify"]).ended(0);
}

fn find(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut left = vec![folder.to_path_buf()];
    while let Some(path) = left.pop() {
        if path.ends_with(name) {
            return path;
        }
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path()));
        }
    }
    panic!("there is no {name} in {}", folder.display());
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
