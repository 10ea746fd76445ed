//! The console's hands on a real store.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::base::time::{HOUR, MINUTE, Ticks};
use crate::console::state::line::Outcome;
use crate::event::{Feed, Source};
use crate::store::names::{Directory, Kind, NewName};
use crate::store::{Page, Workspace, Writer};

fn start() -> Ticks {
    Ticks::parse_rfc3339("2026-03-02T09:00:00Z").unwrap()
}

/// A page of sign-ins, a minute apart, every fourth failed.
fn page(numbers: std::ops::Range<i64>) -> Page {
    let items = numbers.map(|n| {
        let at = Ticks(start().0 + n * MINUTE);
        let category = if n % 4 == 0 { "credentials_failed" } else { "success" };
        Bytes::from(format!(
            r#"{{"uuid":"EVENT{n}","timestamp":"{at}","category":"{category}","type":"credentials_ok","country":"DE",
                "target_user":{{"email":"u{n}@example.com"}},"client":{{"app_name":"CLI","ip_address":"203.0.113.7"}}}}"#
        ))
    });
    let arrived = Ticks(start().0 + 300 * MINUTE);
    Page::new(Arc::from("ACCOUNT"), Feed::SignInAttempts, Source::Live, arrived, items.collect())
}

/// The next message that is not about health.
fn next(messages: &Receiver<Message>) -> Message {
    loop {
        match messages.recv_timeout(Duration::from_secs(20)).expect("a message comes") {
            Message::Stored(_) => {}
            other => return other,
        }
    }
}

#[test]
fn what_is_stored_comes_first_and_what_is_committed_follows() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(page(0..5)).unwrap();
    let (sender, messages) = sync_channel(16);
    let reader = Reader::open(dir.path()).unwrap();
    intake::start(reader.clone(), Arc::default(), Names::new(Some(reader), None), sender).unwrap();
    let Message::Hours(bins) = next(&messages) else { panic!("the counts come first") };
    assert_eq!(
        bins,
        [(start(), Feed::SignInAttempts, Outcome::Success, 3), (start(), Feed::SignInAttempts, Outcome::Failure, 2)]
    );
    let Message::Backlog(lines) = next(&messages) else { panic!("then the newest rows") };
    assert_eq!(lines.iter().map(|line| &*line.who).collect::<Vec<_>>()[..2], ["u0@example.com", "u1@example.com"]);
    assert_eq!((lines[0].outcome, &*lines[0].client, &*lines[0].country), (Outcome::Failure, "CLI", "DE"));
    assert!(matches!(next(&messages), Message::Older(_)));
    writer.handle().commit_blocking(page(5..7)).unwrap();
    let Message::Fresh(lines) = next(&messages) else { panic!("then what is committed") };
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [6, 7]);
}

#[test]
fn an_event_a_range_and_its_minutes_are_read_fresh_or_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for from in (0..200).step_by(50) {
        writer.handle().commit_blocking(page(from..from + 50)).unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let look = || {
        let (from, to) = (Ticks(start().0 + HOUR), Ticks(start().0 + 2 * HOUR));
        let (lines, cut, missing) = scan::range(&reader, &Directory::default(), from, to).unwrap();
        assert_eq!((lines.len(), cut, lines[0].time, &*lines[59].who), (60, false, Some(from), "u119@example.com"));
        let (minutes, nothing) = scan::minutes(&reader, from, to).unwrap();
        assert_eq!((missing, nothing, missing.said()), Default::default());
        assert_eq!((minutes.len(), minutes[0]), (60, (from, Feed::SignInAttempts, Outcome::Failure, 1)));
        let (facts, raw) = scan::event(&reader, &Directory::default(), 42).unwrap().unwrap();
        assert!(String::from_utf8(raw).unwrap().contains("EVENT41"));
        assert!(facts.contains(&("uuid", "EVENT41".into())), "{facts:?}");
        assert!(scan::event(&reader, &Directory::default(), 5_000).unwrap().is_none());
    };
    look();
    writer.handle().seal(10).blocking_recv().unwrap().unwrap();
    assert!(!reader.snapshot().unwrap().segments.is_empty(), "some are sealed now");
    look();
}

