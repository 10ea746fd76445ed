//! What the binder knows of the world: tables, views, saved functions. The engine implements it.

use super::types::Schema;

/// What names mean outside the query's own text. An implementation answers from memory; it does no I/O.
pub trait Catalog {
    /// The columns of a table, as KQL sees them.
    fn table(&self, name: &str) -> Option<Schema>;

    /// The KQL text of a view or saved function: the body alone for one without parameters, else `(parameters) { body }`.
    fn view(&self, name: &str) -> Option<&str>;

    /// Where a function that the user saved stands; `None` for what is shipped.
    fn origin(&self, _name: &str) -> Option<Origin<'_>> {
        None
    }

    /// The file that tells where addresses are, if one is named.
    fn geography(&self) -> Option<String> {
        None
    }

    /// The folder in which watch-lists lie, for messages.
    fn watchlists(&self) -> Option<String> {
        None
    }

    /// Every table's and view's name, for suggestions and completion.
    fn names(&self) -> Vec<String>;

    /// The keys of a dynamic column of stored tables, where every row has the same; none where they are not known.
    fn keys(&self, _column: &str) -> Vec<&'static str> {
        Vec::new()
    }

    /// The values of an enumerated column of stored tables, as far as they are known: new ones may come.
    fn values(&self, _column: &str) -> Vec<&'static str> {
        Vec::new()
    }

    /// `check --open-schema`: an unknown table has any column, an unknown function any type.
    fn is_open(&self) -> bool {
        false
    }
}

/// How watch-lists stand among the tables.
pub mod watchlist {
    use crate::kql::types::{Column, Schema, Type};

    /// The column that queries match against.
    pub const SEARCH_KEY: &str = "SearchKey";

    /// The table of all lists' names, as one column `WatchlistAlias`.
    pub const ALIASES: &str = "_GetWatchlistAlias";

    /// The table of a list.
    pub fn table(name: &str) -> String {
        format!("_GetWatchlist('{name}')")
    }

    /// The list of a table.
    pub fn name(table: &str) -> Option<&str> {
        table.strip_prefix("_GetWatchlist('")?.strip_suffix("')")
    }

    /// The columns that every list has: two of Sentinel's own, and the key.
    pub fn empty() -> Schema {
        ["_DTItemId", "LastUpdatedTimeUTC", SEARCH_KEY]
            .into_iter()
            .map(|name| Column::new(name, Type::String))
            .collect()
    }
}

/// Where a saved function comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Its file, for messages.
    pub file: &'a str,
    /// What it does, in the words of its author.
    pub about: &'a str,
}

/// A catalogue without tables: `print`, `datatable` and `range` need no other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl Catalog for Empty {
    fn table(&self, _: &str) -> Option<Schema> {
        None
    }

    fn view(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
