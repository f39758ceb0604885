//! Turns: one writer at a time for one repository.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
        let mut taken = self.wait_while(|taken| taken.contains(repo));
        taken.insert(repo.clone());
        self.turn(repo)
    }

    /// Waits until nobody else writes any of `repos`. Takes none before, so that two who wait
    /// for several never wait for each other.
    pub(crate) fn take_all(&self, repos: &BTreeSet<RepoKey>) -> Vec<Turn<'_>> {
        let mut taken = self.wait_while(|taken| !taken.is_disjoint(repos));
        taken.extend(repos.iter().cloned());
        repos.iter().map(|repo| self.turn(repo)).collect()
    }

    fn wait_while(
        &self,
        is_in_the_way: impl Fn(&BTreeSet<RepoKey>) -> bool,
    ) -> MutexGuard<'_, BTreeSet<RepoKey>> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.given_up
            .wait_while(taken, |taken| is_in_the_way(taken))
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, repo: &RepoKey) -> Turn<'_> {
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
