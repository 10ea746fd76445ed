//! The shipped views: one KQL definition each, in `queries/views/`. Locally they read the table that has what only a store knows;
//! elsewhere the same text reads Sentinel's table, and those columns are empty.

use std::sync::LazyLock;

use super::scan::columns::{EVENTS, STORED_EVENTS};
use crate::event::normalised;

static NORMALISED: LazyLock<String> = LazyLock::new(|| normalised::KQL.replace(EVENTS, STORED_EVENTS));

/// The views of Sentinel's information model (ASIM) by name. `_Im_…` is what Sentinel has built in, `im…` what its workspaces used to deploy;
/// both take filters as parameters. `_ASim_…` and `ASim…` are the same without filters.
const ASIM: &[(&str, &str)] = &[];

/// The definition of a view.
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        normalised::NAME | normalised::ALIAS => Some(NORMALISED.as_str()),
        _ => ASIM.iter().find(|(n, _)| *n == name).map(|(_, text)| *text),
    }
}

/// The names that are offered: Sentinel's table first, then the views.
pub fn names() -> impl Iterator<Item = &'static str> {
    [EVENTS, normalised::NAME, normalised::ALIAS].into_iter().chain(ASIM.iter().map(|(name, _)| *name))
}
