//! A token that only a tool hands out gives way to another while the collector runs.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::Home;

const OLD: &str = "eyJ.c4n4ry0old0c4n4ry0old0.sig";
const NEW: &str = "eyJ.c4n4ry0new0c4n4ry0new0.sig";

/// A service that takes one token at a time, and counts who asks with which.
struct Service {
    server: MockServer,
    good: Arc<Mutex<&'static str>>,
    refused: Arc<AtomicUsize>,
    pages_of_new: Arc<AtomicUsize>,
}

impl Service {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let good = Arc::new(Mutex::new(OLD));
        let (refused, pages_of_new): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
        let (takes, refuses, counts) = (Arc::clone(&good), Arc::clone(&refused), Arc::clone(&pages_of_new));
        let answer = move |request: &Request| {
            let sent = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
            if sent != format!("Bearer {}", takes.lock().unwrap()) {
                refuses.fetch_add(1, Ordering::SeqCst);
                return ResponseTemplate::new(401);
            }
            if request.method.as_str() == "GET" {
                let identity = json!({"uuid": "INT", "account_uuid": "A1", "features": ["auditevents"]});
                return ResponseTemplate::new(200).set_body_json(identity);
            }
            counts.fetch_add(usize::from(sent.ends_with(NEW)), Ordering::SeqCst);
            ResponseTemplate::new(200).set_body_json(json!({"cursor": "c", "has_more": false, "items": []}))
        };
        let answer = Arc::new(answer);
        for (verb, at) in [("GET", "/api/v2/auth/introspect"), ("POST", "/api/v2/auditevents")] {
            let answer = Arc::clone(&answer);
            let answer = move |request: &Request| answer(request);
            Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&server).await;
        }
        Self { server, good, refused, pages_of_new }
    }

    async fn pages(&self) -> usize {
        self.server.received_requests().await.unwrap().iter().filter(|r| r.method.as_str() == "POST").count()
    }
}

/// Ends with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until(mut is: impl AsyncFnMut() -> bool, what: &str) {
    for _ in 0..2_400 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

async fn rotates(tool: &str, reference: &str) {
    let (home, service) = (Home::new(), Service::start().await);
    let held = home.file("held", OLD);
    let fake = home.file(&format!("bin/{tool}"), &format!("#!/bin/sh\nexec cat '{}'\n", held.display()));
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    home.configuration(&format!(
        "poll_interval = \"1s\"\n[[accounts]]\nname = \"acme\"\ntoken = \"{reference}\"\nhost = \"{}\"\nfeeds = [\"auditevents\"]\n",
        service.server.uri()
    ));
    let mut command = home.command();
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", home.path("bin").display()));
    command.arg("collect").stdout(Stdio::null()).stderr(Stdio::null());
    let _running = Running(command.spawn().unwrap());
    until(async || service.pages().await >= 2, "pages with the first token").await;
    // Where a tool hands it out, a person may have to be asked: it is run again when the token is refused, and not before.
    std::fs::write(&held, NEW).unwrap();
    *service.good.lock().unwrap() = NEW;
    until(async || service.pages_of_new.load(Ordering::SeqCst) >= 2, "pages with the second token").await;
    // A page, why it was refused, and whose token it is: found out once.
    let refused = service.refused.load(Ordering::SeqCst);
    assert!((1..=3).contains(&refused), "{refused} requests with the token that was revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_behind_op_is_read_anew_when_it_is_refused_without_a_restart() {
    rotates("op", "op://Ops/events/token").await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_the_keyring_is_read_anew_when_it_is_refused_without_a_restart() {
    rotates("secret-tool", "keyring:acme").await;
}
