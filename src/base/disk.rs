//! What kind of file system a directory lies on, and which directory would do instead.

use std::path::{Path, PathBuf};

/// A file system, by what a store needs of it: locks, shared memory and syncs that hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    Local,
    /// Gone after a restart.
    Memory,
    /// It may lie on the network: FUSE and 9p do not tell.
    Unsure(&'static str),
    /// Locks and syncs are not kept: SQLite's log cannot be shared there.
    Network(&'static str),
}

/// The file system that `path` lies on, or would once it is made.
#[cfg(target_os = "linux")]
pub fn of(path: &Path) -> Disk {
    rustix::fs::statfs(nearest(path)).map_or(Disk::Local, |found| from_magic(found.f_type as u64 & 0xFFFF_FFFF))
}

#[cfg(not(target_os = "linux"))]
pub fn of(_: &Path) -> Disk {
    Disk::Local
}

/// The kernel's numbers, of linux/magic.h and the file systems' own headers.
#[cfg(any(target_os = "linux", test))]
fn from_magic(magic: u64) -> Disk {
    match magic {
        0x6969 => Disk::Network("NFS"),
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => Disk::Network("SMB"),
        0x5346_414F | 0x6B41_4653 => Disk::Network("AFS"),
        0x00C3_6400 => Disk::Network("Ceph"),
        0x0BD0_0BD0 => Disk::Network("Lustre"),
        0x4750_4653 => Disk::Network("GPFS"),
        0x0102_1997 => Disk::Unsure("9p"),
        0x6573_5546 => Disk::Unsure("FUSE"),
        0x0102_1994 => Disk::Memory,
        _ => Disk::Local,
    }
}

/// The directory, or what of the way to it exists.
pub fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// A directory on a local disk that this user could have: where a store may go that cannot stay on the network.
pub fn local_directory() -> Option<PathBuf> {
    let me = rustix::process::geteuid().as_raw();
    ["/var/lib", "/var/tmp"].into_iter().map(Path::new).find_map(|parent| {
        let may = rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok();
        (may && of(parent) == Disk::Local).then(|| parent.join(format!("vaultscope-{me}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_by_their_numbers() {
        assert_eq!(from_magic(0x6969), Disk::Network("NFS"));
        assert_eq!(from_magic(0xFF53_4D42), Disk::Network("SMB"));
        assert_eq!(from_magic(0xEF53), Disk::Local);
        assert_eq!(from_magic(0x0102_1994), Disk::Memory);
    }

    #[test]
    fn a_directory_that_is_not_there_lies_where_its_parent_lies() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(nearest(&dir.path().join("a/b")), dir.path());
        assert_eq!(of(&dir.path().join("a/b")), of(dir.path()));
    }

    #[test]
    fn what_is_proposed_is_local_and_can_be_made() {
        if let Some(path) = local_directory() {
            assert_eq!(of(&path), Disk::Local);
            assert!(path.is_absolute());
        }
    }
}
