//! The one way in: a verified repository, whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_trust::evidence::Vouch;
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::{Gun, RepositoryMetadata, Server, Sha256, VerifiedRepository};

use crate::floor;
use crate::history::Superseded;
use crate::key::RepoKey;
use crate::record::{Active, Back, Files, Front, Header, Record};
use crate::store::Trees;
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
        let repo = RepoKey::new(server, &repository.facts().gun);
        let _turn = self.0.turns.take(&repo);
        let commit = || {
            let written = self.offer(server, &repo, repository)?;
            self.0.durable.sync()?;
            Ok(self.settle(&repo, &written))
        };
        commit().map_err(|error| self.note_write(error))
    }

    /// Commits repositories, each for itself, with one wait for the disk: when this returns, each that is
    /// `Ok` is on the disk as a whole. Of several of one name, the last counts.
    ///
    /// # Errors
    ///
    /// For each as for [`Store::commit`].
    pub fn commit_all(
        &self,
        server: &Server,
        repositories: &[VerifiedRepository],
    ) -> BTreeMap<Gun, Result<Commit, StoreError>> {
        let keyed = repositories.iter().map(|repository| {
            let gun = repository.facts().gun.clone();
            (RepoKey::new(server, &gun), (gun, repository))
        });
        let keyed: BTreeMap<RepoKey, _> = keyed.collect();
        let turns = self.0.turns.take_all(&keyed.keys().cloned().collect());
        let written: Vec<_> = keyed
            .into_iter()
            .map(|(repo, (gun, repository))| {
                let written = self.offer(server, &repo, repository);
                (repo, gun, written)
            })
            .collect();
        let last = self.0.durable.written();
        let commits = written.into_iter().map(|(repo, gun, written)| {
            let settled = written.and_then(|written| {
                self.0.durable.sync_to(last)?;
                Ok(self.settle(&repo, &written))
            });
            (gun, settled.map_err(|error| self.note_write(error)))
        });
        let commits = commits.collect();
        drop(turns);
        commits
    }

    /// Writes `repository` in the place of what is stored, for whoever has its turn.
    fn offer(
        &self,
        server: &Server,
        repo: &RepoKey,
        repository: &VerifiedRepository,
    ) -> Result<Written, StoreError> {
        let before = self.0.trees.stored(repo)?;
        let offered = repository.accepted();
        let accepted = match &before {
            None => offered.clone(),
            Some(before) => floor::raise(&before.record.back.accepted, offered)
                .map_err(|behind| behind.of(server, &repository.facts().gun))?,
        };
        let offered = Offered::new(repository);
        // Whoever vouched for these files vouches for them still.
        let vouch = before.as_ref().and_then(|before| offered.vouch_for(before));
        self.write(repo, before, offered, (accepted, vouch))
    }

    /// Writes what is offered in the place of `before`.
    pub(crate) fn write(
        &self,
        repo: &RepoKey,
        before: Option<Stored>,
        offered: Offered<'_>,
        (accepted, vouch): (Accepted, Option<Vouch>),
    ) -> Result<Written, StoreError> {
        let repository = offered.repository;
        let (record, content) = offered.content(before.as_ref(), accepted, vouch);
        let superseded = self.superseded_by(repo, before.as_ref(), repository)?;
        let mut new_files = 0;
        let swapped = self.swap(repo, before.as_ref(), &record, || {
            new_files = self.stage(repo, before.as_ref(), content)?;
            self.remember(repo, superseded)
        })?;
        Ok(Written {
            before,
            record,
            swapped,
            new_files,
        })
    }

    /// Tidies up after a commit that is on the disk.
    pub(crate) fn settle(&self, repo: &RepoKey, written: &Written) -> Commit {
        let (before, record) = (written.before.as_ref(), &written.record);
        self.tidy(repo, before, record, &written.swapped);
        Commit {
            generation: written.swapped.generation,
            new_files: written.new_files,
        }
    }

    /// Writes what a header is going to refer to. Returns how many role files had not been stored.
    pub(crate) fn stage(
        &self,
        repo: &RepoKey,
        before: Option<&Stored>,
        content: Content<'_>,
    ) -> Result<usize, StoreError> {
        let contents = content.files.values().map(|bytes| bytes.len()).sum();
        self.0.durable.room_for_commit(contents)?;
        let new_files = content.files.len();
        for (digest, bytes) in content.files {
            blob::put(&self.0.trees.file, &repo.file(&digest), bytes)?;
        }
        for (digest, listed) in content.pages {
            page::put(&self.0.trees.page, repo, digest, listed)?;
        }
        if before.is_none() {
            // Forgetting may have failed halfway. Another owner must not inherit a word.
            self.0.trees.retained.drop_prefix(repo.as_bytes())?;
        }
        Ok(new_files)
    }

    /// What `repository` no longer states of `before`.
    pub(crate) fn superseded_by(
        &self,
        repo: &RepoKey,
        before: Option<&Stored>,
        repository: &VerifiedRepository,
    ) -> Result<Superseded, StoreError> {
        let at = repository.facts().verified_at;
        before.map_or_else(
            || Ok(Superseded::default()),
            |before| self.superseded(repo, &before.record, Some(repository), at),
        )
    }

    /// Puts `record` in the place of `before`, on the disk when this returns: what `stage` writes first,
    /// under keys that nothing refers to yet, then the header in one swap.
    pub(crate) fn publish(
        &self,
        repo: &RepoKey,
        before: Option<&Stored>,
        record: &Record,
        stage: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let swapped = self.swap(repo, before, record, stage)?;
        self.0.durable.sync()?;
        self.tidy(repo, before, record, &swapped);
        Ok(())
    }

    /// The part of [`Store::publish`] before the wait for the disk.
    ///
    /// All of it is in one log, in this order, and recovery takes a prefix of the log: no header
    /// without what it names.
    fn swap(
        &self,
        repo: &RepoKey,
        before: Option<&Stored>,
        record: &Record,
        stage: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<Swapped, StoreError> {
        self.0.durable.room_for_commit(0)?;
        let trees = &self.0.trees;
        let left_over = trees.begun.insert(repo.as_bytes(), &[])?.is_some();
        stage()?;
        let generation = self.0.durable.next_generation();
        let encoded = record.encode(generation)?;
        if let Some((digest, body)) = &encoded.body {
            blob::put(&trees.file, &repo.file(digest), body)?;
        }
        let old = before.map(|before| before.header.raw());
        if !trees.header.swap(repo.as_bytes(), old, &encoded.header)? {
            // Whoever has the turn is alone.
            return Err(StoreError::damaged("a header changed under its writer"));
        }
        Ok(Swapped {
            generation,
            left_over,
            body: encoded.body.map(|(digest, _)| digest),
        })
    }

    /// The part of [`Store::publish`] after the wait for the disk.
    fn tidy(&self, repo: &RepoKey, before: Option<&Stored>, record: &Record, swapped: &Swapped) {
        let trees = &self.0.trees;
        let tidied = if swapped.left_over {
            trees.sweep(repo)
        } else {
            trees.drop_superseded(repo, before, record, swapped.body)
        };
        if let Err(error) = tidied.and_then(|()| Ok(trees.begun.remove(repo.as_bytes())?)) {
            // The commit stands; what is left over is swept later.
            tracing::warn!(%error, "cannot drop what a commit superseded");
        }
    }
}

