//! Vaultscope: an investigation console for 1Password audit events.
//!
//! The rooms of the house and their floors are in `ARCHITECTURE.md`; a room uses rooms on lower floors only, and
//! `tests/it/floors.rs` holds the code to that.

pub mod base;
pub mod cli;
pub mod collect;
pub mod console;
pub mod demo;
pub mod engine;
pub mod event;
pub mod hunt;
pub mod kql;
pub mod store;
