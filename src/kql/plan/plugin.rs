//! Plugins as nodes of a plan: what they do with all rows of their inputs. The binder puts a projection under each, so that columns stand
//! where the plugin reads them.

use std::fmt;
use std::sync::Arc;

use crate::kql::value::Value;

/// What a plugin's node computes. Inputs are described by their columns in order; `…` are any further ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Plugin {
    /// (bag: dynamic) → one string a property of the bags: the type of its values, a space, its name. For the binder of `bag_unpack`.
    Properties,
    /// (key, …, name: string, value) with a row for each key and name → (key, …, one column a name); `empty` where there is no row.
    Pivot { names: Arc<[Arc<str>]>, empty: Value },
}

impl Plugin {
    /// The name that a query calls it by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::Pivot { .. } => "pivot",
        }
    }
}

impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Properties => Ok(()),
            Self::Pivot { names, .. } => write!(f, " of {} values", names.len()),
        }
    }
}
