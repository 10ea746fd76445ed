//! Who may read a store's files: its owner and its group, whatever the umask of the program. How far the group gets is the data
//! folder's to say: it is 0700 as made, and `chmod 750` opens it.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::StoreError;

/// Of evidence files: the owner writes, the group reads.
pub(super) const SHARED: u32 = 0o640;
/// Of what is one person's: the workspace, keys.
pub(super) const PRIVATE: u32 = 0o600;
const FOLDER: u32 = 0o750;

/// Opens a file with these options, made with this mode where there is none.
pub(super) fn open(options: &OpenOptions, path: &Path, mode: u32) -> Result<File, StoreError> {
    let failed = |e| StoreError::io(path, e);
    let file = options.clone().mode(mode).open(path).map_err(failed)?;
    // The umask takes bits away from what `open` is given, not from this.
    if file.metadata().map_err(failed)?.mode() & 0o777 != mode {
        file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
    }
    Ok(file)
}

/// May this process write the file or folder, where it is there? Better asked at the start than found out at the first sealing.
pub(super) fn writable(path: &Path) -> Result<(), StoreError> {
    match rustix::fs::access(path, rustix::fs::Access::WRITE_OK) {
        Err(e) if e != rustix::io::Errno::NOENT => Err(StoreError::io(path, e.into())),
        _ => Ok(()),
    }
}

/// Makes an empty file with a mode, where there is none. SQLite gives its log and its index the mode of the database.
pub(super) fn create(path: &Path, mode: u32) -> Result<(), StoreError> {
    open(OpenOptions::new().append(true).create(true), path, mode).map(drop)
}

/// Makes a folder that the group may read, and those above it, where they are not.
pub(super) fn folder(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(above) = dir.parent() {
        folder(above)?;
    }
    let failed = |e| StoreError::io(dir, e);
    std::fs::create_dir(dir).map_err(failed)?;
    // The bit that hands the group of the folder above on to what is made in this one stays.
    let inherited = std::fs::metadata(dir).map_err(failed)?.mode() & 0o2000;
    std::fs::set_permissions(dir, Permissions::from_mode(FOLDER | inherited)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn files_and_folders_get_their_modes_whatever_they_had() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        folder(&inner).unwrap();
        assert_eq!((mode(&inner), mode(inner.parent().unwrap())), (0o750, 0o750));
        let file = inner.join("f");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        create(&file, SHARED).unwrap();
        assert_eq!(mode(&file), 0o640);
        create(&inner.join("own"), PRIVATE).unwrap();
        assert_eq!(mode(&inner.join("own")), 0o600);
    }

    #[test]
    fn a_folder_for_a_group_hands_the_group_on() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o2750)).unwrap();
        folder(&dir.path().join("evidence/segments")).unwrap();
        assert_eq!(mode(&dir.path().join("evidence")) & 0o7777, 0o2750);
    }
}
