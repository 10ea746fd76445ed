//! D7: whatever rots or is edited in the files of a store is found.

use std::os::unix::fs::FileExt as _;

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
