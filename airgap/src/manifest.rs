//! What a bundle says that it holds: the one thing that its signatures are over.

mod audience;
mod check;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use check::MAX_DENIED;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vouchsafe_trust::{DelegationName, Gun, Role, Server, Sha256, Version};
pub use vouchsafe_trust::{Denied, DeniedThing};

use crate::{Name, Refusal};

/// The list of everything in a bundle, with the SHA-256 of each part.
///
/// It is data from outside: what it says about versions, expiries and tags is for people and for
/// planning. Only the role files prove anything, and only once they are verified.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// The series that it belongs to. Sequence numbers count within one.
    pub name: Name,
    /// Its number in the series, from 1; grows, not always by one.
    pub sequence: u64,
    /// Whom it is for; anybody where nobody is named.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        deserialize_with = "audience::few"
    )]
    pub audience: BTreeSet<Name>,
    /// When its contents were complete and current, as far as whoever made it could see.
    pub created_at: Timestamp,
    /// Until when whoever signs it vouches that its contents are fresh; not at all where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_by: Option<Timestamp>,
    /// The bundle that it adds to; it is complete in itself where this is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// What made it, for people.
    pub generator: String,
    /// Where the role files lie; missing where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<Pack>,
    /// The repositories, in the order of server and GUN.
    pub repositories: Vec<Repository>,
    /// The repositories that their server says are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Withdrawn>,
    /// What is to be denied, whatever is signed, besides what earlier bundles of the series listed.
    /// Counts only from a bundle that is signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Denied>,
    /// What earlier bundles of the series listed to be denied, and is to be no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lift: Vec<DeniedThing>,
}

/// The bundle that an incremental one adds to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Base {
    /// Its sequence number.
    pub sequence: u64,
    /// The digest of its manifest.
    pub manifest: Sha256,
}

/// The role files of a bundle, one after the other without anything between them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pack {
    /// Its digest.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
}

/// One repository.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repository {
    /// The Notary server that served it.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
    /// When it was verified where the bundle was made.
    pub verified_at: Timestamp,
    /// How many tags it signs, as `vouchsafe status` counts them.
    pub tags: u64,
    /// Its role files: the root chain, oldest first; timestamp, snapshot, targets; delegations by name.
    pub files: Vec<RoleFile>,
}

/// One role file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleFile {
    /// The role.
    pub role: Role,
    /// Its version.
    pub version: Version,
    /// When it expires.
    pub expires: Timestamp,
    /// Its digest.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
    /// Where it begins in the [`Pack`]; missing where it is as it was in the base. All files of a
    /// repository are there, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// A repository that its server says is gone.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawn {
    /// The server.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
    /// When the server said so.
    pub at: Timestamp,
}

impl Manifest {
    /// The manifest of a bundle that holds nothing yet.
    pub fn empty(name: Name, sequence: u64, created_at: Timestamp) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            name,
            sequence,
            audience: BTreeSet::new(),
            created_at,
            refresh_by: None,
            base: None,
            generator: concat!("vouchsafe ", env!("CARGO_PKG_VERSION")).to_owned(),
            pack: None,
            repositories: Vec::new(),
            withdrawn: Vec::new(),
            deny: Vec::new(),
            lift: Vec::new(),
        }
    }

    /// Reads a manifest, and checks that it contradicts itself nowhere.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownFormat`], [`Refusal::NotABundle`] or [`Refusal::SizeLie`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let probe: Probe = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
        if probe.schema != SCHEMA {
            let found = probe.schema.chars().take(MAX_SHOWN).collect();
            return Err(Refusal::UnknownFormat { found });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as it is written and signed: the same bytes for the same contents.
    ///
    /// # Errors
    ///
    /// Never for what [`Manifest::parse`] reads.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Whether it says what there is, rather than only what is to be denied: a repository of its series
    /// that it does not list is no longer carried.
    pub fn lists_repositories(&self) -> bool {
        let brings_news = !self.deny.is_empty() || !self.lift.is_empty();
        !brings_news || !self.repositories.is_empty() || !self.withdrawn.is_empty()
    }
}

impl Repository {
    /// Whether the role files are in this bundle, rather than in the one that it adds to.
    pub fn is_carried(&self) -> bool {
        self.files.iter().any(|file| file.offset.is_some())
    }

    /// The length of its role files together, in bytes.
    pub fn size(&self) -> u64 {
        let sizes = self.files.iter().map(|file| file.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// The file of a role other than root.
    pub fn file(&self, role: &Role) -> Option<&RoleFile> {
        self.files.iter().rev().find(|file| file.role == *role)
    }

    /// The root chain, oldest first.
    pub fn roots(&self) -> impl Iterator<Item = &RoleFile> {
        self.files.iter().filter(|file| file.role == Role::Root)
    }

    /// The delegations' files, by name.
    pub fn delegations(&self) -> BTreeMap<&DelegationName, &RoleFile> {
        let delegations = self.files.iter();
        delegations
            .filter_map(|file| Some((file.role.delegation()?, file)))
            .collect()
    }

    /// When the first of its roles expires; the older roots do not count.
    pub fn first_expiry(&self) -> Option<(&Role, Timestamp)> {
        let newest = self.roots().last().map(|root| root.version);
        let counts = |file: &&RoleFile| file.role != Role::Root || Some(file.version) == newest;
        let files = self.files.iter().filter(counts);
        files
            .map(|file| (&file.role, file.expires))
            .min_by_key(|(_, at)| *at)
    }
}

/// What tells two states of a repository apart: the digest of each role file.
pub(crate) fn digests(files: &[RoleFile]) -> impl Iterator<Item = (&Role, Sha256)> {
    files.iter().map(|file| (&file.role, file.sha256))
}

/// The part that tells which version of the format it is.
#[derive(Deserialize)]
struct Probe {
    schema: String,
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    Refusal::NotABundle {
        reason: format!("its manifest cannot be read: {error}"),
    }
}

/// The version of the format.
pub const SCHEMA: &str = "vouchsafe.dev/bundle/v1";
/// How much of a foreign text is repeated.
const MAX_SHOWN: usize = 64;
