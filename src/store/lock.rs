//! One writer a store: an advisory lock on `writer.lock`, which also says who holds it.
//!
//! The kernel drops the lock when the process ends, however it ends, so nothing stale is ever left to clear by hand. The file
//! itself stays; only the lock on it counts.
//!
//! For a moment somebody may hold it who is no writer: whoever looks who writes, and a child process between its birth and its program, which
//! inherits every open file of its parent. So a lock is given back by name, not by closing the file, and where no other process that lives is
//! named in the file, it is asked for more than once.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, test_kill_process};

use super::{StoreError, modes};

/// How often the lock is asked for where nobody is known to write, and how long apart.
const TRIES: (u32, Duration) = (10, Duration::from_millis(20));

/// The writer's lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
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

    /// Another process of this host, and one that lives.
    fn lives(&self) -> bool {
        let here = Self::here();
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let lives = |pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH));
        self.host == here.host && self.pid != here.pid && pid.is_some_and(lives)
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
        let mut left = TRIES.0;
        while let Err(e) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if e != rustix::io::Errno::WOULDBLOCK {
                return Err(io(e.into()));
            }
            file.seek(SeekFrom::Start(0)).map_err(io)?;
            let holder = Holder::read(&mut file);
            left -= 1;
            if left == 0 || holder.as_ref().is_some_and(Holder::lives) {
                let holder = holder.unwrap_or(Holder { pid: 0, host: "unknown".into() });
                return Err(StoreError::Locked { path: path.into(), holder });
            }
            std::thread::sleep(TRIES.1);
        }
        let Holder { pid, host } = Holder::here();
        file.set_len(0).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        writeln!(file, "{pid} {host}").map_err(io)?;
        Ok(Self { file })
    }
}

/// Who holds the lock at `path` now, if anyone does. Takes nothing.
pub(super) fn holder(path: &Path) -> Option<Holder> {
    let mut file = File::open(path).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Holder::read(&mut file),
        _ => {
            let _ = flock(&file, FlockOperation::Unlock);
            None
        }
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

    #[test]
    fn a_lock_that_is_let_go_is_free_though_a_child_process_inherited_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writer.lock");
        let first = WriterLock::take(&path).unwrap();
        let inherited = first.file.try_clone().unwrap();
        drop(first);
        assert_eq!(holder(&path), None);
        WriterLock::take(&path).unwrap();
        drop(inherited);
    }

    #[test]
    fn whoever_looks_who_writes_keeps_no_writer_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writer.lock");
        drop(WriterLock::take(&path).unwrap());
        let looking = File::open(&path).unwrap();
        flock(&looking, FlockOperation::NonBlockingLockShared).unwrap();
        let done = std::thread::spawn(move || {
            std::thread::sleep(TRIES.1);
            drop(looking);
        });
        WriterLock::take(&path).unwrap();
        done.join().unwrap();
    }
}
