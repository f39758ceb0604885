//! A whole bundle at once: many repositories, visible together or not at all.
//!
//! What headers refer to is written first, repository by repository, while each one's turn is held.
//! Then all headers and the record of the bundle are swapped in one transaction of sled, which recovery
//! takes whole or not at all. Readers see one repository at a time, as ever; they wait while the
//! headers are swapped, which takes about 0.2 s for ten thousand (`benches/store.rs`).

mod outcome;
mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;
use sled::Transactional as _;
use sled::transaction::{ConflictableTransactionError, TransactionError};
use vouchsafe_trust::evidence::Vouch;
use vouchsafe_trust::{Gun, Server, Sha256, VerifiedRepository};

pub use self::outcome::{Gone, Kept, Staged};
use self::word::{Counting, expired, gone};
use crate::bundle::ImportedBundle;
use crate::commit::{Offered, Stored};
use crate::history::Superseded;
use crate::key::RepoKey;
use crate::record::{Back, Front, Header, Record};
use crate::turn::Turn;
use crate::{RepositoryStatus, Store, StoreError, blob, floor};

/// A bundle that is being taken in. Dropped before it is [committed](Import::commit), it changes
/// nothing.
#[derive(Debug)]
#[must_use]
pub struct Import<'s> {
    store: &'s Store,
    staged: BTreeMap<RepoKey, Swap>,
    turns: BTreeMap<RepoKey, Turn<'s>>,
    counting: Counting<'s>,
    /// Two that hold turns and wait for each other's would wait for ever.
    _alone: MutexGuard<'s, ()>,
}

/// A header, and the one that it takes the place of.
#[derive(Debug)]
struct Swap {
    /// The generation, which no other state of the store has.
    before: Option<u64>,
    after: sled::IVec,
    /// What goes into the history then, and not before.
    superseded: Superseded,
}

