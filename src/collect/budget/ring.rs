//! A budget's file: the times of the last requests that any process made, in a ring, and the gate. Whoever takes a request holds
//! the file's lock for as long as that takes, some microseconds.
//!
//! Times are since the machine started, so that all processes mean the same and no change of the wall clock moves them. After a
//! restart of the machine the file begins anew. It is never synced: what a crash of the machine takes with it ends with the windows.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::{Gate, Log};

/// Requests that are remembered: more than the hour's limit.
pub(super) const PLACES: u64 = 32_768;

const MAGIC: u64 = u64::from_le_bytes(*b"vsbudg1\n");
/// Bytes before the ring: magic, boot, count, closed until, first until, refusals; eight each.
const HEADER: usize = 48;
/// A holder that is stopped in the middle must not stop the others: they look this often, a millisecond apart.
const TRIES: u32 = 20;

/// An open budget file.
#[derive(Debug)]
pub(super) struct Ring {
    file: File,
    boot: u64,
    /// It is only looked at.
    reads_only: bool,
}

/// The file while its lock is held; what was changed of the header is written when it is given back.
#[derive(Debug)]
pub(super) struct Held<'a> {
    ring: &'a Ring,
    made: u64,
    gate: Gate,
    before: (u64, Gate),
}

impl Ring {
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o750).create(folder)?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(path)?;
        Ok(Self { file, boot: boot(), reads_only: false })
    }

    /// Opens it to look only.
    pub fn look(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, boot: boot(), reads_only: true })
    }

    /// The file with its lock; `None` when somebody holds it for too long, or it cannot be read.
    pub fn lock(&self) -> Option<Held<'_>> {
        let how = if self.reads_only {
            FlockOperation::NonBlockingLockShared
        } else {
            FlockOperation::NonBlockingLockExclusive
        };
        let mut tries = 0;
        while flock(&self.file, how).is_err() {
            tries += 1;
            if tries == TRIES {
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut header = [0; HEADER];
        let word = |header: &[u8; HEADER], n: usize| header[n * 8..][..8].try_into().map_or(0, u64::from_le_bytes);
        let known = self.file.read_exact_at(&mut header, 0).is_ok()
            && word(&header, 0) == MAGIC
            && word(&header, 1) == self.boot;
        let (made, gate) = if known {
            let gate = Gate {
                closed_until: Duration::from_nanos(word(&header, 3)),
                first_until: Duration::from_nanos(word(&header, 4)),
                refusals: word(&header, 5) as u32,
            };
            (word(&header, 2), gate)
        } else {
            (0, Gate::default())
        };
        Some(Held { ring: self, made, gate, before: (made, gate) })
    }
}

impl Log for Held<'_> {
    fn gate(&mut self) -> &mut Gate {
        &mut self.gate
    }

    fn made(&self) -> u64 {
        self.made
    }

    fn at(&self, n: u64) -> Duration {
        let mut bytes = [0; 8];
        let there = n < self.made && n + PLACES >= self.made;
        match there.then(|| self.ring.file.read_exact_at(&mut bytes, place(n))) {
            Some(Ok(())) => Duration::from_nanos(u64::from_le_bytes(bytes)),
            _ => Duration::ZERO,
        }
    }

    fn push(&mut self, at: Duration) {
        // A process whose clock slept with the machine is behind; the ring stays in order.
        let last = self.made.checked_sub(1).map_or(Duration::ZERO, |n| self.at(n));
        let nanos = u64::try_from(at.max(last).as_nanos()).unwrap_or(u64::MAX);
        // One's own count goes on where this cannot be written.
        let _ = self.ring.file.write_all_at(&nanos.to_le_bytes(), place(self.made));
        self.made += 1;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if (self.made, self.gate) != self.before && !self.ring.reads_only {
            let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            let words = [
                MAGIC,
                self.ring.boot,
                self.made,
                nanos(self.gate.closed_until),
                nanos(self.gate.first_until),
                self.gate.refusals.into(),
            ];
            let header: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let _ = self.ring.file.write_all_at(&header, 0);
        }
        let _ = flock(&self.ring.file, FlockOperation::Unlock);
    }
}

fn place(n: u64) -> u64 {
    HEADER as u64 + n % PLACES * 8
}

/// Which start of the machine this is; 0 where the system does not tell.
fn boot() -> u64 {
    let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.iter().fold(0, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// How long the machine has been up; where the system does not tell, the wall clock stands in.
pub(super) fn uptime() -> Duration {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split_whitespace().next().and_then(|seconds| seconds.parse::<f64>().ok());
    let wall = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0).map_or_else(wall, Duration::from_secs_f64)
}
