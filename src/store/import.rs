//! Import of events from files.
