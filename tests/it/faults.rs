//! The disk fails, loses its power, or brings back something else than was written: what was answered is there, once.

mod disk;
mod images;
mod kills;
pub mod outside;
mod points;
mod power;

use std::io;
use std::path::Path;
use std::sync::Arc;

use vaultscope::base::fault::{self, Watch};
use vaultscope::store::{Options, Writer};
use vaultscope_faults::Disk;

use crate::evidence::{Stream, first_kept, retention};

const STREAM: Stream = Stream { size: 8 };
/// Sessions of intake: pages in all at their ends, enough for three sealings and a merge; and the days of events that retention keeps then:
/// first a segment is to be written anew, later segments and fresh pages go.
const SESSIONS: [(u64, Option<u32>); 3] = [(2, None), (9, Some(2)), (PAGES, Some(0))];
const PAGES: u64 = 14;

/// Small enough that a handful of pages seals, and that the newest stay fresh.
fn small() -> Options {
    Options { seal_rows: 24, keep_fresh: 8, merge_rows: 64, grace: 0, ..Options::default() }
}

/// What the store does to files without SQLite, told to the disk.
struct Told(Arc<Disk>);

impl Watch for Told {
    fn before(&self, _: &'static str, path: &Path) -> io::Result<()> {
        self.0.before(path)
    }

    fn after(&self, point: &'static str, path: &Path) {
        if point == "folder.sync" {
            self.0.folder_synced(path);
        } else if point.rsplit('.').next() == Some("sync") {
            let _ = self.0.synced(path);
        } else if point.ends_with(".rename") {
            let mut beside = path.as_os_str().to_owned();
            beside.push(".tmp");
            let names = [Path::new(&beside).to_path_buf(), path.with_extension("tmp")];
            if let Some(from) = names.iter().find(|name| self.0.knows(name)) {
                self.0.renamed(from, path);
            }
        }
    }
}

/// Puts a disk below a folder, until this is dropped.
struct Mounted(Arc<Disk>);

impl Mounted {
    fn below(dir: &Path) -> Self {
        let disk = Disk::mount(dir).unwrap();
        fault::watch(disk.root(), Some(Arc::new(Told(Arc::clone(&disk)))));
        Self(disk)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        fault::watch(self.0.root(), None);
        self.0.unmount();
    }
}

/// What the store answered for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Answered {
    pages: u64,
    /// The first event that it keeps.
    first: u64,
}

/// The newest event of so many pages.
fn newest(pages: u64) -> u64 {
    pages * STREAM.size - 1
}

/// The sessions, each closed at its end: commits, seals, lets go, folds its log. Ends at the first failure.
fn intake(dir: &Path) -> Answered {
    let mut answered = Answered::default();
    for (upto, days) in SESSIONS {
        let Ok(writer) = Writer::open_here(dir, small()) else { return answered };
        while answered.pages < upto {
            if writer.handle().commit_blocking(STREAM.page(answered.pages)).is_err() {
                return answered;
            }
            answered.pages += 1;
        }
        if let Some(days) = days {
            let Ok(Ok(_)) = writer.handle().retain(retention(newest(upto), days)).blocking_recv() else {
                return answered;
            };
            answered.first = first_kept(newest(upto), days);
        }
    }
    answered
}
