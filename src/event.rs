//! Floor 1: what a 1Password event is. Wire types, decoding, the catalogue of actions, the columns it is kept in.

pub mod feed;
pub mod schema;

pub use feed::Feed;
