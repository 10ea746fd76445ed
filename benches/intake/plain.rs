//! The same pages into SQLite by plain insert, as a careful script would: a table, a unique identity, a transaction a page, synced.

use std::error::Error;
use std::path::Path;

use rusqlite::{Connection, params};

use super::pages::Made;

/// Writes the pages; answers the rows that are there.
pub fn insert(dir: &Path, pages: &[Made]) -> Result<u64, Box<dyn Error>> {
    let mut db = Connection::open(dir.join("plain.db"))?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch(
        "CREATE TABLE event (feed INTEGER NOT NULL, uuid TEXT NOT NULL, timestamp TEXT, raw TEXT NOT NULL, PRIMARY KEY (feed, uuid)) WITHOUT ROWID;
         CREATE INDEX event_by_time ON event (timestamp);",
    )?;
    for page in pages {
        let tx = db.transaction()?;
        {
            let mut put =
                tx.prepare_cached("INSERT OR IGNORE INTO event SELECT ?1, ?2 ->> 'uuid', ?2 ->> 'timestamp', ?2")?;
            for item in &page.items {
                put.execute(params![page.feed as i64, std::str::from_utf8(item)?])?;
            }
        }
        tx.commit()?;
    }
    Ok(db.query_row("SELECT count(*) FROM event", [], |row| row.get::<_, i64>(0))? as u64)
}
