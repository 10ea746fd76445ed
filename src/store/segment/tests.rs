use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringViewArray};
use arrow::compute::concat_batches;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::*;
use crate::base::time::Ticks;
use crate::event::columns::{Arrival, BatchBuilder};
use crate::event::decode::decode;
use crate::event::{Feed, Source};
use crate::store::{Layout, Options, Page, Reader, Writer};

/// Rows as intake makes them of events.
fn rows(items: &[&str]) -> RecordBatch {
    let mut builder = BatchBuilder::new();
    for (n, item) in items.iter().enumerate() {
        let (seq, at) = (n as i64 + 1, Ticks(1_000));
        let (feed, source) = (Feed::AuditEvents, Source::Live);
        let arrival = Arrival { seq, feed, account: "A", source, arrived: at, time_generated: at, tag: 0 };
        builder.push(&arrival, &decode(item.as_bytes()).unwrap());
    }
    builder.finish().unwrap()
}

fn texts(rows: &RecordBatch) -> Vec<String> {
    let raw = rows.column_by_name("raw").unwrap();
    (0..rows.num_rows()).map(|row| text_at(raw, row).unwrap().to_owned()).collect()
}

/// The same rows with other texts, whatever the columns say.
fn with_texts(rows: &RecordBatch, texts: &[String]) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    columns[schema::position("raw").unwrap()] = Arc::new(StringViewArray::from_iter_values(texts));
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

const EVENT: &str = r#"{"uuid":"EVENTEVENTEVENTEVENTEVENTE","timestamp":"2026-01-02T03:04:05.678901234Z","session_uuid":"S1S1","actor_uuid":"U1U1",
"object_uuid":"U1U1","session":{"uuid":"S1S1","login_time":"2026-01-02T03:00:00Z","ip":"192.0.2.1"},"user":{"uuid":"U1U1","name":"Ann","email":"ann@example.com"}}"#;

#[test]
fn what_columns_hold_is_one_byte_in_the_text_and_comes_back() {
    let rows = rows(&[EVENT]);
    let cut = cut::cut(&rows).unwrap();
    // A value that several columns have is the first one's.
    let expected = "{\"uuid\":\"\x03\",\"timestamp\":\"\x0134Z\",\"session_uuid\":\"\x05\",\"actor_uuid\":\"\x04\",\n\
        \"object_uuid\":\"\x04\",\"session\":{\"uuid\":\"\x05\",\"login_time\":\"\x0e\",\"ip\":\"\x18\"},\"user\":{\"uuid\":\"\x04\",\"name\":\"\x15\",\"email\":\"\x12\"}}";
    assert_eq!(texts(&cut), [expected]);
    assert_eq!(cut::restore(&cut).unwrap(), rows);
}

