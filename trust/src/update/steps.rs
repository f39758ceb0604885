//! The update as a value that only moves forward.

use std::collections::{BTreeMap, VecDeque};

use super::role::{check_expiry, check_file, check_signatures, check_version, count};
use super::{Fault, MAX_DELEGATIONS, MAX_DEPTH, RootChain, Terms, VerifyError, depth};
use crate::metadata::{
    Common, Delegation, Envelope, FileMeta, MetadataError, RoleKeys, Snapshot, SnapshotMeta,
    Target, Targets,
};
use crate::name::{DelegationName, Role};
use crate::repository::{
    Accepted, AcceptedRole, DelegationState, RepositoryFacts, RepositoryMetadata, RoleFacts,
    VerifiedRepository,
};

/// An update in progress; `S` says what it wants next.
#[derive(Debug)]
#[must_use]
pub struct Update<'a, S> {
    terms: Terms<'a>,
    chain: RootChain,
    /// Bytes of all files so far.
    total: u64,
    roles: BTreeMap<Role, RoleFacts>,
    accepted: BTreeMap<Role, AcceptedRole>,
    files: BTreeMap<Role, Vec<u8>>,
    state: S,
}

/// Waits for `timestamp.json`.
#[derive(Debug)]
pub struct WantsTimestamp(());

/// Waits for the snapshot that the timestamp states.
#[derive(Debug)]
pub struct WantsSnapshot(FileMeta);

/// Waits for the targets that the snapshot states.
#[derive(Debug)]
pub struct WantsTargets(Snapshot);

/// Waits for the delegations that the snapshot states, parents first; may be done.
#[derive(Debug)]
pub struct WantsDelegations {
    snapshot: Snapshot,
    /// Published delegations yet to come, with their effective paths.
    queue: VecDeque<Delegation>,
    delegations: BTreeMap<DelegationName, DelegationState>,
    targets: BTreeMap<Role, Vec<Target>>,
}

/// A file that an update wants: its role, and what is stated about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// The role.
    pub role: Role,
    /// The length and hashes that the file must have.
    pub file: FileMeta,
}

impl<'a> Update<'a, WantsTimestamp> {
    /// Starts from a verified root chain.
    pub fn new(chain: RootChain, terms: Terms<'a>) -> Self {
        let root = RoleFacts {
            version: chain.newest().common.version,
            expires: chain.newest().common.expires,
            sha256: chain.sha256(),
        };
        Self {
            terms,
            chain,
            total: 0,
            roles: [(Role::Root, root)].into(),
            accepted: BTreeMap::new(),
            files: BTreeMap::new(),
            state: WantsTimestamp(()),
        }
    }

    /// Checks `bytes` as the timestamp (TUF 5.4).
    ///
    /// # Errors
    ///
    /// The first check that failed; the update cannot go on.
    pub fn timestamp(mut self, bytes: &[u8]) -> Result<Update<'a, WantsSnapshot>, VerifyError> {
        let role = Role::Timestamp;
        let limit = self.terms.limits.timestamp;
        let timestamp = self
            .take(
                &role,
                bytes,
                limit,
                |envelope| SnapshotMeta::read(envelope.signed()),
                |t| t.common,
            )
            .map_err(|fault| self.error(&role, fault))?;
        Ok(self.with(WantsSnapshot(timestamp.snapshot)))
    }
}

impl<'a> Update<'a, WantsSnapshot> {
    /// The snapshot's file.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLarge`] if it is stated to be larger than allowed.
    pub fn wanted(&self) -> Result<Wanted, VerifyError> {
        self.want(Role::Snapshot, &self.state.0)
    }

    /// Checks `bytes` as the snapshot (TUF 5.5), and that it states the newest known root.
    ///
    /// # Errors
    ///
    /// The first check that failed. [`Fault::RootMismatch`] means that the root has changed: the
    /// update starts anew with a longer chain.
    pub fn snapshot(mut self, bytes: &[u8]) -> Result<Update<'a, WantsTargets>, VerifyError> {
        let role = Role::Snapshot;
        let limit = self.terms.limits.role;
        let snapshot = check_file(&self.state.0, bytes)
            .and_then(|()| {
                let read = |envelope: &Envelope| Snapshot::read(envelope.signed());
                self.take(&role, bytes, limit, read, |s| s.common)
            })
            .map_err(|fault| self.error(&role, fault))?;
        if snapshot.root.mismatch(self.chain.newest_bytes()).is_some() {
            let known = self.chain.newest().common.version;
            return Err(self.error(&role, Fault::RootMismatch { known }));
        }
        Ok(self.with(WantsTargets(snapshot)))
    }
}

