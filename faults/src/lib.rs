//! A disk that fails and loses its power, below SQLite. For tests only.
//!
//! [`Disk::mount`] watches a folder. SQLite reaches the files in it through a file system of ours ([`vfs`], the process's default from then
//! on; it hands files elsewhere straight to SQLite's own); files that are written without SQLite tell the disk through
//! [`Disk::before`] and [`Disk::after`]. The files are real, and hold what the program wrote. Beside them the disk keeps what of it was
//! *synced*. When the power goes, every operation fails from then on, and [`Disk::image`] makes the folder as it is found afterwards: what
//! was synced stands, and of the rest nothing, a part, or pieces of 512 bytes (`Keep`).
//!
//! A sync that fails has lost what it was to sync: the next one does not bring it back, as on Linux.

mod image;
mod vfs;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

pub use image::Keep;

/// What goes wrong, and when. Operations are counted from 1: writes, truncations, syncs, creations, renames; and reads on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Sound,
    /// The power goes at this operation.
    PowerAt(u64),
    /// This operation and as many more as said fail.
    FailAt { operation: u64, times: u64, how: Failure },
    /// This read and as many more as said fail.
    FailReadAt { read: u64, times: u64, how: Failure },
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Input or output error.
    Eio,
    /// The disk is full.
    Enospc,
    /// The file system was mounted anew to be read only.
    Erofs,
    /// A read brings half of what was asked for.
    Short,
}

/// A watched folder.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    plan: Plan,
    operations: u64,
    reads: u64,
    /// Operations that failed because the plan says so.
    failed: u64,
    dead: bool,
    files: BTreeMap<PathBuf, Durable>,
    /// Renames whose folder was not synced yet: from, to.
    renames: Vec<(PathBuf, PathBuf)>,
}

/// What of a file would outlive a loss of power.
#[derive(Clone, Debug, Default)]
struct Durable {
    /// Its folder was synced since it was made.
    named: bool,
    synced: Vec<u8>,
    /// What was done since the last sync, in order; not kept for files that SQLite does not write.
    pending: Vec<Change>,
    /// Written without SQLite: what was done since the last sync is what the file has now.
    foreign: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Truncate { length: u64 },
}

static MOUNTED: RwLock<Vec<Arc<Disk>>> = RwLock::new(Vec::new());

/// The disk that holds a path.
fn disk_of(path: &Path) -> Option<Arc<Disk>> {
    let mounted = MOUNTED.read().unwrap_or_else(PoisonError::into_inner);
    mounted.iter().find(|disk| path.starts_with(&disk.root)).cloned()
}

impl Disk {
    /// Watches a folder from now on; what is in it counts as synced.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn mount(root: &Path) -> io::Result<Arc<Self>> {
        vfs::register();
        let root = root.canonicalize()?;
        let mut files = BTreeMap::new();
        for path in image::files_of(&root)? {
            let synced = std::fs::read(&path)?;
            files.insert(path, Durable { named: true, synced, ..Durable::default() });
        }
        let state =
            State { plan: Plan::Sound, operations: 0, reads: 0, failed: 0, dead: false, files, renames: Vec::new() };
        let disk = Arc::new(Self { root, state: Mutex::new(state) });
        MOUNTED.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&disk));
        Ok(disk)
    }

    /// Stops watching. Files that SQLite has open stay watched until it closes them.
    pub fn unmount(&self) {
        MOUNTED.write().unwrap_or_else(PoisonError::into_inner).retain(|disk| disk.root != self.root);
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is to go wrong from now on; the counts start anew.
    pub fn plan(&self, plan: Plan) {
        let mut state = self.state();
        (state.plan, state.operations, state.reads, state.failed) = (plan, 0, 0, 0);
    }

    /// Operations and reads since the plan was made.
    pub fn counted(&self) -> (u64, u64) {
        let state = self.state();
        (state.operations, state.reads)
    }

    /// How many operations failed as planned.
    pub fn failed(&self) -> u64 {
        self.state().failed
    }

    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Takes the power away.
    pub fn kill(&self) {
        self.state().dead = true;
    }

    /// Before something is done to a file without SQLite.
    ///
    /// # Errors
    /// What the plan says.
    pub fn before(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let path = self.own(path);
        if !path.is_dir() {
            state.files.entry(path).or_default().foreign = true;
        }
        state.operation(|failure| match failure {
            Failure::Eio | Failure::Short => io::Error::from_raw_os_error(5),
            Failure::Enospc => io::Error::from_raw_os_error(28),
            Failure::Erofs => io::Error::from_raw_os_error(30),
        })
    }

    /// A file that is written without SQLite was synced.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn synced(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.dead {
            return Ok(());
        }
        let path = self.own(path);
        let content = std::fs::read(&path)?;
        let file = state.files.entry(path).or_default();
        (file.foreign, file.synced) = (true, content);
        Ok(())
    }

    /// Is anything known of what was synced of this file?
    pub fn knows(&self, path: &Path) -> bool {
        let path = self.own(path);
        self.state().files.contains_key(&path)
    }

    /// A file has another name.
    pub fn renamed(&self, from: &Path, to: &Path) {
        let mut state = self.state();
        if !state.dead {
            let (from, to) = (self.own(from), self.own(to));
            let mut file = state.files.remove(&from).unwrap_or_default();
            file.named = false;
            state.files.insert(to.clone(), file);
            state.renames.push((from, to));
        }
    }

    /// A folder was synced: its names are what they are.
    pub fn folder_synced(&self, folder: &Path) {
        let mut state = self.state();
        let folder = self.own(folder);
        if state.dead {
            return;
        }
        state.renames.retain(|(_, to)| to.parent() != Some(&folder));
        let names = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in names.filter(|path| path.is_file()) {
            state.files.entry(path).or_insert_with(|| Durable { foreign: true, ..Durable::default() }).named = true;
        }
    }

    /// Paths are kept as the system knows them.
    fn own(&self, path: &Path) -> PathBuf {
        if path.starts_with(&self.root) {
            return path.to_path_buf();
        }
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        parent.zip(path.file_name()).map_or_else(|| path.to_path_buf(), |(parent, name)| parent.join(name))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation that changes the disk; an error where it must not happen.
    fn operation<E>(&mut self, error: impl Fn(Failure) -> E) -> Result<(), E> {
        if self.dead {
            return Err(error(Failure::Eio));
        }
        self.operations += 1;
        match self.plan {
            Plan::PowerAt(at) if self.operations >= at => {
                self.dead = true;
                Err(error(Failure::Eio))
            }
            Plan::FailAt { operation, times, how } if (operation..operation + times).contains(&self.operations) => {
                self.failed += 1;
                Err(error(how))
            }
            _ => Ok(()),
        }
    }

    fn read(&mut self) -> Result<(), Failure> {
        if self.dead {
            return Err(Failure::Eio);
        }
        self.reads += 1;
        match self.plan {
            Plan::FailReadAt { read, times, how } if (read..read + times).contains(&self.reads) => {
                self.failed += 1;
                Err(how)
            }
            _ => Ok(()),
        }
    }
}

impl Durable {
    /// What was pending stands from now on.
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            change.apply(&mut self.synced);
        }
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let (start, end) = (*at as usize, *at as usize + bytes.len());
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[start..end].copy_from_slice(bytes);
            }
            Self::Truncate { length } => to.resize(*length as usize, 0),
        }
    }
}
