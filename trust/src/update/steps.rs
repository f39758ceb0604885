//! The update as a value that only moves forward.

mod delegations;
mod finish;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::role::{check_expiry, check_file, check_signatures, check_version, count};
use super::{Fault, RootChain, Terms, VerifyError};
use crate::metadata::{
    Common, Delegation, Envelope, FileMeta, MetadataError, RoleKeys, Snapshot, SnapshotMeta,
    Target, Targets,
};
use crate::name::{DelegationName, KeyId, Role};
use crate::repository::{AcceptedRole, DelegationState, RoleFacts};

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
    keys: BTreeMap<Role, BTreeSet<KeyId>>,
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
        let keys = [(Role::Root, chain.keys().clone())].into();
        Self {
            terms,
            chain,
            total: 0,
            roles: [(Role::Root, root)].into(),
            accepted: BTreeMap::new(),
            keys,
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
            keys,
            files,
            state: _,
        } = self;
        Update {
            terms,
            chain,
            total,
            roles,
            accepted,
            keys,
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
        check_expiry(role, common(&file), self.terms)?;
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
        self.keys.insert(role.clone(), keys.ids());
        self.files.insert(role.clone(), bytes.to_vec());
        Ok(())
    }
}
