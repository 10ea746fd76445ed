//! `connect` against a server on loopback.

use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Home, Ran};

const TOKEN: &str = "eyJ.c4n4ry0c4n4ry0c4n4ry0.sig";

/// A server that lets the token read two feeds, and one event in each.
async fn server() -> MockServer {
    let server = MockServer::start().await;
    let identity = r#"{"uuid":"INT","issued_at":"2026-01-01T00:00:00Z","features":["auditevents","signinattempts"],"account_uuid":"ACC"}"#;
    Mock::given(method("GET"))
        .and(path("/api/v2/auth/introspect"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(identity, "application/json"))
        .mount(&server)
        .await;
    for feed in ["auditevents", "signinattempts"] {
        let page = r#"{"cursor":"c1","has_more":false,"items":[{"uuid":"E","timestamp":"2026-01-01T00:00:00Z"}]}"#;
        Mock::given(method("POST"))
            .and(path(format!("/api/v2/{feed}")))
            .respond_with(ResponseTemplate::new(200).set_body_raw(page, "application/json"))
            .mount(&server)
            .await;
    }
    server
}

async fn connect(home: &Home, server: &MockServer, more: &[&str]) -> Ran {
    let mut command = home.command();
    command.env("TOKEN", TOKEN).args(["connect", "--token", "env:TOKEN", "--host", &server.uri()]).args(more);
    Ran::of(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

#[tokio::test]
async fn what_a_token_may_read_is_shown_and_the_configuration_written() {
    let (home, server) = (Home::new(), server().await);
    let shown = connect(&home, &server, &[]).await.ended(0);
    for says in ["ACC", "readable; 1 events", "not in the token's scope"] {
        assert!(shown.out.contains(says), "{}", shown.out);
    }
    assert!(!home.path(".config").exists());
    let written = connect(&home, &server, &["--name", "acme", "--write"]).await.ended(0);
    assert!(!written.out.contains("c4n4ry") && !written.err.contains("c4n4ry"));
    let text = std::fs::read_to_string(home.path(".config/vaultscope/config.toml")).unwrap();
    assert!(text.contains("name = \"acme\"") && text.contains("env:TOKEN") && !text.contains("c4n4ry"), "{text}");
    let twice = connect(&home, &server, &["--name", "acme", "--write"]).await.ended(2);
    assert!(twice.err.contains("two accounts are called `acme`"), "{}", twice.err);
}

#[tokio::test]
async fn a_refused_token_a_dead_host_and_a_token_on_the_command_line_are_told_apart() {
    let home = Home::new();
    let refusing = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401).set_body_raw(r#"{"status":401,"message":"no"}"#, "application/json"))
        .mount(&refusing)
        .await;
    let refused = connect(&home, &refusing, &[]).await.ended(1);
    assert!(refused.err.contains("the token is not accepted"), "{}", refused.err);
    let mut dead = home.command();
    dead.env("TOKEN", TOKEN).args(["connect", "--token", "env:TOKEN", "--host", "http://127.0.0.1:1"]);
    let dead = Ran::of(dead.output().unwrap()).ended(1);
    assert!(dead.err.contains("no connection to 127.0.0.1:1"), "{}", dead.err);
    let bare = home.run(["connect", "--token", TOKEN]).ended(2);
    assert!(bare.err.contains("file:PATH") && !bare.err.contains("c4n4ry"), "{}", bare.err);
    let unset = home.run(["connect", "--token", "env:TOKEN", "--host", "events.1password.eu"]).ended(1);
    assert!(unset.err.contains("TOKEN is not set"), "{}", unset.err);
}
