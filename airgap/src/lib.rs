//! Bundles: verified trust data as one file, for clusters that no Notary server can be reached from.
//!
//! A bundle carries [`RepositoryMetadata`](vouchsafe_trust::RepositoryMetadata) as it was served, listed
//! by a [`Manifest`], which is the one thing that a bundle's own signatures are over. Whoever takes a
//! bundle in verifies everything again from pinned keys: the TUF signatures say who signed the images,
//! the bundle's say who vouches that it is complete, and how long it counts as fresh.

pub mod bundle;
pub mod contents;
pub mod create;
#[doc(hidden)]
pub mod fuzzing;
pub mod import;
pub mod manifest;
mod name;
mod refusal;
pub mod registry;
pub mod signature;

pub use bundle::{Bundle, OpenBundleError};
pub use create::{Order, gather};
pub use import::{ImportError, ImportReport, ImportTerms, import};
pub use manifest::Manifest;
pub use name::{Name, NameError};
pub use refusal::Refusal;
pub use signature::{Signature, SigningKey, SigningKeyError};
