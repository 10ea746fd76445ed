//! The one integration binary: behaviour seen from outside, a module each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says what went wrong by stopping there

mod bundle;
mod canary;
mod cli;
mod collect;
mod console;
mod crates;
mod engine;
mod evidence;
mod faults;
mod floors;
mod hostile;
mod hunts;
mod simulation;
mod sources;
mod store;
mod view;
