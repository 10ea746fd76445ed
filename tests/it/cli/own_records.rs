//! The product's own records, asked for in KQL.

use super::Home;
use super::import::lines;

#[test]
fn what_the_store_recorded_of_an_import_can_be_asked_for() {
    let home = Home::new();
    home.run_with(["import", "-"], &lines()).ended(0);
    for (query, want) in [
        (
            "VaultscopeLedger | summarize batches = count(), sum(stored) > 0, min(strlen(root)), max(strlen(root))",
            "3,true,64,64",
        ),
        ("VaultscopeLedger | where feed == 'signinattempts' | project stored, duplicates, variants", "1,1,1"),
        (
            "VaultscopeVariants | project account != '', feed, strlen(digest), raw contains 'uuid'",
            "true,signinattempts,64,true",
        ),
        ("VaultscopeQuarantine | where bytes > 0 and isnotempty(reason) | summarize count() by feed", "auditevents,1"),
        ("VaultscopeGaps | where open | count", "0"),
        ("VaultscopePolls | where TimeGenerated > ago(1d) | count", "0"),
        ("VaultscopeHuntRuns | count", "0"),
    ] {
        let ran = home.run(["query", query, "--format", "csv"]).ended(0);
        assert_eq!(ran.out.lines().nth(1), Some(want), "{query}: {}", ran.out);
    }
    let asked = home.run([
        "query",
        "VaultscopeQueries | where text has 'VaultscopeGaps' | project engine, rows",
        "--format",
        "csv",
    ]);
    assert_eq!(asked.ended(0).out.lines().nth(1), Some("local,1"));
}
