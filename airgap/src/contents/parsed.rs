//! Role files read without being verified.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_trust::json::JsonError;
use vouchsafe_trust::metadata::{Envelope, MetadataError, RoleKeys, Root, Targets};
use vouchsafe_trust::{DelegationName, KeyId, RepositoryMetadata, Role, Sha256};

use crate::bundle::OpenBundleError;
use crate::manifest::Repository;
use crate::{Bundle, Refusal};

/// What a repository's role files say, true or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Parsed {
    /// The digest of each tag, per role that names targets.
    pub(super) targets: BTreeMap<Role, BTreeMap<String, Option<Sha256>>>,
    /// The keys of each role, and how many of them must sign.
    pub(super) keys: BTreeMap<Role, (BTreeSet<KeyId>, u64)>,
}

impl Parsed {
    /// Reads a repository that `bundle` carries. `Err` says what cannot be read of it.
    pub(super) fn of(
        bundle: &Bundle,
        repository: &Repository,
    ) -> Result<Result<Self, Unreadable>, OpenBundleError> {
        match bundle.repository(repository) {
            Ok(metadata) => Ok(Self::read(&metadata)),
            Err(OpenBundleError::Refused(refusal)) => Ok(Err(refusal.into())),
            Err(error @ OpenBundleError::Io { .. }) => Err(error),
        }
    }

    fn read(metadata: &RepositoryMetadata) -> Result<Self, Unreadable> {
        let mut parsed = Self::default();
        if let Some(newest) = metadata.roots.last() {
            let root = envelope(&Role::Root, newest)?;
            let root = Root::read(root.signed()).map_err(Unreadable::role(&Role::Root))?;
            for role in [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp] {
                let keys = root.role_keys(&role);
                parsed.keys.extend(keys.map(|keys| (role, ids(&keys))));
            }
        }
        parsed.add_targets(Role::Targets, &metadata.targets)?;
        for (name, file) in &metadata.delegations {
            parsed.add_targets(name.clone().into(), file)?;
        }
        Ok(parsed)
    }

    /// The roles whose targets are images, as Docker Content Trust reads them: `targets/releases`
    /// speaks where it is published, otherwise `targets`. Other delegations speak for themselves.
    pub(super) fn speaking(
        &self,
    ) -> impl Iterator<Item = (&Role, &BTreeMap<String, Option<Sha256>>)> {
        let releases = Role::from(DelegationName::releases());
        let has_releases = self.targets.contains_key(&releases);
        let targets = self.targets.iter();
        targets.filter(move |(role, _)| !has_releases || **role != Role::Targets)
    }

    fn add_targets(&mut self, role: Role, file: &[u8]) -> Result<(), Unreadable> {
        let envelope = envelope(&role, file)?;
        let targets = Targets::read(&role, envelope.signed()).map_err(Unreadable::role(&role))?;
        for delegation in targets.delegations {
            self.keys
                .insert(delegation.name.into(), ids(&delegation.keys));
        }
        let tags = targets.targets.into_iter();
        let tags = tags.map(|target| (target.name, target.sha256)).collect();
        self.targets.insert(role, tags);
        Ok(())
    }
}

/// Why a repository's role files cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{role}: {source}")]
    Role { role: Role, source: MetadataError },
}

impl Unreadable {
    fn role<E: Into<MetadataError>>(role: &Role) -> impl Fn(E) -> Self {
        |source| Self::Role {
            role: role.clone(),
            source: source.into(),
        }
    }
}

fn envelope(role: &Role, file: &[u8]) -> Result<Envelope, Unreadable> {
    Envelope::parse(file).map_err(Unreadable::role::<JsonError>(role))
}

fn ids(keys: &RoleKeys) -> (BTreeSet<KeyId>, u64) {
    let ids = keys.iter().map(|(id, _)| *id).collect();
    (ids, keys.threshold())
}
