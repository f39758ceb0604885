//! What `vouchsafe` makes of the objects of a real API server: owners, discovery, and what runs.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod discovery;
mod owners;
mod running;
mod surroundings;

#[expect(
    dead_code,
    reason = "here, a Vouchsafe has to know the cluster as well"
)]
#[path = "../support/published.rs"]
mod published;
