//! Bundles in an OCI registry: pushing one, pulling one, and asking whether there is another.
//!
//! A registry only carries. What comes from it is held against the digests that its manifest states, so
//! that it came whole; whether it is to be trusted is for the bundle's signatures to say.

pub(crate) mod artifact;
mod blob;
mod client;
mod download;
mod error;
mod layout;
mod manifests;
mod options;
mod reference;
mod session;
mod upload;

pub use artifact::ARTIFACT_TYPE;
pub use blob::{Blob, BlobSource, FileRange};
pub use client::{Pulled, Pushed, RegistryClient};
pub use error::RegistryError;
pub use options::{RegistryLimits, RegistryOptions, RegistryTimeouts};
pub use reference::{RegistryRef, RegistryRefError};
pub use vouchsafe_outbound::{Backoff, Credentials};
