//! Where files lie: the XDG directories, a profile's own corner of them, and what a directory must be like before
//! evidence is put into it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// The profile without a name of its own.
pub const DEFAULT_PROFILE: &str = "default";
/// The simulated organisation's profile: its own directories, its own configuration, never mixed with real evidence.
pub const DEMO_PROFILE: &str = "demo";

/// Where a profile's files lie. Nothing is created until [`ensure_private`] is called on a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The configuration file, `~/.config/vaultscope/config.toml`, whether or not it is there.
    pub config_file: PathBuf,
    /// Hunts, themes and watch-lists of the user's own: `~/.config/vaultscope`.
    pub config: PathBuf,
    /// The evidence store and imported tables: `~/.local/share/vaultscope/PROFILE`.
    pub data: PathBuf,
    /// What is this person's own beside that store: the workspace. The same directory, unless the store is somebody else's.
    pub own: PathBuf,
    /// The log: `~/.local/state/vaultscope/PROFILE`.
    pub state: PathBuf,
    /// What may be deleted at any time: `~/.cache/vaultscope/PROFILE`.
    pub cache: PathBuf,
}

/// Why a directory cannot be used. Each text names the directory and the fix.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    #[error("there is no home directory: set HOME, or name a directory with --data-dir")]
    NoHome,
    #[error("{}: cannot {doing}: {error}; make it yours to write, or name another with --data-dir", path.display())]
    Io { path: PathBuf, doing: &'static str, error: io::Error },
    #[error("{} is not a directory: move it away, or name another with --data-dir", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{} belongs to user {owner}, not to you (user {me}): take it over with `chown`, or name another with --data-dir", path.display())]
    NotYours { path: PathBuf, owner: u32, me: u32 },
    #[error(
        "{} can be written by others (mode {mode:04o}), who could change evidence: run `chmod go-w '{}'`",
        path.display(),
        path.display()
    )]
    WritableByOthers { path: PathBuf, mode: u32 },
}

impl Paths {
    /// The directories of a profile. `data_dir` puts data, state and cache under one directory instead, which is what
    /// tests, jump hosts and services want; the configuration stays where it is.
    pub fn new(profile: &str, data_dir: Option<&Path>) -> Result<Self, PathError> {
        let dirs = ProjectDirs::from("", "", "vaultscope");
        let usual = dirs.as_ref().map(|dirs| {
            let state = dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir());
            (dirs.data_local_dir().join(profile), state.join(profile), dirs.cache_dir().join(profile))
        });
        let (data, own, state, cache) = match (data_dir, usual) {
            (Some(dir), Some((data, state, cache))) if is_of_another(dir) => {
                let own = data.join("beside").join(name_of(dir));
                (dir.to_owned(), own, state, cache)
            }
            (Some(dir), _) => (dir.to_owned(), dir.to_owned(), dir.join("state"), dir.join("cache")),
            (None, Some((data, state, cache))) => (data.clone(), data, state, cache),
            (None, None) => return Err(PathError::NoHome),
        };
        let config = dirs.as_ref().map_or_else(|| data.join("config"), |dirs| dirs.config_dir().to_owned());
        Ok(Self { config_file: config.join("config.toml"), config, data, own, state, cache })
    }
}

/// Does the directory belong to another user? A team reads one collector's store.
fn is_of_another(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|found| found.uid() != rustix::process::geteuid().as_raw())
}

/// A directory's whole path as one name, each path its own: `/var/lib/vault-scope` is `var-lib-vault--scope`.
fn name_of(dir: &Path) -> String {
    let path = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let text = path.to_string_lossy().replace('-', "--").replace('/', "-");
    text.strip_prefix('-').unwrap_or(&text).to_owned()
}

/// Creates the directory with mode 0700 if it is not there, and refuses one that belongs to somebody else or that
/// others may write. A group may read it: a team on one host shares a store that one collector writes.
pub fn ensure_private(path: &Path) -> Result<(), PathError> {
    let fail = |doing| move |error| PathError::Io { path: path.to_owned(), doing, error };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            PathError::NotADirectory { path: path.to_owned() }
        }
        _ => PathError::Io { path: path.to_owned(), doing: "create it", error },
    })?;
    // A link that somebody else made could be turned elsewhere later.
    let link = fs::symlink_metadata(path).map_err(fail("look at it"))?;
    let me = rustix::process::geteuid().as_raw();
    if link.is_symlink() && link.uid() != me && link.uid() != 0 {
        return Err(PathError::NotYours { path: path.to_owned(), owner: link.uid(), me });
    }
    let real = fs::metadata(path).map_err(fail("look at it"))?;
    if real.uid() != me {
        return Err(PathError::NotYours { path: path.to_owned(), owner: real.uid(), me });
    }
    not_writable_by_others(path, &real)
}

/// For reading a store that somebody else's collector writes: it must be a directory that nobody but its owner writes.
pub fn check_readable(path: &Path) -> Result<(), PathError> {
    let real = fs::metadata(path).map_err(|error| PathError::Io { path: path.to_owned(), doing: "read it", error })?;
    if !real.is_dir() {
        return Err(PathError::NotADirectory { path: path.to_owned() });
    }
    not_writable_by_others(path, &real)
}

fn not_writable_by_others(path: &Path, found: &fs::Metadata) -> Result<(), PathError> {
    if found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(PathError::WritableByOthers { path: path.to_owned(), mode: found.mode() & 0o7777 })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn profiles_and_the_demo_keep_their_own_directories() {
        let a = Paths::new(DEFAULT_PROFILE, None);
        let b = Paths::new(DEMO_PROFILE, None);
        if let (Ok(a), Ok(b)) = (a, b) {
            assert_ne!(a.data, b.data);
            assert_ne!(a.state, b.state);
            assert_eq!(a.config_file, b.config_file);
        }
        let own = Paths::new(DEMO_PROFILE, Some(Path::new("/srv/vs"))).unwrap();
        assert_eq!((own.data.as_path(), own.state.as_path()), (Path::new("/srv/vs"), Path::new("/srv/vs/state")));
    }

    #[test]
    fn a_store_of_ones_own_holds_ones_workspace() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(DEFAULT_PROFILE, Some(dir.path())).unwrap();
        assert_eq!((paths.data.as_path(), paths.own.as_path()), (dir.path(), dir.path()));
    }

    #[test]
    fn each_path_has_a_name_of_its_own() {
        assert_eq!(name_of(Path::new("/nowhere/vault-scope")), "nowhere-vault--scope");
        assert_ne!(name_of(Path::new("/nowhere/a-b")), name_of(Path::new("/nowhere/a/b")));
    }

    #[test]
    fn a_new_directory_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        ensure_private(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        ensure_private(&path).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused_with_the_fix() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o770, 0o702] {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = ensure_private(dir.path()).unwrap_err().to_string();
            assert!(error.contains("chmod go-w") && error.contains(&format!("{mode:04o}")), "{error}");
            assert!(check_readable(dir.path()).is_err());
        }
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
        ensure_private(dir.path()).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(ensure_private(&path), Err(PathError::NotADirectory { .. })));
        assert!(matches!(ensure_private(&path.join("below")), Err(PathError::NotADirectory { .. })));
    }
}
