//! Hostile pages over HTTP: what an event may hold is kept byte for byte, what is no event is set aside and counted, and the cursor goes on.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use vaultscope::event::Feed;
use vaultscope::store::Reader;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::cli::Home;
use crate::evidence::everything;

const PAGE: usize = 40;

/// One event of each feed, every field that a mutation may meet.
const BASES: [(Feed, &str); 3] = [
    (
        Feed::SignInAttempts,
        r#"{"uuid":"UUID","session_uuid":"S1","timestamp":"2026-01-01T10:00:00Z","country":"NL","category":"success","type":"credentials_ok","details":null,"target_user":{"uuid":"U1","name":"Ada","email":"ada@example.com"},"client":{"app_name":"Browser","platform_version":"1","os_name":"Linux","ip_address":"192.0.2.1"},"location":{"country":"NL","region":"NH","city":"Haarlem","latitude":52.3,"longitude":4.6}}"#,
    ),
    (
        Feed::ItemUsages,
        r#"{"uuid":"UUID","timestamp":"2026-01-01T10:00:00Z","used_version":3,"vault_uuid":"V1","item_uuid":"I1","action":"reveal","user":{"uuid":"U1","name":"Ada","email":"ada@example.com"},"client":{"app_name":"Desktop","ip_address":"192.0.2.1"},"location":{"country":"NL","latitude":52.3}}"#,
    ),
    (
        Feed::AuditEvents,
        r#"{"uuid":"UUID","timestamp":"2026-01-01T10:00:00Z","actor_uuid":"U1","actor_details":{"uuid":"U1","name":"Ada","email":"ada@example.com"},"action":"join","object_type":"gm","object_uuid":"G1","aux_id":9277034,"aux_uuid":"U2","aux_info":"A","session":{"uuid":"S1","login_time":"2026-01-01T09:00:00Z","device_uuid":"D1","ip":"192.0.2.1"},"location":{"country":"NL","latitude":52.3}}"#,
    ),
];

