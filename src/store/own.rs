//! The product's own records as tables that queries name: `VaultscopeLedger`, `VaultscopePolls`, … Each is one SELECT over the
//! catalogue or the workspace; only the columns that a query needs are read.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Int64Builder, StringViewBuilder};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::catalogue::feed_of;
use super::{Reader, StoreError, Workspace};
use crate::kql::Type;

/// How a column lies in SQLite, and what it is in KQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Text,
    /// JSON text.
    Json,
    Long,
    /// 100 ns ticks since 0001-01-01.
    Time,
    /// 0 or 1.
    Bool,
    /// The number of a feed; 0 is "".
    Feed,
    /// Bytes, told in hexadecimal.
    Hex,
}

impl Cell {
    pub fn kql(self) -> Type {
        match self {
            Self::Text | Self::Feed | Self::Hex => Type::String,
            Self::Json => Type::Dynamic,
            Self::Long => Type::Long,
            Self::Time => Type::DateTime,
            Self::Bool => Type::Bool,
        }
    }
}

/// Whose records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Evidence,
    /// Of whoever asks.
    Workspace,
}

/// A table of the product's own records.
#[derive(Debug)]
pub struct Own {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Cell)],
    place: Place,
    /// Gives columns of these names.
    sql: &'static str,
}

use Cell::{Bool, Feed, Hex, Json, Long, Text, Time};

/// Every such table.
pub const OWN: &[Own] = &[
    Own {
        name: "VaultscopeLedger",
        columns: &[
            ("TimeGenerated", Time),
            ("batch", Long),
            ("account", Text),
            ("feed", Feed),
            ("source", Text),
            ("first_seq", Long),
            ("stored", Long),
            ("duplicates", Long),
            ("variants", Long),
            ("quarantined", Long),
            ("undated", Long),
            ("discarded", Long),
            ("expired", Long),
            ("root", Hex),
        ],
        place: Place::Evidence,
        sql: include_str!("own/ledger.sql"),
    },
    Own {
        name: "VaultscopeTombstones",
        columns: &[
            ("TimeGenerated", Time),
            ("id", Long),
            ("policy", Text),
            ("who", Text),
            ("feed", Feed),
            ("events", Long),
            ("first", Time),
            ("last", Time),
            ("variants", Long),
            ("quarantined", Long),
            ("first_batch", Long),
            ("last_batch", Long),
            ("note", Text),
        ],
        place: Place::Evidence,
        sql: include_str!("own/tombstones.sql"),
    },
    Own {
        name: "VaultscopePolls",
        columns: &[
            ("TimeGenerated", Time),
            ("account", Text),
            ("feed", Feed),
            ("status", Long),
            ("polls", Long),
            ("items", Long),
            ("bytes", Long),
            ("millis", Long),
            ("slowest", Long),
            ("last", Time),
            ("error", Text),
        ],
        place: Place::Evidence,
        sql: include_str!("own/polls.sql"),
    },
    Own {
        name: "VaultscopeGaps",
        columns: &[
            ("TimeGenerated", Time),
            ("account", Text),
            ("feed", Feed),
            ("first", Time),
            ("last", Time),
            ("why", Text),
            ("closed", Time),
            ("open", Bool),
            ("lost", Time),
            ("state", Text),
            ("found", Long),
        ],
        place: Place::Evidence,
        sql: include_str!("own/gaps.sql"),
    },
    Own {
        name: "VaultscopeSweeps",
        columns: &[
            ("TimeGenerated", Time),
            ("account", Text),
            ("feed", Feed),
            ("first", Time),
            ("last", Time),
            ("pages", Long),
            ("events", Long),
            ("late", Long),
            ("ended", Time),
        ],
        place: Place::Evidence,
        sql: include_str!("own/sweeps.sql"),
    },
    Own {
        name: "VaultscopeSuppressed",
        columns: &[
            ("TimeGenerated", Time),
            ("account", Text),
            ("feed", Feed),
            ("rule", Text),
            ("action", Text),
            ("events", Long),
            ("bytes", Long),
        ],
        place: Place::Evidence,
        sql: include_str!("own/suppressed.sql"),
    },
    Own {
        name: "VaultscopeVariants",
        columns: &[
            ("TimeGenerated", Time),
            ("account", Text),
            ("feed", Feed),
            ("uuid", Text),
            ("seq", Long),
            ("source", Text),
            ("arrivals", Long),
            ("digest", Hex),
            ("raw", Text),
        ],
        place: Place::Evidence,
        sql: include_str!("own/variants.sql"),
    },
    Own {
        name: "VaultscopeQuarantine",
        columns: &[
            ("TimeGenerated", Time),
            ("account", Text),
            ("feed", Feed),
            ("source", Text),
            ("place", Text),
            ("reason", Text),
            ("arrivals", Long),
            ("bytes", Long),
            ("raw", Text),
        ],
        place: Place::Evidence,
        sql: include_str!("own/quarantine.sql"),
    },
    Own {
        name: "VaultscopeQueries",
        columns: &[
            ("TimeGenerated", Time),
            ("who", Text),
            ("text", Text),
            ("parameters", Json),
            ("engine", Text),
            ("rows", Long),
            ("millis", Long),
            ("error", Text),
        ],
        place: Place::Workspace,
        sql: include_str!("own/queries.sql"),
    },
    Own {
        name: "VaultscopeHuntRuns",
        columns: &[
            ("TimeGenerated", Time),
            ("hunt", Text),
            ("through", Long),
            ("rows", Long),
            ("millis", Long),
            ("error", Text),
        ],
        place: Place::Workspace,
        sql: include_str!("own/hunt_runs.sql"),
    },
];

