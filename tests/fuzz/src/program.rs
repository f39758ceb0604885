//! Inputs as programs that change a genuine, signed repository: which members, which signatures,
//! which bytes, and whether what was changed is signed and stated again.
//!
//! So what is beyond signatures and hashes is reached, too. The keys are the throw-away keys of the
//! attack vectors.

mod base;
mod draft;
mod edit;
mod tree;

use vouchsafe_tests::vector::repository::Metadata;

pub(crate) use base::{BASES, GUN, keys, pins, root_keys};
use draft::Draft;

use crate::input::Input;

/// Runs the rest of `input` as a program on the base number `base`.
pub(crate) fn run(base: usize, input: &mut Input<'_>) -> Metadata {
    let mut draft = Draft::of(&BASES[base]);
    let mut left = MOST_EDITS;
    while !input.is_empty() && left > 0 {
        edit::apply(&mut draft, input);
        left -= 1;
    }
    draft.publish()
}

/// The most changes of one program: each costs a signature or two.
const MOST_EDITS: usize = 24;
