//! What an operator wants to know of the stored repositories.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vouchsafe_trust::evidence::{Signers, Vouch};
use vouchsafe_trust::key::Fingerprint;
use vouchsafe_trust::repository::{DelegationState, RoleFacts, Validity};
use vouchsafe_trust::{DelegationName, Gun, KeyId, RepositoryFacts, Role, Server, Sha256, Version};

use crate::key::RepoKey;
use crate::record::{Active, Front};
use crate::{Store, StoreError, SyncOutcome};

/// What is known of one repository. Its JSON form is stable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// The Notary server.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
    /// Whether it is stored.
    #[serde(flatten)]
    pub state: RepositoryState,
    /// How the last attempt to bring it up to date ended, if there was one.
    pub last_sync: Option<SyncOutcome>,
}

/// Whether a repository is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum RepositoryState {
    /// It is.
    Active(Box<ActiveStatus>),
    /// Nothing was ever stored.
    Unknown,
    /// The server said that it no longer has it.
    Withdrawn {
        /// When it said so.
        at: Timestamp,
    },
}

/// What is stored of a repository, besides its tags.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveStatus {
    /// The number of the stored state.
    pub generation: u64,
    /// When it was verified.
    pub verified_at: Timestamp,
    /// How many tags the roles sign that speak where a policy rule names none.
    pub tags: u64,
    /// The identity of the pins that it was verified with.
    pub pins: Sha256,
    /// The pinned keys that anchor it.
    pub anchors: BTreeSet<Fingerprint>,
    /// Why the pins do not hold for it, if they do not.
    pub unproven: Option<Unproven>,
    /// The bundle that brought it, if one did.
    pub vouch: Option<Vouch>,
    /// Whether the root certificates are made out to the GUN.
    pub certificate_names_gun: bool,
    /// The time in which the root certificates are valid.
    pub certificate_validity: Validity,
    /// The role files.
    pub roles: BTreeMap<Role, RoleStatus>,
    /// The roles that are delegated to.
    pub delegations: BTreeMap<DelegationName, DelegationStatus>,
}

/// One role file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatus {
    /// Its version.
    pub version: Version,
    /// When it expires.
    pub expires: Timestamp,
    /// Its digest.
    pub sha256: Sha256,
    /// How many targets it states, if it is of a role that does.
    pub targets: Option<u64>,
    /// The IDs of the keys that it depends on, as listed and without their certificates.
    pub keys: BTreeSet<KeyId>,
}

/// What became of a role that is delegated to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum DelegationStatus {
    /// It is published and properly signed.
    Accepted {
        /// Prefixes of the targets that it may name.
        paths: Vec<String>,
    },
    /// Too few of its keys signed; it counts for nothing.
    UnderSigned {
        /// Its threshold.
        needed: u64,
        /// Distinct keys with a good signature.
        valid: u64,
    },
    /// It has no file.
    Unpublished,
    /// It was published once, and no longer is; it still speaks where it did before.
    Vanished,
}

/// Why a stored repository does not hold under the pins of the present configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unproven {
    /// When that was found out.
    pub at: Timestamp,
    /// The stable, short name of the cause.
    pub label: String,
    /// The cause in words.
    pub message: String,
}

impl Store {
    /// The status of every repository of which something is known.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn status(&self) -> Result<Vec<RepositoryStatus>, StoreError> {
        self.statuses().collect()
    }

    /// The same one after the other, for whoever does not need all at once.
    ///
    /// # Errors
    ///
    /// As [`Store::status`], for each of them.
    pub fn statuses(&self) -> impl Iterator<Item = Result<RepositoryStatus, StoreError>> {
        self.repo_keys().map(|key| {
            let (_, server, gun) = key?;
            self.status_of(server, gun)
        })
    }

    /// The status of one repository: of every server that something is known of it from, or of one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn repository_status(
        &self,
        server: Option<&Server>,
        gun: &Gun,
    ) -> Result<Vec<RepositoryStatus>, StoreError> {
        let mut found = Vec::new();
        for key in self.repo_keys() {
            let (_, of, name) = key?;
            if name == *gun && server.is_none_or(|server| *server == of) {
                found.push(self.status_of(of, name)?);
            }
        }
        Ok(found)
    }

    /// The status of one repository of one server.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn status_of(&self, server: Server, gun: Gun) -> Result<RepositoryStatus, StoreError> {
        let repo = RepoKey::new(&server, &gun);
        let state = self.read(&repo, &gun, |header| {
            let front = header.front(&self.0.trees.file, &repo)?;
            Ok(front.map(|front| match front {
                Front::Active(active) => {
                    let status = ActiveStatus::new(*active, header.generation);
                    RepositoryState::Active(Box::new(status))
                }
                Front::Withdrawn { at } => RepositoryState::Withdrawn { at },
            }))
        })?;
        Ok(RepositoryStatus {
            state: state.unwrap_or(RepositoryState::Unknown),
            last_sync: self.sync_outcome(&repo)?,
            server,
            gun,
        })
    }
}

