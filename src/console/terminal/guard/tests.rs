//! What only a process of its own can show: this test runs itself again in a pty.

use std::io::Read;
use std::sync::mpsc::sync_channel;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::*;

const CHILD: &str = "console::terminal::guard::tests::takes_the_terminal_and_panics";

#[test]
#[ignore = "run by the test below, in a terminal"]
fn takes_the_terminal_and_panics() {
    let (messages, received) = sync_channel(4);
    let _guard = Guard::take(&messages).unwrap();
    // A worker's panic is a notice; this thread's gives the terminal back first.
    let worker = thread::spawn(|| panic!("a worker's trouble"));
    assert!(worker.join().is_err());
    assert!(matches!(received.recv().unwrap(), Message::Notice(NoticeKind::Error, _)));
    panic!("the console's trouble");
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", CHILD, "--ignored", "--nocapture", "--test-threads", "1"]);
    command.env("RUST_BACKTRACE", "0");
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut bytes = Vec::new();
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = reader.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..n]);
    }
    child.wait().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what:?} in {text:?}"));
    assert!(at("\u{1b}[?1049h") < at("\u{1b}[?1049l"));
    assert!(at("\u{1b}[?1049l") < at("the console's trouble"), "it is told on the screen that stays");
    assert!(!text.contains("a worker's trouble"), "it would be written over the screen");
    assert_eq!(text.matches("\u{1b}[?1049l").count(), 1, "the guard does not give it back a second time");
}
