//! The one way in: a verified repository, whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::{RepositoryMetadata, Server, Sha256, VerifiedRepository};

use crate::floor::{self, Behind};
use crate::key::RepoKey;
use crate::record::{Active, Back, Files, Front, Header, Record};
use crate::store::Trees;
use crate::sweep::drop_prefix;
use crate::{Store, StoreError, blob, page};

/// A commit that is on the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Commit {
    /// The number of the state that was committed. Numbers grow over the whole store.
    pub generation: u64,
    /// How many role files had not been stored before.
    pub new_files: usize,
}

/// A repository as it is stored at the moment.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) header: Header,
    pub(crate) record: Record,
}

impl Store {
    /// Commits `repository`: when this returns, it is on the disk as a whole, and readers see it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Superseded`] if it falls behind what is stored by now; any other error if it
    /// cannot be written, in which case what was stored before still stands.
    pub fn commit(
        &self,
        server: &Server,
        repository: &VerifiedRepository,
    ) -> Result<Commit, StoreError> {
        let gun = &repository.facts().gun;
        let repo = RepoKey::new(server, gun);
        let _turn = self.0.turns.take(&repo);
        let commit = || {
            let before = self.0.trees.stored(&repo)?;
            let offered = repository.accepted();
            let accepted = match &before {
                None => offered.clone(),
                Some(before) => floor::raise(&before.record.back.accepted, offered).map_err(
                    |Behind {
                         role,
                         stored,
                         offered,
                     }| StoreError::Superseded {
                        server: server.clone(),
                        gun: gun.clone(),
                        role,
                        stored,
                        offered,
                    },
                )?,
            };
            self.write(&repo, before.as_ref(), repository, accepted)
        };
        commit().map_err(|error| self.note(error))
    }

    /// Writes `repository` in the place of `before`.
    pub(crate) fn write(
        &self,
        repo: &RepoKey,
        before: Option<&Stored>,
        repository: &VerifiedRepository,
        accepted: Accepted,
    ) -> Result<Commit, StoreError> {
        let (files, contents) = files(repository.metadata());
        let known = |digests: fn(&Record) -> BTreeSet<Sha256>| {
            before.map_or_else(BTreeSet::new, |before| digests(&before.record))
        };
        let (known_files, known_pages) = (known(Record::files), known(Record::paged));
        let mut targets = BTreeMap::new();
        let mut to_page = BTreeMap::new();
        for (role, listed) in repository.targets() {
            // Every role that states targets is an accepted file.
            let Some(file) = repository.facts().roles.get(role) else {
                continue;
            };
            targets.insert(role.clone(), page::layout(file.sha256, listed.len()));
            if !known_pages.contains(&file.sha256) {
                to_page.insert(file.sha256, listed);
            }
        }
        let record = Record {
            front: Front::Active(Box::new(Active {
                facts: repository.facts().clone(),
                unproven: None,
                targets,
            })),
            back: Back {
                accepted,
                files: Some(files),
            },
        };
        let mut new_files = 0;
        let stage = || {
            for (digest, bytes) in &contents {
                if !known_files.contains(digest) {
                    blob::put(&self.0.trees.file, &repo.file(digest), bytes)?;
                    new_files += 1;
                }
            }
            for (digest, listed) in to_page {
                page::put(&self.0.trees.page, repo, digest, listed)?;
            }
            let at = repository.facts().verified_at;
            match before {
                Some(before) => self.remember(repo, &before.record, Some(repository), at),
                // Forgetting may have failed halfway. Another owner must not inherit a word.
                None => drop_prefix(&self.0.trees.retained, repo.as_bytes()),
            }
        };
        let generation = self.publish(repo, before, &record, stage)?;
        Ok(Commit {
            generation,
            new_files,
        })
    }

    /// Puts `record` in the place of `before`: what `stage` writes first, under keys that nothing
    /// refers to yet, then the header in one swap.
    pub(crate) fn publish(
        &self,
        repo: &RepoKey,
        before: Option<&Stored>,
        record: &Record,
        stage: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let trees = &self.0.trees;
        let left_over = trees.begun.insert(repo.as_bytes(), &[])?.is_some();
        stage()?;
        let generation = self.0.durable.next_generation();
        let encoded = record.encode(generation)?;
        if let Some((digest, body)) = &encoded.body {
            blob::put(&trees.file, &repo.file(digest), body)?;
        }
        let old = before.map(|before| before.header.raw());
        let swap = trees
            .header
            .compare_and_swap(repo.as_bytes(), old, Some(encoded.header))?;
        if swap.is_err() {
            // Whoever has the turn is alone.
            return Err(StoreError::damaged("a header changed under its writer"));
        }
        // All of it is in one log, in this order, and recovery takes a prefix of the log: no header
        // without what it names.
        self.0.durable.sync()?;
        let body = encoded.body.map(|(digest, _)| digest);
        let tidied = if left_over {
            trees.sweep(repo)
        } else {
            trees.drop_superseded(repo, before, record, body)
        };
        if let Err(error) = tidied.and_then(|()| Ok(trees.begun.remove(repo.as_bytes())?)) {
            // The commit stands; what is left over is swept later.
            tracing::warn!(%error, "cannot drop what a commit superseded");
        }
        Ok(generation)
    }
}

impl Trees {
    /// What is stored, for whoever has the turn to write it.
    pub(crate) fn stored(&self, repo: &RepoKey) -> Result<Option<Stored>, StoreError> {
        let Some(raw) = self.header.get(repo.as_bytes())? else {
            return Ok(None);
        };
        let header = Header::parse(raw)?;
        let record = header
            .record(&self.file, repo)?
            .ok_or_else(|| StoreError::damaged("the body of a header is missing"))?;
        Ok(Some(Stored { header, record }))
    }
}

/// The role files by digest, and which of them is what.
fn files(metadata: &RepositoryMetadata) -> (Files, BTreeMap<Sha256, &[u8]>) {
    let mut contents = BTreeMap::new();
    let mut add = |bytes| {
        let digest = Sha256::of(bytes);
        contents.insert(digest, bytes);
        digest
    };
    let files = Files {
        roots: metadata.roots.iter().map(|root| add(root)).collect(),
        timestamp: add(&metadata.timestamp),
        snapshot: add(&metadata.snapshot),
        targets: add(&metadata.targets),
        delegations: metadata
            .delegations
            .iter()
            .map(|(name, bytes)| (name.clone(), add(bytes)))
            .collect(),
    };
    (files, contents)
}
