//! The engine that answers on the command line and in the console.

use anyhow::Result;

use super::place::Place;
use crate::engine::local::{Local, Options};
use crate::store::{Layout, Reader};

/// The embedded engine over the store, or over nothing where there is no store: `print 1` needs none.
pub fn local(place: &Place) -> Result<Local> {
    let data = &place.paths.data;
    if Layout::of(data).exists() {
        Ok(over(Reader::open(data)?))
    } else {
        Ok(Local::without_store(Options::default()))
    }
}

/// The embedded engine over a store that is open already.
pub fn over(reader: Reader) -> Local {
    Local::new(reader, Options::default())
}
