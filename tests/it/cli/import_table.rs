//! `import --table`, and queries over what it stored.

use std::fmt::Write as _;

use super::Home;

#[test]
fn an_imported_table_is_queried_beside_an_empty_store() {
    let home = Home::new();
    let mut lines = String::new();
    for n in 0..70_000 {
        let (day, who) = (1 + n / 10_000, n % 7);
        let _ = writeln!(
            lines,
            r#"{{"TimeGenerated":"2026-03-{day:02}T00:00:00Z","n":{n},"who":{{"name":"user {who}"}}}}"#
        );
    }
    home.file("rows.ndjson", &lines);
    let out = home.run(["import", "--table", "Rows", "rows.ndjson"]).ended(0).out;
    assert_eq!(out, "Rows: 70000 rows, 3 columns\n");
    let out = home
        .run([
            "query",
            "--format",
            "csv",
            "Rows | where who.name == 'user 3' | summarize count(), max(n), min(TimeGenerated)",
        ])
        .ended(0)
        .out;
    assert_eq!(out.lines().nth(1).unwrap(), "10000,69996,2026-03-01T00:00:00.0000000Z");
    let out = home
        .run([
            "query",
            "--format",
            "csv",
            "Rows | where TimeGenerated >= datetime(2026-03-06) | where n % 2 == 0 | count",
        ])
        .ended(0)
        .out;
    assert_eq!(out.lines().nth(1).unwrap(), "10000");
    let out =
        home.run(["query", "--format", "csv", "Rows | summarize count() by isnotnull(ingestion_time())"]).ended(0).out;
    assert_eq!(out.lines().nth(1).unwrap(), "true,70000");
    let out = home.run(["store", "status"]).ended(0).out;
    assert!(out.contains("Rows") && out.contains("70000"), "{out}");
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
    let csv = |query: &str| home.run(["query", "--format", "csv", query]).ended(0).out.replace("\r\n", "\n");
    assert_eq!(csv("print a = 'v2' | where a in (Vaults) | extend b = Twice(4, more = 1)"), "a,b\nv2,9\n");
    assert_eq!(csv("_GetWatchlist('PV1PW') | where Owner == 'ann' | project SearchKey"), "SearchKey\nv1\n");
    assert_eq!(csv("_GetWatchlistAlias"), "WatchlistAlias\nPV1PW\n");
    let ran = home.run(["query", "--format", "csv", "print Twice(toscalar(_GetWatchlist('none') | count))"]).ended(0);
    assert_eq!(ran.out.lines().nth(1), Some("0"));
    assert!(ran.err.contains("KQL148") && ran.err.contains("none.csv"), "{}", ran.err);
    let ran = home.run(["query", "print Broken(1)"]).ended(1);
    assert!(ran.err.contains("functions/Broken.kql:2:7"), "{}", ran.err);
}

const ROWS: &str = r#"{"tables":[{"name":"PrimaryResult",
"columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"timestamp","type":"datetime"},{"name":"uuid_s","type":"string"},{"name":"action","type":"string"},{"name":"object_type","type":"string"},{"name":"object_uuid","type":"string"},{"name":"aux_id","type":"int"},{"name":"aux_uuid","type":"string"},{"name":"aux_details","type":"dynamic"},{"name":"actor_uuid","type":"string"},{"name":"actor_details","type":"dynamic"},{"name":"session","type":"dynamic"},{"name":"category","type":"string"},{"name":"action_type","type":"string"},{"name":"target_user","type":"dynamic"},{"name":"client","type":"dynamic"},{"name":"log_source","type":"string"},{"name":"TenantId","type":"string"}],
"rows":[
["2026-03-02T10:00:00Z","2026-03-01T08:00:00Z","A1","grant","uva","v1",7,"U2","{\"uuid\":\"U2\",\"email\":\"bob@example.com\"}","U1","{\"uuid\":\"U1\",\"email\":\"ann@example.com\"}","{\"uuid\":\"S\",\"ip\":\"192.0.2.11\"}","","",null,null,"itemusages","t"],
["2026-03-02T10:00:01Z","2026-03-01T09:00:00Z","A2","join","gm","g1",8,"U2","{\"uuid\":\"U2\",\"email\":\"bob@example.com\"}","U1","{\"uuid\":\"U1\",\"email\":\"ann@example.com\"}","{\"uuid\":\"S\",\"ip\":\"192.0.2.11\"}","","",null,null,"itemusages","t"],
["2026-03-02T10:00:02Z","2026-03-01T10:00:00Z","S1","","","",null,"",null,"",null,null,"success","credentials_ok","{\"uuid\":\"U2\",\"email\":\"bob@example.com\"}","{\"app_name\":\"1Password for Mac\",\"ip_address\":\"198.51.100.9\"}","signinattempts","t"],
["2026-03-02T10:00:03Z","2026-03-01T11:00:00Z","S2","","","",null,"",null,"",null,null,"credentials_failed","password_secret_bad","{\"uuid\":\"U2\",\"email\":\"bob@example.com\"}","{\"ip_address\":\"198.51.100.9\"}","signinattempts","t"],
["2026-03-02T10:00:04Z","2026-03-01T11:00:00Z","","","","",null,"",null,"",null,null,"","",null,null,"healthevents","t"]]}]}"#;

