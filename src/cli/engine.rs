//! The engine that answers on the command line and in the console.

use std::sync::Arc;

use anyhow::Result;
use arrow::compute::concat_batches;

use super::place::Place;
use crate::engine::local::{Local, Options};
use crate::store::{Layout, Reader, Rows, Snapshot};

/// The embedded engine over the store, or over nothing where there is no store: `print 1` needs none.
pub fn local(place: &Place) -> Result<Local> {
    let data = &place.paths.data;
    if Layout::of(data).exists() { Ok(over(Reader::open(data)?)) } else { Ok(Local::without_store(Options::default())) }
}

/// The embedded engine over a store that is open already.
pub fn over(reader: Reader) -> Local {
    Local::new(reader, Options::default())
}

/// The embedded engine over these rows alone. They become one batch, so that an answer without a sort keeps their order.
pub fn over_rows(rows: &Rows) -> Result<Local> {
    let fresh = match rows.batches.first() {
        Some(first) => vec![Arc::new(concat_batches(&first.schema(), &rows.batches)?)],
        None => Vec::new(),
    };
    Ok(Local::over(Snapshot { segments: Vec::new(), fresh, through: rows.through }, Options::default()))
}
