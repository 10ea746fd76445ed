//! The key's files: made once, never written over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use secrecy::zeroize::Zeroizing;

use super::{Signer, Verifier};
use crate::base::fault;
use crate::store::file::sync_dir;
use crate::store::{Layout, StoreError, modes};

/// A key's file is a line of some 120 characters.
const LONGEST: u64 = 1024;

impl Signer {
    /// The store's key; makes one where there is none. The caller holds the writer's lock.
    ///
    /// A key that others may read, or that is damaged, is an error and is left as it is: signing with another one in silence would look
    /// like a store that somebody else has signed.
    pub(in crate::store) fn open(layout: &Layout) -> Result<Self, StoreError> {
        let path = layout.signing_key();
        let signer = match OpenOptions::new().read(true).custom_flags(nofollow()).open(&path) {
            Ok(file) => read(&path, file)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => make(&path)?,
            Err(e) => return Err(StoreError::io(&path, e)),
        };
        let public = layout.signing_public();
        let text = format!("{}\n", signer.verifier());
        if fs::read_to_string(&public).ok().as_deref() != Some(&text) {
            put(&public, text.as_bytes(), modes::SHARED, RenameFlags::empty())?;
        }
        Ok(signer)
    }
}

impl Signer {
    /// The store's key for something that is no commit: only if there is one and this person may use it.
    pub(in crate::store) fn existing(layout: &Layout) -> Option<Self> {
        let path = layout.signing_key();
        let file = OpenOptions::new().read(true).custom_flags(nofollow()).open(&path).ok()?;
        read(&path, file).ok()
    }
}

impl Verifier {
    /// The store's public key, if it has one that can be read.
    pub(in crate::store) fn of(layout: &Layout) -> Option<Self> {
        fs::read_to_string(layout.signing_public()).ok()?.parse().ok()
    }
}

fn nofollow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits() as i32
}

fn read(path: &Path, file: File) -> Result<Signer, StoreError> {
    let io = |source| StoreError::io(path, source);
    let refused = |what: &str| StoreError::Input { path: path.into(), what: what.into() };
    let found = file.metadata().map_err(io)?;
    if found.mode() & 0o077 != 0 {
        return Err(refused(
            "others can read or change the key: run `chmod 600` on it, and ask who may have copied it",
        ));
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
    file.take(LONGEST).read_to_string(&mut text).map_err(io)?;
    Signer::from_text(&text).ok_or_else(|| {
        refused("this is not the key that was made: put it back from a copy, or move it away for a new one")
    })
}

fn make(path: &Path) -> Result<Signer, StoreError> {
    let (signer, text) = Signer::generate()
        .ok_or_else(|| StoreError::io(path, io::Error::other("the system gives no random numbers for a key")))?;
    put(path, text.as_bytes(), modes::PRIVATE, RenameFlags::NOREPLACE)?;
    Ok(signer)
}

/// A file that is there whole or not at all: written beside, synced, renamed, its folder synced.
fn put(path: &Path, bytes: &[u8], mode: u32, flags: RenameFlags) -> Result<(), StoreError> {
    let beside = path.with_extension("tmp");
    let io = |source| StoreError::io(&beside, source);
    // Left over from a start that was cut off; nobody uses it under that name.
    match fs::remove_file(&beside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io(e)),
        _ => {}
    }
    let mut file = modes::open(OpenOptions::new().write(true).create_new(true), &beside, mode)?;
    file.write_all(bytes)
        .and_then(|()| fault::before("key.sync", &beside))
        .and_then(|()| file.sync_all())
        .map_err(io)?;
    fault::after("key.sync", &beside);
    fault::before("key.rename", path).map_err(io)?;
    match renameat_with(CWD, &beside, CWD, path, flags) {
        Ok(()) => {}
        // A file system that cannot promise it: the writer's lock and the look before are what is left.
        Err(Errno::INVAL | Errno::NOSYS) if !path.exists() => {
            fs::rename(&beside, path).map_err(|e| StoreError::io(path, e))?;
        }
        Err(e) => return Err(StoreError::io(path, e.into())),
    }
    fault::after("key.rename", path);
    path.parent().map_or(Ok(()), sync_dir)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn layout() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::of(dir.path());
        fs::create_dir(layout.root()).unwrap();
        (dir, layout)
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_with_the_public_one_beside_it() {
        let (_dir, layout) = layout();
        let first = Signer::open(&layout).unwrap();
        let bytes = fs::read(layout.signing_key()).unwrap();
        assert_eq!(Verifier::of(&layout).as_ref(), Some(first.verifier()));
        assert_eq!(fs::metadata(layout.signing_key()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(layout.signing_public()).unwrap().mode() & 0o777, 0o640);
        // The public one is made again from the key; the key stays as it is.
        fs::remove_file(layout.signing_public()).unwrap();
        let again = Signer::open(&layout).unwrap();
        assert_eq!(again.verifier(), first.verifier());
        assert_eq!(Verifier::of(&layout).as_ref(), Some(first.verifier()));
        assert_eq!(fs::read(layout.signing_key()).unwrap(), bytes);
        assert_eq!(fs::read_dir(layout.root()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn what_a_cut_off_start_left_is_in_nobodys_way() {
        let (_dir, layout) = layout();
        fs::write(layout.signing_key().with_extension("tmp"), "PRIVATE+KEY+half").unwrap();
        Signer::open(&layout).unwrap();
        assert!(!layout.signing_key().with_extension("tmp").exists());
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_damaged_is_refused_and_left() {
        let (_dir, layout) = layout();
        Signer::open(&layout).unwrap();
        let path = layout.signing_key();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Signer::open(&layout).unwrap_err().to_string();
        assert!(refused.contains("chmod 600") && !refused.contains("PRIVATE"), "{refused}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        let cut = &whole[..whole.len() - 8];
        fs::write(&path, cut).unwrap();
        let refused = Signer::open(&layout).unwrap_err().to_string();
        assert!(refused.contains("signing.key") && !refused.contains("PRIVATE"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), cut);
    }

    #[test]
    fn a_link_is_not_followed_to_a_key() {
        let (dir, layout) = layout();
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, layout.signing_key()).unwrap();
        assert!(Signer::open(&layout).is_err());
        assert_eq!(fs::read(&elsewhere).unwrap(), b"");
    }
}
