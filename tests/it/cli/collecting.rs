//! `collect`, `volume` and `tail` with accounts that are in trouble, rules of suppression, and proxies.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::{Home, Ran};

const TOKEN: &str = "eyJ.c4n4ry0c4n4ry0c4n4ry0.sig";

/// A server with ten audit events: even ones are views, odd ones grants.
async fn server(account: &str) -> MockServer {
    let server = MockServer::start().await;
    let identity = json!({"uuid": "INT", "features": ["auditevents"], "account_uuid": account});
    Mock::given(method("GET"))
        .and(path("/api/v2/auth/introspect"))
        .respond_with(ResponseTemplate::new(200).set_body_json(identity))
        .mount(&server)
        .await;
    let events: Vec<Value> = (0..10)
        .map(|n| {
            let at = chrono::Utc::now() - chrono::Duration::hours(n);
            json!({"uuid": format!("E{n}"), "timestamp": at.to_rfc3339(), "action": if n % 2 == 0 { "view" } else { "grant" }})
        })
        .collect();
    let page = move |request: &Request| {
        let resets = serde_json::from_slice::<Value>(&request.body).is_ok_and(|body| body.get("start_time").is_some());
        let items = if resets { events.clone() } else { Vec::new() };
        ResponseTemplate::new(200).set_body_json(json!({"cursor": "c1", "has_more": false, "items": items}))
    };
    Mock::given(method("POST")).and(path("/api/v2/auditevents")).respond_with(page).mount(&server).await;
    server
}

