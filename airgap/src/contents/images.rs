//! The images that a bundle's repositories sign.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use vouchsafe_trust::{Gun, Role, Server, Sha256};

use super::parsed::Parsed;
use crate::Bundle;
use crate::bundle::OpenBundleError;

/// The images that the role files of a bundle name. Nothing of it is verified.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Images {
    /// The images, in the order of server, repository and digest.
    pub images: Vec<Image>,
    /// The repositories whose role files are in the bundle that this one adds to.
    pub in_base: Vec<Gun>,
    /// The repositories whose role files cannot be read.
    pub unread: Vec<Unread>,
}

/// An image, and the tags that point to it. Displayed as `repository@sha256:digest`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The server of the role files that name it.
    pub server: Server,
    /// The repository.
    pub repository: Gun,
    /// The digest of its manifest.
    pub digest: Sha256,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// The roles that name it.
    pub roles: BTreeSet<Role>,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@sha256:{}", self.repository, self.digest)
    }
}

/// A repository whose role files cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// The repository.
    pub gun: Gun,
    /// What is wrong.
    pub reason: String,
}

/// The images of the repositories that `bundle` carries, as Docker Content Trust reads them: by
/// `targets/releases` where that is published, otherwise by `targets`; and those of all other delegations.
/// Nothing is verified. Targets without a SHA-256 are left out, since they admit nothing.
///
/// # Errors
///
/// If the bundle's copy cannot be read.
pub fn images(bundle: &Bundle) -> Result<Images, OpenBundleError> {
    let mut found = Images::default();
    for repository in &bundle.manifest().repositories {
        let gun = repository.gun.clone();
        if !repository.is_carried() {
            found.in_base.push(gun);
            continue;
        }
        match Parsed::of(bundle, repository)? {
            Ok(parsed) => found
                .images
                .extend(of_repository(&repository.server, &gun, &parsed)),
            Err(error) => {
                let reason = error.to_string();
                found.unread.push(Unread { gun, reason });
            }
        }
    }
    Ok(found)
}

fn of_repository(server: &Server, gun: &Gun, parsed: &Parsed) -> impl Iterator<Item = Image> {
    let mut images = BTreeMap::<Sha256, (BTreeSet<String>, BTreeSet<Role>)>::new();
    for (role, targets) in parsed.speaking() {
        for (tag, digest) in targets {
            if let Some(digest) = digest {
                let (tags, roles) = images.entry(*digest).or_default();
                tags.insert(tag.clone());
                roles.insert(role.clone());
            }
        }
    }
    images.into_iter().map(|(digest, (tags, roles))| Image {
        server: server.clone(),
        repository: gun.clone(),
        digest,
        tags,
        roles,
    })
}
