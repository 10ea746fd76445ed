//! The catalogue: one SQLite database in WAL mode that says what the store holds.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::lock::WriterLock;
use super::{Layout, StoreError, modes};
use crate::event::Feed;

/// The newest schema this program writes; `PRAGMA user_version` of the catalogue.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// How long the writer waits for whoever holds the catalogue.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The oldest SQLite without the WAL-reset race.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Numbered steps: the n-th takes a catalogue of version n to n + 1, in one transaction. A step, once released, never changes.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("catalogue/001.sql"),
    concat!(
        include_str!("catalogue/002-ledger.sql"),
        include_str!("catalogue/002-segments.sql"),
        include_str!("catalogue/002-collect.sql"),
        include_str!("catalogue/002-sources.sql"),
    ),
];

/// Opens the catalogue for its writer, creates it where there is none, and takes it to the newest schema. The caller
/// holds the writer's lock.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite { found: rusqlite::version() });
    }
    modes::create(path, modes::SHARED)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(StoreError::sqlite("open the catalogue"))?;
    configure(&db).map_err(opening(path, "configure the catalogue"))?;
    migrate(&mut db, path)?;
    Ok(db)
}

/// For `map_err`: a catalogue that cannot even be opened is told with what can be done about it.
fn opening(path: &Path, what: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    move |e| match e.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            StoreError::Catalogue { path: path.into(), why: format!("is damaged ({e})") }
        }
        _ => StoreError::sqlite(what)(e),
    }
}

/// Refuses a store whose catalogue is gone or empty though there is more of it: a new one in its place would take the rest for leftovers.
pub(super) fn is_there(layout: &Layout) -> Result<(), StoreError> {
    let path = layout.catalogue();
    let why = match std::fs::metadata(&path) {
        Ok(file) if file.len() > 0 => return Ok(()),
        Ok(_) => "is empty",
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => "is missing",
        Err(e) => return Err(StoreError::io(&path, e)),
    };
    if layout.has_remains() { Err(StoreError::Catalogue { path, why: why.to_owned() }) } else { Ok(()) }
}

fn configure(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(PATIENCE)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // What is deleted is overwritten: events that retention lets go are not to be found in free pages.
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    db.pragma_update(None, "cache_size", -16_384)?;
    // A full page of events is some 300 kB; at SQLite's default of 4 MB every few commits would pay for a checkpoint.
    db.pragma_update(None, "wal_autocheckpoint", 8_192)?;
    db.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    // Readers that may not write the folder need -wal and -shm to stay after the writer has gone.
    let mut keep = 1;
    db.file_control(None::<&str>, rusqlite::FileControl::PersistWal(&mut keep))?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = StoreError::sqlite;
    loop {
        let tx = db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(opening(path, "take the catalogue to the newest schema"))?;
        let version = schema_version(&tx)?;
        let Some(step) = usize::try_from(version).ok().and_then(|v| MIGRATIONS.get(v)) else {
            return match version {
                SCHEMA_VERSION => Ok(()),
                found => Err(StoreError::Newer { path: path.into(), found, known: SCHEMA_VERSION }),
            };
        };
        tx.execute_batch(step).map_err(failed("take the catalogue to the newest schema"))?;
        tx.pragma_update(None, "user_version", version + 1).map_err(failed("write the schema version"))?;
        tx.commit().map_err(failed("take the catalogue to the newest schema"))?;
    }
}

/// Opens the catalogue to read. Works beside a writer, in any process, and for people who may only read the files.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |flags| -> rusqlite::Result<Connection> {
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "cache_size", -4_096)?;
        db.pragma_update(None, "query_only", true)?;
        db.set_prepared_statement_cache_capacity(32);
        // The first read is what needs the WAL index.
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(db)
    };
    let db = open(flags).map_err(opening(path, "open the catalogue to read"))?;
    match schema_version(&db)? {
        found if found > SCHEMA_VERSION => Err(StoreError::Newer { path: path.into(), found, known: SCHEMA_VERSION }),
        _ => Ok(db),
    }
}

/// Takes the catalogue of an older program to the newest schema, for a reader, where nobody writes it and this process may.
pub(super) fn upgrade(layout: &Layout, found: i64) -> Result<(), StoreError> {
    let path = layout.catalogue();
    let upgraded = WriterLock::take(&layout.lock()).and_then(|_lock| open_writer(&path).map(drop));
    upgraded.map_err(|e| StoreError::Older { path, found, known: SCHEMA_VERSION, why: e.to_string() })
}

/// The schema version of an open catalogue.
pub(super) fn schema_version(db: &Connection) -> Result<i64, StoreError> {
    db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(StoreError::sqlite("read the schema version"))
}

/// The number of a feed in the catalogue. Never changes.
pub(super) const fn feed_code(feed: Feed) -> i64 {
    match feed {
        Feed::SignInAttempts => 1,
        Feed::ItemUsages => 2,
        Feed::AuditEvents => 3,
        Feed::ConnectActivity => 4,
    }
}

/// The feed of a number in the catalogue.
pub(super) fn feed_of(code: i64) -> Option<Feed> {
    Feed::STORED.into_iter().find(|feed| feed_code(*feed) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_sqlite_is_new_enough() {
        assert!(rusqlite::version_number() >= OLDEST_SQLITE, "{}", rusqlite::version());
    }

    #[test]
    fn a_new_catalogue_is_durable_and_has_the_newest_schema() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalogue.db");
        let db = open_writer(&path).unwrap();
        let text = |name| db.pragma_query_value(None, name, |r| r.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(text("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(text("synchronous"), rusqlite::types::Value::Integer(2));
        assert_eq!(text("foreign_keys"), rusqlite::types::Value::Integer(1));
        assert_eq!(schema_version(&db).unwrap(), SCHEMA_VERSION);
        drop(db);
        open_writer(&path).unwrap();
        open_reader(&path).unwrap();
    }

    #[test]
    fn a_newer_store_is_refused_with_both_versions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalogue.db");
        open_writer(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        for refused in [open_writer(&path).map(drop), open_reader(&path).map(drop)] {
            let text = refused.unwrap_err().to_string();
            assert!(text.contains("99") && text.contains(&SCHEMA_VERSION.to_string()), "{text}");
        }
    }
}
