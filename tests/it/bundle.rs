//! The evidence bundle and its two verifiers: what one says, the other says.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use vaultscope::base::time::{HOUR, Ticks};
use vaultscope::event::{Feed, Source};
use vaultscope::store::export::{Format, Options, check, export};
use vaultscope::store::{Page, Writer};

const EVENTS: u64 = 48;

/// Forty-eight events in batches of seven, without every fifth.
fn bundle(dir: &Path) -> std::path::PathBuf {
    let writer = Writer::open(dir).unwrap();
    for first in (0..EVENTS).step_by(7) {
        let items = (first..EVENTS.min(first + 7)).map(|n| {
            let at = Ticks(739_000 * 24 * HOUR + n as i64);
            Bytes::from(format!(r#"{{"uuid":"E{n:04}","timestamp":"{at}","note":"é \u001f \"{n}\" \n","n":{n}}}"#))
        });
        let page = Page::new("ACCOUNT".into(), Feed::AuditEvents, Source::Live, Ticks(7), items.collect());
        writer.handle().commit_blocking(page).unwrap();
    }
    writer.close();
    let folder = dir.join("bundle");
    let options = Options {
        from: None,
        to: None,
        feeds: Vec::new(),
        predicate: None,
        format: Format::Ndjson,
        raw_csv: false,
        demo: false,
    };
    let mut row = 0;
    let mut some = |batch: &arrow::array::RecordBatch| -> Result<Vec<bool>, Box<dyn std::error::Error + Send + Sync>> {
        Ok((0..batch.num_rows())
            .map(|_| {
                row += 1;
                row % 5 != 0
            })
            .collect())
    };
    export(dir, &folder, &options, Some(&mut some), &mut |_, _| ()).unwrap();
    folder
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|b| *b == b'\n').collect()
}

/// Changes somebody might make: a bit, a line less, a line more, two lines exchanged.
fn edited(events: &[u8], rng: &mut fastrand::Rng, kind: usize) -> Vec<u8> {
    let mut lines = lines(events);
    let count = lines.len();
    let (a, b) = (rng.usize(..count), rng.usize(..count));
    match kind {
        1 => drop(lines.remove(a)),
        2 => lines.insert(b, lines[a]),
        3 => lines.swap(a, if a == b { (a + 1) % count } else { b }),
        _ => {
            let mut bytes = events.to_vec();
            bytes[rng.usize(..events.len())] ^= 1 << rng.u8(..8);
            return bytes;
        }
    }
    lines.concat()
}

/// Reads bundles, a length and a text at a time, and says of each what the other program finds.
const DRIVER: &str = r#"
import io, sys
sys.path.insert(0, sys.argv[1])
from verify_export import check, Wrong
manifest, signature = open(sys.argv[2] + "/manifest.json", "rb").read(), open(sys.argv[2] + "/manifest.sig").read()
read = sys.stdin.buffer
while size := read.readline():
    edit = read.read(int(size))
    try:
        print("sound", check(io.BytesIO(edit), manifest, signature))
    except Wrong as wrong:
        print("wrong", wrong.line, wrong.seq)
"#;

#[test]
fn both_verifiers_name_the_same_first_wrong_event_after_any_edit() {
    let dir = tempfile::tempdir().unwrap();
    let folder = bundle(dir.path());
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (events, manifest) = (read("events.ndjson"), read("manifest.json"));
    let signature = String::from_utf8(read("manifest.sig")).unwrap();
    let ours = |edit: &[u8]| match check(edit, &manifest, Some(&signature), None).unwrap() {
        Ok(checked) => format!("sound {}", checked.events),
        Err(wrong) => format!("wrong {} {}", wrong.line, wrong.seq.map_or("None".to_owned(), |seq| seq.to_string())),
    };
    assert_eq!(ours(&events), format!("sound {}", EVENTS - EVENTS / 5));

    let env = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let mut rng = fastrand::Rng::with_seed(env("VAULTSCOPE_SEED", 11));
    let mut edits = vec![events.clone()];
    for n in 0..1_000 * env("VAULTSCOPE_SOAK", 1) as usize {
        // Every second one a bit.
        let edit = edited(&events, &mut rng, if n % 2 == 0 { 0 } else { n / 2 % 4 });
        // A line put in the place of its twin is no edit.
        if edit != events {
            edits.push(edit);
        }
    }
    let mut expected = String::new();
    for edit in &edits {
        let said = ours(edit);
        assert!(edit == &events || said.starts_with("wrong"), "{said}: {}", String::from_utf8_lossy(edit));
        let _ = writeln!(expected, "{said}");
    }
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/tools");
    let python = Command::new("python3")
        .args(["-B", "-c", DRIVER, tools])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        // No python3 here: what the other program says is held to ours elsewhere.
        return;
    };
    let mut stdin = python.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        for edit in &edits {
            writeln!(stdin, "{}", edit.len()).unwrap();
            stdin.write_all(edit).unwrap();
        }
    });
    let said = python.wait_with_output().unwrap();
    writing.join().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    for (n, (theirs, ours)) in said.lines().zip(expected.lines()).enumerate() {
        assert_eq!(theirs, ours, "edit {n}");
    }
    assert_eq!(said.lines().count(), expected.lines().count());
}

#[test]
fn the_other_verifier_reads_a_bundle_by_itself_and_refuses_a_manifest_that_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = bundle(dir.path());
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/verify_export.py");
    let key = std::fs::read_to_string(dir.path().join("evidence/signing.pub")).unwrap();
    let run = |key: &str| Command::new("python3").arg("-B").arg(tool).arg(&folder).arg(key).output();
    let Ok(sound) = run(key.trim()) else { return };
    assert_eq!(sound.status.code(), Some(0), "{sound:?}");
    assert!(String::from_utf8_lossy(&sound.stdout).starts_with("sound: 39 events"));
    let other = run("vaultscope/other+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").unwrap();
    assert_eq!(other.status.code(), Some(3));
    let path = folder.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, manifest.replacen("\"number\": 1,", "\"number\": 2,", 1)).unwrap();
    let changed = run(key.trim()).unwrap();
    assert_eq!(changed.status.code(), Some(3), "{changed:?}");
}
