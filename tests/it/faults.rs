//! The disk fails, loses its power, or brings back something else than was written: what was answered is there, once.

mod disk;
mod images;
mod kills;
mod points;
mod power;

use std::io;
use std::path::Path;
use std::sync::Arc;

use vaultscope::base::fault::{self, Watch};
use vaultscope::store::{Options, Writer};
use vaultscope_faults::Disk;

use crate::evidence::Stream;

const STREAM: Stream = Stream { size: 8 };
/// Pages of the intake below: enough for three sealings and a merge.
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

/// Three sessions of intake, each closed at its end: commits, seals, folds its log. Answers the pages that the store answered for.
fn intake(dir: &Path) -> u64 {
    let mut answered = 0;
    for upto in [2, 9, PAGES] {
        let Ok(writer) = Writer::open_here(dir, small()) else { return answered };
        while answered < upto {
            if writer.handle().commit_blocking(STREAM.page(answered)).is_err() {
                return answered;
            }
            answered += 1;
        }
    }
    answered
}
