//! What the binder knows of the world: tables, views, saved functions. The engine implements it.

use super::types::Schema;

/// What names mean outside the query's own text. An implementation answers from memory; it does no I/O.
pub trait Catalog {
    /// The columns of a table, as KQL sees them.
    fn table(&self, name: &str) -> Option<Schema>;

    /// The KQL text of a view or saved function: the body alone for one without parameters, else `(parameters) { body }`.
    fn view(&self, name: &str) -> Option<&str>;

    /// Every table's and view's name, for suggestions and completion.
    fn names(&self) -> Vec<String>;

    /// `check --open-schema`: an unknown table has any column, an unknown function any type.
    fn is_open(&self) -> bool {
        false
    }
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
