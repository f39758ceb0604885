//! Versions of role files.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// The version of a role file, 1 or greater.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Version(NonZeroU64);

impl Version {
    /// The version `number`, or `None` for zero.
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The version that follows this one; `None` after the last.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }

    /// The version before this one; `None` before the first.
    pub const fn previous(self) -> Option<Self> {
        Self::new(self.0.get() - 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