async fn run(home: &Home, args: &[&str]) -> Ran {
    let mut command = home.command();
    command.env("TOKEN", TOKEN).args(args);
    Ran::of(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

fn account(name: &str, token: &str, server: &MockServer) -> String {
    let host = server.uri();
    format!("[[accounts]]\nname = \"{name}\"\ntoken = \"{token}\"\nhost = \"{host}\"\nfeeds = [\"auditevents\"]\n")
}

#[tokio::test]
async fn an_account_without_its_token_is_told_of_and_the_others_are_collected() {
    let (home, server) = (Home::new(), server("A1").await);
    let text = format!("{}{}", account("labs", "env:NOT_SET", &server), account("acme", "env:TOKEN", &server));
    home.configuration(&text);
    let ran = run(&home, &["collect", "--once"]).await.ended(1);
    assert!(ran.out.contains("acme auditevents: 10 new"), "{}", ran.out);
    assert!(ran.err.contains("labs auditevents") && ran.err.contains("NOT_SET"), "{}", ran.err);
    assert!(!ran.err.contains("c4n4ry"));
    // All processes together have asked twice for it by now: whose token it is, and a page.
    let status = run(&home, &["store", "status", "--format", "json"]).await.ended(0);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let calls = status["calls"].as_array().unwrap();
    assert!(calls.iter().any(|calls| calls["account"] == "acme" && calls["hour"] == 2), "{calls:?}");
    run(&home, &["doctor", "--live"]).await;
    let text = run(&home, &["store", "status"]).await.ended(0).out;
    assert!(text.contains("acme: 4 of 300 this minute"), "{text}");
}

#[tokio::test]
async fn two_accounts_are_kept_apart_and_each_under_its_own_uuid() {
    let (home, one, two) = (Home::new(), server("A1").await, server("B2").await);
    home.configuration(&format!("{}{}", account("acme", "env:TOKEN", &one), account("labs", "env:TOKEN", &two)));
    run(&home, &["collect", "--once"]).await.ended(0);
    let counted =
        run(&home, &["query", "OnePasswordEvents | summarize n = count() by account_uuid", "--format", "csv"]);
    let counted = counted.await.ended(0).out;
    assert!(counted.contains("A1,10") && counted.contains("B2,10"), "{counted}");
    let pins = std::fs::read_to_string(home.path(".local/share/vaultscope/default/accounts.json")).unwrap();
    assert!(pins.contains("acme") && pins.contains("labs"), "{pins}");
}

#[tokio::test]
async fn rules_hide_from_the_tail_and_discard_from_the_store_and_are_counted() {
    let (home, server) = (Home::new(), server("A1").await);
    let rules = "[[suppress]]\nname = \"views\"\nwhere = 'action == \"view\"'\naction = \"hide\"\n\
                 [[suppress]]\nname = \"old\"\nwhere = 'timestamp < ago(4h)'\ndiscard = true\n";
    home.configuration(&format!("{}{rules}", account("acme", "env:TOKEN", &server)));
    let ran = run(&home, &["collect", "--once"]).await.ended(0);
    assert!(ran.out.contains("7 new") && ran.out.contains("3 discarded by rules"), "{}", ran.out);
    let status = run(&home, &["store", "status", "--format", "json"]).await.ended(0);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let done: Vec<_> = (status["suppressed"].as_array().unwrap().iter())
        .map(|rule| (rule["rule"].as_str().unwrap().to_owned(), rule["events"].as_u64().unwrap()))
        .collect();
    assert!(done.contains(&("views".to_owned(), 5)) && done.contains(&("old".to_owned(), 3)), "{done:?}");
    assert_eq!(status["events"], 7);
    let own = run(&home, &["query", "VaultscopeSuppressed | summarize sum(events) by action", "--format", "csv"]).await;
    assert!(own.ended(0).out.contains("discard,3"));
    let volume = run(&home, &["volume", "--format", "json"]).await.ended(0);
    let volume: Value = serde_json::from_str(&volume.out).unwrap();
    assert_eq!((&volume["discarded"][0]["name"], &volume["discarded"][0]["events"]), (&json!("old"), &json!(3)));
    assert_eq!(volume["all"]["events"], 7);
    let tail = |more: &'static [&'static str]| {
        let args: Vec<&str> = ["tail", "-n", "100", "--count", "7"].iter().chain(more).copied().collect();
        let mut command = home.command();
        // Whoever collects beside it is not wanted here.
        command.args(&args);
        async move { Ran::of(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()) }
    };
    let hidden = tail(&[]).await.ended(0);
    assert_eq!(hidden.out.lines().count(), 2, "{}", hidden.out);
    assert!(hidden.err.contains("5 events were hidden"), "{}", hidden.err);
    assert_eq!(tail(&["--all"]).await.ended(0).out.lines().count(), 7);
}

#[tokio::test]
async fn a_rule_that_does_not_bind_is_a_mistake_in_the_configuration_with_its_place() {
    let (home, server) = (Home::new(), server("A1").await);
    let rule = "[[suppress]]\nname = \"views\"\nwhere = 'actoin == \"view\"'\naction = \"hide\"\n";
    home.configuration(&format!("{}{rule}", account("acme", "env:TOKEN", &server)));
    for args in [&["collect", "--once"][..], &["tail"], &["volume"]] {
        let ran = run(&home, args).await;
        if args == ["volume"] {
            continue;
        }
        let err = ran.ended(2).err;
        assert!(err.contains("config.toml:8:10") && err.contains("views") && err.contains("^^^^^^"), "{err}");
    }
    let doctor = run(&home, &["doctor"]).await.ended(3);
    assert!(doctor.out.contains("suppression"), "{}", doctor.out);
}

#[tokio::test]
async fn volume_tells_where_events_come_from_what_rules_cover_and_what_they_cost() {
    let (home, server) = (Home::new(), server("A1").await);
    home.configuration(&account("acme", "env:TOKEN", &server));
    run(&home, &["collect", "--once"]).await.ended(0);
    let price = ["--price-per-gb", "4.30", "--currency", "EUR"];
    let args = ["volume", "--rule", "action == \"view\"", "--by", "action", "--format", "json"];
    let all: Vec<&str> = args.iter().chain(&price).copied().collect();
    let found: Value = serde_json::from_str(&run(&home, &all).await.ended(0).out).unwrap();
    assert_eq!((&found["all"]["events"], &found["rules"][0]["events"]), (&json!(10), &json!(5)), "{found}");
    let (rows, cost) =
        (found["all"]["sentinel_bytes_a_day"].as_f64().unwrap(), found["all"]["cost_a_month"].as_f64().unwrap());
    assert!((cost - rows / 1e9 * 4.30 * 30.4).abs() < cost / 1e6 && cost > 0.0, "{found}");
    let table = run(&home, &["volume", "--top", "1", "--price-per-gb", "4"]).await.ended(0).out;
    let lines: Vec<String> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let begins = |text: &str| lines.iter().any(|line| line.starts_with(text));
    assert!(table.contains("USD A MONTH") && begins("all events 10 10 ") && begins("1 others 5 "), "{table}");
    let csv = run(&home, &["volume", "--format", "csv"]).await.ended(0).out;
    assert!(csv.starts_with("by,name,events,bytes,") && csv.contains("\nfeed,auditevents,10,"), "{csv}");
    let wrong = run(&home, &["volume", "--rule", "actoin == 1"]).await.ended(2);
    assert!(wrong.err.contains("--rule 1") && wrong.err.contains("^^^^^^"), "{}", wrong.err);
    run(&home, &["volume", "--price-per-gb", "cheap"]).await.ended(2);
}

#[test]
fn names_that_the_analyst_brought_are_known_to_the_predicate_of_a_tail() {
    let home = Home::new();
    let usage = |n: u8, vault: &str| {
        format!(
            r#"{{"uuid":"U{n}","timestamp":"2026-03-01T08:00:0{n}Z","action":"reveal","vault_uuid":"{vault}","item_uuid":"I{n}"}}"#
        )
    };
    let (payroll, other) = ("jaqxqf5qylslqiitnduawrndc5", "kbrxrg6rzmtmrjjuoevbxsoed6");
    let lines = [usage(1, payroll), usage(2, other), usage(3, payroll)].join("\n");
    home.run_with(["import", "-"], &lines).ended(0);
    home.run_with(["names", "import", "--kind", "vault", "-"], &format!(r#"[{{"id":"{payroll}","name":"Payroll"}}]"#))
        .ended(0);
    for (predicate, want) in
        [("vault_name == 'Payroll'", 2), ("isempty(vault_name)", 1), ("vault_name == 'No such'", 0)]
    {
        let ran = home.run(["tail", "-n", "9", "--count", "3", "--format", "ndjson", "--where", predicate]).ended(0);
        assert_eq!(ran.out.lines().count(), want, "{predicate}: {}", ran.out);
    }
}

/// A proxy that notes the head of the one request it gets, and lets nothing through.
fn proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heads, head) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, mut bytes) = (socket.unwrap(), [0; 4096]);
            let read = socket.read(&mut bytes).unwrap_or(0);
            let _ = heads.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let _ = socket.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (address, head)
}

