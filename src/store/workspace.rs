//! The workspace: what a person makes of the evidence. Query log, marks, notes, sessions, hunt results; one file, many writers.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, TransactionBehavior, params};

use super::StoreError;
use super::catalogue::{feed_code, feed_of};
use super::modes;
use crate::base::time::Ticks;
use crate::event::Feed;
use crate::kql::hidden::without_hidden;

const FILE: &str = "workspace.db";

/// Numbered steps: the n-th takes a workspace of version n to n + 1.
const MIGRATIONS: &[&str] = &[include_str!("workspace/001.sql"), include_str!("workspace/002.sql")];

/// So long a program waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// A person's workspace. Safe to share between threads; several processes may have it open.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
    db: Mutex<Connection>,
}

/// A query that was run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRecord {
    /// 0 before it is logged.
    pub id: i64,
    pub at: Ticks,
    /// Who ran it: a name, or what ran it (`hunt`, `console`).
    pub who: String,
    pub text: String,
    /// Name and value as they were bound.
    pub params: Vec<(String, String)>,
    /// `local`, or the name of a remote engine.
    pub engine: String,
    pub rows: u64,
    pub millis: u64,
    pub error: Option<String>,
}

/// The identity of an event, by which marks, notes and tags hold on to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventRef {
    pub account: String,
    pub feed: Feed,
    pub uuid: String,
}

/// A marked event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub event: EventRef,
    pub at: Ticks,
    pub who: String,
    pub tags: Vec<String>,
}

/// A note, on an event or on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub id: i64,
    pub event: Option<EventRef>,
    pub at: Ticks,
    pub who: String,
    pub text: String,
}

/// What a hunt found when it was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HuntRun {
    pub id: i64,
    pub hunt: String,
    pub at: Ticks,
    /// The newest event it saw.
    pub through: i64,
    pub rows: u64,
    pub millis: u64,
    pub error: Option<String>,
}

