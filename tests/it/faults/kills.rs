//! Kill −9 in the middle of an intake at full rate, with sealing and merging under way.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use vaultscope::store::verify::{self, verify};
use vaultscope::store::{Options, Reader, Writer};

use crate::evidence::{Stream, scratch, seed, soak};

/// Set where the test binary is to be the other process.
const DIR: &str = "VAULTSCOPE_TEST_STORE";
const STREAM: Stream = Stream { size: 20 };
/// Pages handed in that are not answered yet: they share commits, as those of several pollers do.
const IN_FLIGHT: usize = 4;
/// Kills in CI; `VAULTSCOPE_SOAK=200` makes 10,000.
const KILLS: u64 = 50;
/// A store meets so many of them.
const KILLS_A_STORE: u64 = 10;

fn options() -> Options {
    Options { seal_rows: 120, keep_fresh: 40, merge_rows: 400, grace: 0, ..Options::default() }
}

/// What the other process does: hands in page after page, and says of each when it is answered.
#[test]
#[ignore = "not a test of its own: others run it as their other process"]
fn the_writing_process() {
    let dir = std::env::var_os(DIR).expect("the folder of the store");
    let writer = Writer::open_with(Path::new(&dir), options()).unwrap();
    let from = Stream::pages(&Reader::open(Path::new(&dir)).unwrap());
    let mut out = std::io::stdout().lock();
    let mut waiting = VecDeque::new();
    // Bounded, should nobody end it.
    for number in from..from + 2_000 {
        waiting.push_back((number, writer.handle().commit(STREAM.page(number))));
        if waiting.len() == IN_FLIGHT {
            let (number, answer) = waiting.pop_front().unwrap();
            answer.blocking_recv().unwrap().unwrap();
            out.write_all(format!("\ncommitted {}\n", number + 1).as_bytes()).unwrap();
        }
    }
}

/// Runs the other process until it has had so many answers, and a moment longer. Answers what it was told last.
fn run_and_kill(dir: &Path, answers: usize, moment: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "faults::kills::the_writing_process", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut answered = 0;
    let mut take = |answered: &mut u64, most: usize| {
        let numbers = lines.by_ref().filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
        numbers.take(most).for_each(|n| *answered = n);
    };
    take(&mut answered, answers);
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said before it ended counts as answered.
    take(&mut answered, usize::MAX);
    answered
}

#[test]
fn a_process_killed_at_any_moment_loses_nothing_it_answered_and_stores_nothing_twice() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let mut merged = false;
    for _ in 0..(KILLS * soak()).div_ceil(KILLS_A_STORE) {
        let dir = scratch();
        for _ in 0..KILLS_A_STORE {
            let answered = run_and_kill(dir.path(), rng.usize(1..40), Duration::from_micros(rng.u64(0..4_000)));
            let before = Reader::open(dir.path()).unwrap().status().unwrap();
            let pages = STREAM.holds(dir.path());
            assert!(pages >= answered, "{answered} pages were answered, {pages} are there");
            let report = verify(dir.path(), &verify::Options::default(), &|_, _| ()).unwrap();
            assert_eq!(report.findings, [], "after a kill");
            assert_eq!(Reader::open(dir.path()).unwrap().gaps(1).unwrap(), []);
            merged |= before.segments > 0 && before.sealed_rows / before.segments > 200;
        }
        // Somebody goes on where it stands, and what was under way comes again. Nobody reads meanwhile: this writer gives a superseded
        // file no grace, so a reader's snapshot would name files that are gone.
        let pages = STREAM.holds(dir.path());
        let writer = Writer::open_with(dir.path(), options()).unwrap();
        let done = writer.handle().commit_blocking(STREAM.page(pages - 1)).unwrap();
        assert_eq!((done.stored, done.duplicates), (0, STREAM.size));
        writer.close();
        assert_eq!(STREAM.holds(dir.path()), pages);
    }
    assert!(merged, "no segments were merged on the way");
}
