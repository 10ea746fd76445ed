//! The directories: whose they are, who may write them, on what kind of file system they lie, how much room there is.

use std::path::Path;

use super::Finding;
use crate::base::disk::{self, Disk};
use crate::base::paths::{PathError, Paths, check_readable};
use crate::cli::output::size;

/// Less room than this is soon used up.
const LITTLE: u64 = 1 << 30;
/// Less than this stops the collector any moment.
const NEARLY_NONE: u64 = 64 << 20;

pub fn look(paths: &Paths) -> Vec<Finding> {
    let mut findings = vec![of("data", &paths.data), of("log", &paths.state)];
    let there = disk::nearest(&paths.data);
    findings.push(kind(&there));
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

/// Network file systems do not keep the locks and syncs that a store stands on.
fn kind(path: &Path) -> Finding {
    let what = "file system";
    let at = path.display();
    let elsewhere = disk::local_directory().map_or_else(String::new, |dir| format!(", for example {}", dir.display()));
    let fix =
        format!("keep the store on a local disk: name a directory there with --data-dir or `data_dir`{elsewhere}");
    match disk::of(path) {
        Disk::Local => Finding::fine(what, "local"),
        Disk::Network(kind) => Finding::wrong(what, format!("{kind}, at {at}"), fix),
        Disk::Unsure(kind) => Finding::doubt(what, format!("{kind}, at {at}: it may lie on the network"), fix),
        Disk::Memory => {
            let fix = "what is kept here is gone after a restart: name a directory on a disk";
            Finding::doubt(what, format!("in memory only (tmpfs), at {at}"), fix)
        }
    }
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
    }
}
