//! D7: whatever rots or is edited in the files of a store is found.

use std::os::unix::fs::FileExt as _;

use super::retained::two_tombstones;
use super::*;

/// How often to repeat what is random.
fn soak() -> u64 {
    std::env::var("VAULTSCOPE_SOAK").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn rng() -> fastrand::Rng {
    fastrand::Rng::with_seed(std::env::var("VAULTSCOPE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(7))
}

/// D7: bit rot in the bytes of rows, fresh and sealed.
#[test]
fn every_flipped_bit_of_a_page_or_a_segment_is_noticed() {
    let mut rng = rng();
    let flips = 40 * soak();
    let dir = store(12, 40);
    let pages = db(&dir);
    let page: (i64, Vec<u8>) =
        pages.query_row("SELECT id, data FROM page ORDER BY id LIMIT 1", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    let is = fresh::decode(&page.1).unwrap();
    let mut changed = 0;
    for _ in 0..flips {
        let mut data = page.1.clone();
        let (at, bit) = (rng.usize(..data.len()), rng.u8(..8));
        data[at] ^= 1 << bit;
        // Some bits of the frame say nothing about the rows.
        let same = fresh::decode(&data).is_ok_and(|batch| batch == is);
        changed += u64::from(!same);
        pages.execute("UPDATE page SET data = ? WHERE id = ?", params![data, page.0]).unwrap();
        let report = look(&dir);
        assert_eq!(report.is_sound(), same, "byte {at} bit {bit}: {report:#?}");
    }
    assert!(changed > flips / 2);
    pages.execute("UPDATE page SET data = ? WHERE id = ?", params![page.1, page.0]).unwrap();

    let file = fs::read_dir(Layout::of(dir.path()).segments()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    let open = fs::File::options().write(true).open(&file).unwrap();
    for _ in 0..flips {
        let (at, bit) = (rng.usize(..whole.len()), rng.u8(..8));
        open.write_all_at(&[whole[at] ^ 1 << bit], at as u64).unwrap();
        let report = look(&dir);
        assert!(!report.is_sound(), "byte {at} bit {bit}");
        open.write_all_at(&[whole[at]], at as u64).unwrap();
    }
    assert!(look(&dir).is_sound());
}

const LIVE: &str = "superseded IS NULL";
const ATTESTED: &str = "segment IN (SELECT id FROM segment WHERE superseded IS NULL)";

/// Columns that say something about evidence: the table, the column, and which of its rows. What is not here the documentation names: the records
/// beside the chain, counts, and whose a batch was of which nothing is left.
const COVERED: [(&str, &str, &str); 57] = [
    ("account", "uuid", ""),
    ("head", "through", ""),
    ("head", "batches", ""),
    ("head", "root", ""),
    ("batch", "id", "id BETWEEN 9 AND 20"),
    ("batch", "account", "id BETWEEN 9 AND 20"),
    ("batch", "feed", "id BETWEEN 9 AND 20"),
    ("batch", "source", "id BETWEEN 9 AND 20"),
    ("batch", "first_seq", ""),
    ("batch", "stored", ""),
    ("batch", "root", ""),
    ("batch", "tree", "id BETWEEN 9 AND 20"),
    ("page", "first_seq", ""),
    ("page", "last_seq", ""),
    ("page", "rows", ""),
    ("page", "data", ""),
    ("fresh", "account", ""),
    ("fresh", "feed", ""),
    ("fresh", "uuid", ""),
    ("fresh", "seq", ""),
    ("segment", "file", LIVE),
    ("segment", "rows", LIVE),
    ("segment", "first_seq", LIVE),
    ("segment", "last_seq", LIVE),
    ("segment", "first_timestamp", LIVE),
    ("segment", "last_timestamp", LIVE),
    ("segment", "first_generated", LIVE),
    ("segment", "last_generated", LIVE),
    ("segment", "bytes", LIVE),
    ("segment", "superseded", LIVE),
    ("attested", "sha256", ATTESTED),
    ("attested", "signer", ATTESTED),
    ("attested", "signature", ATTESTED),
    ("signer", "key", ""),
    ("checkpoint", "batch", ""),
    ("checkpoint", "through", ""),
    ("checkpoint", "root", ""),
    ("checkpoint", "at", ""),
    ("checkpoint", "signer", ""),
    ("checkpoint", "signature", ""),
    ("pruned", "nodes", ""),
    ("pruned", "batch", ""),
    ("tombstone", "at", ""),
    ("tombstone", "policy", ""),
    ("tombstone", "who", ""),
    ("tombstone", "events", ""),
    ("tombstone", "variants", ""),
    ("tombstone", "first_batch", ""),
    ("tombstone", "last_batch", ""),
    ("tombstone", "note", ""),
    ("tombstone_feed", "events", ""),
    ("tombstone_feed", "first", ""),
    ("tombstone_feed", "last", ""),
    ("variant", "digest", ""),
    ("variant", "raw", ""),
    ("quarantine", "digest", ""),
    ("quarantine", "raw", ""),
];

/// Edits one value; answers what was done. A page whose rows are the same after that is edited again.
fn edit(db: &rusqlite::Connection, rng: &mut fastrand::Rng) -> String {
    use rusqlite::types::Value;
    db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    loop {
        let (table, column, rows) = COVERED[rng.usize(..COVERED.len())];
        let rows = if rows.is_empty() { "true" } else { rows };
        // Tables without row numbers have a key; any will do for one row of the few here.
        let values: Vec<Value> = db
            .prepare(&format!("SELECT DISTINCT {column} FROM {table} WHERE {rows}"))
            .and_then(|mut s| s.query_map([], |row| row.get(0))?.collect())
            .unwrap();
        let was = values[rng.usize(..values.len())].clone();
        let flip = |bytes: &[u8], rng: &mut fastrand::Rng| {
            let mut bytes = bytes.to_vec();
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
            bytes
        };
        let is = match &was {
            Value::Integer(n) => Value::Integer(n + rng.i64(1..4)),
            Value::Null => Value::Integer(T0),
            Value::Text(text) => {
                let mut text: Vec<char> = text.chars().collect();
                let at = rng.usize(..text.len());
                text[at] = if text[at] == 'x' { 'y' } else { 'x' };
                Value::Text(text.into_iter().collect())
            }
            Value::Blob(bytes) => Value::Blob(flip(bytes, rng)),
            Value::Real(_) => unreachable!("no column is REAL"),
        };
        if let (Value::Blob(was), Value::Blob(is)) = (&was, &is)
            && (table, column) == ("page", "data")
            && fresh::decode(is).is_ok_and(|batch| batch == fresh::decode(was).unwrap())
        {
            continue;
        }
        let change = format!("UPDATE OR IGNORE {table} SET {column} = ?1 WHERE {column} IS ?2 AND {rows}");
        // A number that another row has already is not written.
        if db.execute(&change, params![is, was]).unwrap() > 0 {
            return format!("{table}.{column}: {was:?} became {is:?}");
        }
    }
}

fn copy_of(dir: &tempfile::TempDir) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let (from, to) = (Layout::of(dir.path()), Layout::of(copy.path()));
    fs::create_dir_all(to.segments()).unwrap();
    for folder in ["", "segments"] {
        for file in fs::read_dir(from.root().join(folder)).unwrap().map(Result::unwrap) {
            if file.path().is_file() {
                fs::copy(file.path(), to.root().join(folder).join(file.file_name())).unwrap();
            }
        }
    }
    copy
}

/// D7: bits of every kind of evidence file, and values of every column that says something about evidence. `VAULTSCOPE_SOAK=10` makes 1,000.
#[test]
fn every_random_edit_of_every_kind_of_evidence_is_found() {
    let mut rng = rng();
    let dir = two_tombstones();
    let writer = Writer::open(dir.path()).unwrap();
    let bad = BadItem { raw: "[]".into(), place: "x:1".into(), reason: "not an object".into(), arrived: Ticks(T0) };
    writer.handle().set_aside("ACCOUNT", vec![bad]).blocking_recv().unwrap().unwrap();
    let mut other = page(190..191);
    other.items[0] = Bytes::from(r#"{"uuid":"EVENT000190","other":1}"#);
    writer.handle().commit_blocking(other).unwrap();
    writer.close();
    assert!(look(&dir).is_sound(), "{:#?}", look(&dir));
    for _ in 0..100 * soak() {
        let copy = copy_of(&dir);
        let layout = Layout::of(copy.path());
        let flip = |path: &Path, within: std::ops::Range<usize>, rng: &mut fastrand::Rng| {
            let (at, bit) = (rng.usize(within), rng.u8(..8));
            let file = fs::File::options().read(true).write(true).open(path).unwrap();
            let mut byte = [0];
            file.read_exact_at(&mut byte, at as u64).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], at as u64).unwrap();
            format!("{}: byte {at} bit {bit}", path.file_name().unwrap().display())
        };
        let live = format!("SELECT file FROM segment WHERE {LIVE}");
        let segment: String = db(&copy).query_row(&live, [], |row| row.get(0)).unwrap();
        let segment = layout.segments().join(segment);
        let length = fs::metadata(&segment).unwrap().len();
        let what = match rng.u8(..10) {
            0 => flip(&segment, 0..length as usize, &mut rng),
            1 => flip(&layout.heads(), 0..64, &mut rng),
            2 => flip(&layout.heads(), 4_096..4_160, &mut rng),
            3 => flip(&layout.signing_public(), 0..60, &mut rng),
            4 => {
                let left = rng.u64(..length);
                fs::File::options().write(true).open(&segment).unwrap().set_len(left).unwrap();
                format!("a segment of {length} bytes was cut to {left}")
            }
            _ => edit(&db(&copy), &mut rng),
        };
        assert!(!look(&copy).is_sound(), "{what}");
    }
}
