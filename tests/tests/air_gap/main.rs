//! Two sites without a network between them: on one, a real Notary server, its client and `vouchsafe bundle`; on the
//! other, `vouchsafe serve` and who asks it. Each is in a network namespace of its own with nothing but loopback; a file
//! is all that crosses.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod cluster;
mod courier;
mod guide;
mod outbound;
mod sites;
