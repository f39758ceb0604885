//! Trust data as objects of a real API server: written by a sync, verified again by every webhook.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod carried;
mod cluster;
mod distrusted;
mod turns;

#[expect(dead_code, reason = "other tests ask a server without TLS")]
#[path = "../support/published.rs"]
mod published;
