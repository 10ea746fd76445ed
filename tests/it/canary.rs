//! A token that is like no other goes through everything the program does, and is found nowhere afterwards.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use vaultscope::event::Feed;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::cli::Home;

/// Opaque, and a JWT: both kinds that the service has issued.
const TOKENS: [&str; 2] =
    ["ops0c4n4ryS33kM3Ev3rywh3r3AndF1ndN0th1ng0", "eyJhbGciOiJFUzI1NiJ9.c4n4ryS33kM3Ev3rywh3r3.AndF1ndN0th1ng0"];
/// Of both tokens, and of what a part of one would show.
const NEEDLES: [&[u8]; 2] = [b"c4n4ry", b"C4N4RY"];

fn finds(bytes: &[u8]) -> bool {
    NEEDLES.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == *needle))
}

/// A service in good health, or one that says the token back with an error.
async fn service(echo: Option<(u16, &str)>) -> MockServer {
    let server = MockServer::start().await;
    let identity = r#"{"uuid":"INT","issued_at":"2026-01-01T00:00:00Z","features":["auditevents","signinattempts","itemusages"],"account_uuid":"ACC"}"#;
    let fine = ResponseTemplate::new(200).set_body_raw(identity, "application/json");
    let introspect = Mock::given(method("GET")).and(path("/api/v2/auth/introspect"));
    match echo {
        Some((status, token)) => {
            let said = format!("{{\"status\":{status},\"message\":\"bad token Bearer {token} ({token})\"}}");
            let answer = ResponseTemplate::new(status).set_body_raw(said, "application/json");
            if status == 401 {
                introspect.respond_with(answer.clone()).mount(&server).await;
            } else {
                introspect.respond_with(fine).mount(&server).await;
            }
            Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        }
        None => {
            introspect.respond_with(fine).mount(&server).await;
            for feed in Feed::ALL {
                let page = format!(
                    "{{\"cursor\":\"c1\",\"has_more\":false,\"items\":[{{\"uuid\":\"E-{feed}\",\"timestamp\":\"2026-01-01T00:00:00Z\"}}]}}"
                );
                let events = Mock::given(method("POST")).and(path(format!("/api/v2/{feed}")));
                events
                    .respond_with(ResponseTemplate::new(200).set_body_raw(page, "application/json"))
                    .mount(&server)
                    .await;
            }
        }
    }
    server
}

/// Runs it to its end and looks at its streams, and at its arguments while it runs.
fn clean(what: &str, mut command: Command) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
    assert!(!finds(&arguments), "{what}: the arguments hold the token");
    let ran = child.wait_with_output().unwrap();
    for (name, stream) in [("output", &ran.stdout), ("errors", &ran.stderr)] {
        assert!(!finds(stream), "{what}: its {name} hold the token: {}", String::from_utf8_lossy(stream));
    }
}

/// The console on a screen of its own for a while: everything it wrote.
fn console(home: &Home, token: &str) -> Vec<u8> {
    let pair = native_pty_system().openpty(PtySize { rows: 40, cols: 160, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_vaultscope"));
    command.env_clear();
    for (name, value) in [("TERM", "xterm-256color"), ("HOME", home.path("").to_str().unwrap()), ("TOKEN", token)] {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    let output = crate::console::output_of(&*pair.master);
    let (start, mut all) = (Instant::now(), Vec::new());
    // Until it has drawn and polled; how much of that it manages decides nothing.
    while start.elapsed() < Duration::from_secs(3) {
        all.extend(output.recv_timeout(Duration::from_millis(100)).unwrap_or_default());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!all.is_empty(), "the console drew nothing");
    all
}

fn everything_with(token: &'static str, home: &Home, fine: &str, refusing: &str, failing: &str) {
    let temporary = home.path("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let command = |args: &[&str]| {
        let mut command = home.command();
        command.env("TOKEN", token).env("TMPDIR", &temporary).env("VAULTSCOPE_LOG", "trace").args(args);
        command
    };
    let account = |url: &str| {
        home.configuration(&format!("[[accounts]]\nname = \"acme\"\ntoken = \"env:TOKEN\"\nhost = \"{url}\"\n"));
    };
    clean("connect", command(&["connect", "--token", "env:TOKEN", "--host", fine, "--name", "acme", "--write"]));
    clean("connect, refused", command(&["connect", "--token", "env:TOKEN", "--host", refusing]));
    for url in [fine, refusing, failing] {
        account(url);
        clean("doctor", command(&["doctor", "--live"]));
        clean("collect", command(&["collect", "--once"]));
    }
    account(fine);
    let mut crash = command(&["collect", "--once"]);
    crash.env("VAULTSCOPE_FAILPOINTS", "commit.begin=panic@1;fetch.received=panic@2");
    clean("a crash", crash);
    let file =
        home.file("more.ndjson", "{\"uuid\":\"I1\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"action\":\"export\"}\n");
    clean("import", command(&["import", "--feed", "auditevents", file.to_str().unwrap()]));
    for query in ["OnePasswordEventLogs_CL | count", "VaultscopePolls", "this is no query"] {
        clean("query", command(&["query", query]));
    }
    clean("status", command(&["store", "status"]));
    clean("verify", command(&["store", "verify"]));
    clean("export", command(&["store", "export", home.path("exported").to_str().unwrap()]));
    for url in [fine, failing] {
        account(url);
        assert!(!finds(&console(home, token)), "the console shows the token");
    }
    for file in home.entries().into_iter().filter(|path| path.is_file()) {
        assert!(!finds(&std::fs::read(&file).unwrap()), "{} holds the token", file.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_in_no_file_no_output_no_argument_and_on_no_screen() {
    for token in TOKENS {
        let fine = service(None).await;
        let (refusing, failing) = (service(Some((401, token))).await, service(Some((500, token))).await);
        let (a, b, c) = (fine.uri(), refusing.uri(), failing.uri());
        let home = Home::new();
        tokio::task::spawn_blocking(move || everything_with(token, &home, &a, &b, &c)).await.unwrap();
        assert!(
            fine.received_requests()
                .await
                .unwrap()
                .iter()
                .any(|r| r.headers["authorization"].to_str().unwrap().contains(token))
        );
    }
}
