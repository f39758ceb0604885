//! Taking repositories out again.

use jiff::Timestamp;
use vouchsafe_trust::{Gun, Server};

use crate::key::RepoKey;
use crate::record::{Back, Front, Record};
use crate::sweep::drop_prefix;
use crate::{Store, StoreError};

/// What a withdrawal found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Withdrawal {
    /// It had been withdrawn before.
    AlreadyWithdrawn,
    /// Nothing was stored.
    NotStored,
    /// It was stored, and is withdrawn now.
    Withdrawn,
}

impl Store {
    /// Withdraws a repository that its server, asked over an authenticated connection, no longer
    /// has. Its anti-rollback floors and history stay.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn withdraw(
        &self,
        server: &Server,
        gun: &Gun,
        at: Timestamp,
    ) -> Result<Withdrawal, StoreError> {
        let repo = RepoKey::new(server, gun);
        let _turn = self.0.turns.take(&repo);
        let withdraw = || {
            let Some(before) = self.0.trees.stored(&repo)? else {
                return Ok(Withdrawal::NotStored);
            };
            if matches!(before.record.front, Front::Withdrawn { .. }) {
                return Ok(Withdrawal::AlreadyWithdrawn);
            }
            let record = Record {
                front: Front::Withdrawn { at },
                back: Back {
                    accepted: before.record.back.accepted.clone(),
                    files: None,
                },
            };
            let superseded = self.superseded(&repo, &before.record, None, at)?;
            self.publish(&repo, Some(&before), &record, || {
                self.remember(&repo, superseded)
            })?;
            Ok(Withdrawal::Withdrawn)
        };
        withdraw().map_err(|error| self.note(error))
    }

    /// Drops everything known of a repository, anti-rollback floors and history too; of all servers
    /// where none is named. Returns of how many servers something was known.
    ///
    /// The changefeeds of the servers concerned are read from their start again, since they alone
    /// may have told of the repository; those of all servers asked about where none knew it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn forget(&self, server: Option<&Server>, gun: &Gun) -> Result<usize, StoreError> {
        let mut forgotten = Vec::new();
        for (known, of) in self.repositories()? {
            if of == *gun && server.is_none_or(|server| *server == known) {
                let repo = RepoKey::new(&known, gun);
                self.forget_one(&repo).map_err(|error| self.note(error))?;
                forgotten.push(known);
            }
        }
        let concerned = match server {
            _ if !forgotten.is_empty() => forgotten.clone(),
            Some(server) => vec![server.clone()],
            None => self.servers()?.into_keys().collect(),
        };
        self.clear_cursors(&concerned)?;
        Ok(forgotten.len())
    }

    fn forget_one(&self, repo: &RepoKey) -> Result<(), StoreError> {
        self.0.durable.room()?;
        let trees = &self.0.trees;
        let _turn = self.0.turns.take(repo);
        trees.begun.insert(repo.as_bytes(), &[])?;
        trees.sync.remove(repo.as_bytes())?;
        trees.header.remove(repo.as_bytes())?;
        drop_prefix(&trees.history, repo.as_bytes())?;
        trees.retained.drop_prefix(repo.as_bytes())?;
        self.0.durable.sync()?;
        trees.sweep(repo)?;
        trees.begun.remove(repo.as_bytes())?;
        Ok(())
    }
}
