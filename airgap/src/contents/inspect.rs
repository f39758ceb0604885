//! What a bundle's manifest says, in short.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use vouchsafe_trust::key::Fingerprint;
use vouchsafe_trust::{Gun, Role, Server, Sha256, Version};

use crate::manifest::{Base, Denied, Repository, Withdrawn};
use crate::{Bundle, Name};

/// What a bundle's manifest says, in short. Nothing of it is verified.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The series.
    pub name: Name,
    /// The number in the series.
    pub sequence: u64,
    /// The digest of the manifest.
    pub manifest: Sha256,
    /// Whom it is for; anybody if nobody is named.
    pub audience: BTreeSet<Name>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when its signers vouch for it.
    pub refresh_by: Option<Timestamp>,
    /// The bundle that it adds to.
    pub base: Option<Base>,
    /// What made it.
    pub generator: String,
    /// Whose its signatures say that they are.
    pub signatures: Vec<Fingerprint>,
    /// The repositories.
    pub repositories: Vec<Summary>,
    /// The repositories that are gone.
    pub withdrawn: Vec<Withdrawn>,
    /// What is to be denied.
    pub deny: Vec<Denied>,
}

/// What the manifest says about a repository.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The server.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
    /// Whether its role files are in this bundle, rather than in the one that it adds to.
    pub carried: bool,
    /// How many bytes its role files have.
    pub size: u64,
    /// How many tags it signs.
    pub tags: u64,
    /// The newest version of each role.
    pub versions: BTreeMap<Role, Version>,
    /// What expires first.
    pub first_expiry: Option<FirstExpiry>,
    /// When it was verified where the bundle was made.
    pub verified_at: Timestamp,
}

/// What expires first in a repository.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstExpiry {
    /// The role.
    pub role: Role,
    /// When.
    pub at: Timestamp,
}

/// What the manifest of `bundle` says, in short.
pub fn inspect(bundle: &Bundle) -> Inspection {
    let manifest = bundle.manifest();
    let signatures = bundle.signatures().iter();
    Inspection {
        name: manifest.name.clone(),
        sequence: manifest.sequence,
        manifest: bundle.manifest_sha256(),
        audience: manifest.audience.clone(),
        created_at: manifest.created_at,
        refresh_by: manifest.refresh_by,
        base: manifest.base.clone(),
        generator: manifest.generator.clone(),
        signatures: signatures.map(|signature| signature.key).collect(),
        repositories: manifest.repositories.iter().map(Summary::new).collect(),
        withdrawn: manifest.withdrawn.clone(),
        deny: manifest.deny.clone(),
    }
}

impl Summary {
    fn new(repository: &Repository) -> Self {
        let first_expiry = repository.first_expiry();
        let versions = repository.files.iter();
        Self {
            server: repository.server.clone(),
            gun: repository.gun.clone(),
            carried: repository.is_carried(),
            size: repository.size(),
            tags: repository.tags,
            // The newest root comes last.
            versions: versions
                .map(|file| (file.role.clone(), file.version))
                .collect(),
            first_expiry: first_expiry.map(|(role, at)| FirstExpiry {
                role: role.clone(),
                at,
            }),
            verified_at: repository.verified_at,
        }
    }
}
