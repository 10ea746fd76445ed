//! The chain's head, kept a second time outside the catalogue.
//!
//! SQLite ends its log at the first damaged frame without a word, so a flipped bit there can take committed pages with it.
//! `heads` remembers how far the chain had come: two preallocated slots, written in turn and synced after each commit, so
//! that a torn write leaves the other one. A head ahead of the catalogue at open means commits were lost, and is recorded.
//!
//! A slot is 64 bytes, at offset 0 and at offset 4096 (a block each), numbers big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `VSHEAD01` |
//! | 8..16 | batches committed |
//! | 16..24 | newest sequence number |
//! | 24..56 | root of the newest batch |
//! | 56..64 | first 8 bytes of SHA-256 over bytes 0..56 |

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::chain::Root;
use super::{StoreError, modes};
use crate::base::fault;
use crate::base::time::Ticks;

const MAGIC: &[u8; 8] = b"VSHEAD01";
const SLOT: usize = 64;
const OFFSETS: [u64; 2] = [0, 4096];
const FILE_BYTES: u64 = 8192;

/// Is each slot of the file a head, or never written? One that is being written is looked at again.
pub(super) fn is_whole(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return true };
    let holds = |at| {
        let mut slot = [0; SLOT];
        file.read_exact_at(&mut slot, at).is_err() || slot == [0; SLOT] || Head::from_slot(&slot).is_some()
    };
    (0..3).any(|look| {
        if look > 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        OFFSETS.into_iter().all(holds)
    })
}

/// How far the chain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Batches committed, empty ones not counted.
    pub batches: u64,
    /// The newest sequence number.
    pub through: i64,
    pub root: Root,
}

impl Head {
    fn to_slot(self) -> [u8; SLOT] {
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(MAGIC);
        slot[8..16].copy_from_slice(&self.batches.to_be_bytes());
        slot[16..24].copy_from_slice(&self.through.to_be_bytes());
        slot[24..56].copy_from_slice(&self.root);
        let sum = Sha256::digest(&slot[..56]);
        slot[56..].copy_from_slice(&sum[..8]);
        slot
    }

    fn from_slot(slot: &[u8; SLOT]) -> Option<Self> {
        let sound = slot.starts_with(MAGIC) && Sha256::digest(&slot[..56])[..8] == slot[56..];
        sound.then(|| Self {
            batches: u64::from_be_bytes(slot[8..16].try_into().unwrap_or_default()),
            through: i64::from_be_bytes(slot[16..24].try_into().unwrap_or_default()),
            root: slot[24..56].try_into().unwrap_or_default(),
        })
    }
}

/// The head file, open for its writer.
#[derive(Debug)]
pub(super) struct Heads {
    path: PathBuf,
    file: File,
    next: usize,
}

impl Heads {
    /// Opens or creates the file; answers the newest sound head in it.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Head>), StoreError> {
        let io = |source| StoreError::io(path, source);
        let mut options = OpenOptions::new();
        let file = modes::open(options.read(true).write(true).create(true).truncate(false), path, modes::SHARED)?;
        if file.metadata().map_err(io)?.len() < FILE_BYTES {
            file.set_len(FILE_BYTES).map_err(io)?;
            file.sync_all().map_err(io)?;
            fault::after("heads.sync", path);
        }
        let slots = OFFSETS.map(|at| read_slot(&file, at));
        let newest = usize::from(slots[1].map(|h| h.batches) > slots[0].map(|h| h.batches));
        Ok((Self { path: path.into(), file, next: 1 - newest }, slots[newest]))
    }

    /// Writes the head into the older slot and syncs it. After an error the file is opened anew at the next call: what a
    /// failed sync left in the page cache is not to be trusted.
    pub(super) fn write(&mut self, head: Head) -> Result<(), StoreError> {
        let done = fault::before("heads.write", &self.path)
            .and_then(|()| self.file.write_all_at(&head.to_slot(), OFFSETS[self.next]))
            .and_then(|()| fault::before("heads.sync", &self.path))
            .and_then(|()| self.file.sync_data());
        match done {
            Ok(()) => {
                fault::after("heads.sync", &self.path);
                self.next = 1 - self.next;
            }
            Err(source) => {
                if let Ok(file) = OpenOptions::new().read(true).write(true).open(&self.path) {
                    self.file = file;
                }
                return Err(StoreError::io(&self.path, source));
            }
        }
        Ok(())
    }
}

/// The newest sound head in the file at `path`; none where there is no such file or no sound slot.
pub(super) fn read(path: &Path) -> Option<Head> {
    let file = File::open(path).ok()?;
    OFFSETS.iter().filter_map(|at| read_slot(&file, *at)).max_by_key(|head| head.batches)
}

/// When the file was written last, by the clock of then; none where there is no file.
pub(super) fn written(path: &Path) -> Option<Ticks> {
    let at = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Ticks::from_unix_millis(i64::try_from(since.as_millis()).ok()?))
}

fn read_slot(file: &File, at: u64) -> Option<Head> {
    let mut slot = [0; SLOT];
    file.read_exact_at(&mut slot, at).ok()?;
    Head::from_slot(&slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(batches: u64) -> Head {
        Head { batches, through: batches as i64 * 10, root: [batches as u8; 32] }
    }

    #[test]
    fn a_torn_write_leaves_the_head_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("heads");
        let (mut heads, none) = Heads::open(&path).unwrap();
        assert_eq!(none, None);
        for n in 1..=3 {
            heads.write(head(n)).unwrap();
            assert_eq!(read(&path), Some(head(n)));
        }
        // The third went to the slot of the first: tear it at every length.
        let bytes = std::fs::read(&path).unwrap();
        let at = (0..2).map(|i| OFFSETS[i] as usize).find(|at| bytes[at + 15] == 3).unwrap();
        for cut in 8..SLOT {
            let mut torn = bytes.clone();
            torn[at + cut] ^= 0x40;
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(read(&path), Some(head(2)), "byte {cut}");
        }
        let (mut heads, newest) = Heads::open(&path).unwrap();
        assert_eq!(newest, Some(head(2)));
        heads.write(head(3)).unwrap();
        assert_eq!(read(&path), Some(head(3)));
    }
}
