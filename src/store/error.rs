//! What can go wrong in a store, said with its place and its cure.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::lock::Holder;

/// An error of the evidence or the workspace store. Nothing of a failed commit stays: its cursor has not moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("there is no evidence store in {}; collect, import or run the demo first", .dir.display())]
    Missing { dir: PathBuf },
    #[error(
        "the store is being written by process {} on {} ({}); stop it, or read the store without collecting",
        .holder.pid, .holder.host, .path.display()
    )]
    Locked { path: PathBuf, holder: Holder },
    #[error(
        "{} lies on a network file system ({kind}), where locks and syncs do not hold; keep the store on a local disk, \
         for example with --data-dir {local}",
        .dir.display()
    )]
    Network { dir: PathBuf, kind: &'static str, local: String },
    #[error("{} has schema version {found}, this program knows up to {known}; use the newer program", .path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the built-in SQLite is {found}; 3.51.3 or later is needed, for earlier ones can lose a commit")]
    OldSqlite { found: &'static str },
    #[error("the disk is full ({what}); free some space, nothing was lost and the cursor has not moved")]
    Full { what: String },
    #[error("{}: {source}{}", .path.display(), cure_of_file(.path, .source))]
    Io { path: PathBuf, source: io::Error },
    #[error("{what}: {source}{}", cure(.source))]
    Sqlite { what: &'static str, source: rusqlite::Error },
    #[error(
        "{} {why}, and nothing was changed: put it back from a backup together with the catalogue.db-wal beside it; without a backup move the \
         evidence folder away and collect anew, which fetches what the service still has; the sealed events in segments/ are Parquet files, which \
         `vaultscope import --table NAME FILE` reads", .path.display()
    )]
    Catalogue { path: PathBuf, why: String },
    #[error("{}: {source}", .path.display())]
    Parquet { path: PathBuf, source: parquet::errors::ParquetError },
    #[error("{what}: {source}")]
    Arrow { what: &'static str, source: arrow::error::ArrowError },
    #[error("{what} is damaged; run `vaultscope store verify`")]
    Damaged { what: String },
    #[error(
        "none of the store's {segments} segment files is in {}: mount that folder or put it back; if they are lost for good, move the \
         evidence folder away and let the collector begin anew", .dir.display()
    )]
    NoSegments { dir: PathBuf, segments: usize },
    #[error(
        "batch {batch} does not hash to its root in the ledger: somebody changed its events, and retention leaves them as they are; run \
         `vaultscope store verify`"
    )]
    Changed { batch: u64 },
    #[error(
        "the store has no key that it could sign with (evidence/signing.key), and what retention takes away must be signed for: nothing went"
    )]
    Unsigned,
    #[error("retention is being carried out already")]
    Busy,
    #[error(
        "{} has schema version {found}, this program reads {known}, and it cannot be brought up to date here ({why}); start the collector of \
         this program once", .path.display()
    )]
    Older { path: PathBuf, found: i64, known: i64, why: String },
    #[error("{}: {what}", .path.display())]
    Input { path: PathBuf, what: String },
    #[error("the store's writer has stopped")]
    Stopped,
    #[error(
        "a fault of this program ended the work on the store; nothing of it was kept, and the store is opened anew; the log says more"
    )]
    Died,
}

/// What to do about an error of SQLite, where it is the database or what it lies on that is broken.
fn cure(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, ReadOnly, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            "; the database is damaged: run `vaultscope store verify` to see how far it can be read, and put it back from a backup"
        }
        Some(SystemIoFailure) => {
            // It does not say which: to SQLite a disk that may not be written any more is one that fails.
            "; the disk failed, or was mounted anew to be read only: see the system's log; nothing was lost, and intake goes on when it is well"
        }
        Some(ReadOnly) => {
            "; the file system or a file of the store is read only: mount it for writing, or mend owner and mode"
        }
        Some(CannotOpen) => {
            "; mend owner and mode of the store's folder, or allow more open files (`ulimit -n`, LimitNOFILE=)"
        }
        _ => "",
    }
}

impl StoreError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { what: path.display().to_string() }
            }
            _ => Self::Io { path: path.into(), source },
        }
    }

    /// For `map_err`: an error of SQLite while doing `what`.
    pub(super) fn sqlite(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full { what: what.into() },
            _ => Self::Sqlite { what, source },
        }
    }

    /// For `map_err`: an error of Arrow while doing `what`.
    pub(super) fn arrow(what: &'static str) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        move |source| Self::Arrow { what, source }
    }

    /// For `map_err`: an error of Parquet in the file at `path`.
    pub(super) fn parquet(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Parquet { path, source }
    }

    /// For `map_err`: an error of a file operation while doing `what`.
    pub(super) fn doing(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::io(Path::new(what), source)
    }

    /// Did the disk fail, other than by being full? What SQLite then has in memory may not be what is on it.
    pub(super) fn is_of_the_disk(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, SystemIoFailure};
        match self {
            Self::Sqlite { source, .. } => {
                matches!(
                    source.sqlite_error_code(),
                    Some(SystemIoFailure | CannotOpen | DatabaseCorrupt | NotADatabase)
                )
            }
            _ => false,
        }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

/// What to do about a file operation that failed.
fn cure_of_file(path: &Path, error: &io::Error) -> String {
    use rustix::io::Errno;
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    if is(Errno::MFILE) || is(Errno::NFILE) {
        return "; allow more open files: `ulimit -n`, or LimitNOFILE= of the service".into();
    }
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "; the file system is read only: mount it for writing".into(),
        io::ErrorKind::PermissionDenied => {
            // Of something that is to be made, its folder says who may.
            let Some(found) = path.ancestors().find_map(|path| path.metadata().ok()) else { return String::new() };
            let me = rustix::process::geteuid().as_raw();
            format!(
                "; it is of user {} with mode {:03o}, and this is user {me}: mend that with `chown` or `chmod u+rwX`",
                found.uid(),
                found.mode() & 0o777
            )
        }
        _ if is(Errno::IO) => "; the disk failed: see the system's log".into(),
        _ => String::new(),
    }
}
