//! The syncer against scripted servers, over real HTTP.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod auth;
mod client;
mod collect;
mod pass;
mod sighted;
mod support;
mod watch;
