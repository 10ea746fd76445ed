//! A team on one host: one user collects, others in the group read, each with a workspace of their own. Needs to be run as root, who
//! alone can be two other people.

use std::fs::{Permissions, set_permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::demo::Served;
use super::{Home, Ran};

const COLLECTOR: u32 = 61_001;
const ANALYST: u32 = 61_002;
const STRANGER: u32 = 61_003;
const TEAM: u32 = 61_100;
const OTHERS: u32 = 61_200;

/// A host with a store for a team, and homes for its people.
struct Host {
    home: Home,
    program: PathBuf,
    store: PathBuf,
}

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Host {
    fn new() -> Self {
        let home = Home::new();
        set_permissions(home.path(""), Permissions::from_mode(0o755)).unwrap();
        // Where it was built, others may not be let in.
        let program = home.path("vaultscope");
        let built = Path::new(env!("CARGO_BIN_EXE_vaultscope"));
        std::fs::hard_link(built, &program).or_else(|_| std::fs::copy(built, &program).map(drop)).unwrap();
        for who in [COLLECTOR, ANALYST, STRANGER] {
            let own = home.path(who.to_string());
            std::fs::create_dir(&own).unwrap();
            chown(&own, Some(who), Some(TEAM)).unwrap();
        }
        let store = home.path("store");
        std::fs::create_dir(&store).unwrap();
        chown(&store, Some(COLLECTOR), Some(TEAM)).unwrap();
        set_permissions(&store, Permissions::from_mode(0o2750)).unwrap();
        Self { home, program, store }
    }

    fn command(&self, who: u32, group: u32) -> Command {
        let mut command = Command::new(&self.program);
        let own = self.home.path(who.to_string());
        command.env_clear().env("HOME", &own).current_dir(&own).uid(who).gid(group).stdin(Stdio::null());
        command.arg("--data-dir").arg(&self.store);
        command
    }

    fn run(&self, who: u32, group: u32, args: &[&str]) -> Ran {
        Ran::of(self.command(who, group).args(args).output().unwrap())
    }
}

#[test]
fn a_group_reads_what_one_of_it_collects_and_nobody_else_does() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let host = Host::new();
    let served = Served::start(&host.home, &["--users", "30", "--days", "1", "--rate", "20"]);
    let text = format!(
        "poll_interval = \"1s\"\n[[accounts]]\nname = \"demo\"\ntoken = \"env:TOKEN\"\nhost = \"{}\"\n",
        served.url
    );
    let config = host.home.file("collector.toml", &text);
    set_permissions(&config, Permissions::from_mode(0o644)).unwrap();
    let mut collect = host.command(COLLECTOR, TEAM);
    collect.arg("--config").arg(&config).arg("collect").env("TOKEN", &served.token).stderr(Stdio::null());
    let collecting = Running(collect.spawn().unwrap());

    // An analyst sees events while they are being collected; the first ones make the store.
    let mut waited = 0;
    while !host.store.join("evidence/watermark").exists()
        || !host.run(ANALYST, TEAM, &["store", "status"]).out.contains("auditevents")
    {
        std::thread::sleep(std::time::Duration::from_millis(50));
        waited += 1;
        assert!(waited < 600, "nothing is collected");
    }
    let mut tail = host.command(ANALYST, TEAM);
    let mut tail = Running(tail.args(["tail", "--format", "ndjson"]).stdout(Stdio::piped()).spawn().unwrap());
    let mut came = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        assert!(came.next().unwrap().unwrap().starts_with('{'));
    }

    let count = host.run(ANALYST, TEAM, &["query", "OnePasswordEvents | count", "--format", "csv"]).ended(0);
    assert!(count.out.lines().nth(1).unwrap().parse::<u64>().unwrap() > 0, "{}", count.out);
    // What they ask is logged in a workspace of their own, not in the store's folder.
    assert!(!host.store.join("workspace.db").exists());
    let name = host.store.canonicalize().unwrap().to_string_lossy()[1..].replace('-', "--").replace('/', "-");
    let own = host.home.path(ANALYST.to_string()).join(".local/share/vaultscope/default/beside").join(name);
    assert!(own.join("workspace.db").is_file(), "{}", own.display());

    // A second writer is refused: another of the group because the store is not theirs, its owner because somebody writes.
    let file = host.home.file("more.ndjson", "{\"uuid\":\"A1\",\"timestamp\":\"2026-03-01T09:00:00Z\"}\n");
    set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let import = ["import", file.to_str().unwrap(), "--feed", "auditevents", "--account", "A"];
    let refused = host.run(ANALYST, TEAM, &import).ended(1);
    assert!(refused.err.contains(&COLLECTOR.to_string()), "{}", refused.err);
    let refused = host.run(COLLECTOR, TEAM, &import).ended(1);
    assert!(refused.err.contains(&collecting.0.id().to_string()), "{}", refused.err);

    let stranger = host.run(STRANGER, OTHERS, &["query", "OnePasswordEvents | count"]);
    assert!(stranger.status != 0 && stranger.out.is_empty(), "{}", stranger.out);

    // Whoever may read may verify, beside the collector.
    host.run(ANALYST, TEAM, &["store", "verify"]).ended(0);

    // Nobody writes any more: the log and its index stay for those who may only read.
    drop(collecting);
    host.run(ANALYST, TEAM, &["query", "OnePasswordEvents | count"]).ended(0);
}
