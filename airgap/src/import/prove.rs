//! Verifying what a bundle carries of a repository.

use jiff::Timestamp;
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{Pins, Role, VerifiedRepository, verify};

use super::Fate;
use crate::bundle::{Bundle, OpenBundleError};
use crate::manifest::Repository;

/// Why what a bundle carries of a repository does not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unproven {
    /// The stable, short name of the cause.
    pub label: &'static str,
    /// The cause in words.
    pub message: String,
}

/// Verifies the role files that a bundle carries of a repository, as if a server had just given them, and
/// checks that they were current when the bundle was made.
///
/// # Errors
///
/// [`OpenBundleError::Io`] if the bundle cannot be read.
pub fn prove(
    bundle: &Bundle,
    listed: &Repository,
    pins: &Pins,
    accepted: Option<&Accepted>,
    now: Timestamp,
) -> Result<Result<VerifiedRepository, Unproven>, OpenBundleError> {
    let metadata = match bundle.repository(listed) {
        Ok(metadata) => metadata,
        // One bad role file says nothing of the other repositories.
        Err(OpenBundleError::Refused(refusal)) => {
            let (label, message) = (refusal.label(), refusal.to_string());
            return Ok(Err(Unproven { label, message }));
        }
        Err(error) => return Err(error),
    };
    let terms = Terms {
        pins,
        accepted,
        now,
        // What a courier brings may have run out on the way; every decision looks at that.
        expiry: Expiry::EnforceAuthority,
        limits: Limits::default(),
    };
    let verified = verify(&metadata, terms).map_err(|error| Unproven {
        label: error.label(),
        message: error.to_string(),
    });
    let created_at = bundle.manifest().created_at;
    Ok(verified.and_then(|repository| current_when_made(repository, created_at)))
}

/// The repository, unless its timestamp or snapshot had run out before the bundle was made: it was never
/// proven to be current then.
fn current_when_made(
    repository: VerifiedRepository,
    created_at: Timestamp,
) -> Result<VerifiedRepository, Unproven> {
    for role in [Role::Timestamp, Role::Snapshot] {
        let expires = repository.facts().roles.get(&role).map(|file| file.expires);
        if let Some(expires) = expires.filter(|expires| *expires < created_at) {
            return Err(Unproven::expired_when_made(&role, expires, created_at));
        }
    }
    Ok(repository)
}

impl Unproven {
    pub(super) fn expired_when_made(
        role: &Role,
        expires: Timestamp,
        created_at: Timestamp,
    ) -> Self {
        let message = format!(
            "{role}: expired at {expires:.0}, before the bundle was made at {created_at:.0}"
        );
        let label = "expired_when_made";
        Self { label, message }
    }
}

impl From<Unproven> for Fate {
    fn from(Unproven { label, message }: Unproven) -> Self {
        Self::failed(label, message)
    }
}
