//! The end of an update: what was proven.

use super::{Update, Wanted, WantsDelegations};
use crate::name::Role;
use crate::repository::{Accepted, RepositoryFacts, RepositoryMetadata, VerifiedRepository};
use crate::update::{Fault, VerifyError};

impl Update<'_, WantsDelegations> {
    /// The verified repository.
    ///
    /// # Errors
    ///
    /// [`Fault::FileMissing`] if a delegation is still wanted.
    pub fn finish(self) -> Result<VerifiedRepository, VerifyError> {
        if let Some(Wanted { role, .. }) = self.wanted()? {
            return Err(self.error(&role, Fault::FileMissing));
        }
        let Self {
            terms,
            chain,
            roles,
            mut accepted,
            keys,
            mut files,
            state,
            ..
        } = self;
        // What was accepted of a role that is gone by now still holds when it comes back.
        let before = terms
            .accepted
            .map(|accepted| accepted.roles.clone())
            .unwrap_or_default();
        for (role, floor) in before {
            accepted.entry(role).or_insert(floor);
        }
        let facts = RepositoryFacts {
            gun: chain.gun().clone(),
            verified_at: terms.now,
            pins: terms.pins.fingerprint(),
            anchors: chain.anchors().clone(),
            certificate_names_gun: chain.names_gun(),
            certificate_validity: chain.validity(),
            roles,
            delegations: state.delegations,
            keys,
        };
        let accepted = Accepted {
            root_version: chain.newest().common.version,
            root_sha256: chain.sha256(),
            roles: accepted,
        };
        let metadata = RepositoryMetadata {
            gun: chain.gun().clone(),
            roots: chain.into_roots(),
            timestamp: files.remove(&Role::Timestamp).unwrap_or_default(),
            snapshot: files.remove(&Role::Snapshot).unwrap_or_default(),
            targets: files.remove(&Role::Targets).unwrap_or_default(),
            delegations: files
                .into_iter()
                .filter_map(|(role, bytes)| match role {
                    Role::Delegation(name) => Some((name, bytes)),
                    Role::Root | Role::Timestamp | Role::Snapshot | Role::Targets => None,
                })
                .collect(),
        };
        Ok(VerifiedRepository {
            facts,
            accepted,
            metadata,
            targets: state.targets,
        })
    }
}
