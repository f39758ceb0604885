//! Delivery to receivers that are down, slow, broken or picky, and across restarts.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what these helpers fail at fails the test"
)]

mod delivery;
mod faults;
mod poison;
mod secrets;
mod support;
