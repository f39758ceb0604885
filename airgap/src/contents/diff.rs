//! How two bundles differ.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use vouchsafe_trust::{Gun, KeyId, Role, Server, Sha256, Version};

use super::parsed::Parsed;
use crate::Bundle;
use crate::bundle::OpenBundleError;
use crate::manifest::{Denied, Repository, RoleFile, Withdrawn, digests};

/// How two bundles differ. Nothing of it is verified.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// The sequence numbers.
    pub sequence: Change<u64>,
    /// Until when they are vouched for, if that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_by: Option<Change<Timestamp>>,
    /// The repositories that only the new one lists.
    pub added: Vec<Listed>,
    /// The repositories that only the old one lists.
    pub removed: Vec<Listed>,
    /// The repositories that differ.
    pub changed: Vec<RepositoryChange>,
    /// How many repositories are the same to the last byte.
    pub unchanged: u64,
    /// The repositories that are gone from their server.
    pub withdrawn: SetChange<Withdrawn>,
    /// What is to be denied.
    pub deny: SetChange<Denied>,
}

impl Diff {
    /// Whether the two say the same about all repositories, and deny the same.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.changed.is_empty()
            && self.withdrawn.is_empty()
            && self.deny.is_empty()
    }
}

/// A value in the old bundle and in the new one; none where it was not, or is not there.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change<T> {
    /// The old one.
    pub from: Option<T>,
    /// The new one.
    pub to: Option<T>,
}

/// What came to a list and what went.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SetChange<T> {
    /// What came.
    pub added: Vec<T>,
    /// What went.
    pub removed: Vec<T>,
}

impl<T> SetChange<T> {
    /// Whether the list is the same.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// A repository.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Listed {
    /// The server.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
}

/// How a repository changed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryChange {
    /// Which one.
    #[serde(flatten)]
    pub repository: Listed,
    /// The roles whose newest version is another.
    pub versions: BTreeMap<Role, Change<Version>>,
    /// The roles whose newest file expires at another time.
    pub expires: BTreeMap<Role, Change<Timestamp>>,
    /// The tags that came, went or point elsewhere.
    pub tags: Vec<TagChange>,
    /// The roles that have other keys, or another threshold.
    pub keys: BTreeMap<Role, KeyChange>,
    /// Why tags and keys could not be compared, if they could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<String>,
}

/// A tag that came, went or points elsewhere.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct TagChange {
    /// The role that names it.
    pub role: Role,
    /// The tag.
    pub tag: String,
    /// The digests; none where the tag is not there, or has no SHA-256.
    #[serde(flatten)]
    pub digest: Change<Sha256>,
}

/// How the keys of a role changed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct KeyChange {
    /// Keys that came, by key ID.
    pub added: BTreeSet<KeyId>,
    /// Keys that went.
    pub removed: BTreeSet<KeyId>,
    /// How many keys must sign, if that changed or the role came or went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Change<u64>>,
}

/// How `new` differs from `old`. Nothing is verified.
///
/// Repositories are the same if the manifests list the same digests for them. Tags and keys are compared
/// where both bundles carry the role files.
///
/// # Errors
///
/// If a bundle's copy cannot be read.
pub fn diff(old: &Bundle, new: &Bundle) -> Result<Diff, OpenBundleError> {
    let (before, after) = (old.manifest(), new.manifest());
    let (olds, news) = (by_name(&before.repositories), by_name(&after.repositories));
    let missing = |from: &BTreeMap<Listed, &Repository>, to: &BTreeMap<Listed, &Repository>| {
        let names = from.keys().filter(|name| !to.contains_key(name));
        names.cloned().collect::<Vec<_>>()
    };
    let mut changed = Vec::new();
    let mut unchanged = 0;
    for (name, repository) in &news {
        let Some(before) = olds.get(name) else {
            continue;
        };
        if digests(&before.files).eq(digests(&repository.files)) {
            unchanged += 1;
        } else {
            let sides = ((old, *before), (new, *repository));
            changed.push(compare(name.clone(), sides)?);
        }
    }
    Ok(Diff {
        sequence: Change {
            from: Some(before.sequence),
            to: Some(after.sequence),
        },
        refresh_by: Change::between(before.refresh_by, after.refresh_by),
        added: missing(&news, &olds),
        removed: missing(&olds, &news),
        changed,
        unchanged,
        withdrawn: SetChange::between(&before.withdrawn, &after.withdrawn),
        deny: SetChange::between(&before.deny, &after.deny),
    })
}

