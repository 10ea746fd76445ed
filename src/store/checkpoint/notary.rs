//! The notary: signs each commit's head in the commit's own transaction.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::Head;
use crate::base::time::{MINUTE, Ticks};
use crate::store::signing::{Signer, Verifier, hex};
use crate::store::{Layout, Root, StoreError};

/// A checkpoint takes the place of the one before it in as long a time.
const BIN: i64 = 5 * MINUTE;

/// What is signed of a segment's file: three lines, the second of which is no number, so that it can never be taken for a checkpoint.
///
/// ```text
/// vaultscope/5f0c2a9be1d37764
/// segment 000000000001-000000065536.v1.parquet
/// sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
/// ```
pub(in crate::store) fn attestation(key: &Verifier, file: &str, digest: &Root) -> String {
    format!("{}\nsegment {file}\nsha256 {}\n", key.name(), hex(digest))
}

/// The SHA-256 of a file.
pub(in crate::store) fn file_digest(path: &Path) -> Result<Root, StoreError> {
    let io = |source| StoreError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let (mut hash, mut room) = (Sha256::new(), vec![0; 256 * 1024]);
    loop {
        match file.read(&mut room).map_err(io)? {
            0 => return Ok(hash.finalize().into()),
            n => hash.update(&room[..n]),
        }
    }
}

/// Holds the store's key for its writer.
#[derive(Debug)]
pub(in crate::store) struct Notary {
    /// With the catalogue's number of it.
    signer: Option<(Signer, i64)>,
}

impl Notary {
    /// Takes the store's key, makes it where there is none, and signs what is not signed yet. Without a usable key the store goes on:
    /// events that are kept unsigned are better than events that are not kept, and `verify` says which they are.
    pub(in crate::store) fn open(db: &Connection, layout: &Layout, head: Head) -> Result<Self, StoreError> {
        let signer = match Signer::open(layout) {
            Ok(signer) => signer,
            Err(e) => {
                tracing::error!(error = %e, "the store cannot sign: commits are kept without a checkpoint");
                return Ok(Self { signer: None });
            }
        };
        let failed = StoreError::sqlite;
        let key = signer.verifier().to_string();
        db.execute("INSERT OR IGNORE INTO signer (key) VALUES (?)", [&key]).map_err(failed("enter the store's key"))?;
        let id = db
            .query_row("SELECT id FROM signer WHERE key = ?", [&key], |row| row.get(0))
            .map_err(failed("find the store's key"))?;
        let notary = Self { signer: Some((signer, id)) };
        notary.catch_up(db, head)?;
        Ok(notary)
    }

    /// The store's key, where there is one to sign with: tombstones are signed with it.
    pub(in crate::store) fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref().map(|(signer, _)| signer)
    }

    /// Signs a head that no checkpoint covers. That is so in a store of an older program, and where the key was out of reach for a while:
    /// the second is put down, so that what somebody else might have added meanwhile is not vouched for in silence.
    fn catch_up(&self, db: &Connection, head: Head) -> Result<(), StoreError> {
        let newest: Option<i64> = db
            .query_row("SELECT batch FROM checkpoint ORDER BY batch DESC LIMIT 1", [], |row| row.get(0))
            .optional()
            .map_err(StoreError::sqlite("read the newest checkpoint"))?;
        if newest.is_some_and(|batch| batch as u64 >= head.batches) || head.batches == 0 {
            return Ok(());
        }
        let now = Ticks::now();
        if let Some(signed) = newest {
            tracing::error!("batches {} to {} were committed without a signature", signed + 1, head.batches);
            db.execute(
                "INSERT OR REPLACE INTO signed_late VALUES (?, ?, ?)",
                params![signed + 1, head.batches as i64, now.0],
            )
            .map_err(StoreError::sqlite("note what is signed late"))?;
        }
        self.sign(db, head, now)
    }

    /// Vouches for the file of a segment that an open transaction adds. Where nothing can be signed `verify` decodes its events instead.
    pub(in crate::store) fn attest(
        &self,
        tx: &Connection,
        segment: i64,
        file: &str,
        digest: &Root,
    ) -> Result<(), StoreError> {
        let Some((signer, id)) = &self.signer else { return Ok(()) };
        let signature = signer.sign(&attestation(signer.verifier(), file, digest));
        tx.execute("INSERT OR REPLACE INTO attested VALUES (?, ?, ?, ?)", params![segment, digest, id, signature])
            .map(drop)
            .map_err(StoreError::sqlite("vouch for a segment"))
    }

    /// Signs the head of an open transaction.
    pub(in crate::store) fn sign(&self, tx: &Connection, head: Head, at: Ticks) -> Result<(), StoreError> {
        let Some((signer, id)) = &self.signer else { return Ok(()) };
        let (_, signature) = signer.checkpoint(head, at);
        tx.prepare_cached("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?, ?, ?, ?)")
            .and_then(|mut s| {
                let bin = at.0.div_euclid(BIN);
                s.execute(params![bin, head.batches as i64, head.through, head.root, at.0, id, signature])
            })
            .map(drop)
            .map_err(StoreError::sqlite("write a checkpoint"))
    }
}
