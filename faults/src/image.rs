//! The folder as it is found after the power went.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Change, Disk, Durable, State};

/// A disk writes so many bytes at once or not at all.
const SECTOR: usize = 512;

/// What is left of what was written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// What was written first, up to some point; the write there is torn.
    First,
    /// Any sectors.
    Some,
}

impl Disk {
    /// Makes in the empty folder `to` what is found after the power went; the seed decides what only chance can.
    ///
    /// # Errors
    /// Where files cannot be read or written.
    pub fn image(&self, to: &Path, keep: Keep, seed: u64) -> io::Result<()> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let state = self.state();
        for path in files_of(&self.root)? {
            let Ok(inside) = path.strip_prefix(&self.root) else { continue };
            // The index of SQLite's log is memory, and goes with the power.
            if path.extension().is_some_and(|e| e == "db-shm") {
                continue;
            }
            let Some(content) = state.left_of(&path, keep, &mut rng)? else { continue };
            let name = state.name_of(&path, &mut rng);
            let target = to.join(name.strip_prefix(&self.root).unwrap_or(inside));
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&target, content)?;
            std::fs::set_permissions(target, std::fs::metadata(&path)?.permissions())?;
        }
        Ok(())
    }
}

impl State {
    /// What is left of a file; `None` where there is none.
    fn left_of(&self, path: &Path, keep: Keep, rng: &mut fastrand::Rng) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.files.get(path) else {
            // Nobody said anything of it, so nobody relies on it: it is there whole, empty, or not.
            return Ok(match rng.u8(0..3) {
                0 => None,
                1 => Some(Vec::new()),
                _ => Some(std::fs::read(path)?),
            });
        };
        if !file.named && !self.renames.iter().any(|(_, to)| to == path) && (keep == Keep::Nothing || rng.bool()) {
            return Ok(None);
        }
        if file.foreign {
            let now = std::fs::read(path)?;
            return Ok(Some(mixed(&file.synced, &now, keep, rng)));
        }
        Ok(Some(file.left(keep, rng)))
    }

    /// A renamed file whose folder was not synced may have either name.
    fn name_of(&self, path: &Path, rng: &mut fastrand::Rng) -> PathBuf {
        let before = self.renames.iter().rev().find(|(_, to)| to == path).map(|(from, _)| from);
        before.filter(|_| rng.bool()).map_or_else(|| path.to_path_buf(), Clone::clone)
    }
}

impl Durable {
    fn left(&self, keep: Keep, rng: &mut fastrand::Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        let first = match keep {
            Keep::Nothing => return content,
            Keep::First => rng.usize(0..=self.pending.len()),
            Keep::Some => self.pending.len(),
        };
        for (n, change) in self.pending[..first].iter().enumerate() {
            match change {
                Change::Write { at, bytes } if keep == Keep::Some || n + 1 == first => {
                    // Torn at the borders of sectors, which lie where the file's do.
                    let mut start = 0;
                    let cut = rng.usize(0..=bytes.len());
                    while start < bytes.len() {
                        let end = ((*at as usize + start) / SECTOR + 1) * SECTOR - *at as usize;
                        let end = end.min(bytes.len());
                        let kept = if keep == Keep::Some { rng.bool() } else { end <= cut };
                        if kept {
                            let piece = Change::Write { at: at + start as u64, bytes: bytes[start..end].to_vec() };
                            piece.apply(&mut content);
                        }
                        start = end;
                    }
                }
                Change::Truncate { .. } if keep == Keep::Some && rng.bool() => {}
                whole => whole.apply(&mut content),
            }
        }
        content
    }
}

/// Sectors of the file as it was synced and as it is.
fn mixed(synced: &[u8], now: &[u8], keep: Keep, rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut content = synced.to_vec();
    let upto = match keep {
        Keep::Nothing => 0,
        Keep::First => rng.usize(0..=now.len()),
        Keep::Some => now.len(),
    };
    for (n, sector) in now[..upto].chunks(SECTOR).enumerate() {
        if keep == Keep::First || rng.bool() {
            Change::Write { at: (n * SECTOR) as u64, bytes: sector.to_vec() }.apply(&mut content);
        }
    }
    content
}

/// The files below a folder, in order.
pub(crate) fn files_of(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (vec![root.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}
