//! Floor 4: questions and answers. One request type and one result type, whichever engine runs the query.

pub mod format;
pub mod local;
pub mod request;
pub mod result;

pub use request::{Cancel, Limits, Progress, Request};
pub use result::{Answer, QueryError, ResultTable, Stage, Statistics};

use crate::kql::Catalog;

/// Something that answers KQL. `run` blocks: call it from the engine's pool or a blocking thread, never from the console's loop.
pub trait QueryEngine: Send + Sync {
    /// `local`, or the profile's name of a remote one.
    fn name(&self) -> &str;

    /// Runs a query to its end, its limits or its cancellation.
    fn run(&self, request: &Request) -> Result<Answer, QueryError>;

    /// What names mean here: for diagnostics while typing, and for completion.
    fn catalog(&self) -> Box<dyn Catalog + '_>;
}