impl Workspace {
    /// Opens `workspace.db` in a data folder, makes it where there is none.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(|e| StoreError::io(data_dir, e))?;
        let path = data_dir.join(FILE);
        modes::create(&path, modes::PRIVATE)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<Connection> {
            let db = Connection::open_with_flags(&path, flags)?;
            db.busy_timeout(PATIENCE)?;
            write_ahead(&db)?;
            db.pragma_update(None, "synchronous", "FULL")?;
            db.pragma_update(None, "foreign_keys", true)?;
            Ok(db)
        };
        let mut db = open().map_err(StoreError::sqlite("open the workspace"))?;
        migrate(&mut db, &path)?;
        Ok(Self { path, db: Mutex::new(db) })
    }

    /// Opens the workspace in a folder if there is one.
    pub fn open_if_there(folder: &Path) -> Result<Option<Self>, StoreError> {
        folder.join(FILE).exists().then(|| Self::open(folder)).transpose()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` with the connection.
    pub(super) fn whole<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        read(&self.db())
    }

    /// Runs `change` with the connection, for what takes a transaction.
    pub(super) fn whole_mut<T>(&self, change: impl FnOnce(&mut Connection) -> T) -> T {
        change(&mut self.db())
    }

    fn change(&self, sql: &str, params: impl rusqlite::Params) -> Result<i64, StoreError> {
        let db = self.db();
        db.prepare_cached(sql)
            .and_then(|mut s| s.execute(params))
            .map(|_| db.last_insert_rowid())
            .map_err(StoreError::sqlite("write the workspace"))
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.db()
            .prepare_cached(sql)
            .and_then(|mut s| s.query_map(params, read)?.collect())
            .map_err(StoreError::sqlite("read the workspace"))
    }

    /// Logs a query, without its hidden strings; answers its id.
    pub fn log_query(&self, q: &QueryRecord) -> Result<i64, StoreError> {
        let bound = serde_json::to_string(&q.params).unwrap_or_default();
        self.change(
            "INSERT INTO query (at, who, text, params, engine, rows, millis, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![q.at.0, q.who, without_hidden(&q.text), bound, q.engine, q.rows as i64, q.millis as i64, q.error],
        )
    }

    /// The newest `limit` queries, newest first.
    pub fn queries(&self, limit: usize) -> Result<Vec<QueryRecord>, StoreError> {
        self.rows(
            "SELECT id, at, who, text, params, engine, rows, millis, error FROM query ORDER BY id DESC LIMIT ?",
            [limit as i64],
            |r| {
                Ok(QueryRecord {
                    id: r.get(0)?,
                    at: Ticks(r.get(1)?),
                    who: r.get(2)?,
                    text: r.get(3)?,
                    params: serde_json::from_str(&r.get::<_, String>(4)?).unwrap_or_default(),
                    engine: r.get(5)?,
                    rows: r.get::<_, i64>(6)?.max(0) as u64,
                    millis: r.get::<_, i64>(7)?.max(0) as u64,
                    error: r.get(8)?,
                })
            },
        )
    }

    /// Marks an event; one that is marked keeps its first mark.
    pub fn mark(&self, event: &EventRef, at: Ticks, who: &str) -> Result<(), StoreError> {
        self.change(
            "INSERT OR IGNORE INTO mark (account, feed, uuid, at, who) VALUES (?, ?, ?, ?, ?)",
            params![event.account, feed_code(event.feed), event.uuid, at.0, who],
        )
        .map(drop)
    }

    /// Takes a mark away. Tags of the event stay.
    pub fn unmark(&self, event: &EventRef) -> Result<(), StoreError> {
        self.change(
            "DELETE FROM mark WHERE account = ? AND feed = ? AND uuid = ?",
            params![event.account, feed_code(event.feed), event.uuid],
        )
        .map(drop)
    }

    /// Puts a tag on an event, or takes it away.
    pub fn tag(&self, event: &EventRef, tag: &str, on: bool) -> Result<(), StoreError> {
        let sql = if on {
            "INSERT OR IGNORE INTO tag (account, feed, uuid, tag) VALUES (?, ?, ?, ?)"
        } else {
            "DELETE FROM tag WHERE account = ? AND feed = ? AND uuid = ? AND tag = ?"
        };
        self.change(sql, params![event.account, feed_code(event.feed), event.uuid, tag]).map(drop)
    }

    /// Every mark, oldest first, with the event's tags.
    pub fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        let mut marks = self.rows("SELECT account, feed, uuid, at, who FROM mark ORDER BY at, uuid", [], |r| {
            let event = event_ref(r, 0)?;
            Ok(event.map(|event| (event, r.get(3), r.get(4))))
        })?;
        marks.retain(Option::is_some);
        let mut found = Vec::with_capacity(marks.len());
        for (event, at, who) in marks.into_iter().flatten() {
            let tags = self.tags(&event)?;
            let failed = StoreError::sqlite;
            found.push(Mark {
                at: Ticks(at.map_err(failed("read a mark"))?),
                who: who.map_err(failed("read a mark"))?,
                event,
                tags,
            });
        }
        Ok(found)
    }

    /// The tags of an event.
    pub fn tags(&self, event: &EventRef) -> Result<Vec<String>, StoreError> {
        self.rows(
            "SELECT tag FROM tag WHERE account = ? AND feed = ? AND uuid = ? ORDER BY tag",
            params![event.account, feed_code(event.feed), event.uuid],
            |r| r.get(0),
        )
    }

    /// Writes a note, on an event or on its own; answers its id.
    pub fn note(&self, event: Option<&EventRef>, text: &str, at: Ticks, who: &str) -> Result<i64, StoreError> {
        self.change(
            "INSERT INTO note (account, feed, uuid, at, who, text) VALUES (?, ?, ?, ?, ?, ?)",
            params![
                event.map_or("", |e| e.account.as_str()),
                event.map_or(0, |e| feed_code(e.feed)),
                event.map_or("", |e| e.uuid.as_str()),
                at.0,
                who,
                text
            ],
        )
    }

    /// Every note, oldest first.
    pub fn notes(&self) -> Result<Vec<Note>, StoreError> {
        self.rows("SELECT account, feed, uuid, id, at, who, text FROM note ORDER BY id", [], |r| {
            Ok(Note { event: event_ref(r, 0)?, id: r.get(3)?, at: Ticks(r.get(4)?), who: r.get(5)?, text: r.get(6)? })
        })
    }

    /// Keeps what a session was, under a name: any text of its owner's making.
    pub fn save_session(&self, name: &str, state: &str, at: Ticks) -> Result<(), StoreError> {
        self.change(
            "INSERT INTO session (name, at, state) VALUES (?, ?, ?) \
             ON CONFLICT (name) DO UPDATE SET at = excluded.at, state = excluded.state",
            params![name, at.0, state],
        )
        .map(drop)
    }

    /// What was kept under a name.
    pub fn session(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.db()
            .query_row("SELECT state FROM session WHERE name = ?", [name], |r| r.get(0))
            .optional()
            .map_err(StoreError::sqlite("read the workspace"))
    }

    /// Logs a run of a hunt; answers its id.
    pub fn log_hunt(&self, run: &HuntRun) -> Result<i64, StoreError> {
        self.change(
            "INSERT INTO hunt_run (hunt, at, through, rows, millis, error) VALUES (?, ?, ?, ?, ?, ?)",
            params![run.hunt, run.at.0, run.through, run.rows as i64, run.millis as i64, run.error],
        )
    }

    /// The newest run of each hunt.
    pub fn latest_hunts(&self) -> Result<Vec<HuntRun>, StoreError> {
        self.rows(
            "SELECT max(id), hunt, at, through, rows, millis, error FROM hunt_run GROUP BY hunt ORDER BY hunt",
            [],
            |r| {
                Ok(HuntRun {
                    id: r.get(0)?,
                    hunt: r.get(1)?,
                    at: Ticks(r.get(2)?),
                    through: r.get(3)?,
                    rows: r.get::<_, i64>(4)?.max(0) as u64,
                    millis: r.get::<_, i64>(5)?.max(0) as u64,
                    error: r.get(6)?,
                })
            },
        )
    }
}

fn event_ref(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<EventRef>> {
    let (account, code, uuid) = (row.get(at)?, row.get(at + 1)?, row.get(at + 2)?);
    Ok(feed_of(code).map(|feed| EventRef { account, feed, uuid }))
}

/// Takes the file to a write-ahead log. Of two that do so to a new file at once SQLite refuses one on the spot, for it holds a read lock that
/// the other waits for: here it tries again, and finds the work done.
fn write_ahead(db: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = StoreError::sqlite;
    loop {
        // Two programs may open a new workspace at once: the second waits here and finds the work done.
        let tx = db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed("take the workspace to the newest schema"))?;
        let version = super::catalogue::schema_version(&tx)?;
        let known = MIGRATIONS.len() as i64;
        match usize::try_from(version).ok().and_then(|v| MIGRATIONS.get(v)) {
            None if version == known => return Ok(()),
            None => return Err(StoreError::Newer { path: path.into(), found: version, known }),
            Some(step) => {
                tx.execute_batch(step).map_err(failed("take the workspace to the newest schema"))?;
                tx.pragma_update(None, "user_version", version + 1).map_err(failed("write the schema version"))?;
                tx.commit().map_err(failed("take the workspace to the newest schema"))?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uuid: &str) -> EventRef {
        EventRef { account: "ACCOUNT".into(), feed: Feed::ItemUsages, uuid: uuid.into() }
    }

    #[test]
    fn the_query_log_gives_back_what_was_logged_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(dir.path()).unwrap();
        let mut record = QueryRecord {
            at: Ticks(5),
            who: "ana".into(),
            text: "T | where a == p".into(),
            params: vec![("p".into(), "x\"y".into())],
            engine: "local".into(),
            rows: 7,
            millis: 12,
            error: Some("no such column".into()),
            ..QueryRecord::default()
        };
        record.id = workspace.log_query(&record).unwrap();
        let mut second = QueryRecord { text: "print 1".into(), ..QueryRecord::default() };
        second.id = workspace.log_query(&second).unwrap();
        assert_eq!(workspace.queries(10).unwrap(), [second.clone(), record]);
        assert_eq!(workspace.queries(1).unwrap(), [second]);
        let hidden =
            QueryRecord { text: "externaldata (a: long) [h'https://x/SECRET']".into(), ..QueryRecord::default() };
        workspace.log_query(&hidden).unwrap();
        assert_eq!(workspace.queries(1).unwrap()[0].text, "externaldata (a: long) [h\"…\"]");
    }

    #[test]
    fn marks_tags_and_notes_hold_on_to_the_events_identity() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(dir.path()).unwrap();
        workspace.mark(&event("A"), Ticks(1), "ana").unwrap();
        workspace.mark(&event("A"), Ticks(2), "bo").unwrap();
        workspace.mark(&event("B"), Ticks(3), "bo").unwrap();
        workspace.tag(&event("A"), "odd", true).unwrap();
        workspace.tag(&event("A"), "seen", true).unwrap();
        workspace.tag(&event("A"), "seen", false).unwrap();
        let marks = workspace.marks().unwrap();
        assert_eq!(marks.iter().map(|m| m.event.uuid.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((marks[0].who.as_str(), marks[0].tags.as_slice()), ("ana", ["odd".to_owned()].as_slice()));
        workspace.unmark(&event("A")).unwrap();
        assert_eq!(workspace.marks().unwrap().len(), 1);
        workspace.note(Some(&event("A")), "asked her", Ticks(4), "bo").unwrap();
        workspace.note(None, "quiet night", Ticks(5), "bo").unwrap();
        let notes = workspace.notes().unwrap();
        assert_eq!(notes.iter().map(|n| n.event.clone()).collect::<Vec<_>>(), [Some(event("A")), None]);
    }

    #[test]
    fn two_people_write_one_workspace_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let together = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for who in ["ana", "bo", "cy"] {
                let (dir, together) = (dir.path(), &together);
                scope.spawn(move || {
                    together.wait();
                    let workspace = Workspace::open(dir).unwrap();
                    for _ in 0..20 {
                        let record = QueryRecord { who: who.into(), ..QueryRecord::default() };
                        workspace.log_query(&record).unwrap();
                    }
                });
            }
        });
        let workspace = Workspace::open(dir.path()).unwrap();
        assert_eq!(workspace.queries(100).unwrap().len(), 60);
        workspace.save_session("last", "one", Ticks(1)).unwrap();
        workspace.save_session("last", "two", Ticks(2)).unwrap();
        assert_eq!(workspace.session("last").unwrap().as_deref(), Some("two"));
        assert_eq!(workspace.session("none").unwrap(), None);
    }

    #[test]
    fn the_latest_run_of_each_hunt_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(dir.path()).unwrap();
        let run = |hunt: &str, rows| HuntRun {
            id: 0,
            hunt: hunt.into(),
            at: Ticks(rows as i64),
            through: 9,
            rows,
            millis: 1,
            error: None,
        };
        for r in [run("a", 1), run("b", 2), run("a", 3)] {
            workspace.log_hunt(&r).unwrap();
        }
        let latest = workspace.latest_hunts().unwrap();
        assert_eq!(latest.iter().map(|r| (r.hunt.as_str(), r.rows)).collect::<Vec<_>>(), [("a", 3), ("b", 2)]);
    }
}
