//! Stores of older programs.

use rusqlite::Connection;

use super::*;
use crate::store::catalogue::{MIGRATIONS, SCHEMA_VERSION, schema_version};
use crate::store::lock::WriterLock;

/// Makes the catalogue one of version 1: what it holds, in the tables and columns of then.
fn as_version_one(dir: &std::path::Path) {
    let (path, old) = (Layout::of(dir).catalogue(), dir.join("old.db"));
    let db = Connection::open(&old).unwrap();
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF").unwrap();
    db.execute_batch(MIGRATIONS[0]).unwrap();
    db.execute("ATTACH ? AS new", [path.to_str().unwrap()]).unwrap();
    let tables: Vec<String> = db
        .prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .unwrap()
        .query_map([], |r| r.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for table in tables {
        let columns: Vec<String> = db
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}', 'main')"))
            .unwrap()
            .query_map([], |r| r.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let columns = columns.join(", ");
        db.execute_batch(&format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"
        ))
        .unwrap();
    }
    db.execute_batch("DETACH new; PRAGMA user_version = 1").unwrap();
    drop(db);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    std::fs::rename(old, path).unwrap();
}

/// A store of version 1 with a segment, fresh pages, a variant and an arrival again.
fn store_of_version_one(dir: &std::path::Path) {
    let writer = Writer::open(dir).unwrap();
    writer.handle().commit_blocking(page(0..100)).unwrap();
    writer.handle().seal(0).blocking_recv().unwrap().unwrap();
    writer.handle().commit_blocking(advance(page(100..130), "here")).unwrap();
    writer.handle().commit_blocking(page_of([item(3), item(5) + " "])).unwrap();
    drop(writer);
    as_version_one(dir);
}

/// What a store of version 1 held, in whatever version it is now.
fn check(dir: &std::path::Path) {
    let reader = Reader::open(dir).unwrap();
    assert_eq!(everything(&reader).into_values().collect::<Vec<_>>(), (0..130).map(item).collect::<Vec<_>>());
    assert_eq!((reader.variants(9).unwrap().len(), reader.gaps(9).unwrap()), (1, vec![]));
    let cursor = reader.cursor("ACCOUNT", Feed::SignInAttempts, 2).unwrap().unwrap().cursor;
    assert_eq!(cursor, Some(Cursor::new("here")));
    super::retaining::the_chain_holds(&reader);
}

#[test]
fn a_store_of_every_older_version_is_brought_up_to_date_by_its_writer() {
    let dir = tempfile::tempdir().unwrap();
    store_of_version_one(dir.path());
    let writer = Writer::open(dir.path()).unwrap();
    check(dir.path());
    assert_eq!(Reader::open(dir.path()).unwrap().status().unwrap().schema_version, SCHEMA_VERSION);
    let done = writer.handle().commit_blocking(page(0..140)).unwrap();
    assert_eq!((done.stored, done.duplicates), (10, 130));
}

#[test]
fn a_reader_brings_it_up_to_date_where_nobody_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    store_of_version_one(dir.path());
    let lock = WriterLock::take(&Layout::of(dir.path()).lock()).unwrap();
    let refused = Reader::open(dir.path()).unwrap_err();
    let pid = std::process::id().to_string();
    assert!(matches!(&refused, StoreError::Older { found: 1, why, .. } if why.contains(&pid)), "{refused}");
    drop(lock);
    check(dir.path());
}

#[test]
fn a_migration_that_is_cut_off_leaves_the_version_before() {
    let dir = tempfile::tempdir().unwrap();
    store_of_version_one(dir.path());
    let mut db = Connection::open(Layout::of(dir.path()).catalogue()).unwrap();
    // Small, so that what is under way reaches the files before it is committed.
    db.execute_batch("PRAGMA cache_size = 2").unwrap();
    let tx = db.transaction().unwrap();
    let statements: Vec<&str> = MIGRATIONS[1].split_inclusive(";\n").collect();
    for (at, statement) in statements.iter().enumerate() {
        tx.execute_batch(statement).unwrap();
        let image = tempfile::tempdir().unwrap();
        super::faults::copy_store(dir.path(), image.path());
        let found = Connection::open(Layout::of(image.path()).catalogue()).map(|db| schema_version(&db).unwrap());
        assert_eq!(found.unwrap(), 1, "after statement {at}");
        if at % 4 == 0 {
            Writer::open(image.path()).unwrap();
            check(image.path());
        }
    }
}
