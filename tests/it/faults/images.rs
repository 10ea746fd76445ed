//! Copies of a running store's files, torn: cut, zeroed, flipped, with a tail of garbage, or gone.

use std::path::{Path, PathBuf};

use vaultscope::store::verify::{self, verify};
use vaultscope::store::{Reader, StoreError, Writer};

use super::{STREAM, newest, small};
use crate::evidence::{Stream, copy, everything, files, first_kept, item, retention, scratch, seed, soak};

/// Images in CI; `VAULTSCOPE_SOAK=70` makes more than 20,000.
const IMAGES: u64 = 300;
/// Of one store, at one moment.
const IMAGES_A_STORE: u64 = 30;
/// Pages that come afterwards, enough to be sealed.
const MORE: u64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Cut,
    ZeroedSector,
    GarbageTail,
    FlippedBits,
    Gone,
}

const EVERY: [Damage; 5] = [Damage::Cut, Damage::ZeroedSector, Damage::GarbageTail, Damage::FlippedBits, Damage::Gone];

/// Damages a file; answers whether it is another one now.
fn damage(path: &Path, how: Damage, rng: &mut fastrand::Rng) -> bool {
    let before = std::fs::read(path).unwrap();
    let mut bytes = before.clone();
    match how {
        Damage::Gone => {
            std::fs::remove_file(path).unwrap();
            return true;
        }
        _ if bytes.is_empty() => return false,
        Damage::Cut => bytes.truncate(rng.usize(0..bytes.len())),
        Damage::GarbageTail => bytes.extend((0..rng.usize(1..5_000)).map(|_| rng.u8(..))),
        Damage::ZeroedSector => {
            let start = rng.usize(0..bytes.len()) / 512 * 512;
            let end = (start + 512).min(bytes.len());
            bytes[start..end].fill(0);
        }
        Damage::FlippedBits => {
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(0..bytes.len());
                bytes[at] ^= 1 << rng.u8(0..8);
            }
        }
    }
    std::fs::write(path, &bytes).unwrap();
    bytes != before
}

/// A running store: sealings, a merge, perhaps a run of retention, a log that was not folded. Answers its pages and the first event that was
/// kept.
fn running(dir: &Path, rng: &mut fastrand::Rng) -> (Writer, u64, u64) {
    let writer = Writer::open_here(dir, small()).unwrap();
    let (pages, mut first) = (rng.u64(6..24), 0);
    for number in 0..pages {
        writer.handle().commit_blocking(STREAM.page(number)).unwrap();
        if number == pages / 2 && rng.bool() {
            // Half of it out of the log.
            writer.handle().seal(0).blocking_recv().unwrap().unwrap();
        }
        if number == pages * 2 / 3 && rng.bool() {
            writer.handle().retain(retention(newest(number + 1), 1)).blocking_recv().unwrap().unwrap();
            first = first_kept(newest(number + 1), 1);
        }
    }
    (writer, pages, first)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

/// Whatever can be read is read, and nothing panics.
fn read_all(dir: &Path) -> Result<u64, StoreError> {
    let reader = Reader::open(dir)?;
    let snapshot = reader.snapshot()?;
    let _ = reader.status();
    for seq in (1..=snapshot.through).step_by(60) {
        let _ = reader.event(seq);
    }
    let _ = reader.recent(100);
    Ok(snapshot.rows())
}

#[test]
fn a_torn_image_opens_with_what_was_synced_or_a_gap_on_record_and_intake_goes_on() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let (mut lost, mut refused, mut named) = (0, 0, 0);
    for _ in 0..(IMAGES * soak()).div_ceil(IMAGES_A_STORE) {
        let original = scratch();
        let (_writer, pages, first) = running(original.path(), &mut rng);
        // Files that a merge or a run of retention has replaced may lie there still, and nobody reads them.
        let read = Reader::open(original.path()).unwrap().snapshot().unwrap().segments;
        let is_read = |path: &Path| read.iter().any(|segment| segment.path.file_name() == path.file_name());
        for _ in 0..IMAGES_A_STORE {
            let image = scratch();
            copy(original.path(), image.path());
            let candidates: Vec<PathBuf> =
                files(image.path()).into_iter().filter(|p| !name(p).ends_with("-shm")).collect();
            let shm = image.path().join("evidence/catalogue.db-shm");
            let _ = std::fs::remove_file(shm);
            let path = &candidates[rng.usize(0..candidates.len())];
            let how = EVERY[rng.usize(0..EVERY.len())];
            let changed = damage(path, how, &mut rng);
            let case = format!("{how:?} {} of a store of {pages} pages", name(path));
            let _ = read_all(image.path());
            let found = verify(image.path(), &verify::Options::default(), &|_, _| ());
            let told = found.as_ref().map_or(true, |report| !report.findings.is_empty());
            if is_read(path) && changed {
                assert!(told, "{case}: verify names nothing");
            }
            named += u32::from(told);
            let writer = match Writer::open_here(image.path(), small()) {
                Ok(writer) => writer,
                Err(e) => {
                    // Without its catalogue a store is nothing, and nobody may write over what is left of it.
                    assert!(name(path).starts_with("catalogue.db"), "{case}: {e}");
                    assert!(name(path) == "catalogue.db", "{case}: {e}");
                    refused += 1;
                    continue;
                }
            };
            if name(path) == "catalogue.db" {
                // A page of it may be anything: that nothing panics is what can be said.
                let _ = writer.handle().commit_blocking(STREAM.page(pages));
                let _ = read_all(image.path());
                continue;
            }
            let reader = Reader::open(image.path()).unwrap();
            let found = Stream::pages(&reader);
            let gaps = reader.gaps(5).unwrap();
            if name(path) == "catalogue.db-wal" && found < pages {
                assert!(!gaps.is_empty(), "{case}: {found} pages are there, and nothing says that more were");
                lost += 1;
            } else {
                assert_eq!(found, pages, "{case}");
            }
            for number in found..pages + MORE {
                let done =
                    writer.handle().commit_blocking(STREAM.page(number)).unwrap_or_else(|e| panic!("{case}: {e}"));
                assert_eq!(done.stored + done.duplicates, STREAM.size, "{case}");
            }
            let _ = read_all(image.path()).unwrap_or_else(|e| panic!("{case}: {e}"));
            // Numbers of events that were lost are not given again.
            if !name(path).ends_with(".parquet") {
                let held: Vec<String> = everything(&reader).into_values().collect();
                let gone: u64 = reader.tombstones().unwrap().iter().flat_map(|stone| stone.events).sum();
                // Where the log was cut off, retention may have been with it.
                assert!(gone == first || name(path) == "catalogue.db-wal", "{case}: {gone} of {first} events went");
                let mut there = held.iter().peekable();
                let missing: Vec<u64> = (0..(pages + MORE) * STREAM.size)
                    .filter(|n| there.next_if(|text| **text == item(*n)).is_none())
                    .collect();
                assert!(
                    there.next().is_none() && missing.len() as u64 == gone,
                    "{case}: {missing:?} are not there, {gone} went"
                );
                assert!(missing.iter().all(|n| *n < first), "{case}: {missing:?}");
                assert_eq!(Stream::pages(&reader), pages + MORE, "{case}");
            }
        }
    }
    assert!(lost > 0 && named > 0, "{lost} lost a part of the log, {refused} were refused, {named} were named");
}
