//! Names that a person imported, in the workspace.

use rusqlite::{TransactionBehavior, params};

use super::{Kind, Name, Origin};
use crate::base::time::Ticks;
use crate::store::{StoreError, Workspace};

/// A name as an import brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName {
    pub kind: Kind,
    pub uuid: String,
    pub name: String,
    pub email: String,
    pub vault: String,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub new: u64,
    pub changed: u64,
    pub same: u64,
}

impl Kept {
    pub fn add(&mut self, more: Self) {
        self.new += more.new;
        self.changed += more.changed;
        self.same += more.same;
    }
}

impl Workspace {
    /// Keeps names: all of them, or none where that fails. Of a UUID that comes twice the later counts.
    pub fn import_names(&self, names: &[NewName], at: Ticks) -> Result<Kept, StoreError> {
        let failed = || StoreError::sqlite("keep names");
        self.whole_mut(|db| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed())?;
            let mut kept = Kept::default();
            {
                let known = "SELECT name, email, vault FROM imported_name WHERE kind = ? AND uuid = ?";
                let mut known = tx.prepare_cached(known).map_err(failed())?;
                let put = "INSERT INTO imported_name VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, uuid) DO UPDATE SET \
                           name = excluded.name, email = excluded.email, vault = excluded.vault, at = excluded.at";
                let mut put = tx.prepare_cached(put).map_err(failed())?;
                for n in names {
                    let row = |r: &rusqlite::Row<'_>| Ok([r.get::<_, String>(0)?, r.get(1)?, r.get(2)?]);
                    let before = known
                        .query_map(params![n.kind.code(), n.uuid], row)
                        .and_then(|mut rows| rows.next().transpose())
                        .map_err(failed())?;
                    match &before {
                        Some(before) if before.iter().eq([&n.name, &n.email, &n.vault]) => {
                            kept.same += 1;
                            continue;
                        }
                        Some(_) => kept.changed += 1,
                        None => kept.new += 1,
                    }
                    let row = params![n.kind.code(), n.uuid, n.name, n.email, n.vault, at.0];
                    put.execute(row).map_err(failed())?;
                }
            }
            tx.commit().map_err(failed())?;
            Ok(kept)
        })
    }

    /// Every imported name.
    pub fn imported_names(&self) -> Result<Vec<Name>, StoreError> {
        let sql = "SELECT kind, uuid, name, email, vault, at FROM imported_name";
        let rows = self.whole(|db| {
            db.prepare_cached(sql)
                .and_then(|mut s| {
                    s.query_map([], |r| {
                        let kind = Kind::of(r.get(0)?);
                        Ok(kind.map(|kind| (kind, r.get(1), r.get(2), r.get(3), r.get(4), r.get(5))))
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()
                })
                .and_then(|rows| {
                    rows.into_iter()
                        .flatten()
                        .map(|(kind, uuid, name, email, vault, at)| {
                            let (origin, account) = (Origin::Imported, Box::default());
                            let (uuid, name, email, vault) = (uuid?, name?, email?, vault?);
                            Ok(Name { kind, uuid, name, email, vault, origin, account, at: Ticks(at?), stands: false })
                        })
                        .collect()
                })
        });
        rows.map_err(StoreError::sqlite("read names"))
    }

    /// Forgets imported names: those of a UUID, or of a kind, or all. Answers how many.
    pub fn forget_names(&self, uuid: Option<&str>, kind: Option<Kind>) -> Result<u64, StoreError> {
        let sql = "DELETE FROM imported_name WHERE (?1 IS NULL OR uuid = ?1) AND (?2 IS NULL OR kind = ?2)";
        self.whole(|db| db.execute(sql, params![uuid, kind.map(Kind::code)]))
            .map(|gone| gone as u64)
            .map_err(StoreError::sqlite("forget names"))
    }
}
