//! A whole bundle at once: many repositories, visible together or not at all.
//!
//! What headers refer to is written first, repository by repository, while each one's turn is held.
//! Then all headers and the record of the bundle are swapped in one transaction of sled, which recovery
//! takes whole or not at all. Readers see one repository at a time, as ever; they wait while the
//! headers are swapped, which takes some milliseconds for thousands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;
use sled::Transactional as _;
use sled::transaction::{ConflictableTransactionError, TransactionError};
use vouchsafe_trust::evidence::Vouch;
use vouchsafe_trust::{Gun, Role, Server, Sha256, VerifiedRepository};

use crate::bundle::ImportedBundle;
use crate::commit::{Stored, content, files};
use crate::history::Past;
use crate::key::RepoKey;
use crate::record::{Back, Front, Record};
use crate::turn::Turn;
use crate::{Store, StoreError, blob, floor};

/// A bundle that is being taken in. Dropped before it is [committed](Import::commit), it changes
/// nothing.
#[derive(Debug)]
#[must_use]
pub struct Import<'s> {
    store: &'s Store,
    staged: BTreeMap<RepoKey, Swap>,
    turns: BTreeMap<RepoKey, Turn<'s>>,
    /// Two that hold turns and wait for each other's would wait for ever.
    _alone: MutexGuard<'s, ()>,
}

/// A header, and the one that it takes the place of.
#[derive(Debug)]
struct Swap {
    before: Option<sled::IVec>,
    after: Vec<u8>,
    /// Written down once it is certain that the present changes.
    past: Past,
}

/// What became of a repository that a bundle brings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Staged {
    /// It will take the place of what is stored, or is new.
    Changed,
    /// It stays withdrawn: nobody vouches that it was there after its server no longer had it.
    Gone {
        /// When its server said so.
        at: Timestamp,
    },
    /// The same files are stored; at most who vouches for them changes.
    Same,
}

/// What became of a repository that a bundle says is as it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kept {
    /// Other files are stored.
    Differs,
    /// A role had expired before whoever vouches says that it was current.
    Expired {
        /// The role.
        role: Role,
        /// When it did.
        at: Timestamp,
    },
    /// It is.
    Kept,
    /// Nothing is stored of it.
    NotStored,
}

