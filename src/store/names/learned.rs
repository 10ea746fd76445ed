//! Names that events tell, kept by the writer with the events that told them. Only what is new or changed is written: most pages tell what
//! the one before them did.

use std::hash::{BuildHasher as _, RandomState};

use arrow::array::{Array, AsArray, DictionaryArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use hashbrown::{HashMap, HashSet};
use rusqlite::{Connection, params};

use super::{Kind, Name, Origin};
use crate::base::time::{DAY, Ticks};
use crate::event::columns::text_at;
use crate::store::records::account_id;
use crate::store::{Reader, StoreError};

/// The names that are remembered between commits. An organisation has fewer; a hostile service may not have more.
const REMEMBERED: usize = 200_000;
/// Bytes of a name, and of an address: what is longer is no name, and stays in its event.
const LONGEST: usize = 512;

/// Where events name whom or what: the columns of UUID, name and address, and what it is.
const TOLD: [(&str, &str, &str, Told); 5] = [
    ("actor_details.uuid", "actor_details.name", "actor_details.email", Told::User),
    ("user.uuid", "user.name", "user.email", Told::User),
    ("target_user.uuid", "target_user.name", "target_user.email", Told::User),
    ("object_details.uuid", "object_details.name", "object_details.email", Told::Object),
    ("aux_details.uuid", "aux_details.name", "aux_details.email", Told::User),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    User,
    /// What the event's `object_type` says.
    Object,
}

/// What was written last of each name, so that the same is not written again.
#[derive(Debug, Default)]
pub(in crate::store) struct Learned {
    hasher: RandomState,
    known: HashMap<(i64, Kind, Box<str>), Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Of name and address.
    hash: u64,
    at: i64,
    /// The time that is written.
    written: i64,
}

impl Learned {
    /// Forgets what it thinks is written: a transaction did not hold.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// Keeps the names that events tell, which are new in the store or are there again.
    pub fn learn(&mut self, tx: &Connection, batch: &RecordBatch) -> Result<(), StoreError> {
        let Some(accounts) = batch.column_by_name("account") else { return Ok(()) };
        let mut known: HashMap<&str, i64> = HashMap::new();
        let mut done = Ok(());
        tellings(batch, |row, kind, texts, at| {
            let account = text_at(accounts, row).unwrap_or_default();
            if done.is_ok() {
                let id = known.get(account).map_or_else(|| account_id(tx, account), |id| Ok(*id));
                done = id.and_then(|id| {
                    known.insert(account, id);
                    self.tell(tx, (id, kind), texts, at)
                });
            }
        });
        done
    }

    fn tell(
        &mut self,
        tx: &Connection,
        (account, kind): (i64, Kind),
        [uuid, name, email]: [&str; 3],
        at: i64,
    ) -> Result<(), StoreError> {
        let hash = self.hasher.hash_one((name, email));
        let key = (account, kind, Box::from(uuid));
        let written = match self.known.get_mut(&key) {
            Some(known) if known.hash == hash => {
                known.at = known.at.max(at);
                if known.at - known.written < DAY {
                    return Ok(());
                }
                known.written = known.at;
                known.at
            }
            Some(known) if known.at >= at => return Ok(()),
            Some(known) => {
                *known = Known { hash, at, written: at };
                at
            }
            None => {
                if self.known.len() >= REMEMBERED {
                    self.known.clear();
                }
                self.known.insert(key, Known { hash, at, written: at });
                at
            }
        };
        // Where an earlier run of the program wrote something newer, that stands.
        tx.prepare_cached(
            "INSERT INTO learned_name VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, kind, uuid) DO UPDATE SET \
             name = excluded.name, email = excluded.email, at = excluded.at WHERE excluded.at >= at",
        )
        .and_then(|mut s| s.execute(params![account, kind.code(), uuid, name, email, written]))
        .map(drop)
        .map_err(StoreError::sqlite("keep a name"))
    }
}

/// What an audit event's object is, where it can have a name.
fn kind_of_object(object_type: &str) -> Option<Kind> {
    Some(match object_type {
        "user" => Kind::User,
        "vault" | "uva" | "gva" | "items" => Kind::Vault,
        "group" | "gm" => Kind::Group,
        "item" => Kind::Item,
        "device" => Kind::Device,
        _ => return None,
    })
}

/// Calls `tell` with each name that events tell: the row, of what, (UUID, name, address), and the event's time. What one row tells like another
/// is told once, by the later one.
pub(super) fn tellings<'b>(batch: &'b RecordBatch, mut tell: impl FnMut(usize, Kind, [&'b str; 3], i64)) {
    let numbers = |name| batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
    let (Some(times), Some(arrived)) = (numbers("timestamp"), numbers("arrived")) else { return };
    let types = batch.column_by_name("object_type");
    let mut seen: HashSet<(i32, i32, i32)> = HashSet::new();
    for (uuid, name, email, told) in TOLD {
        let (Some(uuids), Some(names), Some(emails)) = (codes(batch, uuid), codes(batch, name), codes(batch, email))
        else {
            continue;
        };
        if uuids.null_count() == uuids.len() {
            continue;
        }
        seen.clear();
        let code = |column: &DictionaryArray<Int32Type>, row| {
            if column.is_null(row) { -1 } else { column.keys().value(row) }
        };
        // From the last row on: of several tellings in a page the latest is the one that counts, and mostly they are the same.
        for row in (0..batch.num_rows()).rev() {
            let told_codes = (code(uuids, row), code(names, row), code(emails, row));
            if told_codes.0 < 0 || (told_codes.1 < 0 && told_codes.2 < 0) || !seen.insert(told_codes) {
                continue;
            }
            let kind = match told {
                Told::User => Some(Kind::User),
                Told::Object => types.and_then(|types| text_at(types, row)).and_then(kind_of_object),
            };
            let text = |column: &str| batch.column_by_name(column).and_then(|c| text_at(c, row)).unwrap_or_default();
            let texts @ [uuid, name, email] = [text(uuid), text(name), text(email)];
            let is_none = uuid.is_empty()
                || (name.is_empty() && email.is_empty())
                || uuid.len().max(name.len()).max(email.len()) > LONGEST;
            if let Some(kind) = kind.filter(|_| !is_none) {
                tell(row, kind, texts, if times.is_null(row) { arrived.value(row) } else { times.value(row) });
            }
        }
    }
}

/// The columns that [`tellings`] looks at.
pub(in crate::store) fn columns() -> Vec<&'static str> {
    let told = TOLD.iter().flat_map(|(uuid, name, email, _)| [*uuid, name, email]);
    ["account", "timestamp", "arrived", "object_type"].into_iter().chain(told).collect()
}

fn codes<'b>(batch: &'b RecordBatch, name: &str) -> Option<&'b DictionaryArray<Int32Type>> {
    batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>()
}

impl Reader {
    /// Every name that events told.
    pub fn learned_names(&self) -> Result<Vec<Name>, StoreError> {
        self.with("read names", |db| {
            // A store of an earlier program that has not been written since has no such table.
            let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'learned_name'";
            if db.query_row(there, [], |row| row.get::<_, i64>(0))? == 0 {
                return Ok(Vec::new());
            }
            let sql = "SELECT kind, learned_name.uuid, name, email, account.uuid, at FROM learned_name \
                       JOIN account ON account.id = account";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([])?;
            let mut names = Vec::new();
            while let Some(row) = rows.next()? {
                let Some(kind) = Kind::of(row.get(0)?) else { continue };
                names.push(Name {
                    kind,
                    uuid: row.get(1)?,
                    name: row.get(2)?,
                    email: row.get(3)?,
                    vault: Box::default(),
                    origin: Origin::Learned,
                    account: row.get(4)?,
                    at: Ticks(row.get(5)?),
                    stands: false,
                });
            }
            Ok(names)
        })
    }
}