#[test]
fn proxies_of_the_environment_are_asked_with_their_password_and_never_told_the_token() {
    let home = Home::new();
    let asked = |variables: &[(&str, String)]| {
        let mut command = home.command();
        command.args(["connect", "--token", "env:TOKEN", "--host", "https://events.example.test"]).env("TOKEN", TOKEN);
        let ran = Ran::of(command.envs(variables.iter().cloned()).output().unwrap()).ended(1);
        assert!(!ran.err.contains("s3cret") && !ran.err.contains("c4n4ry"), "{}", ran.err);
    };
    for name in ["HTTPS_PROXY", "ALL_PROXY"] {
        let (address, heads) = proxy();
        asked(&[(name, format!("http://user:s3cret@{address}"))]);
        let head = heads.try_recv().unwrap().to_lowercase();
        assert!(head.starts_with("connect events.example.test:443 "), "{name}: {head}");
        assert!(head.contains("proxy-authorization: basic dxnlcjpzm2nyzxq="), "{name}: {head}");
        assert!(!head.contains("c4n4ry"), "{name}: {head}");
        for spared in ["events.example.test", ".example.test", "*"] {
            let (address, heads) = proxy();
            asked(&[(name, format!("http://{address}")), ("NO_PROXY", spared.to_owned())]);
            assert!(heads.try_recv().is_err(), "{name} with NO_PROXY={spared}");
        }
    }
}