/// Rows of a table: how many, and the columns asked for, in the order asked for. Text is `Utf8View`, times are ticks.
#[derive(Clone, Debug, Default)]
pub struct OwnRows {
    pub rows: usize,
    pub columns: Vec<ArrayRef>,
}

impl Own {
    /// The table of a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        OWN.iter().find(|own| own.name == name)
    }

    /// All its rows, of these columns. Where there is no store, or no workspace yet, there are none. `hold` is told the bytes held so far, now
    /// and then, and may break off.
    pub fn rows<E: From<StoreError>>(
        &self,
        reader: Option<&Reader>,
        workspace: Option<&Workspace>,
        columns: &[&str],
        mut hold: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<OwnRows, E> {
        let wanted: Vec<Cell> = columns
            .iter()
            .map(|name| self.columns.iter().find(|(known, _)| known == name).map_or(Text, |(_, cell)| *cell))
            .collect();
        let read = |db: &Connection| read(db, self.sql, columns, &wanted, &mut hold);
        match self.place {
            Place::Evidence => reader.map(|reader| reader.whole(read)),
            Place::Workspace => workspace.map(|workspace| workspace.whole(read)),
        }
        .unwrap_or_else(|| {
            let columns = wanted.iter().map(|cell| Column::of(*cell).finish()).collect();
            Ok(OwnRows { rows: 0, columns })
        })
    }
}

fn read<E: From<StoreError>>(
    db: &Connection,
    sql: &str,
    columns: &[&str],
    cells: &[Cell],
    hold: &mut dyn FnMut(u64) -> Result<(), E>,
) -> Result<OwnRows, E> {
    let failed = |e| StoreError::sqlite("read the store's own records")(e);
    // The names are ours, of the lists above. SQLite computes the columns that are named and no other.
    let list = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let list = if list.is_empty() { "1" } else { &list };
    let mut query = db.prepare(&format!("SELECT {list} FROM ({sql})")).map_err(failed)?;
    let mut built: Vec<Column> = cells.iter().map(|cell| Column::of(*cell)).collect();
    let mut rows = query.query([]).map_err(failed)?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next().map_err(failed)? {
        for (at, column) in built.iter_mut().enumerate() {
            bytes += column.push(row.get_ref(at).map_err(failed)?);
        }
        count += 1;
        if count % 4_096 == 0 {
            hold(bytes)?;
        }
    }
    hold(bytes)?;
    Ok(OwnRows { rows: count, columns: built.iter_mut().map(Column::finish).collect() })
}

/// A column under construction.
enum Column {
    Texts(StringViewBuilder, Cell),
    Numbers(Int64Builder),
    Flags(BooleanBuilder),
}

impl Column {
    fn of(cell: Cell) -> Self {
        match cell {
            Cell::Text | Cell::Json | Cell::Feed | Cell::Hex => Self::Texts(StringViewBuilder::new(), cell),
            Cell::Long | Cell::Time => Self::Numbers(Int64Builder::new()),
            Cell::Bool => Self::Flags(BooleanBuilder::new()),
        }
    }

    /// Adds a value; answers about how many bytes it takes.
    fn push(&mut self, value: ValueRef<'_>) -> u64 {
        match self {
            Self::Numbers(column) => {
                column.append_option(value.as_i64().ok());
                8
            }
            Self::Flags(column) => {
                column.append_option(value.as_i64().ok().map(|n| n != 0));
                1
            }
            Self::Texts(column, cell) => match (value, cell) {
                (ValueRef::Integer(code), Cell::Feed) => {
                    column.append_value(feed_of(code).map_or("", crate::event::Feed::name));
                    16
                }
                (ValueRef::Blob(bytes), Cell::Hex) => {
                    column.append_value(hex(bytes));
                    16 + 2 * bytes.len() as u64
                }
                // What was quarantined need not be text.
                (ValueRef::Text(bytes) | ValueRef::Blob(bytes), _) => {
                    column.append_value(String::from_utf8_lossy(bytes));
                    16 + bytes.len() as u64
                }
                _ => {
                    column.append_null();
                    16
                }
            },
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Texts(column, _) => Arc::new(column.finish()),
            Self::Numbers(column) => Arc::new(column.finish()),
            Self::Flags(column) => Arc::new(column.finish()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_gives_the_columns_it_names() {
        let dir = tempfile::tempdir().unwrap();
        crate::store::Writer::open(dir.path()).unwrap();
        let (reader, workspace) = (Reader::open(dir.path()).unwrap(), Workspace::open(dir.path()).unwrap());
        for own in OWN {
            let names: Vec<&str> = own.columns.iter().map(|(name, _)| *name).collect();
            let rows = own.rows::<StoreError>(Some(&reader), Some(&workspace), &names, |_| Ok(())).unwrap();
            assert_eq!((rows.rows, rows.columns.len()), (0, names.len()), "{}", own.name);
            assert_eq!(names[0], "TimeGenerated", "{}", own.name);
        }
    }
}
