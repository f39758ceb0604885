//! One repository's trust data: as it travels, and as it is once verified.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::key::Fingerprint;
use crate::metadata::Target;
use crate::name::{DelegationName, Gun, KeyId, Role, Sha256, Version};
use crate::time::Timestamp;

/// The raw role files of one GUN, exactly as a Notary server served them.
///
/// A server, a bundle and a Kubernetes object all carry this and nothing else. It is data from
/// outside: only [`verify`](crate::verify) makes something of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RepositoryMetadata {
    /// The repository that the files are said to belong to.
    pub gun: Gun,
    /// The root chain: consecutive versions, oldest first.
    pub roots: Vec<Vec<u8>>,
    /// `timestamp.json`.
    pub timestamp: Vec<u8>,
    /// `snapshot.json`.
    pub snapshot: Vec<u8>,
    /// `targets.json`.
    pub targets: Vec<u8>,
    /// The files of delegations that have one.
    pub delegations: BTreeMap<DelegationName, Vec<u8>>,
}

impl RepositoryMetadata {
    /// How many bytes all files have together.
    pub fn bytes(&self) -> usize {
        let Self {
            gun: _,
            roots,
            timestamp,
            snapshot,
            targets,
            delegations,
        } = self;
        let files = roots.iter().chain([timestamp, snapshot, targets]);
        files.chain(delegations.values()).map(Vec::len).sum()
    }
}

/// A repository whose metadata passed every check: the proof, and what it proves.
///
/// Only [`Update::finish`](crate::update::Update::finish) makes one, so holding one means that the
/// whole chain from a pinned key to every target was verified.
#[derive(Clone, Debug)]
pub struct VerifiedRepository {
    pub(crate) facts: RepositoryFacts,
    pub(crate) accepted: Accepted,
    pub(crate) metadata: RepositoryMetadata,
    pub(crate) targets: BTreeMap<Role, Vec<Target>>,
}

impl VerifiedRepository {
    /// What was found out besides the targets.
    pub const fn facts(&self) -> &RepositoryFacts {
        &self.facts
    }

    /// What the next update must not fall behind.
    pub const fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// The role files, as they came.
    pub const fn metadata(&self) -> &RepositoryMetadata {
        &self.metadata
    }

    /// The targets of each role that speaks for some, ordered by name.
    pub const fn targets(&self) -> &BTreeMap<Role, Vec<Target>> {
        &self.targets
    }
}

/// What verification found out about a repository, besides its targets.
///
/// Facts are stored and decisions are recomputed from them: nothing here says that an image may
/// run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RepositoryFacts {
    /// The repository.
    pub gun: Gun,
    /// The time for which the checks were made.
    #[serde(with = "crate::time::compact")]
    pub verified_at: Timestamp,
    /// The identity of the pins that it was verified with ([`Pins::fingerprint`](crate::Pins)).
    pub pins: Sha256,
    /// The pinned keys that anchor the root chain: each is listed in the root role of one of its
    /// versions and signed that version, whose threshold is met.
    pub anchors: BTreeSet<Fingerprint>,
    /// Whether certificates made out to this GUN alone meet every root's threshold.
    pub certificate_names_gun: bool,
    /// The time in which enough certificates of the newest root are valid.
    pub certificate_validity: Validity,
    /// The role files that were accepted.
    pub roles: BTreeMap<Role, RoleFacts>,
    /// Every role that is delegated to.
    pub delegations: BTreeMap<DelegationName, DelegationState>,
    /// The IDs of the keys that each accepted role depends on, as listed and without their certificates;
    /// for root, of the roots that lead from the newest anchor to the newest root.
    pub keys: BTreeMap<Role, BTreeSet<KeyId>>,
}

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Validity {
    /// First moment.
    #[serde(with = "crate::time::compact")]
    pub from: Timestamp,
    /// Last moment.
    #[serde(with = "crate::time::compact")]
    pub until: Timestamp,
}

impl Validity {
    /// Whether a certificate of this validity counts at `now`. It may start up to a day from now
    /// (notary tuf/utils/x509.go allows for slow clocks).
    pub fn holds_at(&self, now: Timestamp) -> bool {
        let soon = now.checked_add(LEEWAY).unwrap_or(Timestamp::MAX);
        self.from <= self.until && self.from <= soon && now <= self.until
    }
}

/// One accepted role file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RoleFacts {
    /// Its version.
    pub version: Version,
    /// The moment after which it no longer counts.
    #[serde(with = "crate::time::compact")]
    pub expires: Timestamp,
    /// The SHA-256 of the file, by which its targets are stored.
    pub sha256: Sha256,
}

/// What became of a role that is delegated to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum DelegationState {
    /// It is published and properly signed.
    Accepted {
        /// Prefixes of the targets that it may name, after its parents' limits.
        paths: Vec<String>,
    },
    /// It is published, but too few of its keys signed: it and its subtree count for nothing.
    UnderSigned {
        /// Its threshold.
        needed: u64,
        /// Distinct keys with a good signature.
        valid: u64,
    },
    /// The snapshot states no file for it, and never did.
    Unpublished,
    /// The snapshot stated a file for it once, and no longer does: whoever holds the snapshot's key
    /// could hide it that way, so it still speaks where it did before.
    Vanished,
}

/// What was accepted of a GUN before; no update may fall behind it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Accepted {
    /// Version of the newest root.
    pub root_version: Version,
    /// SHA-256 of the newest root's file.
    pub root_sha256: Sha256,
    /// The newest accepted file of every other role, those among them that are gone by now.
    pub roles: BTreeMap<Role, AcceptedRole>,
}

/// The newest accepted file of one role.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AcceptedRole {
    /// Its version.
    pub version: Version,
    /// The SHA-256 of the file.
    pub sha256: Sha256,
    /// The role's keys at that time. When one of them was taken from the role since, the version
    /// starts anew: otherwise whoever stole it could block the role with a huge version for ever
    /// (TUF 5.3.11, recovery from fast-forward attacks).
    pub keys: BTreeSet<Fingerprint>,
}

const LEEWAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