impl<'a> Update<'a, WantsTargets> {
    /// The targets' file.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLarge`] if it is stated to be larger than allowed.
    pub fn wanted(&self) -> Result<Wanted, VerifyError> {
        self.want(Role::Targets, &self.state.0.targets)
    }

    /// Checks `bytes` as the targets (TUF 5.6).
    ///
    /// # Errors
    ///
    /// The first check that failed; the update cannot go on.
    pub fn targets(mut self, bytes: &[u8]) -> Result<Update<'a, WantsDelegations>, VerifyError> {
        let role = Role::Targets;
        let limit = self.terms.limits.role;
        let targets = check_file(&self.state.0.targets, bytes)
            .and_then(|()| {
                let read = |envelope: &Envelope| Targets::read(&Role::Targets, envelope.signed());
                self.take(&role, bytes, limit, read, |t| t.common)
            })
            .map_err(|fault| self.error(&role, fault))?;
        let snapshot = self.state.0.clone();
        let mut update = self.with(WantsDelegations {
            snapshot,
            queue: VecDeque::new(),
            delegations: BTreeMap::new(),
            targets: BTreeMap::new(),
        });
        // All paths are open to `targets` itself.
        update.enqueue(&role, targets, &[String::new()])?;
        Ok(update)
    }
}

impl Update<'_, WantsDelegations> {
    /// The next delegation's file; `None` when all are there.
    ///
    /// # Errors
    ///
    /// [`Fault::TooLarge`] if it is stated to be larger than allowed.
    pub fn wanted(&self) -> Result<Option<Wanted>, VerifyError> {
        let Some(next) = self.state.queue.front() else {
            return Ok(None);
        };
        let role = Role::Delegation(next.name.clone());
        match self.state.snapshot.file(&role) {
            Some(file) => self.want(role, file).map(Some),
            None => Ok(None),
        }
    }

    /// Checks `bytes` as the file of the delegation that is wanted next.
    ///
    /// One that too few of its keys signed is left out with its subtree, as Notary's client does.
    /// One that has expired is kept: its expiry is a fact on which every decision looks.
    ///
    /// # Errors
    ///
    /// Any other fault fails the update.
    pub fn delegation(mut self, bytes: &[u8]) -> Result<Self, VerifyError> {
        let Some(delegation) = self.state.queue.pop_front() else {
            return Ok(self);
        };
        let role = Role::Delegation(delegation.name.clone());
        let targets = match self.check_delegation(&role, &delegation, bytes) {
            Ok(targets) => targets,
            Err(Fault::ThresholdNotMet { needed, valid }) => {
                let state = DelegationState::UnderSigned { needed, valid };
                self.state.delegations.insert(delegation.name, state);
                self.files.insert(role, bytes.to_vec());
                return Ok(self);
            }
            Err(fault) => return Err(self.error(&role, fault)),
        };
        let paths = delegation.paths;
        let state = DelegationState::Accepted {
            paths: paths.clone(),
        };
        self.state.delegations.insert(delegation.name, state);
        self.enqueue(&role, targets, &paths)?;
        Ok(self)
    }

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

    fn check_delegation(
        &mut self,
        role: &Role,
        delegation: &Delegation,
        bytes: &[u8],
    ) -> Result<Targets, Fault> {
        let file = self.state.snapshot.file(role).ok_or(Fault::FileMissing)?;
        check_file(file, bytes)?;
        self.count(bytes, self.terms.limits.role)?;
        let envelope = check_signatures(bytes, &delegation.keys)?;
        let targets = Targets::read(role, envelope.signed())?;
        self.accept(role, targets.common, bytes, &delegation.keys)?;
        Ok(targets)
    }

    /// Takes in what `role` says, and lines up the published ones of the roles that it delegates
    /// to, before those that wait already (parents first, in list order).
    fn enqueue(
        &mut self,
        role: &Role,
        targets: Targets,
        effective: &[String],
    ) -> Result<(), VerifyError> {
        self.state.targets.insert(role.clone(), targets.targets);
        let mut published = Vec::new();
        for mut delegation in targets.delegations {
            let known = self.state.delegations.len() + self.state.queue.len() + published.len();
            if known >= MAX_DELEGATIONS || depth(&delegation.name) > MAX_DEPTH {
                return Err(self.error(role, Fault::TooManyDelegations));
            }
            // A child's path counts only below one of its parent's (notary tuf/data/roles.go).
            delegation.paths.retain(|path| {
                effective
                    .iter()
                    .any(|parent| path.starts_with(parent.as_str()))
            });
            if self
                .state
                .snapshot
                .file(&Role::Delegation(delegation.name.clone()))
                .is_some()
            {
                published.push(delegation);
            } else {
                self.state
                    .delegations
                    .insert(delegation.name, DelegationState::Unpublished);
            }
        }
        for delegation in published.into_iter().rev() {
            self.state.queue.push_front(delegation);
        }
        Ok(())
    }
}

