//! Bundles from one store to another: what is made, what is taken in, and what is refused.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod admit;
mod attacks;
mod create;
mod import;
mod support;
mod turned;
