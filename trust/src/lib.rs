//! What Vouchsafe believes, and why: the pure core.
//!
//! Bytes, trust roots, the previously accepted state and the time go in; a
//! [`VerifiedRepository`] or a precise [`VerifyError`] comes out. Nothing here reads a clock, a
//! file or a socket, and nothing here waits.
//!
//! The one path: [`RepositoryMetadata`] (raw role files, whatever carried them) →
//! [`verify`] or the stepwise [`Update`](update::Update) → [`VerifiedRepository`],
//! the only thing a store accepts → [`Evidence`], what the store says about one
//! image.

pub mod canonical;
pub mod denied;
pub mod evidence;
pub mod image;
pub mod json;
pub mod key;
pub mod metadata;
pub mod name;
pub mod pin;
pub mod repository;
pub mod time;
pub mod update;

pub use denied::{Denied, DeniedThing};
pub use evidence::{Evidence, Query};
pub use name::{DelegationName, Gun, KeyId, Role, Server, Sha256, Version};
pub use pin::{Pins, TrustRoot};
pub use repository::{RepositoryFacts, RepositoryMetadata, VerifiedRepository};
pub use time::{Clock, Timestamp};
pub use update::{Fault, VerifyError, verify};
