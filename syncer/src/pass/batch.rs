//! Repositories that wait to be committed together.

use std::time::Duration;

use tokio::time::Instant;
use vouchsafe_trust::VerifiedRepository;

/// Verified repositories, of which a few share one wait for the disk.
#[derive(Default)]
pub(super) struct Batch {
    repositories: Vec<VerifiedRepository>,
    bytes: usize,
    since: Option<Instant>,
}

impl Batch {
    pub(super) fn add(&mut self, repository: VerifiedRepository) {
        self.since.get_or_insert_with(Instant::now);
        self.bytes = self.bytes.saturating_add(repository.metadata().bytes());
        self.repositories.push(repository);
    }

    /// Whether nothing more is to be asked for until it is taken.
    pub(super) const fn is_full(&self) -> bool {
        self.repositories.len() >= MOST || self.bytes >= MOST_BYTES
    }

    /// Until when it may wait for more.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + PATIENCE)
    }

    /// Whether it is to be committed; at once where what it holds `is_last`.
    pub(super) fn is_due(&self, is_last: bool) -> bool {
        self.due()
            .is_some_and(|due| is_last || self.is_full() || due <= Instant::now())
    }

    /// Takes all.
    pub(super) fn take(&mut self) -> Vec<VerifiedRepository> {
        std::mem::take(self).repositories
    }
}

/// Enough that the wait for the disk is a small part of each.
const MOST: usize = 64;
/// Files of that size are held besides those that are being asked for, and once more while they are committed.
const MOST_BYTES: usize = 4 << 20;
/// How long the first waits for others: a server that answers slowly keeps nothing from being stored.
const PATIENCE: Duration = Duration::from_millis(50);
