//! Floor 0: what every room may use. Configuration, secrets, paths, the HTTP client, the clock, the log, and text
//! that is safe to show.

pub mod clock;
pub mod config;
pub mod csv;
pub mod disk;
pub mod fault;
pub mod http;
pub mod log;
pub mod paths;
pub mod person;
pub mod secret;
pub mod shown;
pub mod suggest;
pub mod time;

pub use clock::Clock;
pub use shown::Shown;
