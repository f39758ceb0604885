//! Bundles through registries: the real one, real tools, and hostile ones.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod access;
mod carried;
mod hostile;
mod patience;
mod scripted;
mod support;
mod tools;
