//! The store as a pass uses it: off the threads that wait for the network.

use std::collections::BTreeMap;

use vouchsafe_store::{Commit, ServerState, Store, StoreError, SyncOutcome, SyncResult};
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::{Gun, Server, Sha256, Timestamp, VerifiedRepository};

use crate::collect::Stored;

/// The store, for tasks that must not wait for a disk.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    store: Store,
}

/// What a pass has to know of a repository to tell whether it is due.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) gun: Gun,
    /// What is stored; `None` if nothing is, or it was withdrawn.
    pub(crate) stored: Option<StoredEntry>,
    /// Whether the last attempt failed.
    pub(crate) failed: bool,
    /// Whether the outcome of the last attempt is remembered.
    pub(crate) recorded: bool,
}

/// The part of an [`Entry`] that only a stored repository has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct StoredEntry {
    /// The SHA-256 of its timestamp's file.
    pub(crate) timestamp: Sha256,
    /// When its timestamp expires.
    pub(crate) expires: Timestamp,
    /// The pins that it was verified with.
    pub(crate) pins: Sha256,
}

/// What an update of a repository starts from.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) accepted: Option<Accepted>,
    pub(crate) stored: Option<Stored>,
}

impl Ledger {
    pub(crate) const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The time to judge by: never earlier than the latest one seen.
    pub(crate) fn time(&self, clock: Timestamp) -> Timestamp {
        let observed = self.store.observe_time(clock);
        if let Some(behind) = observed.behind {
            tracing::warn!(%behind, "the clock is behind the latest time seen, which is used");
        }
        observed.now
    }

    /// Makes sure that what is brought could be kept.
    pub(crate) async fn require_room(&self) -> Result<(), StoreError> {
        self.aside(Store::require_room).await
    }

    /// Every repository of `server` of which something is known.
    pub(crate) async fn entries(&self, server: &Server) -> Result<Vec<Entry>, StoreError> {
        let server = server.clone();
        self.aside(move |store| {
            store
                .repositories()?
                .into_iter()
                .filter(|(of, _)| *of == server)
                .map(|(_, gun)| entry(store, &server, gun))
                .collect()
        })
        .await
    }

    pub(crate) async fn before(&self, server: &Server, gun: &Gun) -> Result<Before, StoreError> {
        // One look into the store's cache, where there is nothing more to read.
        if self.store.accepted(server, gun)?.is_none() {
            return Ok(Before {
                accepted: None,
                stored: None,
            });
        }
        let (server, gun) = (server.clone(), gun.clone());
        self.aside(move |store| {
            let metadata = store.metadata(&server, &gun)?;
            let facts = store.facts(&server, &gun)?;
            let stored = metadata
                .zip(facts)
                .map(|(metadata, facts)| Stored { metadata, facts });
            Ok(Before {
                accepted: store.accepted(&server, &gun)?,
                stored,
            })
        })
        .await
    }

    /// Commits repositories of different names, each for itself.
    pub(crate) async fn commit_all(
        &self,
        server: &Server,
        repositories: Vec<VerifiedRepository>,
    ) -> Result<BTreeMap<Gun, Result<Commit, StoreError>>, StoreError> {
        let server = server.clone();
        self.aside(move |store| Ok(store.commit_all(&server, &repositories)))
            .await
    }

    pub(crate) async fn withdraw(
        &self,
        server: &Server,
        gun: &Gun,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (server, gun) = (server.clone(), gun.clone());
        self.aside(move |store| store.withdraw(&server, &gun, at).map(drop))
            .await
    }

    /// Remembers how the updates of these repositories went, and returns those of which that failed. A crash may lose it.
    pub(crate) async fn record(
        &self,
        server: &Server,
        outcomes: Vec<(Gun, SyncOutcome)>,
    ) -> Result<Vec<(Gun, StoreError)>, StoreError> {
        let server = server.clone();
        self.aside(move |store| {
            let failed = outcomes.into_iter().filter_map(|(gun, outcome)| {
                let error = store.record_sync(&server, &gun, &outcome).err()?;
                Some((gun, error))
            });
            Ok(failed.collect())
        })
        .await
    }

    /// Forgets how the last updates of these repositories went.
    pub(crate) async fn drop_records(
        &self,
        server: &Server,
        guns: Vec<Gun>,
    ) -> Result<(), StoreError> {
        let server = server.clone();
        self.aside(move |store| store.drop_syncs(&server, &guns))
            .await
    }

    pub(crate) async fn server_state(
        &self,
        server: &Server,
    ) -> Result<Option<ServerState>, StoreError> {
        let server = server.clone();
        self.aside(move |store| store.server_state(&server)).await
    }

    /// Remembers `state` of a server, of which `before` was known when the pass began.
    pub(crate) async fn set_server_state(
        &self,
        server: &Server,
        before: Option<ServerState>,
        state: ServerState,
    ) -> Result<(), StoreError> {
        let server = server.clone();
        self.aside(move |store| {
            if store.swap_server_state(&server, before.as_ref(), &state)? {
                return Ok(());
            }
            // A repository was forgotten meanwhile, of which the feed has to tell anew.
            let state = ServerState {
                cursor: None,
                selection: None,
                ..state
            };
            store.set_server_state(&server, &state)
        })
        .await
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }
}

fn entry(store: &Store, server: &Server, gun: Gun) -> Result<Entry, StoreError> {
    use vouchsafe_trust::Role;

    let facts = store.facts(server, &gun)?;
    let stored = facts.and_then(|facts| {
        let timestamp = facts.roles.get(&Role::Timestamp)?;
        Some(StoredEntry {
            timestamp: timestamp.sha256,
            expires: timestamp.expires,
            pins: facts.pins,
        })
    });
    let outcome = store.last_sync(server, &gun)?;
    let recorded = outcome.is_some();
    let failed = outcome.is_some_and(|last| matches!(last.result, SyncResult::Err { .. }));
    Ok(Entry {
        gun,
        stored,
        failed,
        recorded,
    })
}
