//! A simulated organisation behind a real Events API server on loopback. Used by `cli` and tests only.
