//! Reads: one header, then what it names.

use std::collections::BTreeMap;

use vouchsafe_trust::evidence::{Known, Statement, Wanted};
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::{
    Evidence, Gun, Query, RepositoryFacts, RepositoryMetadata, Role, Server, Sha256,
};

use crate::key::RepoKey;
use crate::record::{Active, Files, Front, Header};
use crate::{Store, StoreError, blob, retained};

impl Store {
    /// What is stored about an image.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read; that is no evidence of anything.
    pub fn evidence(&self, query: &Query) -> Result<Evidence, StoreError> {
        let repo = RepoKey::new(&query.server, &query.gun);
        let evidence = self.read(&repo, &query.gun, |header| {
            Ok(match header.front(&self.0.trees.file, &repo)? {
                None => None,
                Some(Front::Withdrawn { at }) => Some(Evidence::Withdrawn { at }),
                Some(Front::Active(active)) => self
                    .known(&repo, header, *active, query)?
                    .map(|known| Evidence::Known(Box::new(known))),
            })
        })?;
        Ok(evidence.unwrap_or(Evidence::Unknown))
    }

    /// What verification found out about a repository, unless it was withdrawn.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn facts(&self, server: &Server, gun: &Gun) -> Result<Option<RepositoryFacts>, StoreError> {
        let repo = RepoKey::new(server, gun);
        let active = self.active(&repo, gun)?;
        Ok(active.map(|active| active.facts))
    }

    /// Whether there is any repository that was not withdrawn. Looks no further than the first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn holds_any(&self) -> Result<bool, StoreError> {
        for key in self.0.trees.header.iter().keys() {
            let (server, gun) = self.repository_of(&key?)?;
            if self.facts(&server, &gun)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What no update of a repository may fall behind; kept through a withdrawal.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn accepted(&self, server: &Server, gun: &Gun) -> Result<Option<Accepted>, StoreError> {
        let repo = RepoKey::new(server, gun);
        self.read(&repo, gun, |header| {
            let record = header.record(&self.0.trees.file, &repo)?;
            Ok(record.map(|record| record.back.accepted))
        })
    }

    /// The role files of a repository, as they came, unless it was withdrawn.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn metadata(
        &self,
        server: &Server,
        gun: &Gun,
    ) -> Result<Option<RepositoryMetadata>, StoreError> {
        let repo = RepoKey::new(server, gun);
        let metadata = self.read(&repo, gun, |header| {
            let Some(record) = header.record(&self.0.trees.file, &repo)? else {
                return Ok(None);
            };
            match &record.back.files {
                None => Ok(Some(None)),
                Some(files) => Ok(self.role_files(&repo, gun, files)?.map(Some)),
            }
        })?;
        Ok(metadata.flatten())
    }

    /// The targets of each role of a repository, ordered by name; none if it is not stored.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn tags(
        &self,
        server: &Server,
        gun: &Gun,
    ) -> Result<BTreeMap<Role, Vec<Target>>, StoreError> {
        let repo = RepoKey::new(server, gun);
        let tags = self.read_active(&repo, gun, |active| {
            let mut tags = BTreeMap::new();
            for (role, pages) in &active.targets {
                let Some(targets) = pages.all(&self.0.trees.page, &repo)? else {
                    return Ok(None);
                };
                tags.insert(role.clone(), targets);
            }
            Ok(Some(tags))
        })?;
        Ok(tags.unwrap_or_default())
    }

    /// The digest that each role states for a tag at the moment.
    pub(crate) fn tag_digests(
        &self,
        repo: &RepoKey,
        gun: &Gun,
        tag: &str,
    ) -> Result<BTreeMap<Role, Sha256>, StoreError> {
        let wanted = Wanted::Tag(tag.to_owned());
        let digests = self.read_active(repo, gun, |active| {
            let mut digests = BTreeMap::new();
            for (role, pages) in &active.targets {
                let Some(targets) = pages.find(&self.0.trees.page, repo, &wanted)? else {
                    return Ok(None);
                };
                let digest = targets.iter().find_map(|target| target.sha256);
                digests.extend(digest.map(|digest| (role.clone(), digest)));
            }
            Ok(Some(digests))
        })?;
        Ok(digests.unwrap_or_default())
    }

    /// Runs `read` on the header, and again on each newer one by which it was superseded meanwhile
    /// (`read` then misses something and returns `None`). `None` if nothing is stored.
    pub(crate) fn read<T>(
        &self,
        repo: &RepoKey,
        gun: &Gun,
        read: impl Fn(&Header) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.0.cache.count(repo);
        let attempt = || {
            let mut last: Option<sled::IVec> = None;
            for _ in 0..MAX_ATTEMPTS {
                let Some(raw) = self.0.trees.header.get(repo.as_bytes())? else {
                    return Ok(None);
                };
                // A header is swapped before what it alone refers to is dropped. So if something is
                // missing and the header is still the same, it is not superseded but damaged.
                if last.as_ref() == Some(&raw) {
                    return Err(StoreError::damaged(format!("a part of {gun} is missing")));
                }
                let header = Header::parse(raw)?;
                if let Some(value) = read(&header)? {
                    return Ok(Some(value));
                }
                last = Some(header.raw().clone());
            }
            Err(StoreError::Contended { gun: gun.clone() })
        };
        attempt().map_err(|error| self.note(error))
    }

    pub(crate) fn active(&self, repo: &RepoKey, gun: &Gun) -> Result<Option<Active>, StoreError> {
        let active = self.read(repo, gun, |header| {
            Ok(match header.front(&self.0.trees.file, repo)? {
                None => None,
                Some(Front::Withdrawn { .. }) => Some(None),
                Some(Front::Active(active)) => Some(Some(*active)),
            })
        })?;
        Ok(active.flatten())
    }

    /// Like [`Store::read`], for what only a repository has that was not withdrawn.
    fn read_active<T>(
        &self,
        repo: &RepoKey,
        gun: &Gun,
        read: impl Fn(&Active) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let found = self.read(repo, gun, |header| {
            match header.front(&self.0.trees.file, repo)? {
                None => Ok(None),
                Some(Front::Withdrawn { .. }) => Ok(Some(None)),
                Some(Front::Active(active)) => Ok(read(&active)?.map(Some)),
            }
        })?;
        Ok(found.flatten())
    }

    /// What is stored about an image; `None` if `header` was superseded meanwhile.
    pub(crate) fn known(
        &self,
        repo: &RepoKey,
        header: &Header,
        active: Active,
        query: &Query,
    ) -> Result<Option<Known>, StoreError> {
        let trees = &self.0.trees;
        let mut statements = Vec::new();
        let mut looked_back = false;
        for role in active.facts.speakers(&query.signers) {
            // A role that was not accepted states nothing, and what it stated does not count.
            let (mut targets, mut former) = (Vec::new(), Vec::new());
            if let Some(pages) = active.targets.get(&role) {
                match pages.find(&trees.page, repo, &query.wanted)? {
                    Some(found) => targets = found,
                    None => return Ok(None),
                }
                let states = |digest| {
                    let counts = |target: &Target| active.facts.covers(&role, &target.name);
                    let mut targets = targets.iter();
                    targets.any(|target| target.sha256 == Some(digest) && counts(target))
                };
                if let Some(asked) = query.retained.as_ref().filter(|it| !states(it.digest)) {
                    former = retained::find(&trees.retained, repo, &role, &asked.digest)?;
                    looked_back = true;
                }
            }
            statements.push(Statement {
                role,
                targets,
                former,
            });
        }
        // Unlike pages, what was stated before is not of one generation: it must not be judged by
        // an older header than the one under which it was stated.
        if looked_back && trees.header.get(repo.as_bytes())?.as_ref() != Some(header.raw()) {
            return Ok(None);
        }
        Ok(Some(Known {
            facts: active.facts,
            statements,
            vouch: active.vouch,
        }))
    }

    pub(crate) fn role_files(
        &self,
        repo: &RepoKey,
        gun: &Gun,
        files: &Files,
    ) -> Result<Option<RepositoryMetadata>, StoreError> {
        let read = |digest: &Sha256| -> Result<Option<Vec<u8>>, StoreError> {
            let bytes = blob::get(&self.0.trees.file, &repo.file(digest))?;
            match bytes {
                Some(bytes) if Sha256::of(&bytes) != *digest => {
                    Err(StoreError::damaged(format!("a role file of {gun}")))
                }
                bytes => Ok(bytes),
            }
        };
        let roots: Option<Vec<_>> = files
            .roots
            .iter()
            .map(|root| read(root).transpose())
            .map(Option::transpose)
            .collect::<Result<_, _>>()?;
        let delegations: Option<BTreeMap<_, _>> = files
            .delegations
            .iter()
            .map(|(name, file)| Ok(read(file)?.map(|bytes| (name.clone(), bytes))))
            .collect::<Result<_, StoreError>>()?;
        let timestamp = read(&files.timestamp)?;
        let (snapshot, targets) = (read(&files.snapshot)?, read(&files.targets)?);
        let parts = (roots, timestamp, snapshot, targets, delegations);
        let (Some(roots), Some(timestamp), Some(snapshot), Some(targets), Some(delegations)) =
            parts
        else {
            return Ok(None);
        };
        Ok(Some(RepositoryMetadata {
            gun: gun.clone(),
            roots,
            timestamp,
            snapshot,
            targets,
            delegations,
        }))
    }
}

/// How many commits of one repository a read follows. Each is a round trip to the disk, so a read
/// never meets more than one or two.
const MAX_ATTEMPTS: usize = 64;
