//! Files of an export: in a folder of their own, that only its owner can look into, and never over anything that is there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::ExportError;
use crate::store::StoreError;
use crate::store::file::sync_dir;

/// The folder of an export.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// A file that is not under its name yet.
#[derive(Debug)]
pub(super) struct Under {
    file: File,
    temporary: PathBuf,
    name: PathBuf,
}

impl Folder {
    /// Makes it, 0700. One that is there is refused, whatever is in it.
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let fits = (1..=80).contains(&name.len())
            && !name.starts_with(['.', '-'])
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !fits {
            return Err(ExportError::Name(format!(
                "an export is a folder whose name has 1 to 80 of A-Z a-z 0-9 . _ - and does not begin with . or -, which `{}` is not",
                crate::base::shown::Shown::new(name)
            )));
        }
        DirBuilder::new().mode(0o700).create(path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => ExportError::Name(format!(
                "{} is there already: name a new folder, nothing is written over",
                path.display()
            )),
            _ => StoreError::io(path, e).into(),
        })?;
        Ok(Self(path.into()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> Result<Under, StoreError> {
        let name = self.0.join(name);
        let temporary = name.with_extension("tmp");
        let file = open_new(&temporary)?;
        Ok(Under { file, temporary, name })
    }

    /// Gives a written and synced file its name.
    pub fn keep(&self, under: &Under) -> Result<(), StoreError> {
        fs::rename(&under.temporary, &under.name).map_err(|e| StoreError::io(&under.name, e))?;
        sync_dir(&self.0)
    }

    /// A small file, whole.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let mut under = self.file(name)?;
        under.file.write_all(bytes).and_then(|()| under.file.sync_all()).map_err(|e| StoreError::io(&under.name, e))?;
        self.keep(&under)
    }
}

/// A file that is not there yet, for its owner's eyes; a link that somebody laid there is not followed.
fn open_new(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
        .open(path)
        .map_err(|e| StoreError::io(path, e))
}

/// A file of exported events that gets its name when it is whole.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    temporary: PathBuf,
    name: PathBuf,
    kept: bool,
}

impl NewFile {
    pub(super) fn create(name: &Path) -> Result<Self, ExportError> {
        let taken = || ExportError::Name(format!("{} is there already: nothing is written over", name.display()));
        if name.symlink_metadata().is_ok() {
            return Err(taken());
        }
        let mut temporary = name.as_os_str().to_owned();
        temporary.push(".part");
        let temporary = PathBuf::from(temporary);
        let file = open_new(&temporary)?;
        Ok(Self { file, temporary, name: name.into(), kept: false })
    }

    /// What is written to.
    pub fn sink(&self) -> Result<File, StoreError> {
        self.file.try_clone().map_err(|e| StoreError::io(&self.temporary, e))
    }

    /// Gives it its name, unless something else has that by now.
    pub fn keep(mut self) -> Result<(), ExportError> {
        let io = |e| ExportError::Store(StoreError::io(&self.name, e));
        if self.name.symlink_metadata().is_ok() {
            return Err(ExportError::Name(format!("{} is there by now: nothing is written over", self.name.display())));
        }
        fs::rename(&self.temporary, &self.name).map_err(io)?;
        self.kept = true;
        let folder = self.name.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(sync_dir(folder.unwrap_or(Path::new(".")))?)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

impl Under {
    pub fn writer(&self) -> Result<BufWriter<File>, StoreError> {
        let file = self.file.try_clone().map_err(|e| StoreError::io(&self.temporary, e))?;
        Ok(BufWriter::with_capacity(256 * 1024, file))
    }
}
