//! Forgetting: a learned name goes with the last event that told it.
//!
//! Retention asks for this once its events are gone. Only names whose newest telling is old enough to have gone are looked for, in the events
//! that are left, by a thread that has time; the writer then forgets in short transactions, and looks first whether an event that came meanwhile
//! tells the name again. Where what is left tells another name of the same UUID (feeds are kept for different times), that one takes its place.

use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use hashbrown::HashMap;
use rusqlite::{OptionalExtension as _, TransactionBehavior, params};

use super::Kind;
use super::learned::{columns, tellings};
use crate::event::columns::text_at;
use crate::store::damage::guarded;
use crate::store::intake::Intake;
use crate::store::{Layout, Reader, StoreError, fresh};

/// Names of one transaction.
const AT_ONCE: usize = 500;

/// Whose name: account, kind, UUID.
type Key = (Box<str>, Kind, Box<str>);

/// What an event tells: name and address.
type Texts = (Box<str>, Box<str>);

/// Names that events told which may be gone, and what the events that are left tell instead.
#[derive(Debug, Default)]
pub(in crate::store) struct Doubtful {
    names: HashMap<Key, Doubt>,
    /// Events up to this one have been looked at.
    through: i64,
}

#[derive(Debug)]
struct Doubt {
    is: Texts,
    /// The newest that is left, and its time.
    left: Option<(i64, Texts)>,
}

impl Doubtful {
    /// The names whose newest telling is older than `before`, held against every event that is left. `None` when told to stop.
    pub(in crate::store) fn look(layout: &Layout, before: i64, stop: &AtomicBool) -> Result<Option<Self>, StoreError> {
        let reader = Reader::open(layout.root().parent().unwrap_or(layout.root()))?;
        let mut doubtful = Self { names: old_names(&reader, before)?, through: 0 };
        if doubtful.names.is_empty() {
            return Ok(Some(doubtful));
        }
        let snapshot = reader.snapshot()?;
        doubtful.through = snapshot.through;
        let columns = columns();
        for segment in &snapshot.segments {
            let mut batches = guarded(segment, || segment.columns(&columns))?;
            while let Some(batch) = guarded(segment, || Ok(batches.next()))? {
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                doubtful.meet(&batch?);
            }
        }
        snapshot.fresh.iter().for_each(|batch| doubtful.meet(batch));
        doubtful.names.retain(|_, doubt| doubt.left.as_ref().is_none_or(|(_, left)| *left != doubt.is));
        Ok(Some(doubtful))
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Takes in what events tell.
    fn meet(&mut self, batch: &RecordBatch) {
        let Some(accounts) = batch.column_by_name("account") else { return };
        tellings(batch, |row, kind, [uuid, name, email], at| {
            let key = (text_at(accounts, row).unwrap_or_default().into(), kind, uuid.into());
            if let Some(doubt) = self.names.get_mut(&key)
                && doubt.left.as_ref().is_none_or(|(newest, _)| *newest <= at)
            {
                doubt.left = Some((at, (name.into(), email.into())));
            }
        });
    }
}

fn old_names(reader: &Reader, before: i64) -> Result<HashMap<Key, Doubt>, StoreError> {
    reader.with("read names", |db| {
        let mut query = db.prepare_cached(
            "SELECT account.uuid, kind, learned_name.uuid, name, email FROM learned_name \
             JOIN account ON account.id = account WHERE at < ?",
        )?;
        let mut rows = query.query([before])?;
        let mut names = HashMap::new();
        while let Some(row) = rows.next()? {
            if let Some(kind) = Kind::of(row.get(1)?) {
                let doubt = Doubt { is: (row.get(3)?, row.get(4)?), left: None };
                names.insert((row.get(0)?, kind, row.get(2)?), doubt);
            }
        }
        Ok(names)
    })
}

impl Intake {
    /// Forgets some of the names that no event tells any more; answers how many, and is to be called until there are none left.
    pub(in crate::store) fn forget_names(&mut self, doubtful: &mut Doubtful) -> Result<u64, StoreError> {
        let failed = StoreError::sqlite;
        if self.sealed.iter().any(|s| s.segment.seqs.1 > doubtful.through) {
            // What came meanwhile has been sealed already; the next run looks at it all again.
            doubtful.names.clear();
            return Ok(0);
        }
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("forget names"))?;
        let newer: Vec<Vec<u8>> = tx
            .prepare_cached("SELECT data FROM page WHERE last_seq > ?")
            .and_then(|mut s| s.query_map([doubtful.through], |row| row.get(0))?.collect())
            .map_err(failed("read a fresh page"))?;
        for blob in newer {
            let batch = fresh::above(&fresh::decode(&blob)?, doubtful.through);
            let Some(accounts) = batch.column_by_name("account") else { continue };
            // It was told when they were committed, and stands in the catalogue.
            tellings(&batch, |row, kind, [uuid, ..], _| {
                let account = text_at(accounts, row).unwrap_or_default().into();
                doubtful.names.remove(&(account, kind, uuid.into()));
            });
        }
        doubtful.through = self.head.through;
        let some: Vec<Key> = doubtful.names.keys().take(AT_ONCE).cloned().collect();
        let mut gone = 0;
        for key in some {
            let Some(doubt) = doubtful.names.remove(&key) else { continue };
            let (account, kind, uuid) = &key;
            let write = || -> rusqlite::Result<usize> {
                let account: Option<i64> = tx
                    .prepare_cached("SELECT id FROM account WHERE uuid = ?")?
                    .query_row([account], |row| row.get(0))
                    .optional()?;
                // Only what it was then: what the writer has put there since is newer.
                let which = "WHERE account = ?1 AND kind = ?2 AND uuid = ?3 AND name = ?4 AND email = ?5";
                let is = (account, kind.code(), uuid, &doubt.is.0, &doubt.is.1);
                match &doubt.left {
                    None => tx
                        .prepare_cached(&format!("DELETE FROM learned_name {which}"))?
                        .execute(params![is.0, is.1, is.2, is.3, is.4]),
                    Some((at, (name, email))) => tx
                        .prepare_cached(&format!("UPDATE learned_name SET name = ?6, email = ?7, at = ?8 {which}"))?
                        .execute(params![is.0, is.1, is.2, is.3, is.4, name, email, at]),
                }
            };
            gone += write().map_err(failed("forget names"))? as u64;
        }
        tx.commit().map_err(failed("forget names"))?;
        // What it thinks is written is not.
        self.names.forget();
        Ok(gone)
    }
}