impl<'a, S> Update<'a, S> {
    /// The root chain from which the update started.
    pub const fn chain(&self) -> &RootChain {
        &self.chain
    }

    fn error(&self, role: &Role, fault: impl Into<Fault>) -> VerifyError {
        VerifyError::new(self.chain.gun(), role, fault)
    }

    fn with<T>(self, state: T) -> Update<'a, T> {
        let Self {
            terms,
            chain,
            total,
            roles,
            accepted,
            files,
            state: _,
        } = self;
        Update {
            terms,
            chain,
            total,
            roles,
            accepted,
            files,
            state,
        }
    }

    fn want(&self, role: Role, file: &FileMeta) -> Result<Wanted, VerifyError> {
        let left = self.terms.limits.repository.saturating_sub(self.total);
        let limit = self.terms.limits.role.min(left);
        if file.length > limit {
            return Err(self.error(
                &role,
                Fault::TooLarge {
                    length: file.length,
                    limit,
                },
            ));
        }
        Ok(Wanted {
            role,
            file: file.clone(),
        })
    }

    /// Checks the signatures, form, version and expiry of a base role's file, and takes it in.
    fn take<T>(
        &mut self,
        role: &Role,
        bytes: &[u8],
        limit: u64,
        read: impl Fn(&Envelope) -> Result<T, MetadataError>,
        common: impl Fn(&T) -> Common,
    ) -> Result<T, Fault> {
        self.count(bytes, limit)?;
        // Every base role is in a parsed root.
        let keys = self
            .chain
            .newest()
            .role_keys(role)
            .ok_or(Fault::FileMissing)?;
        let envelope = check_signatures(bytes, &keys)?;
        let file = read(&envelope)?;
        self.accept(role, common(&file), bytes, &keys)?;
        check_expiry(common(&file), self.terms)?;
        Ok(file)
    }

    /// Counts `bytes` towards the repository's limit.
    fn count(&mut self, bytes: &[u8], limit: u64) -> Result<(), Fault> {
        let length = count(bytes.len());
        let limit = limit.min(self.terms.limits.repository.saturating_sub(self.total));
        if length > limit {
            return Err(Fault::TooLarge { length, limit });
        }
        self.total = self.total.saturating_add(length);
        Ok(())
    }

    fn accept(
        &mut self,
        role: &Role,
        common: Common,
        bytes: &[u8],
        keys: &RoleKeys,
    ) -> Result<(), Fault> {
        let accepted = check_version(role, common, bytes, keys, self.terms)?;
        let Common { version, expires } = common;
        let facts = RoleFacts {
            version,
            expires,
            sha256: accepted.sha256,
        };
        self.roles.insert(role.clone(), facts);
        self.accepted.insert(role.clone(), accepted);
        self.files.insert(role.clone(), bytes.to_vec());
        Ok(())
    }
}
