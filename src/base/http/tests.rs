use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const CANARY: &str = "c4n4ry-t0ken";

fn client() -> HttpClient {
    HttpClient::new(&HttpOptions::default()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn answer(template: ResponseTemplate) -> Result<Answer, HttpError> {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/feed")).respond_with(template).mount(&server).await;
    let base = server.uri().parse().unwrap();
    client().post_json(&base, "/feed", &CANARY.into(), b"{}".to_vec()).await
}

#[tokio::test]
async fn the_bearer_and_the_body_arrive_as_they_were_given() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("authorization", format!("Bearer {CANARY}")))
        .and(header("content-type", "application/json"))
        .and(header("accept-encoding", "gzip"))
        .respond_with(ResponseTemplate::new(200).set_body_string("fine"))
        .mount(&server)
        .await;
    let base = server.uri().parse().unwrap();
    let answer = client().post_json(&base, "/x", &CANARY.into(), b"{}".to_vec()).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref(), answer.wire_bytes), (200, b"fine".as_slice(), 4));
}

#[tokio::test]
async fn a_packed_body_is_unpacked_and_both_sizes_are_known() {
    let body = vec![b'x'; 100_000];
    let packed = gzip(&body);
    let template = ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(packed.clone());
    let answer = answer(template).await.unwrap();
    assert_eq!(answer.body, body);
    assert_eq!(answer.wire_bytes, packed.len() as u64);
}

#[tokio::test]
async fn a_decompression_bomb_is_refused() {
    let template =
        ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(gzip(&vec![0; 8 << 20]));
    assert!(matches!(answer(template).await, Err(HttpError::Bomb { .. })));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let template = ResponseTemplate::new(200).set_body_bytes(vec![b' '; body::LIMIT + 1]);
    assert!(matches!(answer(template).await, Err(HttpError::TooLarge { .. })));
}

#[tokio::test]
async fn a_packed_body_that_breaks_off_is_no_answer() {
    let mut packed = gzip(&vec![b'x'; 10_000]);
    packed.truncate(packed.len() - 6);
    let template = ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(packed);
    assert!(matches!(answer(template).await, Err(HttpError::Cut { .. })));
    let template = ResponseTemplate::new(200).insert_header("content-encoding", "br").set_body_bytes("x");
    assert!(matches!(answer(template).await, Err(HttpError::Encoding { .. })));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = MockServer::start().await;
    let template = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    assert_eq!(answer(template).await.unwrap().status, 307);
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

/// A server that answers one connection with these bytes and hangs up.
fn raw_server(bytes: &'static [u8]) -> BaseUrl {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(bytes);
    });
    base
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_no_answer() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".as_slice(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"HTTP/1.1 200",
    ] {
        let error = client().get(&raw_server(bytes), "/", &CANARY.into()).await.unwrap_err();
        assert!(matches!(error, HttpError::Cut { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_or_trickles_ends_with_the_patience() {
    let short = Duration::from_millis(50);
    let day = Duration::from_secs(86_400);
    for patience in
        [Patience { connect: day, read: short, total: day }, Patience { connect: day, read: day, total: short }]
    {
        for begins in [b"".as_slice(), b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegins"] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
            // Held open until the client hangs up.
            std::thread::spawn(move || {
                let (mut socket, _) = listener.accept().unwrap();
                let _ = socket.read(&mut [0; 4096]);
                let _ = socket.write_all(begins);
                while socket.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
            });
            let client = HttpClient::with_patience(&HttpOptions::default(), patience).unwrap();
            let error = client.get(&base, "/", &CANARY.into()).await.unwrap_err();
            assert!(matches!(error, HttpError::Timeout { .. }), "{patience:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn no_error_shows_the_token_or_the_path() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base: BaseUrl = format!("http://{closed}").parse().unwrap();
    let error = client().get(&base, "/p4th", &CANARY.into()).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
    let said = format!("{error} {error:?} {:?}", client());
    assert!(!said.contains(CANARY) && !said.contains("p4th"), "{said}");
    assert!(said.contains("127.0.0.1"), "{said}");
    assert!(matches!(client().get(&base, "/", &"line\nbreak".into()).await, Err(HttpError::BadToken)));
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A TLS server on `localhost` whose certificate only the private authority vouches for; answers each connection once.
fn tls_server() -> BaseUrl {
    let chain = CertificateDer::pem_file_iter(fixture("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, mut tls) = (socket.unwrap(), rustls::ServerConnection::new(Arc::clone(&config)).unwrap());
            let mut stream = rustls::Stream::new(&mut tls, &mut socket);
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nsafe");
            }
        }
    });
    format!("https://localhost:{port}").parse().unwrap()
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_when_it_is_named() {
    let base = tls_server();
    let trusting = HttpClient::new(&HttpOptions { ca_file: Some(fixture("ca.pem")) }).unwrap();
    assert_eq!(trusting.get(&base, "/", &CANARY.into()).await.unwrap().body, "safe".as_bytes());
    assert_eq!(trusting.trust().ca_file, Some((fixture("ca.pem"), 1)));
    let error = client().get(&base, "/", &CANARY.into()).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("--ca-file"), "{error}");
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    for file in [fixture("README.md"), fixture("no-such-file")] {
        assert!(matches!(HttpClient::new(&HttpOptions { ca_file: Some(file) }), Err(HttpError::CaFile { .. })));
    }
}

/// A port of `::1` on which nobody answers: its queue of connections is full, so that a further one waits.
async fn black_hole(port: u16) -> (tokio::net::TcpListener, Vec<tokio::net::TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v6().unwrap();
    socket.bind(format!("[::1]:{port}").parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let (address, mut waiting) = (listener.local_addr().unwrap(), Vec::new());
    loop {
        match tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await {
            Ok(stream) => waiting.push(stream.unwrap()),
            Err(_) => return (listener, waiting),
        }
    }
}

#[tokio::test]
async fn a_host_whose_ipv6_address_swallows_everything_is_reached_by_ipv4_within_two_seconds() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string("here")).mount(&server).await;
    let port = server.address().port();
    let _hole = black_hole(port).await;
    let addresses = [format!("[::1]:{port}"), format!("127.0.0.1:{port}")].map(|address| address.parse().unwrap());
    // Patience for the whole of connecting is what may be lost.
    let patience = Patience { connect: Duration::from_secs(2), ..PATIENCE };
    let (tls, _) = trust::client_config(None).unwrap();
    let builder = base_builder(patience).tls_backend_preconfigured(tls).no_proxy();
    let client = builder.resolve_to_addrs("localhost", &addresses).build().unwrap();
    let client = HttpClient { direct: client, ..self::client() };
    let base = format!("http://localhost:{port}").parse().unwrap();
    assert_eq!(client.get(&base, "/", &CANARY.into()).await.unwrap().body, "here".as_bytes());
}
