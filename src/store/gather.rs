//! Gathering: small pages become larger ones, so that ten thousand polls of a few events are not ten thousand pages to open.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::{StoreError, fresh};

/// So many pages at the end become one, when none is of a higher size class (a factor of eight) than the newest. A row is written anew
/// at most four times.
const GATHER: usize = 8;
const GATHERED_ROWS: i64 = 4_096;

/// Gathers what is ripe among the pages that are not being sealed.
pub(super) fn gather(tx: &Connection, sealing_through: i64) -> Result<(), StoreError> {
    let failed = StoreError::sqlite;
    loop {
        let newest: Vec<(i64, i64)> = tx
            .prepare_cached("SELECT id, rows FROM page WHERE first_seq > ? ORDER BY first_seq DESC LIMIT ?")
            .and_then(|mut s| {
                s.query_map(params![sealing_through, GATHER as i64], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(failed("look at the newest pages"))?;
        let class = |rows: i64| (64 - (rows.max(1) as u64).leading_zeros() - 1) / 3;
        let total: i64 = newest.iter().map(|(_, rows)| rows).sum();
        let newest_class = newest.first().map_or(0, |(_, rows)| class(*rows));
        let ripe = newest.len() == GATHER
            && total <= GATHERED_ROWS
            && newest.iter().all(|(_, rows)| class(*rows) <= newest_class);
        if !ripe {
            return Ok(());
        }
        let mut batches = Vec::with_capacity(GATHER);
        for (id, _) in newest.iter().rev() {
            let blob: Vec<u8> = tx
                .prepare_cached("SELECT data FROM page WHERE id = ?")
                .and_then(|mut s| s.query_row([id], |row| row.get(0)))
                .map_err(failed("read a fresh page"))?;
            // A page that rotted stays where it is, and holds up no commit.
            let Ok(batch) = fresh::decode(&blob) else { return Ok(()) };
            batches.push(Arc::new(batch));
        }
        for (id, _) in &newest {
            tx.prepare_cached("DELETE FROM page WHERE id = ?")
                .and_then(|mut s| s.execute([id]))
                .map_err(failed("gather pages"))?;
        }
        let joined = fresh::join(&batches)?;
        let seqs = fresh::seqs(&joined);
        let blob = fresh::encode(&joined)?;
        tx.prepare_cached("INSERT INTO page (first_seq, last_seq, rows, data) VALUES (?, ?, ?, ?)")
            .and_then(|mut s| s.execute(params![seqs.first(), seqs.last(), joined.num_rows() as i64, blob]))
            .map_err(failed("gather pages"))?;
    }
}
