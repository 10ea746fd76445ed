//! The embedded engine over a real store: the same answers from fresh pages and from sealed segments, row groups spared, odd events read right.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use vaultscope::base::time::{HOUR, Ticks};
use vaultscope::engine::format::{csv, json, kusto};
use vaultscope::engine::local::{Local, Options};
use vaultscope::engine::{Answer, QueryEngine as _, QueryError, Request};
use vaultscope::event::{Feed, Source};
use vaultscope::store::{Page, Reader, Writer};

fn now() -> Ticks {
    Ticks::parse_rfc3339("2026-03-10T00:00:00Z").unwrap()
}

/// Item usages, one a minute, by two people on three items; every tenth has an address that is no text.
fn usages(count: i64) -> Vec<Bytes> {
    (0..count)
        .map(|n| {
            let at = Ticks(now().0 - 20 * HOUR + n * HOUR / 60);
            let who = if n % 2 == 0 { "ada" } else { "bob" };
            let address = if n % 10 == 9 { "[1,2]".to_owned() } else { format!("\"192.0.2.{}\"", n % 4) };
            Bytes::from(format!(
                r#"{{"uuid":"U{n:025}","timestamp":"{at}","used_version":{n},"vault_uuid":"V1","item_uuid":"I{}","action":"reveal","user":{{"uuid":"{who}","email":"{who}@example.com"}},"client":{{"app_name":"1Password","ip_address":{address},"extra": {{"n": {n}}}}},"location":{{"country":"Canada","latitude":43.5}}}}"#,
                n % 3
            ))
        })
        .collect()
}

fn filled(dir: &Path, sealed: bool) -> Local {
    let writer = Writer::open(dir).unwrap();
    for part in usages(1_000).chunks(250) {
        let page = Page::new("ACCOUNT".into(), Feed::ItemUsages, Source::Live, now(), part.to_vec());
        writer.handle().commit(page).blocking_recv().unwrap().unwrap();
    }
    if sealed {
        writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    }
    drop(writer);
    Local::new(Reader::open(dir).unwrap(), Options::default())
}

