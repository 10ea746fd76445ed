//! Import of events from files: what a person, a script or another shipper kept of the Events API.
//!
//! A file is JSON a line, or one JSON document. A line, the document, or an element of its list may be an event as the API gives it,
//! a page (`{"items": […]}`, version 3's `{"audit_events": […]}`), a list of events or of a Connect server's requests, or
//! `{"endpoint": "auditevents", "event": {…}}`, which names the feed itself. Where nobody says it, the feed shows in an event's own keys.
//! The text of an event goes in byte for byte; what cannot be read is quarantined under `file:line`.
//!
//! Of a file of lines the store notes now and then how far it is in (`place`): an import that was cut off goes on from there.

mod place;
mod shape;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

pub(super) use self::place::{Mark, mark};
use super::StoreError;
use super::page::{BadItem, Committed, Origin, Page};
use super::writer::{WriterHandle, wait};
use crate::base::time::Ticks;
use crate::event::{Feed, Source, json};

/// Items of a page, as the service's largest.
const PAGE_ITEMS: usize = 1_000;
/// A page is handed in early at this many bytes.
const PAGE_BYTES: usize = 8 << 20;
/// Pages under way: the next are read while these are committed.
const UNDER_WAY: usize = 4;
/// Bytes after which somebody is told how far it is, and after which the store notes it.
const TOLD: u64 = 1 << 20;
const NOTED: u64 = if cfg!(test) { 32 << 10 } else { 4 << 20 };
/// A longer line is no line of JSON events, and a longer document is not read whole.
const LONGEST_LINE: u64 = 256 << 20;

/// What is imported, and as what.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub file: &'a Path,
    /// The account the events belong to.
    pub account: Arc<str>,
    /// The feed of events that do not name theirs.
    pub feed: Option<Feed>,
    pub now: Ticks,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Read so far, and in all.
    pub bytes: u64,
    pub total: u64,
    /// Lines that held something.
    pub lines: u64,
    pub done: Committed,
    /// Items set aside because nothing tells their feed.
    pub unplaced: u64,
    /// It was broken off.
    pub stopped: bool,
    /// Bytes that an import before this one had brought in already, and that were not read again.
    pub skipped: u64,
}

