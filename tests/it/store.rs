//! The store across processes: kill, refuse, follow.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use vaultscope::base::time::Ticks;
use vaultscope::event::{Feed, Source};
use vaultscope::store::{Cursor, CursorUpdate, Options, Page, Reader, StoreError, Writer};

/// Set where the test binary is to be the other process.
const DIR: &str = "VAULTSCOPE_TEST_STORE";
const EVENTS_A_PAGE: u64 = 20;

fn page(number: u64) -> Page {
    let first = number * EVENTS_A_PAGE;
    let items = (first..first + EVENTS_A_PAGE).map(|n| Bytes::from(format!("{{\"uuid\":\"EVENT{n}\",\"n\":{n}}}")));
    let mut page = Page::new("ACCOUNT".into(), Feed::AuditEvents, Source::Live, Ticks(1), items.collect());
    let cursor = Cursor::new(&(number + 1).to_string());
    page.cursor = Some(CursorUpdate::Advance { version: 2, cursor, reading: Source::Live });
    page
}

fn cursor(reader: &Reader) -> u64 {
    let row = reader.cursor("ACCOUNT", Feed::AuditEvents, 2).unwrap();
    row.and_then(|row| row.cursor).map_or(0, |cursor| cursor.expose().parse().unwrap())
}

/// What the other process does: commits page after page and says so after each.
#[test]
#[ignore = "not a test of its own: others run it as their other process"]
fn the_other_process() {
    let dir = std::env::var_os(DIR).expect("the folder of the store");
    let options = Options { seal_rows: 200, keep_fresh: 40, ..Options::default() };
    let writer = Writer::open_with(Path::new(&dir), options).unwrap();
    let from = cursor(&Reader::open(Path::new(&dir)).unwrap());
    let mut out = std::io::stdout().lock();
    // Bounded, should nobody end it.
    for number in from..from + 2_000 {
        writer.handle().commit_blocking(page(number)).unwrap();
        std::io::Write::write_all(&mut out, format!("\ncommitted {}\n", number + 1).as_bytes()).unwrap();
    }
}

fn spawn(dir: &Path) -> (Child, impl Iterator<Item = u64> + use<>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "store::the_other_process", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let committed = lines.filter_map(|line| line.unwrap().strip_prefix("committed ").map(|n| n.parse().unwrap()));
    (child, committed)
}

/// Every sequence number and uuid once, in order, up to the cursor and not a page further.
fn check(dir: &Path, answered: u64) {
    let reader = Reader::open(dir).unwrap();
    let snapshot = reader.snapshot().unwrap();
    let pages = cursor(&reader);
    assert!(pages >= answered, "answered {answered}, found {pages}");
    assert_eq!(snapshot.rows(), pages * EVENTS_A_PAGE, "the cursor is not where the events are");
    assert_eq!(snapshot.through as u64, snapshot.rows());
    assert_eq!(reader.gaps(1).unwrap(), []);
}

#[test]
fn a_killed_writer_loses_nothing_it_answered_and_stores_nothing_twice() {
    let soak: usize = std::env::var("VAULTSCOPE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let dir = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..6 * soak {
        let (mut child, committed) = spawn(dir.path());
        let answered = committed.take(rng.usize(1..25)).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        check(dir.path(), answered);
        // The page of before is fetched again after a crash.
        if round % 2 == 0 {
            let writer = Writer::open(dir.path()).unwrap();
            let at = cursor(&Reader::open(dir.path()).unwrap());
            let done = writer.handle().commit_blocking(page(at - 1)).unwrap();
            assert_eq!((done.stored, done.duplicates), (0, EVENTS_A_PAGE));
        }
    }
    let status = Reader::open(dir.path()).unwrap().status().unwrap();
    assert_eq!(status.feeds[0].events, status.events());
}

/// What a process of another user does: reads, and may write nothing.
#[test]
#[ignore = "not a test of its own: others run it as their other process"]
fn the_other_user() {
    let dir = std::env::var_os(DIR).expect("the folder of the store");
    let dir = Path::new(&dir);
    assert!(std::fs::write(dir.join("evidence/mine"), "").is_err(), "may write");
    assert_eq!(Reader::open(dir).unwrap().snapshot().unwrap().rows(), EVENTS_A_PAGE);
}

/// Needs to become someone else, which only root may.
#[test]
fn another_user_reads_with_read_permission_only_with_a_writer_and_without() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let writer = Writer::open(&data).unwrap();
    writer.handle().commit_blocking(page(0)).unwrap();
    let group = 12_345;
    let mut left = vec![dir.path().to_path_buf()];
    while let Some(path) = left.pop() {
        let open = if path.is_dir() || path == program { 0o750 } else { 0o640 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).unwrap();
        std::os::unix::fs::chown(&path, None, Some(group)).unwrap();
        if path.is_dir() {
            left.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
        }
    }
    let read = || {
        let mut reader = Command::new(&program);
        reader.args(["--ignored", "--exact", "store::the_other_user", "--test-threads=1"]);
        let out = reader.env(DIR, &data).uid(54_321).gid(group).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
    };
    read();
    writer.close();
    read();
}

#[test]
fn a_second_writer_is_refused_by_the_pid_of_the_first_and_a_reader_follows_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, mut committed) = spawn(dir.path());
    committed.next().unwrap();
    let refused = Writer::open(dir.path()).unwrap_err();
    let StoreError::Locked { holder, .. } = &refused else { panic!("{refused}") };
    assert_eq!(holder.pid, child.id());
    assert!(refused.to_string().contains(&child.id().to_string()));

    let reader = Reader::open(dir.path()).unwrap();
    let mut watermark = reader.watermark();
    let seen = *watermark.borrow_and_update();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        // A watermark that never comes would hang the test.
        let newer = watermark.wait_for(|through| *through > seen);
        tokio::time::timeout(std::time::Duration::from_secs(20), newer).await.unwrap().unwrap();
    });
    assert!(reader.snapshot().unwrap().through > seen);
    child.kill().unwrap();
    child.wait().unwrap();
    Writer::open(dir.path()).unwrap();
}

/// Beside a writer at full speed, sealing and merging: what `verify` sees in another process is sound each time, and grows.
#[test]
fn verify_in_another_process_finds_nothing_beside_an_intake_that_goes_on() {
    let dir = crate::evidence::scratch();
    let options =
        vaultscope::store::Options { seal_rows: 500, keep_fresh: 100, merge_rows: 5_000, ..Default::default() };
    let writer = Writer::open_with(dir.path(), options).unwrap();
    let stream = crate::evidence::Stream { size: 50 };
    writer.handle().commit_blocking(stream.page(0)).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                writer.handle().commit_blocking(stream.page(number)).unwrap();
            }
        });
        let mut events = Vec::new();
        for _ in 0..6 * crate::evidence::soak() {
            let verify = std::process::Command::new(env!("CARGO_BIN_EXE_vaultscope"))
                .args(["store", "verify", "--format", "json", "--data-dir"])
                .arg(dir.path())
                .env("HOME", dir.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&verify.stdout).into_owned();
            let told = String::from_utf8_lossy(&verify.stderr).into_owned();
            let report: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{told}"));
            if verify.status.code() != Some(0) || report["notes"] != serde_json::json!([]) {
                done.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("{said}{told}");
            }
            events.push(report["events"].as_u64().unwrap());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(events.is_sorted() && events.first() < events.last(), "{events:?}");
    });
}
