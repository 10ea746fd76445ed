//! One writer a store: an advisory lock on `writer.lock`, which also says who holds it.
//!
//! The kernel drops the lock when the process ends, however it ends, so nothing stale is ever left to clear by hand. The file
//! itself stays; only the lock on it counts.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{StoreError, modes};

/// The writer's lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct WriterLock {
    _file: File,
}

/// Who holds a store's writer lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    pub host: String,
}

impl Holder {
    /// This process, on this host.
    pub(super) fn here() -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { pid: std::process::id(), host }
    }

    fn read(file: &mut File) -> Option<Self> {
        let mut text = String::new();
        // Whoever may write the folder may write anything here.
        file.take(512).read_to_string(&mut text).ok()?;
        let mut words = text.split_whitespace();
        let pid = words.next()?.parse().ok()?;
        let host = words.next()?.chars().filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c)).collect();
        Some(Self { pid, host })
    }
}

impl WriterLock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::io(path, source);
        let mut options = OpenOptions::new();
        let mut file = modes::open(options.read(true).write(true).create(true).truncate(false), path, modes::SHARED)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let holder = Holder::read(&mut file).unwrap_or(Holder { pid: 0, host: "unknown".into() });
                return Err(StoreError::Locked { path: path.into(), holder });
            }
            Err(e) => return Err(io(e.into())),
        }
        let Holder { pid, host } = Holder::here();
        file.set_len(0).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        writeln!(file, "{pid} {host}").map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock at `path` now, if anyone does. Takes nothing.
pub(super) fn holder(path: &Path) -> Option<Holder> {
    let mut file = File::open(path).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Holder::read(&mut file),
        // The shared lock, if it was free, goes with the file.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_refused_by_pid_and_host() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writer.lock");
        assert_eq!(holder(&path), None);
        let first = WriterLock::take(&path).unwrap();
        let refused = WriterLock::take(&path).unwrap_err();
        let StoreError::Locked { holder: by, .. } = &refused else { panic!("{refused}") };
        assert_eq!(by, &Holder::here());
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        assert_eq!(holder(&path), Some(Holder::here()));
        drop(first);
        assert_eq!(holder(&path), None);
        WriterLock::take(&path).unwrap();
    }
}