/// Imports a file. `watch` is told now and then how far it is, and may break it off; what was committed by then stays. Importing a file
/// again stores nothing twice.
pub fn events(
    writer: &WriterHandle,
    request: &Request<'_>,
    mut watch: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Progress, StoreError> {
    let io = |e| StoreError::io(request.file, e);
    let file = File::open(request.file).map_err(io)?;
    let total = file.metadata().map_err(io)?.len();
    let mut import = Import::new(writer, request, total);
    let place = place::of(&file, request).map_err(io)?;
    let mut lines = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    let mut number = 0;
    if let Some(place) = &place
        && let Some((bytes, before)) = wait(writer.import_place(*place, Mark::Look))?
    {
        lines.seek(SeekFrom::Start(bytes)).map_err(io)?;
        number = before;
        import.progress.skipped = bytes;
        import.progress.bytes = bytes;
        import.noted_at = bytes;
    }
    loop {
        line.clear();
        let read = (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(io)? as u64;
        if read == 0 {
            break;
        }
        number += 1;
        if read == LONGEST_LINE {
            let what = format!("line {number} is longer than {} MiB; this is no file of events", LONGEST_LINE >> 20);
            return Err(StoreError::Input { path: request.file.into(), what });
        }
        let mut text = line.trim_ascii();
        if number == 1 {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
            // A first line that is no JSON by itself may be the first line of a document.
            let alone = std::str::from_utf8(text).is_ok_and(json::valid);
            if !alone && total < LONGEST_LINE {
                let mut whole = text.to_vec();
                whole.push(b'\n');
                lines.read_to_end(&mut whole).map_err(io)?;
                import.document(&whole)?;
                import.progress.bytes = total;
                break;
            }
        }
        if !text.is_empty() {
            import.progress.lines += 1;
            import.value(text, number)?;
        }
        import.progress.bytes += read;
        if import.is_worth_telling() && watch(&import.progress).is_break() {
            import.progress.stopped = true;
            break;
        }
        if let Some(place) = &place
            && import.progress.bytes - import.noted_at >= NOTED
        {
            import.note(*place, number)?;
        }
    }
    import.flush()?;
    if let Some(place) = place {
        // Read to its end, another look at the file is one at all of it: the file may have been changed under its name.
        let mark = if import.progress.stopped { Mark::At(import.progress.bytes, number) } else { Mark::Done };
        wait(writer.import_place(place, mark))?;
    }
    let progress = import.progress;
    let _ = watch(&progress);
    Ok(progress)
}

struct Import<'a> {
    writer: &'a WriterHandle,
    request: &'a Request<'a>,
    /// The file's own name, for places.
    name: Arc<str>,
    /// A page a feed, as they fill.
    pages: [Filling; Feed::STORED.len()],
    unplaced: Vec<BadItem>,
    under_way: VecDeque<oneshot::Receiver<Result<Committed, StoreError>>>,
    progress: Progress,
    /// The newest event, and the bytes, when somebody was told last.
    told_at: (i64, u64),
    /// The bytes when the store was last told how far it is.
    noted_at: u64,
}

#[derive(Default)]
struct Filling {
    items: Vec<Bytes>,
    lines: Vec<u64>,
    bytes: usize,
}

impl<'a> Import<'a> {
    fn new(writer: &'a WriterHandle, request: &'a Request<'a>, total: u64) -> Self {
        let name = request.file.file_name().unwrap_or(request.file.as_os_str()).to_string_lossy();
        Self {
            writer,
            request,
            name: name.into(),
            pages: Default::default(),
            unplaced: Vec::new(),
            under_way: VecDeque::new(),
            progress: Progress { total, ..Progress::default() },
            told_at: (0, 0),
            noted_at: 0,
        }
    }

    /// One document over many lines, or lines of which the first is bad.
    fn document(&mut self, whole: &[u8]) -> Result<(), StoreError> {
        if let Some(text) = std::str::from_utf8(whole).ok().filter(|text| json::valid(text)) {
            let start = text.len() - text.trim_ascii_start().len();
            self.progress.lines += text.lines().filter(|line| !line.trim_ascii().is_empty()).count() as u64;
            let mut places = Places::of(text);
            return match json::elements(text) {
                Some(elements) => elements.into_iter().try_for_each(|e| self.value(e.as_bytes(), places.line_of(e))),
                None => self.value(text.trim_ascii().as_bytes(), places.line_of(&text[start..])),
            };
        }
        for (at, line) in whole.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() {
                self.progress.lines += 1;
                self.value(line, at as u64 + 1)?;
            }
        }
        Ok(())
    }

    /// A line, a document or an element: an event, or something that holds events.
    fn value(&mut self, value: &[u8], line: u64) -> Result<(), StoreError> {
        let Ok(text) = std::str::from_utf8(value) else { return self.item(value, self.request.feed, line) };
        match json::kind(text) {
            Some(json::Kind::List) => {
                if let Some(elements) = json::elements(text) {
                    return elements.into_iter().try_for_each(|e| self.item(e.as_bytes(), self.request.feed, line));
                }
            }
            Some(json::Kind::Object) => {
                if let Some(events) = json::key(text, "audit_events").and_then(json::elements) {
                    return events.into_iter().try_for_each(|e| self.item(e.as_bytes(), Some(Feed::AuditEvents), line));
                }
                if let Some(elements) = json::key(text, "items").and_then(json::elements) {
                    return elements.into_iter().try_for_each(|e| self.item(e.as_bytes(), self.request.feed, line));
                }
                let named = json::key(text, "endpoint").and_then(json::string).and_then(|name| Feed::from_name(&name));
                if let Some((feed, event)) = named.zip(json::key(text, "event"))
                    && json::valid(text)
                {
                    return self.item(event.as_bytes(), Some(feed), line);
                }
            }
            _ => {}
        }
        self.item(value, self.request.feed, line)
    }

    /// One event of a feed, if the feed is known.
    fn item(&mut self, raw: &[u8], feed: Option<Feed>, line: u64) -> Result<(), StoreError> {
        let feed = feed.or_else(|| shape::feed(std::str::from_utf8(raw).ok()?));
        let raw = Bytes::copy_from_slice(raw);
        let Some(feed) = feed else {
            self.progress.unplaced += 1;
            let is_json = std::str::from_utf8(&raw).is_ok_and(json::valid);
            let no_feed = "nothing tells the feed: add --feed auditevents, itemusages, signinattempts or activity";
            self.unplaced.push(BadItem {
                raw,
                place: format!("{}:{line}", self.name),
                reason: if is_json { no_feed } else { "it is no JSON" }.into(),
                arrived: self.request.now,
            });
            return if self.unplaced.len() >= PAGE_ITEMS { self.set_unplaced_aside() } else { Ok(()) };
        };
        let page = &mut self.pages[feed as usize];
        page.bytes += raw.len();
        page.items.push(raw);
        page.lines.push(line);
        if page.items.len() >= PAGE_ITEMS || page.bytes >= PAGE_BYTES { self.hand_in(feed) } else { Ok(()) }
    }

    fn hand_in(&mut self, feed: Feed) -> Result<(), StoreError> {
        let Filling { items, lines, .. } = std::mem::take(&mut self.pages[feed as usize]);
        if items.is_empty() {
            return Ok(());
        }
        let Request { account, now, .. } = self.request;
        let mut page = Page::new(Arc::clone(account), feed, Source::Import, *now, items);
        page.origin = Some(Origin { file: Arc::clone(&self.name), lines });
        self.under_way.push_back(self.writer.commit(page));
        self.settle(UNDER_WAY)
    }

    /// Waits until no more than `left` pages are under way.
    fn settle(&mut self, left: usize) -> Result<(), StoreError> {
        while self.under_way.len() > left {
            if let Some(answer) = self.under_way.pop_front() {
                self.progress.done.add(wait(answer)?);
            }
        }
        Ok(())
    }

    fn set_unplaced_aside(&mut self) -> Result<(), StoreError> {
        match std::mem::take(&mut self.unplaced) {
            none if none.is_empty() => Ok(()),
            items => wait(self.writer.set_aside(&self.request.account, items)),
        }
    }

    /// Has enough happened since somebody was told, for a person to see it move?
    fn is_worth_telling(&mut self) -> bool {
        let (through, bytes) = (self.progress.done.through, self.progress.bytes);
        let worth = self.told_at.0 != through || bytes - self.told_at.1 >= TOLD;
        if worth {
            self.told_at = (through, bytes);
        }
        worth
    }

    /// Waits until everything that was read is in the store.
    fn flush(&mut self) -> Result<(), StoreError> {
        Feed::STORED.into_iter().try_for_each(|feed| self.hand_in(feed))?;
        self.settle(0)?;
        self.set_unplaced_aside()
    }

    /// Notes that everything up to here is in the store.
    fn note(&mut self, place: [u8; 32], lines: u64) -> Result<(), StoreError> {
        self.flush()?;
        self.noted_at = self.progress.bytes;
        wait(self.writer.import_place(place, Mark::At(self.noted_at, lines))).map(drop)
    }
}