/// A header that was swapped, and may not be on the disk yet.
struct Swapped {
    generation: u64,
    /// Whether an earlier commit was not tidied up after.
    left_over: bool,
    /// The digest of the header's body, where that is kept apart.
    body: Option<Sha256>,
}

/// A repository that was written, and may not be on the disk yet.
pub(crate) struct Written {
    before: Option<Stored>,
    record: Record,
    swapped: Swapped,
    new_files: usize,
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

/// What is not stored yet of a repository.
pub(crate) struct Content<'r> {
    files: BTreeMap<Sha256, &'r [u8]>,
    pages: BTreeMap<Sha256, &'r Vec<Target>>,
}

/// A repository that is to be stored, with the digests of its role files.
pub(crate) struct Offered<'r> {
    repository: &'r VerifiedRepository,
    files: Files,
    contents: BTreeMap<Sha256, &'r [u8]>,
}

impl<'r> Offered<'r> {
    pub(crate) fn new(repository: &'r VerifiedRepository) -> Self {
        let (files, contents) = files(repository.metadata());
        Self {
            repository,
            files,
            contents,
        }
    }

    /// Whether `before` is made of the same files.
    pub(crate) fn is_same_as(&self, before: &Stored) -> bool {
        before.record.back.files.as_ref() == Some(&self.files)
    }

    /// The word that `before` has, if it is made of the same files.
    pub(crate) fn vouch_for(&self, before: &Stored) -> Option<Vouch> {
        let Front::Active(active) = &before.record.front else {
            return None;
        };
        active.vouch.clone().filter(|_| self.is_same_as(before))
    }

    /// What to store in the place of `before`.
    pub(crate) fn content(
        self,
        before: Option<&Stored>,
        accepted: Accepted,
        vouch: Option<Vouch>,
    ) -> (Record, Content<'r>) {
        let Self {
            repository,
            files,
            contents: mut to_store,
        } = self;
        let known = |digests: fn(&Record) -> BTreeSet<Sha256>| {
            before.map_or_else(BTreeSet::new, |before| digests(&before.record))
        };
        let (known_files, known_pages) = (known(Record::files), known(Record::paged));
        to_store.retain(|digest, _| !known_files.contains(digest));
        let (mut targets, mut pages) = (BTreeMap::new(), BTreeMap::new());
        for (role, listed) in repository.targets() {
            // Every role that states targets is an accepted file.
            let Some(file) = repository.facts().roles.get(role) else {
                continue;
            };
            targets.insert(role.clone(), page::layout(file.sha256, listed.len()));
            if !known_pages.contains(&file.sha256) {
                pages.insert(file.sha256, listed);
            }
        }
        let record = Record {
            front: Front::Active(Box::new(Active {
                facts: repository.facts().clone(),
                unproven: None,
                targets,
                vouch,
            })),
            back: Back {
                accepted,
                files: Some(files),
            },
        };
        let content = Content {
            files: to_store,
            pages,
        };
        (record, content)
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
