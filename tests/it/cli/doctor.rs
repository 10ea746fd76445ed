//! `doctor`: each finding with its fix.

use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Home, Ran};

#[test]
fn a_sound_place_without_accounts_has_nothing_wrong_and_gets_nothing_made() {
    let home = Home::new();
    // The system's certificates may be missing where this runs; these are enough.
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/ca.pem");
    let ran = home.run(["doctor", "--ca-file", ca]).ended(0);
    assert!(ran.out.contains("nothing is wrong") && ran.out.contains("vaultscope connect"), "{}", ran.out);
    assert_eq!(home.entries(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_is_wrong_is_found_with_its_fix() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let token = home.file("token", "eyJ.c4n4ry0c4n4ry0c4n4ry0.sig");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    home.configuration(&format!("[[accounts]]\nname = \"acme\"\ntoken = \"file:{}\"\n", token.display()));
    let data = home.path("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o777)).unwrap();
    let ran = home.run(["doctor".as_ref(), "--data-dir".as_ref(), data.as_os_str()]).ended(3);
    assert!(ran.out.contains("chmod go-w") && ran.out.contains("chmod 600"), "{}", ran.out);
    assert!(!ran.out.contains("c4n4ry") && !ran.err.contains("c4n4ry"));
}

#[test]
fn a_wrong_configuration_is_a_finding_and_the_rest_is_looked_at() {
    let home = Home::new();
    home.configuration("pol_interval = \"5m\"\n");
    let ran = home.run(["doctor"]).ended(3);
    assert!(ran.out.contains("did you mean `poll_interval`?") && ran.out.contains("SQLite"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connect_server_is_looked_at_like_an_account_and_each_thing_wrong_has_a_fix() {
    let (home, server) = (Home::new(), MockServer::start().await);
    let activity = Mock::given(method("GET")).and(path("/v1/activity"));
    let good = activity.and(header("authorization", "Bearer g00d"));
    good.respond_with(ResponseTemplate::new(200).set_body_string("[]")).with_priority(1).mount(&server).await;
    let elsewhere = Mock::given(method("GET")).and(header("authorization", "Bearer 3lse"));
    elsewhere.respond_with(ResponseTemplate::new(404)).with_priority(2).mount(&server).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(401)).with_priority(9).mount(&server).await;
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/ca.pem");
    let look = async |host: &str, token: &str, live: bool| {
        home.configuration(&format!(
            "ca_file = \"{ca}\"\n[[connect]]\nname = \"bridge\"\nhost = \"{host}\"\ntoken = \"env:BRIDGE\"\n"
        ));
        let mut command = home.command();
        command.arg("doctor");
        if live {
            command.arg("--live");
        }
        if !token.is_empty() {
            command.env("BRIDGE", token);
        }
        // Wrapped to the width of a terminal.
        let ran = Ran::of(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap());
        (ran.status, ran.out.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let server = server.uri();
    let (status, said) = look(&server, "g00d", false).await;
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("bridge (Connect): env:BRIDGE can be read") && said.contains("--live asks it"), "{said}");
    assert!(!said.contains("none is connected"), "{said}");
    let (status, said) = look(&server, "g00d", true).await;
    assert!(status == 0 && said.contains("the token may read its activity"), "{said}");
    for (host, token, wrong, fix) in [
        (server.as_str(), "w0rn", "the token is not accepted", "op connect token create"),
        (&server, "3lse", "status 404", "/v1/activity"),
        ("http://127.0.0.1:1", "g00d", "no connection to 127.0.0.1:1", "check that the Connect server runs"),
        (&server, "", "BRIDGE is not set", "put right what it says"),
        ("http://bridge.example.test:8080", "g00d", "only https is sent to bridge.example.test:8080", "https://"),
    ] {
        let (status, said) = look(host, token, true).await;
        assert_eq!(status, 3, "{host} {token}: {said}");
        assert!(said.contains(wrong) && said.contains(fix), "{host} {token}: {said}");
        assert!(token.is_empty() || !said.contains(token), "{said}");
    }
}
