//! The console in a real terminal: a pty, with an emulator that reads what is written.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;
use vaultscope::base::time::Ticks;
use vaultscope::event::{Feed, Source};
use vaultscope::store::{Page, Writer};

/// Longer than any machine needs; nothing here measures time.
const PATIENCE: Duration = Duration::from_secs(60);

struct Console {
    terminal: vt100::Parser,
    output: Receiver<Vec<u8>>,
    keys: Box<dyn Write + Send>,
    pty: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

const fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// What is written to a terminal, as it comes.
pub fn output_of(terminal: &dyn MasterPty) -> Receiver<Vec<u8>> {
    let mut reader = terminal.try_clone_reader().unwrap();
    let (sender, output) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    output
}

impl Console {
    fn start(home: &Path, cols: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(cols, rows)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_vaultscope"));
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("HOME", home);
        command.env("PATH", "/usr/bin:/bin");
        command.args(["--data-dir".as_ref(), home.join("data").as_os_str()]);
        let child = pair.slave.spawn_command(command).unwrap();
        let output = output_of(&*pair.master);
        let terminal = vt100::Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0);
        let keys = pair.master.take_writer().unwrap();
        Self { terminal, output, keys, pty: pair.master, child }
    }

    /// Reads until the screen is as it should be.
    fn until(&mut self, what: &str, test: impl Fn(&vt100::Screen) -> bool) {
        let start = Instant::now();
        while !test(self.terminal.screen()) {
            match self.output.recv_timeout(Duration::from_millis(200)) {
                Ok(bytes) => self.terminal.process(&bytes),
                Err(_) => assert!(start.elapsed() < PATIENCE, "{what} never came:\n{}", self.screen()),
            }
        }
    }

    fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    fn screen(&self) -> String {
        self.terminal.screen().contents()
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&mut self, cols: u16, rows: u16) {
        self.terminal.screen_mut().set_size(rows.try_into().unwrap(), cols.try_into().unwrap());
        self.pty.resize(size(cols, rows)).unwrap();
    }

    fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// The program has ended, and the terminal is as it was.
    fn given_back(mut self) {
        self.child.wait().unwrap();
        self.until("the other screen", |screen| !screen.alternate_screen() && !screen.hide_cursor());
        assert!(!self.terminal.screen().bracketed_paste());
        let modes = format!("{:?}", self.pty.get_termios().unwrap().local_flags);
        assert!(modes.contains("ICANON") && modes.contains("ECHO"), "{modes}");
    }
}

/// A home without a configuration.
fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_newcomer_is_offered_three_ways_on_and_q_gives_the_terminal_back() {
    let home = home();
    let mut console = Console::start(home.path(), 80, 24);
    console.shows("Look around");
    console.shows("Connect a 1Password account");
    console.shows("Import files");
    assert!(console.terminal.screen().alternate_screen());
    console.press(b"q");
    console.given_back();
}

#[test]
fn the_terminal_is_given_back_on_a_signal() {
    for signal in ["TERM", "HUP", "INT"] {
        let home = home();
        let mut console = Console::start(home.path(), 80, 24);
        console.shows("Look around");
        console.signal(signal);
        console.given_back();
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_works_again_after() {
    let home = home();
    let mut console = Console::start(home.path(), 80, 24);
    console.shows("Look around");
    console.resize(40, 10);
    console.shows("needs 80x24, this is 40x10");
    console.resize(100, 30);
    console.shows("Look around");
    console.press(b"?");
    console.shows("type to search");
    console.press(b"\x03");
    console.given_back();
}

#[test]
fn a_stored_event_is_in_the_tail_opens_whole_and_cannot_draw_on_the_screen() {
    let home = home();
    let data = home.path().join("data");
    let writer = Writer::open(&data).unwrap();
    let event = r#"{"uuid":"HOSTILE","timestamp":"2026-03-02T09:00:00Z","action":"reveal","used_version":1,
        "vault_uuid":"v","item_uuid":"i","user":{"uuid":"u","name":"x","email":"a\u001b]0;owned\u0007\u202eb@example.com"}}"#;
    let arrived = Ticks::parse_rfc3339("2026-03-02T09:00:10Z").unwrap();
    let page = Page::new(Arc::from("ACCOUNT"), Feed::ItemUsages, Source::Import, arrived, vec![Bytes::from(event)]);
    writer.handle().commit_blocking(page).unwrap();
    writer.close();
    let mut console = Console::start(home.path(), 120, 40);
    console.shows("Live tail");
    console.shows("a‹U+001B›");
    console.press(b"\r");
    console.shows("HOSTILE");
    console.shows("‹U+202E›");
    console.press(b"\x1b");
    console.shows("Live tail");
    console.press(b"q");
    console.given_back();
}
