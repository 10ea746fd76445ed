//! The names beside UUIDs, for lines and pages: read from the store and the workspace, and again when they may have changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::names::{Directory, Name};
use crate::store::{Reader, Workspace};

/// What was read is good for so long: a name that is imported meanwhile shows soon.
const GOOD: Duration = Duration::from_secs(30);

/// Cheap to clone; clones share what was read.
#[derive(Clone, Debug)]
pub struct Names {
    reader: Option<Reader>,
    workspace: Option<Arc<Workspace>>,
    read: Arc<Mutex<Option<Read>>>,
}

/// When the names were read, and what they were.
type Read = (Instant, Arc<Directory>);

impl Names {
    pub fn new(reader: Option<Reader>, workspace: Option<Arc<Workspace>>) -> Self {
        Self { reader, workspace, read: Arc::default() }
    }

    /// All names, at most half a minute old. What cannot be read is not there; the log says why.
    pub fn now(&self) -> Arc<Directory> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some((at, known)) if at.elapsed() < GOOD => Arc::clone(known),
            _ => {
                let found = Directory::read(self.reader.as_ref(), self.workspace.as_deref()).unwrap_or_else(|error| {
                    tracing::warn!(%error, "names cannot be read");
                    Directory::default()
                });
                let found = Arc::new(found);
                *read = Some((Instant::now(), Arc::clone(&found)));
                found
            }
        }
    }
}

/// What is known of a UUID, from every source, the name that stands first; `None` where that is nothing.
pub fn told(directory: &Directory, uuid: &str) -> Option<String> {
    let stands = directory.name(uuid)?;
    let say = |name: &Name| format!("{} ({})", name.label(), name.origin.name());
    let others = directory.all().iter().filter(|name| *name.uuid == *uuid && !name.stands);
    Some(std::iter::once(stands).chain(others).map(say).collect::<Vec<_>>().join(", "))
}
