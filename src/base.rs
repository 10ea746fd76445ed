//! Floor 0: what every room may use. Configuration, secrets, paths, the HTTP client, the clock, and text that is
//! safe to show.

pub mod time;
