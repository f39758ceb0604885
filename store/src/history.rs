//! What tags pointed to before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vouchsafe_trust::evidence::Former;
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::{Gun, Role, Server, Sha256, VerifiedRepository};

use crate::key::RepoKey;
use crate::record::{Front, Record};
use crate::{Store, StoreError, retained};

/// A digest that a role no longer states for a tag.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replaced {
    /// The role that stated it.
    pub role: Role,
    /// The digest.
    pub digest: Sha256,
    /// When the metadata was verified that states it no longer.
    pub replaced_at: Timestamp,
}

/// What a commit takes out of the present.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The roles that lose a key.
    disowned: BTreeSet<Role>,
    /// What they and others state no longer, by tag.
    replaced: Vec<(String, Replaced)>,
}

impl Store {
    /// What `tag` pointed to before, the oldest first, at most 64 entries.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn history(
        &self,
        server: &Server,
        gun: &Gun,
        tag: &str,
    ) -> Result<Vec<Replaced>, StoreError> {
        let repo = RepoKey::new(server, gun);
        let mut entries = self
            .replaced(&repo, tag)
            .map_err(|error| self.note(error))?;
        // An entry is written before the commit that replaces its digest. If a crash came between,
        // the digest is still stated, and the entry is ahead of its time.
        let current = self.tag_digests(&repo, gun, tag)?;
        let mut last: BTreeMap<Role, usize> = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            last.insert(entry.role.clone(), place);
        }
        let mut place = 0;
        entries.retain(|entry| {
            let is_last = last.get(&entry.role) == Some(&place);
            place += 1;
            !(is_last && current.get(&entry.role) == Some(&entry.digest))
        });
        Ok(entries)
    }

    /// Writes down what `after` no longer states, before it is committed; nothing is after a
    /// withdrawal.
    pub(crate) fn remember(
        &self,
        repo: &RepoKey,
        before: &Record,
        after: Option<&VerifiedRepository>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_down(repo, self.past(repo, before, after, at)?)
    }

    /// What `after` no longer states; nothing is after a withdrawal.
    pub(crate) fn past(
        &self,
        repo: &RepoKey,
        before: &Record,
        after: Option<&VerifiedRepository>,
        at: Timestamp,
    ) -> Result<Past, StoreError> {
        let disowned = after.map(|after| retained::disowned(before, after.accepted()));
        let mut past = Past {
            disowned: disowned.unwrap_or_default(),
            replaced: Vec::new(),
        };
        let Front::Active(active) = &before.front else {
            return Ok(past);
        };
        for (role, pages) in &active.targets {
            let file = after.and_then(|after| after.facts().roles.get(role));
            if file.is_some_and(|file| file.sha256 == pages.sha256) {
                continue;
            }
            let targets = after.and_then(|after| after.targets().get(role));
            let stated: BTreeMap<&str, Option<Sha256>> = targets
                .into_iter()
                .flatten()
                .map(|target| (target.name.as_str(), target.sha256))
                .collect();
            let Some(then) = pages.all(&self.0.trees.page, repo)? else {
                return Err(StoreError::damaged("a page of targets is missing"));
            };
            for Target { name, sha256, .. } in then {
                let same = stated.get(name.as_str()) == Some(&sha256);
                let Some(digest) = sha256.filter(|_| !same && name.len() <= MAX_TAG) else {
                    continue;
                };
                let entry = Replaced {
                    role: role.clone(),
                    digest,
                    replaced_at: at,
                };
                past.replaced.push((name, entry));
            }
        }
        Ok(past)
    }

    /// Writes that down: for people all of it; for decisions (see [`retained`]) nothing that a role
    /// said from which a key is taken. A withdrawal takes none.
    pub(crate) fn write_down(&self, repo: &RepoKey, past: Past) -> Result<(), StoreError> {
        let Past { disowned, replaced } = past;
        retained::forget(&self.0.trees.retained, repo, &disowned)?;
        for (name, entry) in replaced {
            if !disowned.contains(&entry.role) {
                self.retain(repo, &name, &entry)?;
            }
            self.append(repo, &name, entry)?;
        }
        Ok(())
    }

    fn append(&self, repo: &RepoKey, tag: &str, entry: Replaced) -> Result<(), StoreError> {
        let mut entries = self.replaced(repo, tag)?;
        let last = entries.iter_mut().rfind(|other| other.role == entry.role);
        match last {
            // Left by a commit that a crash cut short.
            Some(last) if last.digest == entry.digest => last.replaced_at = entry.replaced_at,
            _ => entries.push(entry),
        }
        let kept = entries.split_off(entries.len().saturating_sub(MAX_HISTORY));
        for gone in entries {
            let again = |other: &Replaced| other.role == gone.role && other.digest == gone.digest;
            if !kept.iter().any(again) {
                retained::remove(&self.0.trees.retained, repo, &gone.role, &gone.digest, tag)?;
            }
        }
        let bytes = postcard::to_stdvec(&kept).map_err(StoreError::Unencodable)?;
        self.0.trees.history.insert(repo.tag(tag), bytes)?;
        Ok(())
    }

    fn retain(&self, repo: &RepoKey, tag: &str, entry: &Replaced) -> Result<(), StoreError> {
        let former = Former {
            tag: tag.to_owned(),
            replaced_at: entry.replaced_at,
        };
        let tree = &self.0.trees.retained;
        retained::add(tree, repo, &entry.role, &entry.digest, former)
    }

    fn replaced(&self, repo: &RepoKey, tag: &str) -> Result<Vec<Replaced>, StoreError> {
        match self.0.trees.history.get(repo.tag(tag))? {
            None => Ok(Vec::new()),
            Some(bytes) => postcard::from_bytes(&bytes)
                .map_err(|_error| StoreError::damaged("the history of a tag cannot be read")),
        }
    }
}

/// The most digests that are remembered of one tag; the oldest go first.
pub(crate) const MAX_HISTORY: usize = 64;
/// The longest tag that a registry knows (OCI distribution specification); longer names of targets
/// have no history.
const MAX_TAG: usize = 128;
