//! The engine that answers on the command line and in the console.

mod fetch;

use std::sync::Arc;

use anyhow::Result;
use arrow::compute::concat_batches;

use super::demo::mark;
use super::place::Place;
use crate::engine::local::surroundings::{Fetch, Surroundings};
use crate::engine::local::{Local, Options};
use crate::store::{Layout, Reader, Rows, Snapshot};
use fetch::AllowedHosts;

/// The embedded engine over the store, or over nothing where there is no store: `print 1` needs none.
pub fn local(place: &Place) -> Result<Local> {
    let data = &place.paths.data;
    let engine = if Layout::of(data).exists() {
        Local::new(Reader::open(data)?, Options::default())
    } else {
        Local::without_store(Options::default())
    };
    Ok(engine.among(surroundings(place)))
}

/// The embedded engine over a store that is open already.
pub fn over(reader: Reader, place: &Place) -> Local {
    Local::new(reader, Options::default()).among(surroundings(place))
}

/// What queries may name besides the evidence.
pub fn surroundings(place: &Place) -> Surroundings {
    let config = &place.paths.config;
    Surroundings {
        data: Some(place.paths.data.clone()),
        workspace: Some(place.paths.own.clone()),
        watchlists: Some(place.config.watchlists.clone().unwrap_or_else(|| config.join("watchlists"))),
        functions: Some(config.join("functions")),
        geography: place.config.geography.clone().or_else(|| mark::geography(&place.paths.data)),
        folders: place.config.external_data.folders.clone(),
        fetch: (!place.config.external_data.hosts.is_empty()).then(|| {
            let hosts = place.config.external_data.hosts.clone();
            Arc::new(AllowedHosts { hosts, ca_file: place.config.ca_file.clone() }) as Arc<dyn Fetch>
        }),
    }
}

/// The embedded engine over these rows alone.
pub fn over_rows(rows: &Rows) -> Result<Local> {
    Ok(Local::over(snapshot(rows)?, Options::default()))
}

/// An engine over these rows, with the names and everything else that it knows besides the evidence.
pub fn beside(engine: &Local, rows: &Rows) -> Result<Local> {
    Ok(engine.beside_these(snapshot(rows)?))
}

/// Rows as one batch, so that an answer without a sort keeps their order.
fn snapshot(rows: &Rows) -> Result<Snapshot> {
    let fresh = match rows.batches.first() {
        Some(first) => vec![Arc::new(concat_batches(&first.schema(), &rows.batches)?)],
        None => Vec::new(),
    };
    Ok(Snapshot { fresh, through: rows.through, ..Snapshot::default() })
}