/// As a query does (KQL901): the rest is shown, and that something is missing is said.
#[test]
fn a_range_over_a_segment_that_cannot_be_read_shows_the_rest_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    for from in [0, 100] {
        writer.handle().commit_blocking(page(from..from + 100)).unwrap();
        writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    }
    let reader = Reader::open(dir.path()).unwrap();
    let segments = reader.snapshot().unwrap().segments;
    let length = std::fs::metadata(&segments[0].path).unwrap().len();
    std::fs::write(&segments[0].path, vec![0x5a; length as usize]).unwrap();
    let names = Names::new(None, None);
    let (from, to) = (start(), Ticks(start().0 + 24 * HOUR));
    // In the act, and once the writer has looked and marked it.
    for marked in [false, true] {
        if marked {
            writer.handle().look_at_doubts().blocking_recv().unwrap().unwrap();
        }
        assert_eq!(reader.snapshot().unwrap().damaged.len(), usize::from(marked), "the scan told the writer");
        let answers = read(&reader, &names, &Effect::LoadRange { from, to });
        let [Message::RangeRows { lines, .. }, Message::Notice(NoticeKind::Warning, said)] = &answers[..] else {
            panic!("{} answers", answers.len());
        };
        assert_eq!(lines.len(), 100);
        assert!(said.contains("a segment of 100 events cannot be read"), "{said}");
        assert_eq!(read(&reader, &names, &Effect::LoadMinutes { from, to }).len(), 2);
    }
}

#[test]
fn of_reads_that_wait_the_newest_of_a_kind_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    writer.handle().commit_blocking(page(0..5)).unwrap();
    let (jobs, queue) = channel();
    let (answers, messages) = sync_channel(16);
    for seq in 1..=4 {
        jobs.send(Effect::LoadEvent(seq)).unwrap();
    }
    drop(jobs);
    let reader = Reader::open(dir.path()).unwrap();
    serve(&reader, &Names::new(None, None), &queue, &answers);
    drop(answers);
    let seqs: Vec<i64> =
        messages.iter().map(|message| if let Message::Event(event) = message { event.seq } else { 0 }).collect();
    assert_eq!(seqs, [4]);
}

#[test]
fn what_is_copied_is_one_sequence_of_at_most_64_kib() {
    let bytes = clipboard(&format!("a\tb\n\u{1b}]0;x\u{7}{}", "y".repeat(200_000)));
    let text = String::from_utf8(bytes).unwrap();
    let inner = text.strip_prefix("\u{1b}]52;c;").unwrap();
    let inner = inner.strip_suffix("\u{1b}\\").or_else(|| inner.strip_suffix('\u{7}')).unwrap();
    assert!(inner.len() <= 64 * 1024 && inner.chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c)));
}

#[test]
fn a_row_shows_what_a_uuid_stands_for_and_is_found_by_either() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path()).unwrap();
    let item = r#"{"uuid":"A","timestamp":"2026-03-02T09:00:00Z","action":"export","object_type":"vault","object_uuid":"vvv"}"#;
    let page = Page::new(
        Arc::from("ACC"),
        Feed::AuditEvents,
        Source::Live,
        start(),
        vec![Bytes::from_static(item.as_bytes())],
    );
    writer.handle().commit_blocking(page).unwrap();
    let workspace = Workspace::open(dir.path()).unwrap();
    let (name, email, vault) = ("Pay\u{202e}roll".to_owned(), String::new(), String::new());
    let new = NewName { kind: Kind::Vault, uuid: "vvv".into(), name, email, vault };
    workspace.import_names(&[new], start()).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let names = Names::new(Some(reader.clone()), Some(Arc::new(workspace))).now();
    let lines = lines::lines(&reader.recent(1).unwrap().batches[0], &names);
    assert_eq!((&*lines[0].target, lines[0].altered), ("Pay‹U+202E›roll", true));
    assert!(lines[0].haystack.contains("vvv") && lines[0].haystack.contains("roll"));
    let (facts, _) = scan::event(&reader, &names, 1).unwrap().unwrap();
    let object = facts.iter().find(|(name, _)| *name == "object").unwrap();
    assert_eq!(&*object.1, "Pay‹U+202E›roll (imported), vvv");
}
