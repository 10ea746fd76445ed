//! Kill −9 in the middle of an intake at full rate, with sealing, merging and retention under way.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;
use vaultscope::store::verify::{self, verify};
use vaultscope::store::{Options, Reader, Writer};

use crate::evidence::{Stream, files, first_kept, retention, scratch, seed, soak};

/// Set where the test binary is to be the other process.
const DIR: &str = "VAULTSCOPE_TEST_STORE";
const STREAM: Stream = Stream { size: 20 };
/// Pages handed in that are not answered yet: they share commits, as those of several pollers do.
const IN_FLIGHT: usize = 4;
/// Every so many pages a run of retention begins, where the one before has ended; most keep what is worth a merge, some take it.
const RUN_EVERY: u64 = 8;
const DAYS: [u32; 4] = [40, 30, 25, 1];
/// Kills in CI; `VAULTSCOPE_SOAK=200` makes 10,000.
const KILLS: u64 = 50;
/// A store meets so many of them.
const KILLS_A_STORE: u64 = 10;

fn options() -> Options {
    Options { seal_rows: 120, keep_fresh: 40, merge_rows: 400, grace: 0, ..Options::default() }
}

/// What the other process does: hands in page after page, lets old events go, and says of each when it is answered.
#[test]
#[ignore = "not a test of its own: others run it as their other process"]
fn the_writing_process() {
    let dir = std::env::var_os(DIR).expect("the folder of the store");
    let writer = Writer::open_with(Path::new(&dir), options()).unwrap();
    let from = Stream::pages(&Reader::open(Path::new(&dir)).unwrap());
    let mut out = std::io::stdout().lock();
    let mut say = |what: &str, number: u64| out.write_all(format!("\n{what} {number}\n").as_bytes()).unwrap();
    let (mut waiting, mut run) = (VecDeque::new(), None);
    // Bounded, should nobody end it.
    for number in from..from + 2_000 {
        waiting.push_back((number, writer.handle().commit(STREAM.page(number))));
        if waiting.len() == IN_FLIGHT {
            let (number, answer) = waiting.pop_front().unwrap();
            answer.blocking_recv().unwrap().unwrap();
            say("committed", number + 1);
        }
        if number % RUN_EVERY == 0 && run.is_none() {
            let (newest, days) = (number * STREAM.size, DAYS[(number / RUN_EVERY) as usize % DAYS.len()]);
            say("letting", first_kept(newest, days));
            run = Some((first_kept(newest, days), writer.handle().retain(retention(newest, days))));
        }
        run = match run.take() {
            Some((first, mut answer)) => match answer.try_recv() {
                Err(TryRecvError::Empty) => Some((first, answer)),
                ended => {
                    let done = ended.unwrap().unwrap();
                    assert!(done.kept.is_empty(), "{:?}", done.kept);
                    say("kept", first);
                    None
                }
            },
            None => None,
        };
    }
}

/// What the other process was told last.
#[derive(Clone, Copy, Debug, Default)]
struct Answered {
    pages: u64,
    /// The first event that retention kept, and that it was to keep last.
    first: u64,
    begun: u64,
}

/// When the other process is killed.
#[derive(Clone, Copy, Debug)]
enum When {
    /// After so many answers.
    Answers(usize),
    /// After it began a run of retention.
    Run,
}

/// Runs the other process until then, and a moment longer.
fn run_and_kill(dir: &Path, when: When, moment: Duration) -> Answered {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "faults::kills::the_writing_process", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut answered = Answered::default();
    let mut said = 0;
    let mut listen = |until: &dyn Fn(usize, &str) -> bool| {
        for line in lines.by_ref() {
            let Some((what, number)) = line.split_once(' ') else { continue };
            let field = match what {
                "committed" => &mut answered.pages,
                "letting" => &mut answered.begun,
                "kept" => &mut answered.first,
                _ => continue,
            };
            *field = number.parse().unwrap();
            said += 1;
            if until(said, what) {
                return;
            }
        }
    };
    listen(&|said, what| match when {
        When::Answers(answers) => said >= answers,
        When::Run => what == "letting",
    });
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said before it ended counts as answered.
    listen(&|_, _| false);
    answered
}

#[test]
fn a_process_killed_at_any_moment_loses_nothing_it_answered_and_stores_nothing_twice() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let (mut merged, mut cut_off) = (false, false);
    for _ in 0..(KILLS * soak()).div_ceil(KILLS_A_STORE) {
        let dir = scratch();
        for _ in 0..KILLS_A_STORE {
            let (when, moment) = match rng.u8(0..3) {
                0 => (When::Run, rng.u64(0..60_000)),
                _ => (When::Answers(rng.usize(1..40)), rng.u64(0..4_000)),
            };
            let answered = run_and_kill(dir.path(), when, Duration::from_micros(moment));
            let held = STREAM.holds(dir.path());
            assert!(held.pages >= answered.pages && held.first >= answered.first, "{answered:?}, {held:?}");
            cut_off |= answered.begun > answered.first;
            let report = verify(dir.path(), &verify::Options::default(), &|_, _| ()).unwrap();
            assert_eq!(report.findings, [], "after a kill");
            assert_eq!(Reader::open(dir.path()).unwrap().gaps(1).unwrap(), []);
            // As sealed, a segment spans 120 numbers and a page more.
            let segments = Reader::open(dir.path()).unwrap().snapshot().unwrap().segments;
            merged |= segments.iter().any(|segment| segment.seqs.1 - segment.seqs.0 > 200);
        }
        // Somebody goes on where it stands, and what was under way comes again. Nobody reads meanwhile: this writer gives a superseded
        // file no grace, so a reader's snapshot would name files that are gone.
        let held = STREAM.holds(dir.path());
        let writer = Writer::open_with(dir.path(), options()).unwrap();
        let done = writer.handle().commit_blocking(STREAM.page(held.pages - 1)).unwrap();
        assert_eq!((done.stored, done.duplicates), (0, STREAM.size));
        let newest = held.pages * STREAM.size - 1;
        // And nothing is left to merge once it is closed, so that what was superseded is gone by then.
        writer.handle().merge().blocking_recv().unwrap().unwrap();
        let done = writer.handle().retain(retention(newest, 2)).blocking_recv().unwrap().unwrap();
        assert!(done.kept.is_empty(), "{:?}", done.kept);
        writer.close();
        let after = STREAM.holds(dir.path());
        assert_eq!((after.pages, after.first), (held.pages, held.first.max(first_kept(newest, 2))));
        // What went is in no file that is left: none but those that are read.
        let named: Vec<_> = Reader::open(dir.path()).unwrap().snapshot().unwrap().segments;
        let left = files(&dir.path().join("evidence/segments"));
        assert!(left.iter().eq(named.iter().map(|segment| &segment.path)), "{left:?}");
    }
    assert!(merged && cut_off, "segments were merged on the way: {merged}; runs of retention were cut off: {cut_off}");
}
