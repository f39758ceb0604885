//! Abuse of a running `vouchsafe serve`, and honest clients beside it.
//!
//! [`catalogue`] lists everything that is done to it. [`Trial::run`] does one thing of it while honest clients ask, and says
//! what they got, and what the process took. `tests/tests/abuse.rs` does all of it for moments; `make abuse` for longer.

mod bodies;
mod connections;
mod deaf;
mod field;
pub mod files;
mod ground;
mod handshakes;
mod honest;
mod http2;
mod json;
mod operations;
mod requests;
mod slow;
mod taken;
mod trial;
mod wire;

pub use self::field::{Field, Scale, Target};
pub use self::ground::Ground;
pub use self::honest::{Answers, Honest};
pub use self::taken::Taken;
pub use self::trial::{Findings, Trial};

use std::pin::Pin;

/// One way to abuse the server.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// What is done, in a few words.
    pub name: &'static str,
    /// Does it for as long and as often as the scale says; returns how often it was done.
    pub run: fn(Field) -> Doing,
}

/// An attack that goes on; it says how often it was done.
pub type Doing = Pin<Box<dyn Future<Output = u64> + Send>>;

/// Everything that is done to the server.
pub fn catalogue() -> Vec<Attack> {
    [
        slow::attacks(),
        requests::attacks(),
        bodies::attacks(),
        json::attacks(),
        connections::attacks(),
        handshakes::attacks(),
        deaf::attacks(),
        http2::attacks(),
        operations::attacks(),
    ]
    .concat()
}