/// A home with the rows above as evidence.
fn workspace_rows() -> Home {
    let home = Home::new();
    home.file("rows.json", ROWS);
    let ran = home.run(["import", "--table", "OnePasswordEventLogs_CL", "rows.json"]).ended(1);
    assert!(ran.out.contains("4 rows, 4 stored"), "{}", ran.out);
    assert!(ran.err.contains("rows.json:8") && ran.err.contains("feed"), "{}", ran.err);
    home
}

fn answer(home: &Home, query: &str) -> String {
    let ran = home.run(["query", "--format", "csv", query]).ended(0);
    ran.out.lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[test]
fn rows_of_sentinels_table_are_events_of_the_feed_that_their_shape_tells() {
    let home = workspace_rows();
    let again = home.run(["import", "--table", "OnePasswordEventLogs_CL", "rows.json"]).ended(1);
    assert!(again.out.contains("0 stored, 4 there already"), "{}", again.out);
    let feeds = "OnePasswordEventLogs_CL | summarize n = count() by log_source | sort by log_source asc";
    assert_eq!(answer(&home, feeds), "auditevents,2\nsigninattempts,2");
    let times = "OnePasswordEventLogs_CL | where uuid_s == 'A1' | project TimeGenerated, timestamp, ingestion_time(), aux_id, tostring(session.ip)";
    assert_eq!(
        answer(&home, times),
        "2026-03-02T10:00:00.0000000Z,2026-03-01T08:00:00.0000000Z,2026-03-02T10:00:00.0000000Z,7,192.0.2.11"
    );
}

#[test]
fn asim_views_take_their_parameters() {
    let home = workspace_rows();
    for name in ["_Im_Authentication", "imAuthentication"] {
        let failed = format!("{name}(eventresult = 'Failure') | project TargetUsername, SrcIpAddr, EventResultDetails");
        assert_eq!(answer(&home, &failed), "bob@example.com,198.51.100.9,Incorrect password");
    }
    let cases = [
        ("_Im_Authentication | count", "2"),
        ("_ASim_Authentication() | count", "2"),
        ("_Im_Authentication(starttime = datetime(2026-03-02T10:00:03Z), endtime = datetime(2026-03-03)) | count", "1"),
        ("_Im_Authentication(username_has_any = dynamic(['ann', 'bob'])) | count", "2"),
        ("_Im_Authentication(srcipaddr_has_any_prefix = dynamic(['198.51.'])) | count", "2"),
        ("_Im_Authentication(srcipaddr_has_any_prefix = dynamic(['10.'])) | count", "0"),
        ("_Im_Authentication(eventtype_in = dynamic(['Logoff'])) | count", "0"),
        ("_Im_Authentication(disabled = true) | count", "0"),
        ("_Im_Authentication(pack = true) | where isnotempty(AdditionalFields.client) | count", "2"),
        (
            "_Im_AuditEvent(operation_has_any = dynamic(['grant'])) | project Object, ObjectType, User",
            "v1,Cloud Resource,ann@example.com",
        ),
        ("_Im_AuditEvent(actorusername_has_any = dynamic(['ann'])) | count", "2"),
        ("_Im_AuditEvent(object_has_any = dynamic(['v1']), eventtype_in = dynamic(['create'])) | count", "1"),
        (
            "_Im_UserManagement(targetusername_has_any = dynamic(['bob'])) | project EventType, GroupId, ActorUsername",
            "UserAddedToGroup,g1,ann@example.com",
        ),
    ];
    for (query, want) in cases {
        assert_eq!(answer(&home, query), want, "{query}");
    }
}

#[test]
fn other_workspaces_and_clusters_mean_the_tables_here() {
    let home = workspace_rows();
    for of in ["workspace('w').", "database('d').", "cluster('c').database('d').", ""] {
        assert_eq!(answer(&home, &format!("{of}OnePasswordEventLogs_CL | count")), "4", "{of}");
        assert_eq!(answer(&home, &format!("{of}table('OnePasswordEventLogs_CL') | count")), "4", "{of}");
    }
    let ran = home.run(["query", "arg('').Resources | take 1"]).ended(1);
    assert!(ran.err.contains("Azure Resource Graph"), "{}", ran.err);
}

#[test]
fn external_data_is_read_where_it_is_allowed_and_hidden_addresses_stay_hidden() {
    let home = workspace_rows();
    let data = ".local/share/vaultscope/default";
    home.file(&format!("{data}/f.csv"), "name,n\n\"a, b\",3\nc,x\nd\n");
    home.file(&format!("{data}/f.json"), "[{\"n\": 1, \"v\": {\"x\": [1]}},\n {\"v\": \"s\"}]");
    home.file("outside.csv", "1\n");
    let csv = "externaldata (name: string, n: long) ['f.csv'] with (format = 'csv', ignoreFirstRecord = true)";
    assert_eq!(answer(&home, &format!("{csv} | extend gone = isnull(n)")), "\"a, b\",3,false\nc,,true\nd,,true");
    let json =
        "external_data (v: dynamic, n: long) [h@'f.json'] with (format = 'multijson') | project n, tostring(v.x)";
    assert_eq!(answer(&home, json), "1,[1]\n,");
    assert_eq!(answer(&home, "externaldata (line: string) [@'f.csv'] with (format = 'txt') | count"), "4");
    let outside = home.path("outside.csv");
    let query = format!("externaldata (n: long) ['{}']", outside.display());
    let refused = home.run(["query", &query]).ended(1);
    assert!(refused.err.contains("[external_data] folders"), "{}", refused.err);
    let closed = home.run(["query", "externaldata (n: long) [h@'https://example.com/SECRET?sig=SECRET']"]).ended(1);
    assert!(closed.err.contains("[external_data] hosts") && closed.err.contains("a hidden address"), "{}", closed.err);
    let explained =
        home.run(["query", "--explain", "externaldata (n: long) [h@'https://example.com/SECRET']"]).ended(1);
    assert!(!explained.out.contains("SECRET") && !explained.err.contains("SECRET"), "{}", explained.out);
    home.configuration(&format!("[external_data]\nfolders = ['{}']\n", home.path("").display()));
    assert_eq!(answer(&home, &query), "1");
}

#[test]
fn places_of_addresses_come_from_the_file_that_the_configuration_names() {
    let home = Home::new();
    let query = "print p = geo_info_from_ip_address('192.0.2.200'), q = geo_info_from_ip_address('8.8.8.8') | project p, c = tostring(p.country), gone = isnull(q)";
    let ran = home.run(["query", "--format", "csv", query]).ended(0);
    assert_eq!(ran.out.lines().nth(1), Some(",,true"));
    assert!(ran.err.contains("geography ="), "{}", ran.err);
    let file = home.configuration("geography = 'geo.csv'\n");
    std::fs::write(
        file.with_file_name("geo.csv"),
        "network,country,state,city,latitude,longitude\n192.0.2.0/24,Canada,Ontario,Toronto,43.6532,-79.3832\n",
    )
    .unwrap();
    let place = r#"{""country"":""Canada"",""state"":""Ontario"",""city"":""Toronto"",""latitude"":43.6532,""longitude"":-79.3832}"#;
    assert_eq!(answer(&home, query), format!("\"{place}\",Canada,true"));
    home.configuration("geography = 'none.csv'\n");
    let ran = home.run(["query", query]).ended(1);
    assert!(ran.err.contains("none.csv"), "{}", ran.err);
}
