//! The checks that every role file goes through.

use super::{Expiry, Fault, Terms};
use crate::metadata::{Common, Envelope, FileMeta, RoleKeys};
use crate::name::{Role, Sha256};
use crate::repository::AcceptedRole;

/// Checks length and hashes against what the parent states.
pub(super) fn check_file(file: &FileMeta, bytes: &[u8]) -> Result<(), Fault> {
    file.mismatch(bytes)
        .map_or(Ok(()), |mismatch| Err(mismatch.into()))
}

/// Parses a role file and checks that enough of the role's keys signed it (TUF 5.4.2, 5.5.3,
/// 5.6.3).
pub(super) fn check_signatures(bytes: &[u8], keys: &RoleKeys) -> Result<Envelope, Fault> {
    let envelope = Envelope::parse(bytes)?;
    if envelope.signatures().is_empty() {
        return Err(Fault::NoSignatures);
    }
    let valid = count(envelope.signatures().signers(keys).len());
    if valid < keys.threshold() {
        return Err(Fault::ThresholdNotMet {
            needed: keys.threshold(),
            valid,
        });
    }
    Ok(envelope)
}

/// Checks that the version does not fall behind what was accepted (TUF 5.4.3, 5.5.4, 5.6.4), and
/// returns what is accepted now.
///
/// Departs from Notary's client: the same version with other contents is refused. A genuine server
/// cannot serve that, since it keeps one file for a GUN, role and version.
pub(super) fn check_version(
    role: &Role,
    common: Common,
    bytes: &[u8],
    keys: &RoleKeys,
    terms: Terms<'_>,
) -> Result<AcceptedRole, Fault> {
    let sha256 = Sha256::of(bytes);
    let version = common.version;
    let keys = keys.fingerprints();
    let floor = terms.accepted.and_then(|accepted| accepted.roles.get(role));
    if let Some(floor) = floor.filter(|floor| floor.keys.is_subset(&keys)) {
        if version < floor.version {
            return Err(Fault::Rollback {
                accepted: floor.version,
                offered: version,
            });
        }
        if version == floor.version && sha256 != floor.sha256 {
            return Err(Fault::Equivocation { version });
        }
    }
    Ok(AcceptedRole {
        version,
        sha256,
        keys,
    })
}

/// Checks that a role file has not expired (TUF 5.3.10, 5.4.5, 5.5.6, 5.6.6). Expired means
/// strictly before now, as in Notary.
pub(super) fn check_expiry(role: &Role, common: Common, terms: Terms<'_>) -> Result<(), Fault> {
    let enforced = match terms.expiry {
        Expiry::Enforce => true,
        Expiry::EnforceAuthority => matches!(role, Role::Root | Role::Targets),
        Expiry::Record => false,
    };
    if enforced && common.expires < terms.now {
        return Err(Fault::Expired { at: common.expires });
    }
    Ok(())
}

/// A length as the wire counts.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
