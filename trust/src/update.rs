//! The update workflow: from raw role files to a [`VerifiedRepository`].
//!
//! Follows TUF 5.3 to 5.7 as the Notary client does them. Each step takes bytes and returns the
//! next state, so a snapshot cannot be checked before the timestamp that names it, and a
//! repository cannot be had without every step having passed.

mod chain;
mod error;
mod role;
mod steps;

pub use chain::RootChain;
pub use error::{Fault, VerifyError};
pub use steps::{Update, Wanted, WantsDelegations, WantsSnapshot, WantsTargets, WantsTimestamp};

use crate::name::DelegationName;
use crate::pin::Pins;
use crate::repository::{Accepted, RepositoryMetadata, VerifiedRepository};
use crate::time::Timestamp;

/// The terms on which an update is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What the operator pinned for the GUN.
    pub pins: &'a Pins,
    /// What was accepted of the GUN before, if anything.
    pub accepted: Option<&'a Accepted>,
    /// The time; never earlier than the latest one seen (TUF 5.1: one fixed start time).
    pub now: Timestamp,
    /// Which role files must not have expired.
    pub expiry: Expiry,
    /// How large role files may be.
    pub limits: Limits,
}

/// Which role files must not have expired. Whatever may have is a recorded fact, on which every
/// decision looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// The four base roles.
    Enforce,
    /// Root and targets, which carry authority. Timestamp and snapshot may have run out on the way: what a
    /// courier brings is never as new as what a server gives.
    EnforceAuthority,
    /// None: what was accepted once is looked at again.
    Record,
}

/// How large the role files of one repository may be, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// One root. Notary's client takes up to 100 MiB; genuine ones have some KiB, and they are read
    /// before anything about them is proven.
    pub root: u64,
    /// One snapshot, targets or delegation file. Notary's client takes up to 100 MiB.
    pub role: u64,
    /// One timestamp. Notary's client takes up to 1 MiB; genuine ones have half a KiB, and they are
    /// read before anything about them is proven.
    pub timestamp: u64,
    /// All files of one repository together.
    pub repository: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root: 4 * MIB,
            role: 100 * MIB,
            timestamp: MIB / 16,
            repository: 256 * MIB,
        }
    }
}

/// Verifies a whole repository: the one door for what any carrier brings.
///
/// # Errors
///
/// [`VerifyError`] names the role and the first check that failed.
pub fn verify(
    metadata: &RepositoryMetadata,
    terms: Terms<'_>,
) -> Result<VerifiedRepository, VerifyError> {
    let gun = &metadata.gun;
    let chain = RootChain::verify(gun, &metadata.roots, terms)?;
    let mut update = Update::new(chain, terms)
        .timestamp(&metadata.timestamp)?
        .snapshot(&metadata.snapshot)?
        .targets(&metadata.targets)?;
    while let Some(Wanted { role, .. }) = update.wanted()? {
        let file = role
            .delegation()
            .and_then(|name| metadata.delegations.get(name));
        let bytes = file.ok_or_else(|| VerifyError::new(gun, &role, Fault::FileMissing))?;
        update = update.delegation(bytes)?;
    }
    update.finish()
}

/// The most delegated roles of one repository; Notary sets no limit. Docker Content Trust makes one
/// for each signer.
pub const MAX_DELEGATIONS: usize = 256;
/// The most levels of delegation below `targets`.
pub const MAX_DEPTH: usize = 16;

fn depth(name: &DelegationName) -> usize {
    name.as_str().split('/').count() - 1
}

const MIB: u64 = 1 << 20;
