//! What becomes of a repository of a bundle.

use jiff::Timestamp;
use vouchsafe_trust::Role;

/// What became of a repository that a bundle brings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Staged {
    /// It will take the place of what is stored, or is new.
    Changed,
    /// It stays withdrawn: nobody vouches that it was there after its server no longer had it.
    Gone {
        /// When its server said so.
        at: Timestamp,
    },
    /// The same files are stored; at most who vouches for them changes.
    Same,
}

/// What became of a repository that a bundle says is as it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kept {
    /// Other files are stored.
    Differs,
    /// A role had expired before whoever vouches says that it was current.
    Expired {
        /// The role.
        role: Role,
        /// When it did.
        at: Timestamp,
    },
    /// It is.
    Kept,
    /// Nothing is stored of it.
    NotStored,
    /// It is, and the pins do not hold for it.
    Unproven,
}

/// What became of a repository that a bundle says is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gone {
    /// It was not there.
    Absent,
    /// A later word says that it is there.
    Outranked,
    /// It will be withdrawn.
    Withdrawn,
}
