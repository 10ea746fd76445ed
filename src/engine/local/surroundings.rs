//! What a query may name besides the evidence: imported tables, watch-lists, saved functions, a geography file, files and addresses of
//! `externaldata`. Who asks says where they are; nothing is read before a query names it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where things lie, and what is allowed. The default is nothing at all.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The data folder: imported tables lie in its `tables`, and `externaldata` may read files in it.
    pub data: Option<PathBuf>,
    /// The folder of the workspace: the query log of whoever asks.
    pub workspace: Option<PathBuf>,
    /// The folder of watch-lists: `NAME.csv`.
    pub watchlists: Option<PathBuf>,
    /// The folder of saved functions: `NAME.kql`.
    pub functions: Option<PathBuf>,
    /// A MaxMind database or a CSV file for `geo_info_from_ip_address`.
    pub geography: Option<PathBuf>,
    /// Folders that `externaldata` may read beside the data folder.
    pub folders: Vec<PathBuf>,
    /// Fetches addresses of `externaldata`, where the configuration allows it any.
    pub fetch: Option<Arc<dyn Fetch>>,
}

/// Fetches what lies at an address. The engine itself never opens a connection.
pub trait Fetch: Send + Sync + std::fmt::Debug {
    /// The bytes at an https address, at most so many of them, within so much time. `stop` says that nobody waits any more. The error's text names
    /// the host and never the rest of the address, which may hold a signature.
    fn fetch(&self, address: &str, most: u64, within: Duration, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, String>;
}
