//! Kills, disks and clocks: what is stored stays whole and is answered from, or it is said that nothing is known.
//!
//! Each test runs a share of what `make faults` runs (`VOUCHSAFE_FAULTS=all`).

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod alerts;
mod clock;
mod damaged;
mod disk;
mod imports;
mod kills;
mod opens;
mod together;
mod world;
