//! Floor 5: from where events come. Sources, the poller of each feed, the budget they share, their health.
//!
//! [`Collector::start`] identifies an account and runs a poller a feed. A poller asks its [`EventSource`] for a page, hands
//! the page's bytes with the cursor to the store's writer, and asks for the next only when that one is on the disk: what
//! was committed is never lost, and a cursor never runs ahead of its events.

mod aside;
pub mod backoff;
pub mod budget;
pub mod collector;
pub mod connect;
pub mod events_api;
pub mod events_api_v3;
pub mod heads;
pub mod health;
pub mod pins;
pub mod poller;
pub mod source;
pub mod suppress;
pub mod volume;

pub use collector::{Collector, CollectorHandle, Settings, expiry_warning};
pub use connect::Connect;
pub use events_api::EventsApi;
pub use events_api_v3::AuditVersion;
pub use health::{FeedHealth, FeedState, Health};
pub use pins::Pins;
pub use poller::Pace;
pub use source::{EventSource, FetchError, Fetched, Identity, Position};
pub use suppress::{BadRule, Rules};