type Side<'a> = (&'a Bundle, &'a Repository);

fn compare(
    repository: Listed,
    (old, new): (Side<'_>, Side<'_>),
) -> Result<RepositoryChange, OpenBundleError> {
    let mut change = RepositoryChange {
        repository,
        versions: changes(
            &newest(old.1, |file| file.version),
            &newest(new.1, |file| file.version),
        ),
        expires: changes(
            &newest(old.1, |file| file.expires),
            &newest(new.1, |file| file.expires),
        ),
        tags: Vec::new(),
        keys: BTreeMap::new(),
        not_compared: None,
    };
    if !old.1.is_carried() || !new.1.is_carried() {
        change.not_compared = Some("the role files are not in both bundles".to_owned());
        return Ok(change);
    }
    match (Parsed::of(old.0, old.1)?, Parsed::of(new.0, new.1)?) {
        (Ok(old), Ok(new)) => {
            change.tags = tag_changes(&old, &new);
            change.keys = key_changes(&old, &new);
        }
        (Err(error), _) => change.not_compared = Some(format!("the old one: {error}")),
        (_, Err(error)) => change.not_compared = Some(format!("the new one: {error}")),
    }
    Ok(change)
}

fn tag_changes(old: &Parsed, new: &Parsed) -> Vec<TagChange> {
    let flat = |parsed: &Parsed| -> BTreeMap<(Role, String), Option<Sha256>> {
        let roles = parsed.targets.iter();
        let tags = roles.flat_map(|(role, tags)| {
            let tags = tags.iter();
            tags.map(|(tag, digest)| ((role.clone(), tag.clone()), *digest))
        });
        tags.collect()
    };
    let tags = changes(&flat(old), &flat(new)).into_iter();
    tags.map(|((role, tag), Change { from, to })| TagChange {
        role,
        tag,
        digest: Change {
            from: from.flatten(),
            to: to.flatten(),
        },
    })
    .collect()
}

fn key_changes(old: &Parsed, new: &Parsed) -> BTreeMap<Role, KeyChange> {
    let roles = changes(&old.keys, &new.keys).into_iter();
    let change = |(role, Change { from, to }): (Role, Change<(BTreeSet<KeyId>, u64)>)| {
        let (was, before) = from.unzip();
        let (is, after) = to.unzip();
        let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
        let change = KeyChange {
            added: is.difference(&was).copied().collect(),
            removed: was.difference(&is).copied().collect(),
            threshold: Change::between(before, after),
        };
        (role, change)
    };
    roles.map(change).collect()
}

impl<T: PartialEq> Change<T> {
    fn between(from: Option<T>, to: Option<T>) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }
}

impl<T: Clone + Ord> SetChange<T> {
    fn between(old: &[T], new: &[T]) -> Self {
        let old: BTreeSet<&T> = old.iter().collect();
        let new: BTreeSet<&T> = new.iter().collect();
        Self {
            added: new.difference(&old).map(|item| (*item).clone()).collect(),
            removed: old.difference(&new).map(|item| (*item).clone()).collect(),
        }
    }
}

/// What differs between two maps, by key.
fn changes<K: Clone + Ord, T: Clone + PartialEq>(
    old: &BTreeMap<K, T>,
    new: &BTreeMap<K, T>,
) -> BTreeMap<K, Change<T>> {
    let keys: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    let change = |key: &K| {
        let change = Change::between(old.get(key).cloned(), new.get(key).cloned());
        Some((key.clone(), change?))
    };
    keys.into_iter().filter_map(change).collect()
}

fn by_name(repositories: &[Repository]) -> BTreeMap<Listed, &Repository> {
    let name = |repository: &Repository| Listed {
        server: repository.server.clone(),
        gun: repository.gun.clone(),
    };
    let named = repositories.iter().map(|it| (name(it), it));
    named.collect()
}

/// Something about the newest file of each role.
fn newest<T>(repository: &Repository, what: impl Fn(&RoleFile) -> T) -> BTreeMap<Role, T> {
    let files = repository.files.iter();
    files.map(|file| (file.role.clone(), what(file))).collect()
}
