//! The program itself over a large store, in a terminal: from `exec` to the first whole frame, its memory while events come in, and how fast
//! it verifies.
//!
//! `VAULTSCOPE_EVENTS=DIR cargo bench --bench program -- [SECONDS]`: DIR is a data folder, made with `vaultscope demo --fill N --data-dir DIR`.
//! SECONDS is how long the tail is watched, 60 without; events come at `VAULTSCOPE_RATE` a second (100). The store grows by that.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use vaultscope::base::time::Ticks;
use vaultscope::event::{Feed, Source};
use vaultscope::store::{Page, Reader, Writer};

const PROGRAM: &str = env!("CARGO_BIN_EXE_vaultscope");
const FRAMES: usize = 7;
const COLS: u16 = 200;
const ROWS: u16 = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let data = PathBuf::from(std::env::var_os("VAULTSCOPE_EVENTS").ok_or("VAULTSCOPE_EVENTS names no data folder")?);
    let seconds = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(60_u64);
    let rate = std::env::var("VAULTSCOPE_RATE").ok().and_then(|n| n.parse().ok()).unwrap_or(100_u64);
    let mut out = std::io::stdout().lock();
    let home = tempfile::tempdir()?;
    let rows = Reader::open(&data)?.snapshot()?.rows();
    writeln!(out, "{rows} events in {}", data.display())?;

    let start = Instant::now();
    let opened = Reader::open(&data)?;
    opened.recent(200)?;
    writeln!(out, "{:>10.1} ms to open the store and read its newest 200", start.elapsed().as_secs_f64() * 1e3)?;

    let mut frames = Vec::new();
    for _ in 0..FRAMES {
        frames.push(first_frame(&data, home.path())?);
    }
    frames.sort_by(f64::total_cmp);
    writeln!(out, "{:>10.1} ms from exec to the first frame (least; median {:.1})", frames[0], frames[FRAMES / 2])?;

    let (peak, came) = tail(&data, home.path(), Duration::from_secs(seconds), rate)?;
    writeln!(out, "{peak:>10.1} MB of anonymous memory at most, {seconds} s of tailing, {came} events came")?;

    let start = Instant::now();
    let verified = Command::new(PROGRAM).arg("--data-dir").arg(&data).args(["store", "verify"]).output()?;
    let took = start.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&verified.stdout);
    writeln!(
        out,
        "{:>10.0} events verified a second, {took:.1} s; {}",
        rows as f64 / took,
        said.trim().replace('\n', "; ")
    )?;
    Ok(())
}

/// The console in a terminal of its own.
struct Console {
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Console {
    fn start(data: &Path, home: &Path) -> Result<Self, Box<dyn Error>> {
        let pair = native_pty_system().openpty(PtySize { rows: ROWS, cols: COLS, pixel_width: 0, pixel_height: 0 })?;
        let mut command = CommandBuilder::new(PROGRAM);
        command.env("TERM", "xterm-256color");
        command.env("HOME", home);
        command.args(["--data-dir".as_ref(), data.as_os_str()]);
        let child = pair.slave.spawn_command(command)?;
        let mut reader = pair.master.try_clone_reader()?;
        let (sender, output) = channel();
        std::thread::spawn(move || {
            // The terminal stays open as long as somebody reads it.
            let _master = pair.master;
            let mut buffer = vec![0; 65_536];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, output, screen: vt100::Parser::new(ROWS.try_into()?, COLS.try_into()?, 0) })
    }

    fn take(&mut self, within: Duration) -> bool {
        let Ok(bytes) = self.output.recv_timeout(within) else { return false };
        self.screen.process(&bytes);
        true
    }

    /// Are there rows of the tail that show events? They begin with a time, on a wide screen with the day before it.
    fn shows_events(&self) -> bool {
        let text = self.screen.screen().contents();
        let is_time = |word: &str| word.len() == 8 && word.split(':').all(|n| n.parse::<u8>().is_ok());
        let is_event = |line: &str| line.split_whitespace().take(2).any(is_time);
        text.lines().filter(|line| is_event(line)).count() > usize::from(ROWS) / 3 && text.contains('█')
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Milliseconds from `exec` until the newest events and the timeline stand on the screen.
fn first_frame(data: &Path, home: &Path) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let mut console = Console::start(data, home)?;
    while !console.shows_events() {
        if !console.take(Duration::from_secs(10)) {
            return Err(format!("no frame came:\n{}", console.screen.screen().contents()).into());
        }
    }
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// The largest RssAnon in megabytes while another process, this one, commits events.
fn tail(data: &Path, home: &Path, long: Duration, rate: u64) -> Result<(f64, u64), Box<dyn Error>> {
    let mut console = Console::start(data, home)?;
    let status = format!("/proc/{}/status", console.child.process_id().ok_or("the console has ended")?);
    let writer = Writer::open(data)?;
    let (start, mut peak, mut came) = (Instant::now(), 0_u64, 0);
    while start.elapsed() < long {
        let items = (0..rate).map(|n| Bytes::from(usage(came + n))).collect();
        let page = Page::new("BENCHACCOUNT".into(), Feed::ItemUsages, Source::Live, Ticks::now(), items);
        writer.handle().commit(page).blocking_recv()??;
        came += rate;
        let second = Instant::now() + Duration::from_secs(1);
        while let Some(left) = second.checked_duration_since(Instant::now()) {
            console.take(left);
            let text = std::fs::read_to_string(&status)?;
            let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
            peak = peak.max(line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0));
        }
    }
    Ok((peak as f64 / 1e3, came))
}

/// An item usage that no other run has.
fn usage(n: u64) -> String {
    let now = Ticks::now();
    format!(
        r#"{{"uuid":"BENCH{:x}-{n}","timestamp":"{now}","used_version":1,"vault_uuid":"vault{}","item_uuid":"item{}","action":"reveal","user":{{"uuid":"USER{}","name":"Person {}","email":"person{}@example.com"}},"client":{{"app_name":"1Password Browser Extension","ip_address":"198.51.100.{}"}}}}"#,
        now.0,
        n % 40,
        n % 900,
        n % 100,
        n % 100,
        n % 100,
        n % 250,
    )
}
