//! The deny list: from what is written to what holds.

use super::error::Problem;
use super::raw::RawDenied;
use super::yaml::At;
use crate::deny::DenyList;

/// Reads `deny`.
pub(super) fn deny(raw: Vec<At<RawDenied>>) -> Result<DenyList, At<Problem>> {
    let mut list = DenyList::default();
    for entry in raw {
        let At { value, place } = entry;
        let RawDenied {
            digest,
            gun,
            reason,
        } = value;
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        match (digest, gun) {
            (Some(digest), None) => {
                let read = digest.value.parse();
                let read = read.map_err(|error| digest.fault(Problem::Digest(error)))?;
                list.digests.insert(read, reason);
            }
            (None, Some(gun)) => {
                let pattern = super::rule::pattern(&gun)?;
                if pattern.has_tag_or_digest() {
                    let pattern = gun.value.clone();
                    return Err(gun.fault(Problem::RepositoryTag { pattern }));
                }
                list.repositories.push((pattern, reason));
            }
            (Some(_), Some(_)) | (None, None) => {
                let value = Problem::Denied;
                return Err(At { value, place });
            }
        }
    }
    Ok(list)
}
