//! What a store says about one image, and what that proves.
//!
//! A store answers a [`Query`] with [`Evidence`] from one consistent read. Reading the evidence is
//! pure: which role speaks for the image, whether all that have to speak agree, and how fresh it
//! all is at a given time.

mod freshness;
mod retained;
mod vouch;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use freshness::{Freshness, Tolerance};
pub use retained::{Former, Retained};
pub use vouch::Vouch;

use crate::metadata::Target;
use crate::name::{DelegationName, Gun, Role, Server, Sha256};
use crate::repository::{DelegationState, RepositoryFacts};
use crate::time::Timestamp;

/// A question about one image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Query {
    /// The Notary server on whose word the image depends.
    pub server: Server,
    /// The image's repository.
    pub gun: Gun,
    /// Who has to have signed it.
    pub signers: Signers,
    /// The image within the repository.
    pub wanted: Wanted,
    /// A digest that may have been signed for it before; none where only the present counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retained: Option<Retained>,
}

/// The roles that have to speak for an image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Signers {
    /// `targets/releases` where the repository delegates to it and publishes it, else `targets`
    /// (Docker Content Trust).
    Default,
    /// Each of these, and all must agree; there is no fallback.
    All(Vec<DelegationName>),
}

/// What names the image within its repository.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Wanted {
    /// A digest alone: any tag may carry it.
    Digest(Sha256),
    /// A tag.
    Tag(String),
}

/// A store's answer to a [`Query`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Evidence {
    /// The repository is stored.
    Known(Box<Known>),
    /// Nothing was ever stored about it.
    Unknown,
    /// The server said, over an authenticated connection, that it no longer has the repository.
    Withdrawn {
        /// When it said so.
        at: Timestamp,
    },
}

/// What is stored about a repository, as far as a query asks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Known {
    /// Everything but the targets.
    pub facts: RepositoryFacts,
    /// What each role that has to speak, says ([`RepositoryFacts::speakers`]), in that order.
    pub statements: Vec<Statement>,
    /// Who brought the repository, where a bundle did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouch: Option<Vouch>,
}

/// What one role says about the wanted image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Statement {
    /// The role.
    pub role: Role,
    /// Its targets with the wanted tag or digest.
    pub targets: Vec<Target>,
    /// Where it stated the query's [`Retained::digest`] before, the latest replaced last. Whether
    /// that is long enough ago to be over is not looked at yet. Nothing if it was not asked, or
    /// still states it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
}

/// A digest that everybody who has to sign, signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The manifest's digest.
    pub digest: Sha256,
    /// The roles that signed it.
    pub signers: Vec<Role>,
    /// Since when not all of them state it any more; nothing if they do.
    pub superseded: Option<Timestamp>,
}

impl RepositoryFacts {
    /// The roles that have to speak for an image.
    pub fn speakers(&self, signers: &Signers) -> Vec<Role> {
        match signers {
            Signers::All(names) => names.iter().cloned().map(Role::Delegation).collect(),
            Signers::Default => {
                let releases = DelegationName::releases();
                match self.delegations.get(&releases) {
                    Some(
                        DelegationState::Accepted { .. }
                        | DelegationState::UnderSigned { .. }
                        | DelegationState::Vanished,
                    ) => {
                        vec![Role::Delegation(releases)]
                    }
                    Some(DelegationState::Unpublished) | None => vec![Role::Targets],
                }
            }
        }
    }

    /// Whether `role` may name `target`. `targets` may name everything, a delegation that was not
    /// accepted nothing.
    pub fn covers(&self, role: &Role, target: &str) -> bool {
        let Role::Delegation(name) = role else {
            return *role == Role::Targets;
        };
        match self.delegations.get(name) {
            Some(DelegationState::Accepted { paths }) => {
                paths.iter().any(|path| target.starts_with(path.as_str()))
            }
            Some(
                DelegationState::UnderSigned { .. }
                | DelegationState::Unpublished
                | DelegationState::Vanished,
            )
            | None => false,
        }
    }
}

impl Known {
    /// The digest that every role which has to speak, signed for the wanted image: the query's
    /// retained digest where each states it now or did within the window, otherwise the one that
    /// all of them state now.
    ///
    /// # Errors
    ///
    /// [`NotSigned`] with the first role that does not speak for it now, and why.
    pub fn signed(&self, query: &Query, now: Timestamp) -> Result<Signed, NotSigned> {
        let present = self.signed_now(query, now);
        match &query.retained {
            Some(retained)
                if present.as_ref().map(|signed| signed.digest) != Ok(retained.digest) =>
            {
                self.signed_before(query, retained, now).map_or(present, Ok)
            }
            Some(_) | None => present,
        }
    }

