//! The embedded engine: KQL over the evidence store, or over nothing.

pub mod aggregate;
pub mod batch;
pub mod column;
pub mod control;
pub mod eval;
pub mod exec;
pub mod functions;
pub mod intern;
pub mod join;
pub mod pipeline;
pub mod pool;
pub mod scan;
pub mod sort;
pub mod steps;
pub mod window;

#[cfg(test)]
mod tests;
