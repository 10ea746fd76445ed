//! The directories: whose they are, who may write them, on what kind of file system they lie, how much room there is.

use std::path::{Path, PathBuf};

use super::Finding;
use crate::base::paths::{PathError, Paths, check_readable};
use crate::cli::output::size;

/// Less room than this is soon used up.
const LITTLE: u64 = 1 << 30;
/// Less than this stops the collector any moment.
const NEARLY_NONE: u64 = 64 << 20;

pub fn look(paths: &Paths) -> Vec<Finding> {
    let mut findings = vec![of("data", &paths.data), of("log", &paths.state)];
    let there = nearest(&paths.data);
    findings.extend(kind(&there));
    findings.extend(room(&there));
    findings
}

fn of(what: &'static str, path: &Path) -> Finding {
    let shown = path.display();
    match check_readable(path) {
        Ok(()) => {
            use std::os::unix::fs::MetadataExt as _;
            let (me, owner) =
                (rustix::process::geteuid().as_raw(), std::fs::metadata(path).map_or(0, |found| found.uid()));
            if me == owner {
                Finding::fine(what, format!("{shown}"))
            } else {
                let says = format!("{shown} belongs to user {owner}: it can be read, not collected into");
                Finding::doubt(what, says, "collect as its owner, or name another with --data-dir")
            }
        }
        Err(PathError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::fine(what, format!("{shown}, made when it is needed"))
        }
        // The error's text holds the fix.
        Err(error) => {
            let text = error.to_string();
            let (says, fix) = text.rsplit_once(": ").unwrap_or((&text, "name another with --data-dir"));
            Finding::wrong(what, says, fix)
        }
    }
}

/// The directory, or what of the way to it exists.
fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// Network file systems do not keep the locks and syncs that a store stands on.
#[cfg(target_os = "linux")]
fn kind(path: &Path) -> Option<Finding> {
    let found = rustix::fs::statfs(path).ok()?;
    let fix = "keep the store on a local disk: name a directory there with --data-dir or `data_dir`";
    let network = |name: &str| Finding::wrong("file system", format!("{name}, at {}", path.display()), fix);
    // The kernel's numbers, of linux/magic.h and the file systems' own headers.
    Some(match found.f_type as u64 & 0xFFFF_FFFF {
        0x6969 => network("NFS"),
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => network("SMB"),
        0x5346_414F | 0x6B41_4653 => network("AFS"),
        0x00C3_6400 => network("Ceph"),
        0x0BD0_0BD0 => network("Lustre"),
        0x4750_4653 => network("GPFS"),
        0x0102_1997 => network("9p"),
        0x6573_5546 => {
            let says = format!("FUSE, at {}: it may lie on the network", path.display());
            Finding::doubt("file system", says, fix)
        }
        0x0102_1994 => {
            let says = format!("in memory only (tmpfs), at {}", path.display());
            Finding::doubt("file system", says, "what is kept here is gone after a restart: name a directory on a disk")
        }
        _ => Finding::fine("file system", "local"),
    })
}

#[cfg(not(target_os = "linux"))]
fn kind(_: &Path) -> Option<Finding> {
    None
}

fn room(path: &Path) -> Option<Finding> {
    let found = rustix::fs::statvfs(path).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let says = format!("{} free at {}", size(free), path.display());
    let fix = "free some, or name a directory elsewhere with --data-dir; 10 million events need about 1.2 GB";
    Some(match free {
        0..NEARLY_NONE => Finding::wrong("disk", says, fix),
        NEARLY_NONE..LITTLE => Finding::doubt("disk", says, fix),
        _ => Finding::fine("disk", says),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_directory_that_others_may_write_is_wrong_and_one_that_is_not_there_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let finding = of("data", dir.path());
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(finding.fix.unwrap().contains("chmod go-w"));
        assert_eq!(of("data", &dir.path().join("later")).verdict, Verdict::Fine);
        assert_eq!(nearest(&dir.path().join("a/b")), dir.path());
    }
}
