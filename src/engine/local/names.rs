//! What names mean to one query: the event table and its views, imported tables, watch-lists, functions that the user saved. A file is
//! looked at when a query names it, and means the same to the end of that query.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::functions_folder::{self, Saved};
use super::scan::columns::schema;
use super::surroundings::Surroundings;
use super::views;
use super::watchlist::{self, Watchlist};
use super::{directory, own};
use crate::event::known;
use crate::kql::catalog::{Origin, watchlist as naming};
use crate::kql::{Catalog, Schema};
use crate::store::tables::{Imported, Table};

/// The names of the shipped tables and views.
#[derive(Clone, Copy, Debug)]
pub struct StoreCatalog;

impl Catalog for StoreCatalog {
    fn table(&self, name: &str) -> Option<Schema> {
        schema(name).or_else(|| own::schema(name)).or_else(|| directory::schema(name)).cloned()
    }

    fn view(&self, name: &str) -> Option<&str> {
        views::text(name)
    }

    fn names(&self) -> Vec<String> {
        views::names().chain(own::names()).chain([directory::NAME]).map(str::to_owned).collect()
    }

    fn keys(&self, column: &str) -> Vec<&'static str> {
        known::keys(column)
    }

    fn values(&self, column: &str) -> Vec<&'static str> {
        known::values(column)
    }
}

/// All names that a query may use.
#[derive(Debug, Default)]
pub struct Names {
    /// The event table is there, and so are the views over it.
    events: bool,
    imported: Option<Imported>,
    watchlist_folder: Option<PathBuf>,
    function_folder: Option<PathBuf>,
    geography: Option<PathBuf>,
    tables: Mutex<HashMap<String, Option<Arc<Table>>>>,
    watchlists: Mutex<HashMap<String, Option<Arc<Watchlist>>>>,
    functions: OnceLock<BTreeMap<String, Saved>>,
}

impl Names {
    pub fn new(surroundings: &Surroundings, events: bool) -> Self {
        let imported = surroundings.data.as_deref().map(Imported::of);
        // Rows of Sentinel's table go into the evidence store, so beside imported tables it is there, if only empty.
        let events = events || imported.as_ref().is_some_and(|i| !i.names().is_empty());
        Self {
            events,
            imported,
            watchlist_folder: surroundings.watchlists.clone(),
            function_folder: surroundings.functions.clone(),
            geography: surroundings.geography.clone(),
            ..Self::default()
        }
    }

    /// For a linter, which needs no store to know the event table.
    pub fn with_events(surroundings: &Surroundings) -> Self {
        Self { events: true, ..Self::new(surroundings, true) }
    }

    /// An imported table. One that is damaged is not there; the log says why.
    pub fn imported(&self, name: &str) -> Option<Arc<Table>> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tables.get(name) {
            return known.clone();
        }
        let found = self.imported.as_ref()?.table(name).unwrap_or_else(|error| {
            tracing::warn!(%error, "an imported table cannot be read");
            None
        });
        let found = found.map(Arc::new);
        tables.insert(name.to_owned(), found.clone());
        found
    }

    /// The watch-list behind a table's name, `_GetWatchlist('NAME')`.
    pub fn watchlist(&self, table: &str) -> Option<Arc<Watchlist>> {
        let folder = self.watchlist_folder.as_deref()?;
        if table == naming::ALIASES {
            return Some(Arc::new(watchlist::aliases(folder)));
        }
        let name = naming::name(table)?;
        let mut known = self.watchlists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return known.clone();
        }
        let found = watchlist::read(folder, name).map(Arc::new);
        known.insert(name.to_owned(), found.clone());
        found
    }

    fn functions(&self) -> &BTreeMap<String, Saved> {
        self.functions.get_or_init(|| {
            self.function_folder.as_deref().map_or_else(BTreeMap::new, |folder: &Path| functions_folder::load(folder))
        })
    }
}

impl Catalog for Names {
    fn table(&self, name: &str) -> Option<Schema> {
        if self.events
            && let Some(schema) = schema(name).or_else(|| own::schema(name)).or_else(|| directory::schema(name))
        {
            return Some(schema.clone());
        }
        if let Some(list) = self.watchlist(name) {
            return Some(list.schema.clone());
        }
        self.imported(name).map(|table| table.schema.clone())
    }

    fn view(&self, name: &str) -> Option<&str> {
        if self.events
            && let Some(text) = views::text(name)
        {
            return Some(text);
        }
        self.functions().get(name).map(|saved| saved.text.as_str())
    }

    fn origin(&self, name: &str) -> Option<Origin<'_>> {
        if self.events && views::text(name).is_some() {
            return None;
        }
        self.functions().get(name).map(|saved| Origin { file: &saved.file, about: &saved.about })
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.imported.as_ref().map_or_else(Vec::new, Imported::names);
        if self.events {
            let shipped = views::names().chain(own::names()).chain([directory::NAME]);
            names.splice(0..0, shipped.map(str::to_owned));
        }
        names.extend(self.functions().keys().cloned());
        names
    }

    fn geography(&self) -> Option<String> {
        self.geography.as_ref().map(|file| file.display().to_string())
    }

    fn watchlists(&self) -> Option<String> {
        self.watchlist_folder.as_ref().map(|folder| folder.display().to_string())
    }

    fn keys(&self, column: &str) -> Vec<&'static str> {
        known::keys(column)
    }

    fn values(&self, column: &str) -> Vec<&'static str> {
        known::values(column)
    }
}
