use std::fs;
use std::os::unix::fs::MetadataExt as _;

use bytes::Bytes;

use super::*;
use crate::event::Source;
use crate::store::{GapRecord, Page, Writer};

const T0: i64 = 739_000 * 24 * crate::base::time::HOUR;
const MINUTE: i64 = crate::base::time::MINUTE;

fn page(range: std::ops::Range<u64>) -> Page {
    let items = range.clone().map(|n| {
        let at = Ticks(T0 + n as i64 * MINUTE);
        Bytes::from(format!(
            r#"{{"uuid":"EVENT{n:06}","timestamp":"{at}","category":"success","country":"=cmd","n":"é\u0007{n}"}}"#
        ))
    });
    let feed = if range.start.is_multiple_of(20) { Feed::SignInAttempts } else { Feed::ItemUsages };
    Page::new("ACCOUNT".into(), feed, Source::Live, Ticks(T0), items.collect())
}

/// Two hundred events in pages of ten, some sealed, with a gap.
fn store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::store::Options { seal_rows: 50, keep_fresh: 35, ..Default::default() };
    let writer = Writer::open_with(dir.path(), options).unwrap();
    for n in 0..20 {
        writer.handle().commit_blocking(page(n * 10..n * 10 + 10)).unwrap();
    }
    // Nothing new, and a batch all the same.
    writer.handle().commit_blocking(page(0..10)).unwrap();
    let (account, why) = ("ACCOUNT".into(), "away".to_owned());
    let gap =
        GapRecord { account, feed: None, from: Some(Ticks(T0)), to: Some(Ticks(T0 + 9)), why, noticed: Ticks(T0) };
    writer.handle().record_gap(gap).blocking_recv().unwrap().unwrap();
    writer.handle().seal(35).blocking_recv().unwrap().unwrap();
    writer.close();
    dir
}

fn options(format: Format) -> Options {
    Options { from: None, to: None, feeds: Vec::new(), predicate: None, format, raw_csv: false, demo: false }
}

fn exported(dir: &tempfile::TempDir, name: &str, options: &Options) -> (std::path::PathBuf, Exported) {
    let folder = dir.path().join(name);
    let done = export(dir.path(), &folder, options, None, &mut |_, _| ()).unwrap();
    (folder, done)
}

fn manifest(folder: &Path) -> Manifest {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn the_whole_store_is_a_sound_bundle_with_every_text_as_it_came() {
    let dir = store();
    let (folder, done) = exported(&dir, "all", &options(Format::Ndjson));
    let checked = check_folder(&folder, None).unwrap().unwrap();
    assert_eq!((checked.events, checked.batches, checked.signed, done.events), (200, 21, true, 200));
    let text = fs::read_to_string(folder.join("events.ndjson")).unwrap();
    for (n, line) in text.lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let is = &page(n as u64 / 10 * 10..n as u64 / 10 * 10 + 10).items[n % 10];
        assert_eq!(line["raw"].as_str().unwrap().as_bytes(), &is[..]);
        assert_eq!(line["seq"].as_i64(), Some(n as i64 + 1));
    }
    let manifest = manifest(&folder);
    assert_eq!((manifest.gaps.len(), manifest.events.feeds["itemusages"].count), (1, 100));
    assert_eq!(manifest.events.sha256, hex(&done.digest));
}

#[test]
fn a_range_is_proven_by_the_hashes_of_what_is_not_in_it() {
    let dir = store();
    let range = |from: i64, to: i64| Options {
        from: Some(Ticks(T0 + from * MINUTE)),
        to: Some(Ticks(T0 + to * MINUTE)),
        ..options(Format::Ndjson)
    };
    for (name, from, to) in [("sealed", 23, 48), ("both", 95, 180), ("fresh", 191, 197), ("one", 0, 1)] {
        let (folder, done) = exported(&dir, name, &range(from, to));
        assert_eq!(done.events as i64, to - from, "{name}");
        let checked = check_folder(&folder, None).unwrap().unwrap();
        assert_eq!(checked.events as i64, to - from, "{name}");
    }
    let (folder, done) = exported(&dir, "none", &range(500, 600));
    assert_eq!((done.events, check_folder(&folder, None).unwrap().unwrap().events), (0, 0));
    // A predicate and a feed.
    let folder = dir.path().join("some");
    let mut third = |batch: &RecordBatch| -> Result<Vec<bool>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(crate::store::fresh::seqs(batch).iter().map(|seq| seq % 3 == 0).collect())
    };
    let some = Options { feeds: vec![Feed::ItemUsages], ..options(Format::Ndjson) };
    let done = export(dir.path(), &folder, &some, Some(&mut third), &mut |_, _| ()).unwrap();
    assert_eq!(done.events, (1..=200).filter(|seq| seq % 3 == 0 && (seq - 1) / 10 % 2 == 1).count() as u64);
    check_folder(&folder, None).unwrap().unwrap();
}

#[test]
fn a_bundle_of_another_key_or_with_another_manifest_is_refused() {
    let dir = store();
    let (folder, _) = exported(&dir, "all", &options(Format::Ndjson));
    let key: crate::store::signing::Verifier =
        fs::read_to_string(Layout::of(dir.path()).signing_public()).unwrap().parse().unwrap();
    check_folder(&folder, Some(&key)).unwrap().unwrap();
    let other = Signer::from_seed("vaultscope/other", &[1; 32]).unwrap();
    assert!(check_folder(&folder, Some(other.verifier())).unwrap().is_err());
    let path = folder.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"demo\": false", "\"demo\": true")).unwrap();
    assert!(check_folder(&folder, None).unwrap().unwrap_err().why.contains("signed"));
    // Without the signature the manifest is anybody's, the events in it are not.
    fs::remove_file(folder.join("manifest.sig")).unwrap();
    assert!(!check_folder(&folder, None).unwrap().unwrap().signed);
}

#[test]
fn nothing_is_written_over_and_nobody_else_can_read_it() {
    let dir = store();
    let (folder, _) = exported(&dir, "all", &options(Format::Parquet));
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["events.parquet", "manifest.json", "manifest.sig"]);
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    for name in names {
        assert_eq!(fs::metadata(folder.join(name)).unwrap().mode() & 0o777, 0o600);
    }
    for name in ["all", ".hidden", "-x", "a b", "ä", ""] {
        let refused = export(dir.path(), &dir.path().join(name), &options(Format::Csv), None, &mut |_, _| ());
        assert!(matches!(refused, Err(ExportError::Name(_))), "{name}: {refused:?}");
    }
}

#[test]
fn csv_says_which_cells_are_not_as_they_came() {
    let dir = store();
    let (folder, done) = exported(&dir, "sheet", &options(Format::Csv));
    assert_eq!(done.altered, [("country".to_owned(), 200)].into());
    assert_eq!(manifest(&folder).altered_cells, done.altered);
    let text = fs::read_to_string(folder.join("events.csv")).unwrap();
    assert!(text.contains(",\"'=cmd\",") && text.lines().count() == 201, "{}", &text[..800]);
    let raw = Options { raw_csv: true, demo: true, ..options(Format::Csv) };
    let (folder, done) = exported(&dir, "raw", &raw);
    assert!(done.altered.is_empty() && manifest(&folder).demo && folder.join("DEMO-events.csv").exists());
}
