//! The terminal: taking it, giving it back whatever happens, keys and signals in, frames out.

pub mod frame;
pub mod guard;
pub mod input;
mod pen;
mod scroll;
pub mod signals;