/// What stands in the place of a value.
fn replacements() -> Vec<String> {
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    [
        "null",
        "[]",
        "{}",
        "7",
        "-0.0",
        "1e400",
        "123456789012345678901234567890",
        "true",
        "\"\"",
        "\"text\"",
        "[null]",
        "{\"a\":{\"b\":[1]}}",
        "\"\\u0000\\u001b]0;x\\u0007\"",
        "\"\u{202e}txt.exe\"",
        "\"\\ud83d\\ude00\"",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([deep])
    .collect()
}

/// Drift: every field of every event gives way to every replacement, or goes, or comes twice. All of it is an event still.
fn drift(base: &str) -> Vec<Vec<u8>> {
    let fields: serde_json::Map<String, Value> = serde_json::from_str(base).unwrap();
    let mut all = Vec::new();
    for (key, value) in fields.iter().filter(|(key, _)| *key != "uuid") {
        let (quoted, value) = (format!("\"{key}\":"), value.to_string());
        let at = base.find(&quoted).unwrap() + quoted.len();
        let length = extent(&base[at..]);
        let with = |text: &str| format!("{}{text}{}", &base[..at], &base[at + length..]).into_bytes();
        all.extend(replacements().iter().map(|text| with(text)));
        all.push(base.replacen(&quoted, &format!("\"{key}_new\":"), 1).into_bytes());
        all.push(with(&format!("{value},{quoted}{value}")));
    }
    let add = |text: &str| base.replacen('{', &format!("{{{text},"), 1).into_bytes();
    all.push(add(r#""brand_new":{"nested":[1,2,{"x":null}]}"#));
    all.push(add(&format!(r#""long":"{}""#, "x".repeat(1_000_000))));
    all.push(base.replace(',', " ,\n\t").into_bytes());
    all
}

/// How long a JSON value is.
fn extent(text: &str) -> usize {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&serde_json::value::RawValue>();
    values.next().unwrap().unwrap();
    values.byte_offset()
}

/// What is no event.
fn unreadable(base: &str) -> Vec<Vec<u8>> {
    let add = |text: &str| base.replacen('{', &format!("{{{text},"), 1).into_bytes();
    let mut all = vec![
        add("\"n\":NaN"),
        add("\"n\":Infinity"),
        add("\"n\":.5"),
        add("\"n\":'x'"),
        add("\"n\":\"\\x\""),
        add("n:1"),
        add("\"uuid\":\"OTHER\""),
        add(&format!("\"deep\":{}{}", "[".repeat(70), "]".repeat(70))),
        add(&format!("\"large\":\"{}\"", "x".repeat(1 << 20))),
        base.replace("\"UUID\"", "null").into_bytes(),
        base.replace("\"UUID\"", "7").into_bytes(),
        base.replace("\"UUID\"", "\"\"").into_bytes(),
        base.replace("\"uuid\":\"UUID\",", "").into_bytes(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"17".to_vec(),
        b"\"text\"".to_vec(),
    ];
    let mut latin = add("\"n\":\"?\"");
    let at = latin.iter().position(|b| *b == b'?').unwrap();
    latin[at] = 0xff;
    all.push(latin);
    all.push([b"\xef\xbb\xbf", base.as_bytes()].concat());
    all
}

/// A feed as it is served: items and which of them are events.
struct Feeding {
    items: Vec<Vec<u8>>,
    good: usize,
}

fn feeding(feed: Feed, base: &str) -> Feeding {
    let (good, bad) = (drift(base), unreadable(base));
    let count = good.len();
    let mut items: Vec<Vec<u8>> = Vec::new();
    let mut bad = bad.into_iter();
    for (n, item) in good.into_iter().enumerate() {
        items.push(replace(&item, b"UUID", format!("{feed}-{n}").as_bytes()));
        if n % 3 == 0 {
            items.extend(bad.next());
        }
    }
    items.extend(bad);
    Feeding { items, good: count }
}

/// The first place of a text in bytes that may be no text.
fn replace(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let at = bytes.windows(what.len()).position(|window| window == what).unwrap();
    [&bytes[..at], with, &bytes[at + what.len()..]].concat()
}

fn page(feeding: &Feeding, request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let from: usize = body["cursor"].as_str().map_or(0, |at| at.parse().unwrap());
    let to = (from + PAGE).min(feeding.items.len());
    let mut page = format!("{{\"cursor\":\"{to}\",\"has_more\":{},\"items\":[", to < feeding.items.len()).into_bytes();
    page.extend(feeding.items[from..to].join(&b','));
    page.extend(b"]}");
    ResponseTemplate::new(200).set_body_bytes(page)
}

async fn introspection(server: &MockServer) {
    let identity = json!({"uuid": "I1", "account_uuid": "A1", "features": Feed::ALL.map(Feed::name)});
    let introspect = Mock::given(method("GET")).and(path("/api/v2/auth/introspect"));
    introspect.respond_with(ResponseTemplate::new(200).set_body_json(identity)).mount(server).await;
}

fn configure(home: &Home, server: &MockServer, more: &str) {
    home.configuration(&format!(
        "[[accounts]]\nname = \"acme\"\ntoken = \"env:TOKEN\"\nhost = \"{}\"\n{more}",
        server.uri()
    ));
}

fn collect(home: &Home) -> Command {
    let mut command = home.command();
    command.env("TOKEN", "t0ken").args(["collect", "--once", "--data-dir"]).arg(home.path("data"));
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_kept_byte_for_byte_what_is_no_event_is_set_aside_and_the_cursor_goes_on() {
    let (home, server) = (Home::new(), MockServer::start().await);
    introspection(&server).await;
    let mut served = BTreeMap::new();
    for (feed, base) in BASES {
        let feeding = Arc::new(feeding(feed, base));
        served.insert(feed, Arc::clone(&feeding));
        let events = Mock::given(method("POST")).and(path(format!("/api/v2/{feed}")));
        events.respond_with(move |request: &Request| page(&feeding, request)).mount(&server).await;
    }
    let mutations: usize = served.values().map(|feeding| feeding.good).sum();
    assert!(mutations >= 200, "{mutations}");
    configure(&home, &server, "");
    let mut command = collect(&home);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));

    let reader = Reader::open(&home.path("data")).unwrap();
    let mut held: Vec<Vec<u8>> = everything(&reader).into_values().map(String::into_bytes).collect();
    assert_eq!(held.len(), mutations);
    held.extend(reader.quarantined(1_000).unwrap().into_iter().map(|row| row.raw));
    let mut want: Vec<Vec<u8>> = served.values().flat_map(|feeding| feeding.items.clone()).collect();
    held.sort();
    want.sort();
    want.dedup();
    held.dedup();
    let shown = |items: &[Vec<u8>]| {
        items.iter().map(|i| String::from_utf8_lossy(&i[..i.len().min(120)]).into_owned()).collect::<Vec<_>>()
    };
    let missing: Vec<Vec<u8>> = want.iter().filter(|item| held.binary_search(item).is_err()).cloned().collect();
    assert!(missing.is_empty() && held == want, "missing: {:?}", shown(&missing));
    for (feed, feeding) in &served {
        let cursor = reader.cursor("A1", *feed, 2).unwrap().unwrap().cursor.unwrap();
        assert_eq!(cursor.expose(), feeding.items.len().to_string());
    }
    let query = "OnePasswordEventLogs_CL | summarize count(), dcount(uuid_s)";
    let answer =
        home.run(["query", query, "--format", "csv", "--data-dir", home.path("data").to_str().unwrap()]).ended(0);
    assert!(answer.out.contains(&mutations.to_string()), "{}", answer.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_item_in_a_thousand_costs_the_other_999_nothing() {
    let (home, server) = (Home::new(), MockServer::start().await);
    introspection(&server).await;
    let events = Mock::given(method("POST")).and(path("/api/v2/auditevents"));
    let items: Vec<String> =
        (0..1_000).map(|n| if n == 500 { "{\"uuid\":oops}".to_owned() } else { crate::evidence::item(n) }).collect();
    let page = format!("{{\"cursor\":\"c\",\"has_more\":false,\"items\":[{}]}}", items.join(","));
    events.respond_with(ResponseTemplate::new(200).set_body_string(page)).mount(&server).await;
    configure(&home, &server, "feeds = [\"auditevents\"]\n");
    let mut command = collect(&home);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let reader = Reader::open(&home.path("data")).unwrap();
    assert_eq!(everything(&reader).len(), 999);
    assert_eq!(reader.quarantined(10).unwrap().len(), 1);
    assert_eq!(reader.cursor("A1", Feed::AuditEvents, 2).unwrap().unwrap().cursor.unwrap().expose(), "c");
}

/// The most memory that a process had resident, in KiB, read until it ends.
fn peak(mut child: Child) -> u64 {
    let file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(Path::new(&file)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(peak);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut said = String::new();
    let _ = child.stderr.take().unwrap().read_to_string(&mut said);
    peak
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_and_a_page_of_100_mb_are_refused_in_little_memory_and_the_other_feeds_go_on() {
    /// What one feed answers with.
    #[derive(Clone, Copy, PartialEq)]
    enum Answer {
        Fine,
        Bomb,
        Huge,
    }
    let run = async |kind: Answer| {
        let (home, server) = (Home::new(), MockServer::start().await);
        introspection(&server).await;
        let fine = ResponseTemplate::new(200).set_body_string("{\"cursor\":\"c\",\"has_more\":false,\"items\":[]}");
        let met = Arc::new(AtomicUsize::new(0));
        let answer = if kind == Answer::Huge {
            // A page as documented, but for its size: the cap is 32 MiB.
            let blanks = " ".repeat(100_000_000);
            ResponseTemplate::new(200)
                .set_body_string(format!("{{\"cursor\":\"c\",\"has_more\":false,\"items\":[{blanks}]}}"))
        } else if kind == Answer::Bomb {
            // 130 KB that unpack to 128 MiB of blanks before a page.
            let mut packed = GzEncoder::new(Vec::new(), Compression::best());
            let blanks = vec![b' '; 1 << 20];
            for _ in 0..128 {
                packed.write_all(&blanks).unwrap();
            }
            packed.write_all(b"{\"cursor\":\"c\",\"has_more\":false,\"items\":[]}").unwrap();
            let packed = packed.finish().unwrap();
            ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(packed)
        } else {
            fine.clone()
        };
        let (seen, audit) = (Arc::clone(&met), Mock::given(method("POST")).and(path("/api/v2/auditevents")));
        let counted = move |_: &Request| {
            seen.fetch_add(1, Ordering::SeqCst);
            answer.clone()
        };
        audit.respond_with(counted).mount(&server).await;
        for feed in [Feed::ItemUsages, Feed::SignInAttempts] {
            let events = Mock::given(method("POST")).and(path(format!("/api/v2/{feed}")));
            events.respond_with(fine.clone()).mount(&server).await;
        }
        configure(&home, &server, "");
        let child = collect(&home).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let peak = tokio::task::spawn_blocking(move || peak(child)).await.unwrap();
        let reader = Reader::open(&home.path("data")).unwrap();
        let cursor = |feed| reader.cursor("A1", feed, 2).unwrap().and_then(|row| row.cursor);
        assert!(cursor(Feed::ItemUsages).is_some() && cursor(Feed::SignInAttempts).is_some());
        assert_eq!(cursor(Feed::AuditEvents).is_none(), kind != Answer::Fine);
        (peak, met.load(Ordering::SeqCst))
    };
    let ran = tokio::join!(run(Answer::Fine), run(Answer::Bomb), run(Answer::Huge));
    let ((usual, _), (with_bombs, bombs), (with_huge, huge)) = ran;
    assert!(usual > 0 && bombs >= 3, "{usual} KiB, {bombs} bombs");
    assert!(with_bombs <= usual + 40 * 1024, "{with_bombs} KiB with bombs, {usual} KiB without");
    // As much as the cap lets in, and while the buffer grows into it as much again.
    assert!(huge >= 3 && with_huge <= usual + 72 * 1024, "{with_huge} KiB with huge pages, {usual} KiB without");
}