impl RepositoryStatus {
    /// Who vouches for it, where a bundle brought it.
    pub fn vouch(&self) -> Option<&Vouch> {
        match &self.state {
            RepositoryState::Active(active) => active.vouch.as_ref(),
            RepositoryState::Unknown | RepositoryState::Withdrawn { .. } => None,
        }
    }

    /// The facts from which freshness follows, if the repository is stored.
    pub fn facts(&self) -> Option<RepositoryFacts> {
        let RepositoryState::Active(active) = &self.state else {
            return None;
        };
        let roles = active.roles.iter().map(|(role, file)| {
            let facts = RoleFacts {
                version: file.version,
                expires: file.expires,
                sha256: file.sha256,
            };
            (role.clone(), facts)
        });
        let delegations = active
            .delegations
            .iter()
            .map(|(name, status)| (name.clone(), status.clone().into()));
        let keys = active.roles.iter();
        let keys = keys.map(|(role, file)| (role.clone(), file.keys.clone()));
        Some(RepositoryFacts {
            gun: self.gun.clone(),
            verified_at: active.verified_at,
            pins: active.pins,
            anchors: active.anchors.clone(),
            certificate_names_gun: active.certificate_names_gun,
            certificate_validity: active.certificate_validity,
            roles: roles.collect(),
            delegations: delegations.collect(),
            keys: keys.collect(),
        })
    }
}

impl ActiveStatus {
    fn new(active: Active, generation: u64) -> Self {
        let Active {
            facts,
            unproven,
            targets,
            vouch,
        } = active;
        let count = |role: &Role| targets.get(role).map(|pages| pages.targets);
        let speakers = facts.speakers(&Signers::Default);
        Self {
            generation,
            verified_at: facts.verified_at,
            tags: speakers.iter().filter_map(count).sum(),
            pins: facts.pins,
            anchors: facts.anchors,
            unproven,
            vouch,
            certificate_names_gun: facts.certificate_names_gun,
            certificate_validity: facts.certificate_validity,
            roles: facts
                .roles
                .iter()
                .map(|(role, file)| {
                    let status = RoleStatus {
                        version: file.version,
                        expires: file.expires,
                        sha256: file.sha256,
                        targets: count(role),
                        keys: facts.keys.get(role).cloned().unwrap_or_default(),
                    };
                    (role.clone(), status)
                })
                .collect(),
            delegations: facts
                .delegations
                .into_iter()
                .map(|(name, state)| (name, state.into()))
                .collect(),
        }
    }
}

impl From<DelegationState> for DelegationStatus {
    fn from(state: DelegationState) -> Self {
        match state {
            DelegationState::Accepted { paths } => Self::Accepted { paths },
            DelegationState::UnderSigned { needed, valid } => Self::UnderSigned { needed, valid },
            DelegationState::Unpublished => Self::Unpublished,
            DelegationState::Vanished => Self::Vanished,
        }
    }
}

impl From<DelegationStatus> for DelegationState {
    fn from(status: DelegationStatus) -> Self {
        match status {
            DelegationStatus::Accepted { paths } => Self::Accepted { paths },
            DelegationStatus::UnderSigned { needed, valid } => Self::UnderSigned { needed, valid },
            DelegationStatus::Unpublished => Self::Unpublished,
            DelegationStatus::Vanished => Self::Vanished,
        }
    }
}
