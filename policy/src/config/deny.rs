//! The deny list: from what is written to what holds.

use vouchsafe_trust::image::Reference;

use super::error::Problem;
use super::raw::RawDenied;
use super::yaml::At;
use crate::deny::{DenyList, without_usual_port};
use crate::pattern::Pattern;

/// Reads `deny`.
pub(super) fn deny(raw: Vec<At<RawDenied>>) -> Result<DenyList, At<Problem>> {
    let mut list = DenyList::default();
    for entry in raw {
        let At { value, place } = entry;
        let RawDenied {
            digest,
            gun,
            key,
            reason,
        } = value;
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        match (digest, gun, key) {
            (Some(digest), None, None) => {
                let read = digest.value.parse();
                let read = read.map_err(|error| digest.fault(Problem::Digest(error)))?;
                list.digests.insert(read, reason);
            }
            (None, None, Some(key)) => {
                let id = key.value.parse();
                let id = id.map_err(|error| key.fault(Problem::KeyId(error)))?;
                list.keys.insert(id, reason);
            }
            (None, Some(gun), None) => {
                let pattern = super::rule::pattern(&gun)?;
                if pattern.has_tag_or_digest() {
                    let pattern = gun.value.clone();
                    return Err(gun.fault(Problem::RepositoryTag { pattern }));
                }
                // Elsewhere a pattern that never matches denies; here it would admit.
                spelled(&pattern).map_err(|nearest| {
                    gun.fault(Problem::Value {
                        key: "gun",
                        value: gun.value.clone(),
                        nearest,
                        expected: "a repository with its registry, spelled out: \
                                   `docker.io/library/nginx`, `registry.example.com/*`",
                    })
                })?;
                // What is asked at the usual port is the same registry, written or not.
                let plain = without_usual_port(pattern.canonical());
                let plain = plain.and_then(|plain| plain.parse().ok());
                let plain = plain.map(|plain| (plain, reason.clone()));
                list.repositories.extend(plain);
                list.repositories.push((pattern, reason));
            }
            _ => {
                let value = Problem::Denied;
                return Err(At { value, place });
            }
        }
    }
    Ok(list)
}

/// Checks that some repository can match; otherwise what was probably meant, if that is known.
fn spelled(pattern: &Pattern) -> Result<(), Option<String>> {
    let is_host = |name: &str| !name.contains(['/', '*']) && name.contains(['.', ':']);
    if is_host(pattern.canonical()) {
        return Err(Some(format!("{pattern}/*")));
    }
    if let Some(meant) = super::read::unregistered(pattern.canonical()) {
        return Err(Some(meant));
    }
    let Some(name) = pattern.name().literal() else {
        return Ok(());
    };
    let read: Reference = name.parse().map_err(|_error| None)?;
    match read.gun().as_str() {
        gun if gun == name => Ok(()),
        gun => Err(Some(gun.to_owned())),
    }
}
