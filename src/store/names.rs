//! Names beside UUIDs. Events say `vault_uuid`, and 1Password's server itself cannot read what an item is called.
//!
//! **Learned** names come with events (users, mostly) and lie in the catalogue, where the writer puts them (`learned`), until retention takes
//! the last event that tells them (`forget`). **Imported** ones a person brings from `op vault list` and the like (`read`); they lie in the
//! workspace, which nobody else reads, because titles of items are secrets of a kind, and stay until that person forgets them. Where both name
//! a UUID the imported one stands, and [`Directory`] keeps the other beside it.

pub(super) mod forget;
mod imported;
pub(super) mod learned;
pub mod read;

use std::collections::HashMap;

use super::{Reader, StoreError, Workspace};
use crate::base::time::Ticks;

pub use imported::{Kept, NewName};

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    User,
    Vault,
    Item,
    Group,
    Device,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::User, Self::Vault, Self::Item, Self::Group, Self::Device];

    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Vault => "vault",
            Self::Item => "item",
            Self::Group => "group",
            Self::Device => "device",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The number in both databases. Never changes.
    const fn code(self) -> i64 {
        self as i64 + 1
    }

    fn of(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(Self::name(*self))
    }
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A person brought it.
    Imported,
    /// An event told it.
    Learned,
}

impl Origin {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Learned => "learned",
        }
    }
}

/// A name. Its texts are from outside: to be shown, never trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub kind: Kind,
    pub uuid: Box<str>,
    pub name: Box<str>,
    /// Of a user.
    pub email: Box<str>,
    /// Of an item: its vault's UUID, where that was told.
    pub vault: Box<str>,
    pub origin: Origin,
    /// The account whose events told it; "" for an imported one.
    pub account: Box<str>,
    /// When it was imported, or when the newest event that told it happened, to a day.
    pub at: Ticks,
    /// It is the one that stands for its UUID.
    pub stands: bool,
}

impl Name {
    /// The name, or the address of a user who has none.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { &self.email } else { &self.name }
    }
}

/// All names there are, by UUID.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    names: Vec<Name>,
    /// The one of each UUID that stands.
    best: HashMap<Box<str>, usize>,
}

impl Directory {
    /// Reads what the store learned and what the workspace has. Either may be missing.
    pub fn read(reader: Option<&Reader>, workspace: Option<&Workspace>) -> Result<Self, StoreError> {
        let mut names = workspace.map_or_else(|| Ok(Vec::new()), Workspace::imported_names)?;
        if let Some(reader) = reader {
            names.extend(reader.learned_names()?);
        }
        Ok(Self::of(names))
    }

    fn of(mut names: Vec<Name>) -> Self {
        let mut best: HashMap<Box<str>, usize> = HashMap::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let rank = |name: &Name| (name.origin == Origin::Imported, name.at);
            let stands = best.entry(name.uuid.clone()).or_insert(at);
            if rank(name) > rank(&names[*stands]) {
                *stands = at;
            }
        }
        for at in best.values() {
            names[*at].stands = true;
        }
        names.sort_by(|a, b| (a.kind, &a.name, &a.uuid, a.origin).cmp(&(b.kind, &b.name, &b.uuid, b.origin)));
        let best = names.iter().enumerate().filter(|(_, name)| name.stands).map(|(at, name)| (name.uuid.clone(), at));
        let best = best.collect();
        Self { names, best }
    }

    /// The name that stands for a UUID.
    pub fn name(&self, uuid: &str) -> Option<&Name> {
        self.best.get(uuid).and_then(|at| self.names.get(*at))
    }

    /// Every name, by kind and name.
    pub fn all(&self) -> &[Name] {
        &self.names
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests;
