//! `vouchsafe bundle` as a shell sees it: exit statuses, JSON, files, and the tools that carry them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod carry;
mod create;
mod look;
mod refuse;

#[expect(dead_code, reason = "not all of it is used here")]
#[path = "../support/published.rs"]
mod published;
#[path = "../support/sites.rs"]
mod sites;
