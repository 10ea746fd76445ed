//! Floor 1: what a 1Password event is. Decoding, the catalogue of codes, the columns it is kept in, the normalised view.

pub mod catalogue;
pub mod columns;
pub mod decode;
pub mod feed;
pub mod json;
pub mod known;
pub mod normalised;
mod scan;
pub mod schema;
pub mod source;
pub mod summary;
pub mod v3;

pub use feed::Feed;
pub use source::Source;