/// Finds the lines of slices of a text, in ascending order.
pub(super) struct Places<'a> {
    text: &'a str,
    pub(super) at: usize,
    line: u64,
}

impl<'a> Places<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    pub(super) fn line_of(&mut self, slice: &str) -> u64 {
        let to = (slice.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).clamp(self.at, self.text.len());
        self.line += memchr::memchr_iter(b'\n', &self.text.as_bytes()[self.at..to]).count() as u64;
        self.at = to;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Writer};
    use super::*;

    fn import(text: impl AsRef<[u8]>, feed: Option<Feed>) -> (Progress, Reader, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kept.json");
        std::fs::write(&file, text).unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        let request = Request { file: &file, account: "ACCOUNT".into(), feed, now: Ticks(1) };
        let progress = events(&writer.handle(), &request, |_| ControlFlow::Continue(())).unwrap();
        // Again: nothing twice.
        let again = events(&writer.handle(), &request, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(again.skipped, 0, "a file that was read to its end is read again");
        assert_eq!((again.done.stored, again.done.duplicates), (0, progress.done.stored + progress.done.duplicates));
        (progress, Reader::open(dir.path()).unwrap(), dir)
    }

    fn by_feed(reader: &Reader) -> Vec<(Feed, u64)> {
        reader.status().unwrap().feeds.iter().map(|f| (f.feed, f.events)).collect()
    }

    #[test]
    fn lines_pages_lists_and_named_feeds_are_all_read() {
        let lines = concat!(
            "\u{feff}{\"uuid\": \"A\"}\r\n",
            "\n",
            "{\"cursor\":\"x\",\"has_more\":false,\"items\":[{\"uuid\":\"B\"}, {\"uuid\":\"C\"}]}\n",
            "[{\"uuid\":\"D\"}]\n",
            "{\"endpoint\":\"itemusages\",\"event\": {\"uuid\":\"A\" , \"x\":1} }",
        );
        let (progress, reader, _dir) = import(lines, Some(Feed::AuditEvents));
        assert_eq!((progress.lines, progress.done.stored, progress.bytes), (4, 5, progress.total));
        assert_eq!(by_feed(&reader), [(Feed::ItemUsages, 1), (Feed::AuditEvents, 4)]);
        let fresh = reader.snapshot().unwrap().fresh;
        let raws: Vec<_> = fresh.iter().flat_map(|b| super::super::tests::raws(b)).collect();
        assert!(raws.contains(&"{\"uuid\":\"A\" , \"x\":1}".to_owned()), "{raws:?}");
    }

    #[test]
    fn a_document_over_many_lines_is_read_and_its_bad_items_have_their_line() {
        let (progress, reader, _dir) =
            import("[\n  {\n \"uuid\": \"A\"\n},\n{\"uuid\": 7},\n {\"uuid\":\"B\"}]", Some(Feed::ItemUsages));
        assert_eq!((progress.done.stored, progress.done.quarantined), (2, 1));
        assert_eq!(reader.quarantined(9).unwrap()[0].place, "kept.json:5");
        let (progress, ..) = import("{\n\"items\": [\n{\"uuid\":\"A\"},{\"uuid\":\"B\"}]}", Some(Feed::ItemUsages));
        assert_eq!(progress.done.stored, 2);
    }

    #[test]
    fn bad_lines_are_kept_with_their_number_and_the_rest_goes_in() {
        let text: &[u8] = b"nonsense\n{\"uuid\":\"A\"}\n{\"uuid\":\"B\"\n\xff\n{\"uuid\":\"C\"}\n";
        let (progress, reader, _dir) = import(text, Some(Feed::AuditEvents));
        assert_eq!((progress.done.stored, progress.done.quarantined), (2, 3));
        let mut places: Vec<_> = reader.quarantined(9).unwrap().into_iter().map(|q| (q.place, q.raw)).collect();
        places.sort();
        let lines = [("kept.json:1", &b"nonsense"[..]), ("kept.json:3", b"{\"uuid\":\"B\""), ("kept.json:4", b"\xff")];
        assert_eq!(places, lines.map(|(place, raw)| (place.to_owned(), raw.to_vec())));
    }

    #[test]
    fn events_that_name_no_feed_are_set_aside_and_counted() {
        let (progress, reader, _dir) =
            import("{\"uuid\":\"A\"}\n{\"endpoint\":\"auditevents\",\"event\":{\"uuid\":\"B\"}}\n", None);
        assert_eq!((progress.done.stored, progress.unplaced), (1, 1));
        let rows = reader.quarantined(9).unwrap();
        assert_eq!((rows.len(), rows[0].feed, rows[0].arrivals), (1, None, 2));
        assert!(rows[0].reason.contains("--feed"), "{}", rows[0].reason);
    }

    #[test]
    fn an_import_can_be_broken_off_and_what_was_committed_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("long.ndjson");
        let lines: Vec<String> = (0..9_000).map(|n| format!("{{\"uuid\":\"E{n}\"}}")).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let writer = Writer::open(dir.path()).unwrap();
        let request = Request { file: &file, account: "ACCOUNT".into(), feed: Some(Feed::ItemUsages), now: Ticks(1) };
        let progress = events(&writer.handle(), &request, |p| {
            if p.done.stored > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert!(progress.stopped && progress.bytes < progress.total);
        let stored = Reader::open(dir.path()).unwrap().snapshot().unwrap().rows();
        assert_eq!(stored, progress.done.stored);
        assert!(stored < 9_000);
        let whole = events(&writer.handle(), &request, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!((whole.skipped, whole.done.stored + stored, whole.done.duplicates), (progress.bytes, 9_000, 0));
    }

    #[test]
    fn an_import_that_is_cut_off_goes_on_near_where_it_was_and_bad_lines_keep_their_number() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("long.ndjson");
        let mut lines: Vec<String> = (0..20_000).map(|n| format!("{{\"uuid\":\"E{n}\",\"used_version\":1}}")).collect();
        lines[19_990] = "{\"uuid\":".into();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let request = Request { file: &file, account: "ACCOUNT".into(), feed: None, now: Ticks(1) };
        let cut = std::thread::scope(|scope| {
            let run = || {
                let writer = Writer::open(dir.path()).unwrap();
                events(&writer.handle(), &request, |p| {
                    // As abruptly as a thread can end.
                    assert!(p.bytes < p.total / 2, "cut off");
                    ControlFlow::Continue(())
                })
            };
            scope.spawn(run).join()
        });
        assert!(cut.is_err());
        let writer = Writer::open(dir.path()).unwrap();
        let before = Reader::open(dir.path()).unwrap().snapshot().unwrap().rows();
        let whole = events(&writer.handle(), &request, |_| ControlFlow::Continue(())).unwrap();
        assert!(whole.skipped >= whole.total / 2 - 200_000 && whole.skipped > 0, "{whole:?}");
        assert!(whole.done.duplicates < 9_000, "{whole:?}");
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!((before + whole.done.stored, reader.snapshot().unwrap().rows()), (19_999, 19_999));
        assert_eq!(reader.quarantined(9).unwrap()[0].place, "long.ndjson:19991");
        // The same name over other bytes is another file.
        std::fs::write(&file, lines[..5].join("\n")).unwrap();
        assert_eq!(events(&writer.handle(), &request, |_| ControlFlow::Continue(())).unwrap().skipped, 0);
    }

    #[test]
    fn pages_of_version_3_and_lists_of_requests_say_their_feed_and_so_do_events() {
        let lines = concat!(
            "{\"audit_events\":[{\"uuid\":\"T\",\"insert_time\":\"2026-01-01T00:00:00Z\",\"action\":\"vault.create\"}],\"next_page_token\":\"x\"}\n",
            "[{\"requestId\":\"R\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"action\":\"READ\",\"actor\":{}}]\n",
            "{\"uuid\":\"A\",\"actor_uuid\":\"U\",\"action\":\"grant\"}\n",
            "{\"uuid\":\"S\",\"category\":\"success\",\"type\":\"mfa_ok\"}\n",
            "{\"uuid\":\"I\",\"vault_uuid\":\"v\",\"action\":\"fill\"}\n",
        );
        let (progress, reader, _dir) = import(lines, None);
        assert_eq!((progress.done.stored, progress.unplaced, progress.done.quarantined), (5, 0, 0));
        let feeds =
            [(Feed::SignInAttempts, 1), (Feed::ItemUsages, 1), (Feed::AuditEvents, 2), (Feed::ConnectActivity, 1)];
        assert_eq!(by_feed(&reader), feeds);
    }
}