impl Store {
    /// Begins to take in a bundle; waits for another one to be done.
    pub fn begin_import(&self) -> Import<'_> {
        let alone = self.0.importing.lock();
        Import {
            store: self,
            staged: BTreeMap::new(),
            turns: BTreeMap::new(),
            _alone: alone.unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Import<'_> {
    /// Prepares to commit `repository`, for which `vouch` is said.
    ///
    /// # Errors
    ///
    /// [`StoreError::Superseded`] if it falls behind what is stored; any other error if it cannot be
    /// written. Either way the repository stays as it is.
    pub fn stage(
        &mut self,
        server: &Server,
        repository: &VerifiedRepository,
        vouch: Vouch,
    ) -> Result<Staged, StoreError> {
        let gun = &repository.facts().gun;
        let repo = RepoKey::new(server, gun);
        let (store, before) = (self.store, self.take(&repo)?);
        if let Some(at) = before.as_ref().and_then(|before| gone(before, &vouch)) {
            return Ok(Staged::Gone { at });
        }
        let offered = repository.accepted();
        let accepted = match &before {
            None => offered.clone(),
            Some(before) => floor::raise(&before.record.back.accepted, offered)
                .map_err(|behind| behind.of(server, gun))?,
        };
        let same = before.as_ref().filter(|before| {
            let (offered, _) = files(repository.metadata());
            before.record.back.files.as_ref() == Some(&offered)
                && matches!(&before.record.front, Front::Active(active)
                    if active.facts.pins == repository.facts().pins && active.unproven.is_none())
        });
        if let Some(same) = same {
            self.vouch(&repo, same, vouch)?;
            return Ok(Staged::Same);
        }
        let (record, content) = content(before.as_ref(), repository, accepted, Some(vouch));
        store.0.trees.begun.insert(repo.as_bytes(), &[])?;
        store.stage(&repo, before.as_ref(), content)?;
        let at = repository.facts().verified_at;
        let past = before
            .as_ref()
            .map(|before| store.past(&repo, &before.record, Some(repository), at))
            .transpose()?;
        self.swap(&repo, before.as_ref(), &record, past.unwrap_or_default())?;
        Ok(Staged::Changed)
    }

    /// Prepares to say `vouch` for a repository that is stored with just these role `files`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read or written.
    pub fn keep(
        &mut self,
        server: &Server,
        gun: &Gun,
        files: &BTreeSet<Sha256>,
        vouch: Vouch,
    ) -> Result<Kept, StoreError> {
        let repo = RepoKey::new(server, gun);
        let Some(before) = self.take(&repo)? else {
            return Ok(Kept::NotStored);
        };
        if before.record.files() != *files {
            return Ok(Kept::Differs);
        }
        if let Some((role, at)) = expired(&before, vouch.created_at) {
            return Ok(Kept::Expired { role, at });
        }
        self.vouch(&repo, &before, vouch)?;
        Ok(Kept::Kept)
    }

    /// Prepares to withdraw a repository, which its server no longer had at `at`, as is known `now`. Returns
    /// whether it was there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read or written.
    pub fn withdraw(
        &mut self,
        server: &Server,
        gun: &Gun,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let repo = RepoKey::new(server, gun);
        let before = self.take(&repo)?;
        let Some(before) = before.filter(|it| matches!(it.record.front, Front::Active(_))) else {
            return Ok(false);
        };
        let record = Record {
            front: Front::Withdrawn { at },
            back: Back {
                accepted: before.record.back.accepted.clone(),
                files: None,
            },
        };
        self.store.0.trees.begun.insert(repo.as_bytes(), &[])?;
        let past = self.store.past(&repo, &before.record, None, now)?;
        self.swap(&repo, Some(&before), &record, past)?;
        Ok(true)
    }

    /// Commits all that was prepared, and that `bundle` was taken in: when this returns, it is on the
    /// disk as a whole.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written; then nothing has changed.
    pub fn commit(mut self, bundle: &ImportedBundle) -> Result<(), StoreError> {
        let result = self.publish(bundle);
        result.map_err(|error| self.store.note(error))
    }

    fn publish(&mut self, bundle: &ImportedBundle) -> Result<(), StoreError> {
        let store = self.store;
        let trees = &store.0.trees;
        let (key, value) = bundle.encode()?;
        for (repo, swap) in &mut self.staged {
            store.write_down(repo, std::mem::take(&mut swap.past))?;
        }
        let swapped = (&trees.header, &trees.bundle).transaction(|(headers, bundles)| {
            for (repo, swap) in &self.staged {
                let before = headers.insert(repo.as_bytes(), swap.after.as_slice())?;
                if before != swap.before {
                    // Whoever has the turn is alone.
                    return Err(ConflictableTransactionError::Abort(()));
                }
            }
            bundles.insert(key.as_slice(), value.as_slice())?;
            Ok(())
        });
        match swapped {
            Ok(()) => {}
            Err(TransactionError::Abort(())) => {
                return Err(StoreError::damaged("a header changed under its writer"));
            }
            Err(TransactionError::Storage(error)) => return Err(error.into()),
        }
        store.0.durable.sync()?;
        self.tidy();
        self.staged.clear();
        Ok(())
    }

    /// Drops what no header refers to. What cannot be dropped now is swept later.
    fn tidy(&self) {
        let trees = &self.store.0.trees;
        for repo in self.staged.keys() {
            let tidied = trees.sweep(repo);
            let tidied = tidied.and_then(|()| Ok(trees.begun.remove(repo.as_bytes())?));
            if let Err(error) = tidied {
                tracing::warn!(%error, "cannot drop what a bundle left over");
            }
        }
    }

    /// Waits for the repository's turn, which is kept until the end, and reads what is stored of it.
    fn take(&mut self, repo: &RepoKey) -> Result<Option<Stored>, StoreError> {
        let store = self.store;
        if !self.turns.contains_key(repo) {
            self.turns.insert(repo.clone(), store.0.turns.take(repo));
        }
        let stored = store.0.trees.stored(repo);
        stored.map_err(|error| store.note(error))
    }

    /// Prepares to say `vouch` for what is stored, unless what is said of it is later.
    fn vouch(&mut self, repo: &RepoKey, before: &Stored, vouch: Vouch) -> Result<(), StoreError> {
        let mut record = before.record.clone();
        let Front::Active(active) = &mut record.front else {
            return Ok(());
        };
        let present = active.vouch.as_ref();
        if present.is_some_and(|present| *present == vouch || outranks(present, &vouch)) {
            return Ok(());
        }
        active.vouch = Some(vouch);
        self.store.0.trees.begun.insert(repo.as_bytes(), &[])?;
        self.swap(repo, Some(before), &record, Past::default())
    }

    fn swap(
        &mut self,
        repo: &RepoKey,
        before: Option<&Stored>,
        record: &Record,
        past: Past,
    ) -> Result<(), StoreError> {
        let encoded = record.encode(self.store.0.durable.next_generation())?;
        if let Some((digest, body)) = &encoded.body {
            blob::put(&self.store.0.trees.file, &repo.file(digest), body)?;
        }
        let swap = Swap {
            before: before.map(|before| before.header.raw().clone()),
            after: encoded.header,
            past,
        };
        self.staged.insert(repo.clone(), swap);
        Ok(())
    }
}

/// Whether the `present` word stands, which may reach less far: an older one must not extend it.
fn outranks(present: &Vouch, offered: &Vouch) -> bool {
    !present.signers.is_empty()
        && (offered.signers.is_empty() || offered.created_at < present.created_at)
}

/// When what is stored was withdrawn, unless `vouch` says that it was there after that.
fn gone(before: &Stored, vouch: &Vouch) -> Option<Timestamp> {
    let Front::Withdrawn { at } = before.record.front else {
        return None;
    };
    // Anybody can write a time that nobody signs.
    let is_later = !vouch.signers.is_empty() && vouch.created_at > at;
    (!is_later).then_some(at)
}

/// The role that says what is current and had expired at `by`.
fn expired(before: &Stored, by: Timestamp) -> Option<(Role, Timestamp)> {
    let Front::Active(active) = &before.record.front else {
        return None;
    };
    let mut roles = [Role::Timestamp, Role::Snapshot].into_iter();
    roles.find_map(|role| {
        let at = active.facts.roles.get(&role)?.expires;
        (at < by).then_some((role, at))
    })
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        self.tidy();
    }
}
