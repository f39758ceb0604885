//! What is fuzzed: a function for each parser of outside bytes, that takes any bytes and panics where
//! something is wrong with what Vouchsafe made of them.
//!
//! libFuzzer calls these functions (`libfuzzer/`), and a test calls them with every seed and found case
//! of `corpus/` (`tests/replay.rs`). Where bytes would never get past the first check, they choose what
//! happens to something genuine instead (`program`).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold is told by a panic"
)]

mod admission;
mod agreement;
mod bundle;
mod canonical;
mod configuration;
mod custom_resource;
mod image;
mod input;
mod key;
mod pattern;
mod program;
mod repository;
mod role_file;
pub mod seeds;
mod server_answer;

pub use agreement::{Agreed, Judge};
pub use repository::metadata;

/// Something to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its folder of the corpus.
    pub name: &'static str,
    /// Takes any bytes; whether they got past every check.
    ///
    /// # Panics
    ///
    /// Where something is wrong with what becomes of them.
    pub run: fn(&[u8]) -> bool,
    /// The longest input that is worth trying, in bytes.
    pub longest: usize,
}

/// Everything that is fuzzed.
pub const TARGETS: &[Target] = &[
    Target::new("admission", admission::run, 16 << 10),
    Target::new("bundle", bundle::run, 32 << 10),
    Target::new("canonical", canonical::run, 4 << 10),
    Target::new("configuration", configuration::run, 8 << 10),
    Target::new("custom_resource", custom_resource::run, 16 << 10),
    Target::new("image", image::run, 1 << 10),
    Target::new("key", key::run, 4 << 10),
    Target::new("pattern", pattern::run, 512),
    Target::new("repository", repository::run, 512),
    Target::new("role_file", role_file::run, 8 << 10),
    Target::new("server_answer", server_answer::run, 4 << 10),
];

impl Target {
    const fn new(name: &'static str, run: fn(&[u8]) -> bool, longest: usize) -> Self {
        Self { name, run, longest }
    }
}

/// The target called `name`.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
