//! What types cannot say: that a manifest contradicts itself nowhere.

use std::collections::BTreeSet;

use vouchsafe_trust::{Denied, DeniedThing, Role, Version};

use super::{Manifest, Repository, Withdrawn};
use crate::Refusal;

impl Manifest {
    /// Checks what types cannot say.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.sequence == 0 {
            return Err(contradiction("its sequence number is 0"));
        }
        if self
            .base
            .as_ref()
            .is_some_and(|base| base.sequence >= self.sequence)
        {
            return Err(contradiction("it adds to a later bundle"));
        }
        if self.refresh_by.is_some_and(|until| until < self.created_at) {
            return Err(contradiction("`refreshBy` is before `createdAt`"));
        }
        let keys = |repository: &Repository| (repository.server.clone(), repository.gun.clone());
        if !self
            .repositories
            .is_sorted_by(|one, next| keys(one) < keys(next))
        {
            return Err(contradiction(
                "its repositories are not in order, each once",
            ));
        }
        let listed: BTreeSet<_> = self.repositories.iter().map(keys).collect();
        let mut gone = BTreeSet::new();
        for Withdrawn { server, gun, .. } in &self.withdrawn {
            let key = (server.clone(), gun.clone());
            if listed.contains(&key) || !gone.insert(key) {
                return Err(contradiction(
                    "a repository is withdrawn and listed, or withdrawn twice",
                ));
            }
        }
        self.check_denied()?;
        self.check_files()
    }

    fn check_denied(&self) -> Result<(), Refusal> {
        if self.deny.len().max(self.lift.len()) > MAX_DENIED {
            return Err(Refusal::TooLarge {
                what: "what is to be denied".to_owned(),
                limit: u64::try_from(MAX_DENIED).unwrap_or(u64::MAX),
                unit: "entries",
            });
        }
        let long = |denied: &Denied| denied.reason.len() > MAX_REASON;
        if self.deny.iter().any(long) {
            return Err(Refusal::TooLarge {
                what: "the reason of a denial".to_owned(),
                limit: u64::try_from(MAX_REASON).unwrap_or(u64::MAX),
                unit: "bytes",
            });
        }
        let lifted: BTreeSet<&DeniedThing> = self.lift.iter().collect();
        if self.deny.iter().any(|denied| lifted.contains(&denied.what)) {
            return Err(contradiction("it denies something and lifts that"));
        }
        Ok(())
    }

    /// The role files have to fill the pack, one after the other.
    fn check_files(&self) -> Result<(), Refusal> {
        let mut end = 0_u64;
        for repository in &self.repositories {
            repository.check(self.base.is_some())?;
            for file in repository.files.iter().filter(|file| file.offset.is_some()) {
                if file.offset != Some(end) {
                    return Err(lie(
                        repository,
                        "a role file is not where the one before it ends",
                    ));
                }
                end = end
                    .checked_add(file.size)
                    .ok_or_else(|| lie(repository, "its sizes are beyond counting"))?;
            }
        }
        let size = self.pack.map_or(0, |pack| pack.size);
        if end == size && self.pack.is_some() == (end > 0) {
            Ok(())
        } else {
            Err(Refusal::SizeLie {
                what: "the pack".to_owned(),
                reason: format!("{size} bytes are stated, and the role files have {end}"),
            })
        }
    }
}

impl Repository {
    fn check(&self, has_base: bool) -> Result<(), Refusal> {
        let bad = |what: &str| contradiction(&format!("{}: {what}", self.gun));
        if self
            .files
            .iter()
            .any(|file| file.offset.is_some() != self.is_carried())
        {
            return Err(bad("some of its role files are left out"));
        }
        if !self.is_carried() && !has_base {
            return Err(bad("its role files are left out"));
        }
        let roots: Vec<Version> = self.roots().map(|root| root.version).collect();
        let follows = |pair: &[Version]| matches!(pair, [one, next] if one.next() == Some(*next));
        if roots.is_empty() || !roots.windows(2).all(follows) {
            return Err(bad("its roots are not one chain"));
        }
        let mut roles = BTreeSet::new();
        let others = self.files.iter().filter(|file| file.role != Role::Root);
        for file in others {
            if !roles.insert(&file.role) {
                return Err(bad("a role is there twice"));
            }
        }
        let needed = [Role::Timestamp, Role::Snapshot, Role::Targets];
        if needed.iter().any(|role| !roles.contains(role)) {
            return Err(bad("a role is missing"));
        }
        if self.files.iter().any(|file| file.size == 0) {
            return Err(lie(self, "a role file is empty"));
        }
        Ok(())
    }
}

fn contradiction(what: &str) -> Refusal {
    Refusal::NotABundle {
        reason: format!("its manifest contradicts itself: {what}"),
    }
}

fn lie(repository: &Repository, reason: &str) -> Refusal {
    Refusal::SizeLie {
        what: repository.gun.to_string(),
        reason: reason.to_owned(),
    }
}

/// How many things can be denied at once: every request is held against them.
pub(crate) const MAX_DENIED: usize = 10_000;
/// How long a reason is at most; whoever is denied is shown it.
const MAX_REASON: usize = 1024;
