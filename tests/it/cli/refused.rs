//! What the system refuses the program: descriptors while it collects, files and folders of somebody else when it starts.

use std::fs::{Permissions, set_permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use vaultscope::store::Reader;

use super::{Home, Ran};
use crate::faults::outside::{read_to, service};

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn configuration(url: &str) -> String {
    format!(
        "poll_interval = \"1s\"\n[[accounts]]\nname = \"acme\"\ntoken = \"env:TOKEN\"\nhost = \"{url}\"\nfeeds = [\"auditevents\"]\n"
    )
}

/// Until the store has read so far.
fn until_read_to(data: &Path, events: u64) -> Reader {
    for _ in 0..3_000 {
        // Before the first page there may be no store.
        if let Ok(reader) = Reader::open(data)
            && read_to(&reader) >= events
        {
            return reader;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the store never came to {events}");
}

#[test]
fn a_collector_without_descriptors_moves_no_cursor_says_why_and_goes_on_when_it_has_them() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let events = Arc::new(AtomicU64::new(30));
    let server = runtime.block_on(service(&events));
    let home = Home::new();
    home.configuration(&configuration(&server.uri()));
    let data = home.path("data");
    let mut command = home.command();
    command.env("TOKEN", "t0ken").arg("--data-dir").arg(&data).arg("collect").stderr(Stdio::piped());
    let mut collecting = Running(command.spawn().unwrap());
    let mut said = BufReader::new(collecting.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    until_read_to(&data, 30);

    let pid = Pid::from_child(&collecting.0);
    let usual = getrlimit(Resource::Nofile);
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(3), maximum: usual.maximum }).unwrap();
    events.store(60, Ordering::SeqCst);
    let why = said.find(|line| line.contains("Too many open files")).expect("it says why nothing comes");
    assert!(why.contains("auditevents") && why.contains("LimitNOFILE"), "{why}");
    assert_eq!(read_to(&Reader::open(&data).unwrap()), 30);

    prlimit(Some(pid), Resource::Nofile, usual).unwrap();
    let reader = until_read_to(&data, 60);
    assert_eq!(reader.gaps(5).unwrap(), []);
    assert!(said.any(|line| line.contains("well again")));
}

const NOBODY: u32 = 65_534;

/// What `collect` says to somebody who may not write all of a store.
#[track_caller]
fn refused(home: &Home, program: &Path, data: &Path, says: &[&str]) {
    let own = home.path("own");
    let mut as_nobody = std::process::Command::new(program);
    as_nobody.env_clear().env("HOME", &own).env("TOKEN", "t0ken").current_dir(&own).stdin(Stdio::null());
    as_nobody
        .uid(NOBODY)
        .gid(NOBODY)
        .args(["--config", "collect.toml", "--data-dir"])
        .arg(data)
        .args(["collect", "--once"]);
    let ran = Ran::of(as_nobody.output().unwrap()).ended(1);
    for says in says {
        assert!(ran.err.contains(says), "{says:?} is not in: {}", ran.err);
    }
    assert!(ran.out.is_empty(), "{}", ran.out);
}

#[test]
fn a_store_that_cannot_be_written_is_refused_at_the_start_with_the_place_and_the_fix() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    set_permissions(home.path(""), Permissions::from_mode(0o755)).unwrap();
    let program = home.path("vaultscope");
    let built = Path::new(env!("CARGO_BIN_EXE_vaultscope"));
    std::fs::hard_link(built, &program).or_else(|_| std::fs::copy(built, &program).map(drop)).unwrap();
    home.file("own/collect.toml", &configuration("http://127.0.0.1:9"));
    let data = home.path("data");
    let fill = ["--data-dir", data.to_str().unwrap(), "demo", "--users", "30", "--days", "1", "--fill", "500"];
    home.run(fill).ended(0);
    let evidence = data.join("evidence");
    let whole = |owner: u32| {
        let files = [data.clone(), evidence.clone()].into_iter().chain(crate::evidence::files(&data));
        for path in files.chain([evidence.join("segments"), home.path("own")]) {
            chown(&path, Some(owner), Some(NOBODY)).unwrap();
        }
    };
    whole(0);
    refused(&home, &program, &data, &["belongs to user 0", "chown"]);
    whole(NOBODY);
    for (path, mode, says) in [
        (evidence.clone(), 0o500, "evidence"),
        (evidence.join("catalogue.db"), 0o440, "catalogue.db"),
        (evidence.join("heads"), 0o440, "heads"),
        (evidence.join("segments"), 0o550, "segments"),
    ] {
        let before = std::fs::metadata(&path).unwrap().permissions();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        refused(&home, &program, &data, &[says, "user 65534", "chmod"]);
        set_permissions(&path, before).unwrap();
    }
    let theirs = evidence.join("heads");
    chown(&theirs, Some(0), Some(0)).unwrap();
    refused(&home, &program, &data, &["heads", "user 65534"]);
}

/// Mounts the first argument over itself to be read only, for this process alone, and becomes the program that follows.
const READ_ONLY: &str = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77; shift; exec "$@""#;

#[test]
fn a_store_on_a_read_only_mount_is_read_and_whoever_would_write_is_told_the_fix() {
    let home = Home::new();
    home.configuration(&configuration("http://127.0.0.1:9"));
    let data = home.path("data");
    let data_dir = ["--data-dir", data.to_str().unwrap()];
    let fill = [data_dir[0], data_dir[1], "demo", "--users", "30", "--days", "1", "--fill", "500"];
    home.run(fill).ended(0);
    let events = home.file("events.ndjson", "{}\n");
    let mounted = |args: &[&str]| {
        let usual = home.command();
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "sh", "-c", READ_ONLY, "sh"]).arg(&data).arg(usual.get_program());
        command.env_clear().envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("TOKEN", "t0ken").args(data_dir).args(args).stdin(Stdio::null()).output().ok()
    };
    // Only a privileged process may mount anything.
    let may = mounted(&["--version"]).is_some_and(|ran| ran.status.success());
    if !may {
        return;
    }
    let ran = |args: &[&str]| Ran::of(mounted(args).unwrap());
    let counted = ran(&["query", "OnePasswordEventLogs_CL | count", "--format", "csv"]).ended(0);
    assert!(counted.out.contains("500"), "{}", counted.out);
    assert!(ran(&["store", "verify"]).ended(0).out.contains("SOUND"));
    for writes in [&["collect", "--once"][..], &["import", events.to_str().unwrap()], &["store", "seal"]] {
        let refused = ran(writes).ended(1);
        assert!(refused.err.contains("read only: mount it for writing"), "{writes:?}: {}", refused.err);
    }
}
