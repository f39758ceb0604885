//! Why a store could not answer or take something in.

use std::path::PathBuf;

use vouchsafe_trust::{Gun, Role, Server, Version};

/// Why the store could not answer, or refused what it was given.
///
/// None of these ever counts as a yes: what depends on the answer is denied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Commits of the repository came faster than one read could follow.
    #[error("{gun}: the stored repository kept changing while it was read")]
    Contended {
        /// The repository.
        gun: Gun,
    },
    /// What is stored cannot be what was written. The store is set aside when it is next opened.
    #[error(
        "the store is damaged: {what}; restart to set it aside and fill a new one from the feeds"
    )]
    Damaged {
        /// The record that is missing or cannot be read.
        what: String,
    },
    /// sled could not read or write.
    #[error("the store could not be read or written")]
    Engine(#[source] sled::Error),
    /// The disk is as good as full. Nothing was written.
    #[error(
        "the disk with the store is full: {} has {} KiB left and this takes {}; what is stored stays and is answered from; \
         make room",
        dir.display(), free >> 10, needed >> 10
    )]
    Full {
        /// The store.
        dir: PathBuf,
        /// How many bytes are free.
        free: u64,
        /// How many have to be.
        needed: u64,
    },
    /// The operating system could not read or write a file of the store.
    #[error("the store could not be written")]
    Io(#[source] std::io::Error),
    /// A repository that falls behind what is stored by now: another commit was faster.
    #[error(
        "{gun} of {server}: `{role}` version {offered} falls behind version {stored}, which is \
         stored by now"
    )]
    Superseded {
        /// The Notary server.
        server: Server,
        /// The repository.
        gun: Gun,
        /// The role that falls behind.
        role: Role,
        /// The version that is stored.
        stored: Version,
        /// The version that was to be committed. Equal to `stored` where the contents differ.
        offered: Version,
    },
    /// A record that cannot be encoded.
    #[error("a record cannot be encoded")]
    Unencodable(#[source] postcard::Error),
}

impl StoreError {
    /// A stable, short name of the cause, for metrics and audit annotations.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Contended { .. } => "store_contended",
            Self::Damaged { .. } => "store_damaged",
            Self::Full { .. } => "store_full",
            Self::Engine(_) | Self::Io(_) => "store_io",
            Self::Superseded { .. } => "superseded",
            Self::Unencodable(_) => "store_encoding",
        }
    }

    /// Whether the disk is at fault, and not what is on it: what is stored is still there, and it helps to
    /// try again.
    pub const fn is_of_disk(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Engine(_) | Self::Io(_))
    }

    /// The stored record `what` is missing or cannot be read.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match &error {
            sled::Error::Corruption { .. } | sled::Error::ReportableBug(_) => {
                Self::damaged(error.to_string())
            }
            sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::Io(_) => Self::Engine(error),
        }
    }
}