impl Store {
    /// Begins to take in a bundle; waits for another one to be done.
    ///
    /// Whatever is prepared keeps its repository's turn: commits of it wait until the bundle is
    /// committed or dropped. So whoever takes in a bundle must not commit otherwise meanwhile.
    pub fn begin_import(&self) -> Import<'_> {
        let alone = self.0.importing.lock();
        Import {
            store: self,
            staged: BTreeMap::new(),
            turns: BTreeMap::new(),
            counting: Counting::default(),
            _alone: alone.unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl<'s> Import<'s> {
    /// Goes by `counts` for whose word counts; otherwise that of whoever signed does.
    pub fn counting(mut self, counts: impl Fn(&Vouch) -> bool + 's) -> Self {
        self.counting = Counting::new(counts);
        self
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
        let staged = self.prepare(server, repository, vouch);
        staged.map_err(|error| self.store.note_write(error))
    }

    fn prepare(
        &mut self,
        server: &Server,
        repository: &VerifiedRepository,
        vouch: Vouch,
    ) -> Result<Staged, StoreError> {
        let gun = &repository.facts().gun;
        let repo = RepoKey::new(server, gun);
        self.store.0.durable.room_for_commit(0)?;
        let (store, before) = (self.store, self.take(&repo)?);
        if let Some(at) = before.as_ref().and_then(|before| gone(before, &vouch)) {
            return Ok(Staged::Gone { at });
        }
        let accepted = repository.accepted();
        let accepted = match &before {
            None => accepted.clone(),
            Some(before) => floor::raise(&before.record.back.accepted, accepted)
                .map_err(|behind| behind.of(server, gun))?,
        };
        let offered = Offered::new(repository);
        let same = before.as_ref().filter(|before| {
            offered.is_same_as(before)
                && matches!(&before.record.front, Front::Active(active)
                    if active.facts.pins == repository.facts().pins && active.unproven.is_none())
        });
        if let Some(same) = same {
            self.vouch(&repo, same, vouch)?;
            return Ok(Staged::Same);
        }
        let present = before.as_ref();
        let present = present.and_then(|before| offered.vouch_for(before));
        let stands = self.counting.outranks(present.as_ref(), &vouch);
        let vouch = present.filter(|_| stands).unwrap_or(vouch);
        let (record, content) = offered.content(before.as_ref(), accepted, Some(vouch));
        store.0.trees.begun.insert(repo.as_bytes(), &[])?;
        store.stage(&repo, before.as_ref(), content)?;
        let superseded = store.superseded_by(&repo, before.as_ref(), repository)?;
        self.swap(&repo, before.as_ref(), &record, superseded)?;
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
        if matches!(&before.record.front, Front::Active(it) if it.unproven.is_some()) {
            return Ok(Kept::Unproven);
        }
        if let Some((role, at)) = expired(&before, vouch.created_at) {
            return Ok(Kept::Expired { role, at });
        }
        self.vouch(&repo, &before, vouch)?;
        Ok(Kept::Kept)
    }

    /// Prepares to withdraw a repository, which its server no longer had at `at`, as is known `now`, unless
    /// something later than `vouch` is said of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read or written.
    pub fn withdraw(
        &mut self,
        server: &Server,
        gun: &Gun,
        (at, now): (Timestamp, Timestamp),
        vouch: &Vouch,
    ) -> Result<Gone, StoreError> {
        let repo = RepoKey::new(server, gun);
        let Some(before) = self.take(&repo)? else {
            return Ok(Gone::Absent);
        };
        let Front::Active(active) = &before.record.front else {
            return Ok(Gone::Absent);
        };
        if self.counting.outranks(active.vouch.as_ref(), vouch) {
            return Ok(Gone::Outranked);
        }
        let record = Record {
            front: Front::Withdrawn { at },
            back: Back {
                accepted: before.record.back.accepted.clone(),
                files: None,
            },
        };
        self.store.0.trees.begun.insert(repo.as_bytes(), &[])?;
        let superseded = self.store.superseded(&repo, &before.record, None, now)?;
        self.swap(&repo, Some(&before), &record, superseded)?;
        Ok(Gone::Withdrawn)
    }

    /// Prepares to take back the word of the series of `vouch` from whatever it does not list, unless
    /// something later is said of that. Returns the repositories that lose it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be read or written.
    pub fn lapse(
        &mut self,
        vouch: &Vouch,
        listed: &BTreeSet<(Server, Gun)>,
    ) -> Result<Vec<(Server, Gun)>, StoreError> {
        let mut lapsed = Vec::new();
        for (server, gun) in self.store.repositories()? {
            let key = (server, gun);
            let vouched = |status: &RepositoryStatus| {
                let present = status.vouch();
                present.is_some_and(|present| present.bundle == vouch.bundle)
            };
            let (server, gun) = (&key.0, &key.1);
            if listed.contains(&key)
                || !vouched(&self.store.status_of(server.clone(), gun.clone())?)
            {
                continue;
            }
            let repo = RepoKey::new(server, gun);
            // Somebody else may have been faster, and what is withdrawn is prepared already.
            let before = self
                .take(&repo)?
                .filter(|_| !self.staged.contains_key(&repo));
            let Some(before) = before else { continue };
            let mut record = before.record.clone();
            if let Front::Active(active) = &mut record.front
                && !self.counting.outranks(active.vouch.as_ref(), vouch)
            {
                active.vouch = None;
                self.store.0.trees.begun.insert(repo.as_bytes(), &[])?;
                self.swap(&repo, Some(&before), &record, Superseded::default())?;
                lapsed.push(key);
            }
        }
        Ok(lapsed)
    }

    /// Commits all that was prepared, and that `bundle` was taken in: when this returns, it is on the
    /// disk as a whole.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written; then nothing has changed.
    pub fn commit(mut self, bundle: &ImportedBundle) -> Result<(), StoreError> {
        let result = self.publish(bundle);
        result.map_err(|error| self.store.note_write(error))
    }

    fn publish(&mut self, bundle: &ImportedBundle) -> Result<(), StoreError> {
        let store = self.store;
        store
            .0
            .durable
            .room_for_commit(self.staged.values().map(|swap| swap.after.len()).sum())?;
        let trees = &store.0.trees;
        let (key, value) = bundle.encode()?;
        for (repo, swap) in &mut self.staged {
            store.remember(repo, mem::take(&mut swap.superseded))?;
        }
        let staged = self.staged.iter();
        let headers =
            staged.map(|(repo, swap)| trees.header.change(repo.as_bytes(), Some(&swap.after)));
        let record = trees.bundle.change(&key, Some(&value));
        let changes: Vec<_> = headers.chain([record]).collect();
        let swap = || Ok(self.swap_all(&key, &value));
        let swapped = trees
            .header
            .checksum()
            .change(&changes, swap, Result::is_ok)?;
        match swapped {
            Ok(()) => {}
            Err(TransactionError::Abort(())) => {
                return Err(StoreError::damaged("a header changed under its writer"));
            }
            Err(TransactionError::Storage(error)) => return Err(error.into()),
        }
        store.0.durable.sync()?;
        Ok(())
    }

    /// Swaps all headers, and writes the record of the bundle, at once.
    fn swap_all(&self, key: &[u8], value: &[u8]) -> Result<(), TransactionError<()>> {
        let trees = &self.store.0.trees;
        (trees.header.tree(), trees.bundle.tree()).transaction(|(headers, bundles)| {
            for (repo, swap) in &self.staged {
                let before = headers.insert(repo.as_bytes(), &swap.after)?;
                let before = before.map(Header::parse).transpose();
                let before = before.map(|header| header.map(|header| header.generation));
                if before.ok() != Some(swap.before) {
                    // Whoever has the turn is alone.
                    return Err(ConflictableTransactionError::Abort(()));
                }
            }
            bundles.insert(key, value)?;
            Ok(())
        })
    }

    /// Drops what no header refers to. What cannot be dropped now is swept later.
    fn tidy(&self) {
        let trees = &self.store.0.trees;
        let tidy = |repo: &RepoKey| {
            // Also what could be staged only in part.
            if trees.begun.contains_key(repo.as_bytes())? {
                trees.sweep(repo)?;
                trees.begun.remove(repo.as_bytes())?;
            }
            Ok::<_, StoreError>(())
        };
        for repo in self.turns.keys() {
            if let Err(error) = tidy(repo) {
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
        if present == Some(&vouch) || self.counting.outranks(present, &vouch) {
            self.staged.remove(repo);
            return Ok(());
        }
        active.vouch = Some(vouch);
        self.store.0.trees.begun.insert(repo.as_bytes(), &[])?;
        self.swap(repo, Some(before), &record, Superseded::default())
    }

    fn swap(
        &mut self,
        repo: &RepoKey,
        before: Option<&Stored>,
        record: &Record,
        superseded: Superseded,
    ) -> Result<(), StoreError> {
        let encoded = record.encode(self.store.0.durable.next_generation())?;
        if let Some((digest, body)) = &encoded.body {
            blob::put(&self.store.0.trees.file, &repo.file(digest), body)?;
        }
        let swap = Swap {
            before: before.map(|before| before.header.generation),
            after: encoded.header.into(),
            superseded,
        };
        self.staged.insert(repo.clone(), swap);
        Ok(())
    }
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        self.tidy();
    }
}
