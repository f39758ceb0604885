//! Where roles stated a digest before, for whoever asks by digest.
//!
//! The history of a tag is kept for people and never loses a name; this is kept for decisions, so
//! it forgets what must not count. A record belongs to one role and one digest, which makes every
//! look-up one read, however much a repository replaces, and lets no role push out what another
//! one said. An entry is dropped with the one in the tag's history, so both are bounded alike.
//!
//! Entries are written before the commit that makes them true, and those of a role that lost a key
//! are dropped before the commit that takes it away. A crash in between leaves entries that are
//! ahead of their time, or none, beside the header that was there before. Neither admits anything
//! that was not stated: only what the committed header states is written down, so an entry ahead of
//! its time names what its role states still, and it is dated anew when that is replaced in the
//! end; and a role without entries speaks for the present alone. The other order, dropping after
//! the commit, could leave a revoked key's word behind.

use std::collections::BTreeSet;

use vouchsafe_trust::evidence::Former;
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::{Role, Sha256};

use crate::checksum::Checked;
use crate::key::RepoKey;
use crate::record::{Front, Record};
use crate::{StoreError, blob, floor};

/// The tags for which `role` stated the digest before, the latest replaced last.
pub(crate) fn find(
    tree: &Checked,
    repo: &RepoKey,
    role: &Role,
    digest: &Sha256,
) -> Result<Vec<Former>, StoreError> {
    match tree.get(repo.retained(role, digest))? {
        None => Ok(Vec::new()),
        Some(bytes) => postcard::from_bytes(&bytes)
            .map_err(|_error| StoreError::damaged("what a role stated before cannot be read")),
    }
}

/// Adds that `role` stated the digest for a tag before, or dates it anew.
pub(crate) fn add(
    tree: &Checked,
    repo: &RepoKey,
    role: &Role,
    digest: &Sha256,
    former: Former,
) -> Result<(), StoreError> {
    let mut entries = find(tree, repo, role, digest)?;
    entries.retain(|other| other.tag != former.tag);
    entries.push(former);
    let mut length = 0;
    let kept = entries.iter().rev().take(MAX_FORMER).take_while(|entry| {
        length += entry.tag.len() + MAX_OVERHEAD;
        length <= blob::CHUNK
    });
    let surplus = entries.len().saturating_sub(kept.count());
    entries.drain(..surplus);
    put(tree, &repo.retained(role, digest), &entries)
}

/// Forgets that `role` stated the digest for `tag`.
pub(crate) fn remove(
    tree: &Checked,
    repo: &RepoKey,
    role: &Role,
    digest: &Sha256,
    tag: &str,
) -> Result<(), StoreError> {
    let mut entries = find(tree, repo, role, digest)?;
    let before = entries.len();
    entries.retain(|entry| entry.tag != tag);
    if entries.len() == before {
        return Ok(());
    }
    put(tree, &repo.retained(role, digest), &entries)
}

/// The roles that a commit of `offered` takes a key from.
///
/// A role that is not accepted any more counts among them: whether its keys are the same nobody
/// knows, and when it comes back it may have been somebody else's in between.
pub(crate) fn disowned(before: &Record, offered: &Accepted) -> BTreeSet<Role> {
    // What is gone for longer than that was forgotten when it went.
    let was_there = |role: &Role| match &before.front {
        Front::Active(active) => active.facts.roles.contains_key(role),
        Front::Withdrawn { .. } => true,
    };
    let stored = before.back.accepted.roles.iter();
    stored
        .filter(|(role, floor)| match offered.roles.get(role) {
            Some(new) => floor::has_lost_a_key(floor, new),
            None => was_there(role),
        })
        .map(|(role, _)| role.clone())
        .collect()
}

/// Forgets what these roles stated.
pub(crate) fn disown(
    tree: &Checked,
    repo: &RepoKey,
    roles: &BTreeSet<Role>,
) -> Result<(), StoreError> {
    for role in roles {
        tree.drop_prefix(&repo.role(role))?;
    }
    Ok(())
}

fn put(tree: &Checked, key: &[u8], entries: &[Former]) -> Result<(), StoreError> {
    if entries.is_empty() {
        tree.remove(key)?;
    } else {
        let bytes = postcard::to_stdvec(entries).map_err(StoreError::Unencodable)?;
        tree.insert(key, &bytes)?;
    }
    Ok(())
}

/// The most tags that are kept for a role and a digest; the oldest go first. Very long ones go
/// sooner, since a record is no longer than a chunk (see [`blob::CHUNK`]).
pub(crate) const MAX_FORMER: usize = 64;
/// What an entry may take besides its tag: the tag's length, seconds and nanoseconds, as postcard
/// writes them.
const MAX_OVERHEAD: usize = 20;
