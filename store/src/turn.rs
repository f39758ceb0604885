//! Turns: one writer at a time for one repository.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::key::RepoKey;

/// The repositories that are being written.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    taken: Mutex<BTreeSet<RepoKey>>,
    given_up: Condvar,
}

/// The right to write one repository, until dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    repo: RepoKey,
}

impl Turns {
    /// Waits until nobody else writes `repo`.
    pub(crate) fn take(&self, repo: &RepoKey) -> Turn<'_> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self
            .given_up
            .wait_while(taken, |taken| taken.contains(repo))
            .unwrap_or_else(PoisonError::into_inner);
        taken.insert(repo.clone());
        Turn {
            turns: self,
            repo: repo.clone(),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let taken = self.turns.taken.lock();
        taken
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.repo);
        self.turns.given_up.notify_all();
    }
}