    fn signed_now(&self, query: &Query, now: Timestamp) -> Result<Signed, NotSigned> {
        let mut digests = BTreeSet::new();
        for statement in &self.statements {
            digests.insert(self.stated_digest(statement, query, now)?);
        }
        let mut distinct = digests.iter();
        match (distinct.next(), distinct.next()) {
            (Some(digest), None) => Ok(Signed {
                digest: *digest,
                signers: self.signers(),
                superseded: None,
            }),
            _ => Err(NotSigned::DigestsConflict {
                digests: digests.into_iter().collect(),
            }),
        }
    }

    fn signers(&self) -> Vec<Role> {
        let roles = self.statements.iter().map(|statement| &statement.role);
        roles.cloned().collect()
    }

    fn stated_digest(
        &self,
        statement: &Statement,
        query: &Query,
        now: Timestamp,
    ) -> Result<Sha256, NotSigned> {
        let role = &statement.role;
        self.check_alive(role, now)?;
        let covered = |target: &&Target| self.facts.covers(role, &target.name);
        if statement.targets.is_empty() {
            return Err(NotSigned::Absent { role: role.clone() });
        }
        let mut targets = statement.targets.iter().filter(covered).peekable();
        if targets.peek().is_none() {
            return Err(NotSigned::OutsidePaths { role: role.clone() });
        }
        let digest = match &query.wanted {
            Wanted::Tag(tag) => targets
                .find(|target| target.name == *tag)
                .and_then(|target| target.sha256),
            Wanted::Digest(digest) => targets.find_map(|t| t.sha256.filter(|d| d == digest)),
        };
        digest.ok_or_else(|| NotSigned::NoSha256 { role: role.clone() })
    }

    /// Checks that `role` may speak at all.
    ///
    /// Looks from `targets` down, since an expired or under-signed parent takes its subtree with
    /// it.
    fn check_alive(&self, role: &Role, now: Timestamp) -> Result<(), NotSigned> {
        let Role::Delegation(name) = role else {
            return Ok(());
        };
        self.check_alive(&name.parent(), now)?;
        let role = || role.clone();
        match self.facts.delegations.get(name) {
            Some(DelegationState::Accepted { .. }) => {}
            Some(&DelegationState::UnderSigned { needed, valid }) => {
                return Err(NotSigned::UnderSigned {
                    role: role(),
                    needed,
                    valid,
                });
            }
            Some(DelegationState::Unpublished | DelegationState::Vanished) => {
                return Err(NotSigned::Unpublished { role: role() });
            }
            None => return Err(NotSigned::NotDelegated { role: role() }),
        }
        let expires = self.facts.roles.get(&role()).map(|facts| facts.expires);
        match expires.filter(|expires| *expires < now) {
            Some(at) => Err(NotSigned::DelegationExpired { role: role(), at }),
            None => Ok(()),
        }
    }
}

/// Why an image of a known repository does not count as signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSigned {
    /// A role names no such tag or digest.
    #[error("`{role}` has no such target")]
    Absent {
        /// The role.
        role: Role,
    },
    /// A delegation, or one above it, has expired.
    #[error("`{role}` expired at {at:.0}")]
    DelegationExpired {
        /// The role.
        role: Role,
        /// When it did.
        at: Timestamp,
    },
    /// Roles that have to agree, do not.
    #[error("the roles that have to agree name {} digests", digests.len())]
    DigestsConflict {
        /// The digests, in order.
        digests: Vec<Sha256>,
    },
    /// The image's target has no SHA-256.
    #[error("`{role}` names the target without a SHA-256")]
    NoSha256 {
        /// The role.
        role: Role,
    },
    /// Nobody delegates to the role.
    #[error("nobody delegates to `{role}`")]
    NotDelegated {
        /// The role.
        role: Role,
    },
    /// The role names the target, and may not.
    #[error("`{role}` names the target, but its delegation does not cover it")]
    OutsidePaths {
        /// The role.
        role: Role,
    },
    /// Too few of the role's keys signed.
    #[error("`{role}` has {valid} valid signatures; {needed} are needed")]
    UnderSigned {
        /// The role.
        role: Role,
        /// Its threshold.
        needed: u64,
        /// Distinct keys with a good signature.
        valid: u64,
    },
    /// The role is delegated to, but published nothing.
    #[error("`{role}` has published nothing")]
    Unpublished {
        /// The role.
        role: Role,
    },
}

impl NotSigned {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "not_signed",
            Self::DelegationExpired { .. } => "delegation_expired",
            Self::DigestsConflict { .. } => "digests_conflict",
            Self::NoSha256 { .. } => "no_sha256",
            Self::NotDelegated { .. } => "not_delegated",
            Self::OutsidePaths { .. } => "outside_paths",
            Self::UnderSigned { .. } => "delegation_not_signed",
            Self::Unpublished { .. } => "delegation_not_published",
        }
    }
}

#[cfg(test)]
mod tests;
