//! A SOCKS5 proxy between the program and a service that only it can reach, over TLS from end to end.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Home, Ran};

const TOKEN: &str = "eyJ.c4n4ry0c4n4ry0c4n4ry0.sig";

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// The service at `https://events.example.test`, wherever that is: it knows one account and two events. Answers its port.
fn service() -> u16 {
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
            let mut head = [0; 8_192];
            let read = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let body = if !head.contains(TOKEN) {
                continue;
            } else if head.starts_with("GET /api/v2/auth/introspect") {
                r#"{"uuid":"INT","account_uuid":"A1","features":["auditevents"]}"#
            } else {
                r#"{"cursor":"c1","has_more":false,"items":[{"uuid":"E1"},{"uuid":"E2"}]}"#
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
            stream.conn.send_close_notify();
            let _ = stream.conn.complete_io(&mut stream.sock);
        }
    });
    port
}

/// What a proxy was told: who asks, for where, and everything that then went through it.
#[derive(Debug, Default)]
struct Told {
    login: Option<(String, String)>,
    targets: Vec<String>,
    sent: Vec<u8>,
}

/// A SOCKS5 proxy (RFC 1928, 1929) that lets in who says a name and a password, and takes every target to one port of this machine.
fn socks(to: u16) -> (String, Arc<Mutex<Told>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = Arc::new(Mutex::new(Told::default()));
    let of_all = Arc::clone(&told);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, told) = (socket.unwrap(), Arc::clone(&of_all));
            std::thread::spawn(move || serve(socket, to, &told));
        }
    });
    (address, told)
}

fn exactly(socket: &mut TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    socket.read_exact(&mut bytes).map(|()| bytes)
}

/// A length in one byte, then a text.
fn text(socket: &mut TcpStream) -> io::Result<String> {
    let length = exactly(socket, 1)?[0];
    Ok(String::from_utf8_lossy(&exactly(socket, length.into())?).into_owned())
}

fn serve(mut socket: TcpStream, to: u16, told: &Mutex<Told>) -> io::Result<()> {
    let methods = exactly(&mut socket, 2)?[1];
    exactly(&mut socket, methods.into())?;
    // Name and password, whatever else was offered.
    socket.write_all(&[5, 2])?;
    exactly(&mut socket, 1)?;
    let login = (text(&mut socket)?, text(&mut socket)?);
    told.lock().unwrap().login = Some(login);
    socket.write_all(&[1, 0])?;
    let request = exactly(&mut socket, 4)?;
    let host = if request[3] == 3 { text(&mut socket)? } else { format!("an address of kind {}", request[3]) };
    let port = exactly(&mut socket, 2)?;
    told.lock().unwrap().targets.push(format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])));
    socket.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let mut there = TcpStream::connect(("127.0.0.1", to))?;
    let (mut back, mut from) = (socket.try_clone()?, there.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 4_096];
    loop {
        let read = socket.read(&mut bytes)?;
        if read == 0 {
            return there.shutdown(Shutdown::Write);
        }
        told.lock().unwrap().sent.extend(&bytes[..read]);
        there.write_all(&bytes[..read])?;
    }
}

#[test]
fn a_service_behind_a_socks_proxy_is_collected_and_the_proxy_sees_neither_token_nor_events() {
    let home = Home::new();
    let (address, told) = socks(service());
    home.configuration(&format!(
        "ca_file = \"{}\"\n[[accounts]]\nname = \"acme\"\ntoken = \"env:TOKEN\"\nhost = \"https://events.example.test\"\n\
         feeds = [\"auditevents\"]\n",
        fixture("ca.pem").display()
    ));
    let run = |args: &[&str], scheme: &str| {
        let mut command = home.command();
        command.env("TOKEN", TOKEN).env("ALL_PROXY", format!("{scheme}://user:s3cret@{address}")).args(args);
        Ran::of(command.output().unwrap())
    };
    let ran = run(&["collect", "--once"], "socks5h").ended(0);
    assert!(ran.out.contains("acme auditevents: 2 new"), "{}\n{}", ran.out, ran.err);
    let told = told.lock().unwrap();
    // The proxy finds the name, as `socks5h` says.
    assert!(!told.targets.is_empty() && told.targets.iter().all(|to| to == "events.example.test:443"), "{told:?}");
    assert_eq!(told.login, Some(("user".to_owned(), "s3cret".to_owned())));
    let sent = String::from_utf8_lossy(&told.sent);
    assert!(!told.sent.is_empty() && !sent.contains("c4n4ry") && !sent.contains("auditevents"));
    drop(told);
    let doctor = run(&["doctor"], "socks5h").out;
    assert!(doctor.contains(&format!("through the proxy socks5h://{address}")), "{doctor}");
    assert!(!doctor.contains("s3cret"), "{doctor}");
}
