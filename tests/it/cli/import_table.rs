//! `import --table`, and queries over what it stored.

use super::Home;

#[test]
fn an_imported_table_is_queried_beside_an_empty_store() {
    let home = Home::new();
    let lines: String = (0..200_000)
        .map(|n| {
            format!(
                "{{\"TimeGenerated\":\"2026-03-{:02}T00:00:00Z\",\"n\":{n},\"who\":{{\"name\":\"user {}\"}}}}\n",
                1 + n / 10_000,
                n % 7
            )
        })
        .collect();
    home.file("rows.ndjson", &lines);
    let out = home.run(["import", "--table", "Rows", "rows.ndjson"]).ended(0).out;
    assert_eq!(out, "Rows: 200000 rows, 3 columns\n");
    let out = home
        .run([
            "query",
            "--format",
            "csv",
            "Rows | where who.name == 'user 3' | summarize count(), max(n), min(TimeGenerated)",
        ])
        .ended(0)
        .out;
    assert_eq!(out.lines().nth(1).unwrap(), "28571,199993,2026-03-01T00:00:00.0000000Z");
    let out = home
        .run([
            "query",
            "--format",
            "csv",
            "Rows | where TimeGenerated >= datetime(2026-03-20) | where n % 2 == 0 | count",
        ])
        .ended(0)
        .out;
    assert_eq!(out.lines().nth(1).unwrap(), "5000");
    let out =
        home.run(["query", "--format", "csv", "Rows | summarize count() by isnotnull(ingestion_time())"]).ended(0).out;
    assert_eq!(out.lines().nth(1).unwrap(), "true,200000");
    let out = home.run(["store", "status"]).ended(0).out;
    assert!(out.contains("Rows") && out.contains("200000"), "{out}");
}

#[test]
fn bad_rows_are_named_and_hostile_names_refused() {
    let home = Home::new();
    home.file("rows.csv", "a,b\n1,2\n3\n4,5\n");
    let ran = home.run(["import", "--table", "T", "rows.csv"]).ended(1);
    assert_eq!(ran.out, "T: 2 rows, 2 columns\n");
    assert!(ran.err.contains("rows.csv:3") && ran.err.contains("1 fields"), "{}", ran.err);
    for name in ["../x", "a/b", ".x", "OnePasswordEvents"] {
        home.run(["import", "--table", name, "rows.csv"]).ended(2);
    }
}

#[test]
fn watch_lists_and_saved_functions_are_found_beside_the_configuration() {
    let home = Home::new();
    home.configuration("");
    home.file(".config/vaultscope/watchlists/PV1PW.csv", "SearchKey,Owner\nv1,ann\nv2,bob\n");
    let functions = ".config/vaultscope/functions";
    home.file(&format!("{functions}/Twice.kql"), "// Twice a number.\n(x: long, more: long = 0) { x * 2 + more }\n");
    home.file(
        &format!("{functions}/Vaults.kql"),
        "// The privileged vaults.\n_GetWatchlist('pv1pw') | project SearchKey\n",
    );
    home.file(&format!("{functions}/Broken.kql"), "(x: long) {\n  x + nosuch\n}\n");
    let csv = |query: &str| home.run(["query", "--format", "csv", query]).ended(0).out;
    assert_eq!(csv("print a = 'v2' | where a in (Vaults) | extend b = Twice(4, more = 1)"), "a,b\nv2,9\n");
    assert_eq!(csv("_GetWatchlist('PV1PW') | where Owner == 'ann' | project SearchKey"), "SearchKey\nv1\n");
    assert_eq!(csv("_GetWatchlistAlias"), "WatchlistAlias\nPV1PW\n");
    let ran = home.run(["query", "--format", "csv", "print Twice(toscalar(_GetWatchlist('none') | count))"]).ended(0);
    assert_eq!(ran.out.lines().nth(1), Some("0"));
    assert!(ran.err.contains("KQL148") && ran.err.contains("none.csv"), "{}", ran.err);
    let ran = home.run(["query", "print Broken(1)"]).ended(1);
    assert!(ran.err.contains("functions/Broken.kql:2:7"), "{}", ran.err);
}
