//! Which account a name in the configuration stands for, once and for all.
//!
//! The first token that answers for a name pins the name to its account's UUID. A token of another account is refused
//! from then on: its events must not be mixed with those already kept.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::source::Identity;
use crate::base::shown::Shown;

/// The file `accounts.json` of a data folder.
#[derive(Clone, Debug)]
pub struct Pins {
    file: PathBuf,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    /// What the store files the events under. It never changes.
    stored_as: String,
    /// The account's UUID, once a server told it.
    account: Option<String>,
}

/// Why an identity is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    #[error(
        "the token of `{name}` belongs to account {found}, but the events kept under this name are of account {pinned}: \
         give the new account another name, or another --data-dir"
    )]
    AnotherAccount { name: String, pinned: String, found: String },
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} cannot be read as the list of accounts: {error}; restore it, or move it away to pin the accounts anew", path.display())]
    Damaged { path: PathBuf, error: serde_json::Error },
}

impl Pins {
    pub fn of(data_dir: &Path) -> Self {
        Self { file: data_dir.join("accounts.json") }
    }

    /// Holds an identity against the pin of a name, pinning it where there is none, and answers what the store files the
    /// account's events under. Blocks on the disk.
    pub fn hold(&self, name: &str, identity: &Identity) -> Result<Arc<str>, PinError> {
        // Two accounts that are identified at the same time write one file.
        static HOLDING: Mutex<()> = Mutex::new(());
        let _holding = HOLDING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pins = self.read()?;
        let found = identity.account.as_deref().filter(|uuid| !uuid.is_empty());
        let known = pins.get(name);
        if let (Some(Pin { account: Some(pinned), .. }), Some(found)) = (known, found)
            && pinned != found
        {
            let show = |uuid: &str| Shown::with_limit(uuid, 60).into_string();
            return Err(PinError::AnotherAccount { name: name.into(), pinned: show(pinned), found: show(found) });
        }
        let pin = Pin {
            stored_as: known.map_or_else(|| found.unwrap_or(name).to_owned(), |pin| pin.stored_as.clone()),
            account: found.map(str::to_owned).or_else(|| known.and_then(|pin| pin.account.clone())),
        };
        let stored_as = pin.stored_as.as_str().into();
        if known != Some(&pin) {
            pins.insert(name.to_owned(), pin);
            self.write(&pins)?;
        }
        Ok(stored_as)
    }

    fn read(&self) -> Result<BTreeMap<String, Pin>, PinError> {
        match fs::read(&self.file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| PinError::Damaged { path: self.file.clone(), error })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Beside it, synced, then renamed over it: there is always one whole file.
    fn write(&self, pins: &BTreeMap<String, Pin>) -> Result<(), PinError> {
        let text = serde_json::to_vec_pretty(pins).map_err(|error| self.failed(error.into()))?;
        let beside = self.file.with_extension("json.new");
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&beside, &self.file)?;
            self.file.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
        })();
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> PinError {
        PinError::Io { path: self.file.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(account: Option<&str>) -> Identity {
        Identity { account: account.map(str::to_owned), ..Identity::default() }
    }

    #[test]
    fn a_name_is_pinned_by_its_first_account_and_refuses_another() {
        let dir = tempfile::tempdir().unwrap();
        let pins = Pins::of(dir.path());
        assert_eq!(&*pins.hold("acme", &of(Some("A1"))).unwrap(), "A1");
        assert_eq!(&*pins.hold("acme", &of(Some("A1"))).unwrap(), "A1");
        assert_eq!(&*pins.hold("acme", &of(None)).unwrap(), "A1");
        assert_eq!(&*pins.hold("labs", &of(Some("B2"))).unwrap(), "B2");
        let error = Pins::of(dir.path()).hold("acme", &of(Some("B2"))).unwrap_err();
        assert!(matches!(&error, PinError::AnotherAccount { pinned, .. } if pinned == "A1"), "{error}");
    }

    #[test]
    fn events_stay_under_the_name_when_the_account_is_told_later() {
        let dir = tempfile::tempdir().unwrap();
        let pins = Pins::of(dir.path());
        assert_eq!(&*pins.hold("acme", &of(None)).unwrap(), "acme");
        assert_eq!(&*pins.hold("acme", &of(Some("A1"))).unwrap(), "acme");
        assert!(pins.hold("acme", &of(Some("B2"))).is_err());
    }

    #[test]
    fn a_damaged_list_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("accounts.json");
        fs::write(&file, "{").unwrap();
        assert!(matches!(Pins::of(dir.path()).hold("acme", &of(None)), Err(PinError::Damaged { .. })));
        assert_eq!(fs::read(&file).unwrap(), b"{");
    }
}