fn run(engine: &Local, text: &str) -> Answer {
    engine.run(&Request::new(text, now())).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The rows as lines of JSON, sorted.
fn lines(answer: &Answer) -> Vec<String> {
    let mut out = Vec::new();
    json::write_lines(&mut out, answer).unwrap();
    let mut lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

const QUESTIONS: &[&str] = &[
    "OnePasswordEventLogs_CL | count",
    "OnePasswordEventLogs_CL | summarize n = count(), d = dcount(item_uuid) by tostring(user.email), bin(timestamp, 1h)",
    "OnePasswordEventLogs_CL | where tostring(client.ip_address) == '192.0.2.1' | summarize count() by item_uuid",
    "OnePasswordEventLogs_CL | summarize count() by tostring(client.ip_address)",
    "OnePasswordEventLogs_CL | where client.extra.n between (10 .. 12) | project uuid_s, client, n = toint(client.extra.n), location.latitude",
    "OnePasswordEvents | where raw has 'bob' and isempty(vault_name) or user_email startswith 'ADA' | project uuid, raw | take 2000",
    "OnePasswordEvents | where timestamp > ago(2h) | project uuid, arrived, feed, outcome, country, latitude",
    "OnePasswordEventLogs_CL | top 3 by timestamp asc | project uuid_s, used_version",
    "OnePasswordEvents | summarize addresses = dcount(client_ip) by country, outcome",
    "OnePasswordEvents | where raw contains 'REVEAL' and client_ip == '192.0.2.2' | project uuid, client_ip, user_email",
    "OnePasswordEvents | where user_email == 'bob@example.com' | top 5 by timestamp | project uuid, client_ip, raw",
    "OnePasswordEvents | where client_ip in ('[1,2]', '192.0.2.0') | project uuid, client_ip, n = tostring(parse_json(raw).client.extra.n)",
    "OnePasswordEventLogs_CL | where client.extra.n == 12 or item_uuid == 'I9' | project uuid_s",
    "OnePasswordEventLogs_CL | where user.email == 'ada@example.com' | join kind=inner (OnePasswordEventLogs_CL | where item_uuid == 'I0' | distinct vault_uuid) on vault_uuid | count",
];

#[test]
fn fresh_pages_and_segments_give_the_same_answers() {
    let (fresh, sealed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (fresh, sealed) = (filled(fresh.path(), false), filled(sealed.path(), true));
    for text in QUESTIONS {
        assert_eq!(lines(&run(&fresh, text)), lines(&run(&sealed, text)), "{text}");
    }
    assert!(run(&sealed, QUESTIONS[0]).statistics.row_groups_read > 0);
}

#[test]
fn what_is_spared_changes_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(dir.path(), true);
    let as_written = Options { unoptimised: true, ..Options::default() };
    let as_written = Local::new(Reader::open(dir.path()).unwrap(), as_written);
    for text in QUESTIONS {
        assert_eq!(lines(&run(&engine, text)), lines(&run(&as_written, text)), "{text}");
    }
}

#[test]
fn the_text_of_events_is_not_read_where_no_answer_depends_on_it() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let regular: Vec<Bytes> =
        usages(500).into_iter().enumerate().filter(|(n, _)| n % 10 != 9).map(|(_, e)| e).collect();
    let page = Page::new("ACCOUNT".into(), Feed::ItemUsages, Source::Live, now(), regular);
    writer.handle().commit(page).blocking_recv().unwrap().unwrap();
    writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    drop(writer);
    let engine = Local::new(Reader::open(dir.path()).unwrap(), Options::default());
    let bytes = |text: &str| run(&engine, text).statistics.bytes_read;
    // `client.ip` is stored nowhere but in the text, and looked at where the two addresses before it are empty.
    let view = bytes("OnePasswordEvents | summarize dcount(client_ip)");
    assert!(view > 0 && view * 2 < bytes("OnePasswordEvents | summarize dcount(raw)"));
}

#[test]
fn a_path_that_is_no_text_is_read_from_the_event() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(dir.path(), true);
    let counts: BTreeMap<String, u64> = lines(&run(&engine, QUESTIONS[3]))
        .iter()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            (row["client_ip_address"].as_str().unwrap().to_owned(), row["count_"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(counts.values().sum::<u64>(), 1_000);
    assert_eq!(counts["[1,2]"], 100);
}

#[test]
fn a_row_group_outside_the_time_asked_for_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(dir.path(), true);
    let answer = run(&engine, "OnePasswordEventLogs_CL | where timestamp > datetime(2027-01-01) | count");
    assert_eq!(lines(&answer), [r#"{"Count":0}"#]);
    assert_eq!((answer.statistics.row_groups_read, answer.statistics.row_groups_pruned), (0, 1));
    let answer = run(&engine, "OnePasswordEventLogs_CL | where uuid_s == 'not there' | count");
    assert_eq!(answer.statistics.row_groups_read, 0);
}

#[test]
fn more_rows_than_the_limit_are_cut_and_said() {
    let engine = Local::without_store(Options::default());
    let mut request = Request::new("range x from 1 to 1000 step 1", now());
    request.limits.rows = 10;
    let answer = engine.run(&request).unwrap();
    assert_eq!(answer.tables[0].rows(), 10);
    assert!(answer.tables[0].cut.as_ref().unwrap().contains("10 rows"));
}

#[test]
fn a_wrong_query_says_where_and_a_cancelled_one_stops() {
    let engine = Local::without_store(Options::default());
    let error = engine.run(&Request::new("print a | wher b", now())).unwrap_err();
    assert!(matches!(&error, QueryError::Invalid(all) if !all.is_empty()), "{error}");
    let request = Request::new("range x from 1 to 40000000 step 1 | summarize count() by x % 7", now());
    request.cancel.cancel();
    assert!(matches!(engine.run(&request), Err(QueryError::Cancelled)));
}

#[test]
fn formats_write_what_the_answer_holds() {
    let engine = Local::without_store(Options::default());
    let text = "print t = datetime(2026-01-02), s = '=1+1', d = dynamic({'a':[1]}), r = 1.5, n = long(null), x = 1h";
    let answer = run(&engine, text);
    let mut out = Vec::new();
    kusto::write(&mut out, &answer).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let row = &body["tables"][0]["rows"][0];
    assert_eq!(body["tables"][0]["name"], "PrimaryResult");
    assert_eq!(row[0], "2026-01-02T00:00:00.0000000Z");
    assert_eq!(
        (&row[2], &row[3], &row[4], &row[5]),
        (&"{\"a\":[1]}".into(), &1.5.into(), &serde_json::Value::Null, &"01:00:00".into())
    );
    let mut out = Vec::new();
    csv::write(&mut out, &answer).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("\"'=1+1\""));
}

#[test]
fn ingestion_time_is_the_arrival_of_the_row() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(dir.path(), true);
    let text = "OnePasswordEvents | where ingestion_time() > ago(3650d) | extend i = ingestion_time() | where i == arrived | count";
    assert_eq!(lines(&run(&engine, text)), [r#"{"Count":1000}"#]);
    assert_eq!(lines(&run(&engine, "print n = isnull(ingestion_time())")), [r#"{"n":true}"#]);
}