#[test]
fn every_form_of_a_time_comes_back() {
    let times = [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.6Z",
        "2026-01-02T03:04:05.600Z",
        "2026-01-02T03:04:05.000Z",
        "2026-01-02T03:04:05.1234567Z",
        "2026-01-02T03:04:05.12345670Z",
        "2026-01-02T03:04:05.123456789Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02t03:04:05z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05+01:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
    ];
    let items = times.map(|time| format!(r#"{{"uuid":"EVENT","timestamp":"{time}"}}"#));
    let rows = rows(&items.each_ref().map(String::as_str));
    let cut = cut::cut(&rows).unwrap();
    assert_eq!(cut::restore(&cut).unwrap(), rows);
    let shorter = texts(&cut).iter().zip(&items).filter(|(cut, item)| cut.len() < item.len() - 20).count();
    assert_eq!(shorter, 9, "{:?}", texts(&cut));
}

#[test]
fn a_text_with_control_characters_lies_there_as_it_is() {
    let whole: Vec<String> = (0..0x21_u8)
        .flat_map(|byte| {
            let c = char::from(byte);
            [format!("{c}"), format!("{c}\"U1U1\""), format!("\"U1U1\"{c}"), format!("0123456{c}01234567{c}")]
        })
        .chain([String::new(), "\"".into(), "\u{80}\u{7f}\u{100}\"Ann\"".into()])
        .collect();
    let events = rows(&vec![EVENT; whole.len()]);
    let rows = with_texts(&events, &whole);
    let cut = cut::cut(&rows).unwrap();
    assert_eq!(cut::restore(&cut).unwrap(), rows);
    for (cut, whole) in texts(&cut).iter().zip(&whole) {
        let holds_one = whole.bytes().any(|b| b < 0x20 && !b"\t\n\r".contains(&b));
        assert_eq!(cut.starts_with('\0'), holds_one, "{whole:?} lies there as {cut:?}");
    }
}

#[test]
fn a_reference_to_nothing_stays_and_takes_no_other_row_with_it() {
    let rows = rows(&[r#"{"uuid":"EVENT"}"#, EVENT]);
    let damaged: Vec<String> = ["{\"a\":\"\x18\x01\x02\x1f\x03\"}", "\x18\x1c\x01"].map(Into::into).into();
    let read = texts(&cut::restore(&with_texts(&rows, &damaged)).unwrap());
    assert_eq!(read, ["{\"a\":\"\x18\x01\x02\x1fEVENT\"}", "192.0.2.1\x1c2026-01-02T03:04:05.6789012"]);
    // Times that no event can have.
    for ticks in [i64::MIN, -1, i64::MAX] {
        let mut columns = rows.columns().to_vec();
        columns[schema::position("timestamp").unwrap()] = Arc::new(Int64Array::from(vec![ticks; 2]));
        let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        assert_eq!(texts(&cut::restore(&with_texts(&rows, &damaged)).unwrap()).len(), 2);
        assert_eq!(cut::restore(&cut::cut(&rows).unwrap()).unwrap(), rows);
    }
}

proptest! {
    #[test]
    fn any_text_beside_any_values_comes_back(
        pieces in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(vec!["U1", "U2U2", "S1", "U1U2U2", "2026-01-02T03:04:05", "a@b", "", "\\", ":", "é", "{"]).prop_map(str::to_owned),
            1 => "[\\PC\\x00-\\x20]{0,6}",
        ], 0..24),
        quoted in prop::collection::vec(any::<bool>(), 24),
        values in prop::collection::vec(prop::sample::select(vec!["U1", "U2U2", "S1", "a@b", "é", "\\u00e9", ""]), 4),
        time in prop::sample::select(vec!["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "no time"]),
    ) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|n| values[n]);
        let item = format!(
            r#"{{"uuid":"E","timestamp":"{time}","object_uuid":"{a}","session_uuid":"{b}","session":{{"uuid":"{c}"}},"user":{{"name":"{d}"}}}}"#
        );
        let text: String = pieces.iter().zip(&quoted).map(|(p, quoted)| if *quoted { format!("\"{p}\"") } else { p.clone() }).collect();
        let events = rows(&[&item, &item, r#"{"uuid":"F"}"#]);
        let rows = with_texts(&events, &[item, text.clone(), text]);
        let cut = cut::cut(&rows).unwrap();
        prop_assert_eq!(&cut::restore(&cut).unwrap(), &rows);
        // A part of a batch, its dictionaries larger than it needs.
        prop_assert_eq!(cut::restore(&cut.slice(1, 2)).unwrap(), rows.slice(1, 2));
    }

    #[test]
    fn whatever_lies_in_a_file_is_read_without_a_panic(text in "[\\x00-\\x22\\PC]{0,64}") {
        let rows = rows(&[EVENT, r#"{"uuid":"EVENT"}"#]);
        prop_assert_eq!(cut::restore(&with_texts(&rows, &[text.clone(), text])).unwrap().num_rows(), 2);
    }
}

fn event(n: usize) -> Bytes {
    let text = format!(
        r#"{{"uuid":"EVENT{n:021}","timestamp":"2026-01-02T03:04:05.{n:09}Z","object_uuid":"OBJECT{n:020}","session":{{"uuid":"SESSION{:019}"}},"n":{n}}}"#,
        n / 10
    );
    Bytes::from(text)
}

fn page(range: std::ops::Range<usize>) -> Page {
    Page::new("ACCOUNT".into(), Feed::AuditEvents, Source::Live, Ticks(1_000), range.map(event).collect())
}

/// A store of 300 events, sealed into segments of a hundred.
fn sealed(dir: &std::path::Path) -> Reader {
    let options = Options { seal_rows: 100, keep_fresh: 0, merge_rows: 1 << 40, ..Options::default() };
    let writer = Writer::open_with(dir, options).unwrap();
    for from in [0, 100, 200] {
        writer.handle().commit_blocking(page(from..from + 100)).unwrap();
        writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    }
    Reader::open(dir).unwrap()
}

fn whole(segment: &Segment) -> RecordBatch {
    let batches: Vec<RecordBatch> = segment.batches().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema::arrow(), &batches).unwrap()
}

#[test]
fn a_reader_gets_the_columns_it_asked_for_with_the_text_whole() {
    let dir = tempfile::tempdir().unwrap();
    let segment = &sealed(dir.path()).snapshot().unwrap().segments[1];
    let [raw, seq, uuid] = ["raw", "seq", "uuid_s"].map(|name| schema::position(name).unwrap());
    let some = RowSelection::from(vec![
        RowSelector::skip(7),
        RowSelector::select(2),
        RowSelector::skip(50),
        RowSelector::select(1),
    ]);
    for columns in [vec![raw], vec![seq, raw], vec![raw, uuid, seq], vec![uuid], vec![]] {
        let mut asked = columns.clone();
        asked.sort_unstable();
        let read = segment.read(&columns, |b| b.with_row_selection(some.clone()).with_batch_size(2)).unwrap();
        let rows: Vec<RecordBatch> = read.map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
        let names: Vec<&str> = asked.iter().map(|at| schema::STORED[*at].name).collect();
        assert_eq!(rows[0].schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), names);
        if columns.contains(&raw) {
            let read: Vec<String> = rows.iter().flat_map(texts).collect();
            assert_eq!(read, [107, 108, 159].map(|n| String::from_utf8(event(n).to_vec()).unwrap()));
        }
        // The text costs a reader more columns, and nothing else does.
        assert_eq!(segment.reads(&columns).unwrap().len() > columns.len(), columns.contains(&raw));
    }
}

/// Writes a segment's file as the first version was, its text whole.
fn as_version_one(segment: &Segment) {
    let rows = whole(segment);
    let pair = KeyValue::new(VERSION_KEY.into(), "1".to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![pair])).build();
    let file = File::create(&segment.path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema::arrow(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

#[test]
fn files_of_the_first_version_are_read_and_written_anew_by_a_merge() {
    let dir = tempfile::tempdir().unwrap();
    let before: Vec<RecordBatch> = {
        let snapshot = sealed(dir.path()).snapshot().unwrap();
        let before = snapshot.segments.iter().map(|segment| whole(segment)).collect();
        snapshot.segments[..2].iter().for_each(|segment| as_version_one(segment));
        before
    };
    let db = rusqlite::Connection::open(Layout::of(dir.path()).catalogue()).unwrap();
    // Their digests are those of other files now; stores from before digests have none.
    db.execute_batch("DELETE FROM attested; UPDATE segment SET version = 1 WHERE id < 3").unwrap();
    for segment in &Reader::open(dir.path()).unwrap().snapshot().unwrap().segments {
        // A file of another length than the catalogue says counts as damaged.
        let bytes = std::fs::metadata(&segment.path).unwrap().len() as i64;
        db.execute("UPDATE segment SET bytes = ? WHERE id = ?", [bytes, segment.id]).unwrap();
    }
    drop(db);
    let reader = Reader::open(dir.path()).unwrap();
    let old = &reader.snapshot().unwrap().segments[0];
    assert!(!old.is_cut(old.metadata().unwrap()).unwrap());
    assert_eq!(whole(old), before[0]);
    assert_eq!(texts(&reader.event(42).unwrap().unwrap()), [String::from_utf8(event(41).to_vec()).unwrap()]);

    let writer = Writer::open(dir.path()).unwrap();
    // Found in a file of either version.
    assert_eq!(writer.handle().commit_blocking(page(95..205)).unwrap().duplicates, 110);
    writer.handle().merge().blocking_recv().unwrap().unwrap();
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.segments.len(), 1);
    let merged = &snapshot.segments[0];
    assert!(merged.is_cut(merged.metadata().unwrap()).unwrap());
    assert_eq!(whole(merged), concat_batches(&schema::arrow(), &before).unwrap());
    assert!(merged.path.to_string_lossy().ends_with(".v2.parquet"));
}

#[test]
fn a_version_from_later_is_refused_and_not_misread() {
    let dir = tempfile::tempdir().unwrap();
    let reader = sealed(dir.path());
    let snapshot = reader.snapshot().unwrap();
    let mut file = std::fs::read(&snapshot.segments[0].path).unwrap();
    let at = file.windows(VERSION_KEY.len()).rposition(|w| w == VERSION_KEY.as_bytes()).unwrap() + VERSION_KEY.len();
    let version = at + file[at..].iter().position(|b| *b == b'2').unwrap();
    file[version] = b'3';
    std::fs::write(&snapshot.segments[0].path, file).unwrap();
    let error = Reader::open(dir.path()).unwrap().event(1).unwrap_err().to_string();
    assert!(error.contains("version"), "{error}");
}

#[test]
fn a_changed_reference_is_a_changed_event() {
    let dir = tempfile::tempdir().unwrap();
    let segment = Arc::clone(&sealed(dir.path()).snapshot().unwrap().segments[1]);
    // What a column in the file says of row 30 is another row's: all its references are to something else.
    let mut cut_rows = cut::cut(&whole(&segment)).unwrap();
    let mut changed = texts(&cut_rows);
    changed[30] = changed[30].replace('\x05', "\x18");
    cut_rows = with_texts(&cut_rows, &changed);
    let pair = KeyValue::new(VERSION_KEY.into(), VERSION.to_string());
    // In row groups that are looked at by different threads.
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![pair]))
        .set_max_row_group_row_count(Some(30))
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(&segment.path).unwrap(), schema::arrow(), Some(properties)).unwrap();
    writer.write(&cut_rows).unwrap();
    writer.close().unwrap();
    let report =
        crate::store::verify::verify(dir.path(), &crate::store::verify::Options::default(), &|_, _| {}).unwrap();
    let changed: Vec<i64> =
        report.findings.iter().filter(|f| f.kind == crate::store::verify::Kind::Changed).map(|f| f.seq).collect();
    assert_eq!(changed, [131], "{:?}", report.findings);
    let named = report.findings.iter().find_map(|f| f.event.as_ref()).unwrap();
    assert_eq!((&*named.uuid, report.events), (&*format!("EVENT{:021}", 130), 300));
}
