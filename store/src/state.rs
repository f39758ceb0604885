//! What the syncer wants to remember of servers and repositories.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vouchsafe_trust::{Gun, Server, Sha256};

use crate::key::RepoKey;
use crate::{Store, StoreError};

/// What is remembered of one Notary server between sync passes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerState {
    /// The place in the server's changefeed up to which everything was taken in.
    pub cursor: Option<Cursor>,
    /// An identity of what was wanted of the server when the feed was read up to there.
    #[serde(default)]
    pub selection: Option<Sha256>,
    /// When the last pass ended that reached the server.
    pub last_pass: Option<Timestamp>,
    /// Whether the changefeed went on beyond what the last pass read of it.
    #[serde(default)]
    pub goes_on: bool,
    /// When every known repository was last looked at, whatever the changefeed said.
    pub last_sweep: Option<Timestamp>,
    /// Why the last pass failed; nothing if it did not.
    pub last_error: Option<String>,
}

/// The last record of a changefeed that was taken in, as the server wrote it.
///
/// The ID alone does not do: a restored server hands out old IDs again, so the whole record is
/// compared. A record may name what is no valid GUN or digest, hence the plain text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// The record's ID.
    pub id: String,
    /// When the server made the record.
    pub created_at: String,
    /// The digest of the timestamp that the record announces; blank for a deletion.
    pub sha256: String,
    /// The repository that changed.
    pub gun: String,
}

/// How the last attempt to bring one repository up to date ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncOutcome {
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub result: SyncResult,
}

/// Whether an attempt to bring a repository up to date succeeded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncResult {
    /// It did, or there was nothing new.
    Ok,
    /// It did not; what was stored before still stands.
    Err {
        /// The stable, short name of the cause.
        label: String,
        /// The cause in words.
        message: String,
    },
}

impl Store {
    /// What the syncer remembers of a server.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn server_state(&self, server: &Server) -> Result<Option<ServerState>, StoreError> {
        let state = decode(&self.0.trees.server, server.as_str().as_bytes());
        state.map_err(|error| self.note(error))
    }

    /// Remembers `state` of a server, on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn set_server_state(&self, server: &Server, state: &ServerState) -> Result<(), StoreError> {
        self.0.durable.room()?;
        let mut state = state.clone();
        if let Some(error) = &mut state.last_error {
            cut(error);
        }
        encode(&self.0.trees.server, server.as_str().as_bytes(), &state)?;
        self.0.durable.sync()
    }

    /// Remembers `state` of a server as [`Store::set_server_state`] does, unless something else than
    /// `before` is remembered of it by now; then it returns false.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn swap_server_state(
        &self,
        server: &Server,
        before: Option<&ServerState>,
        state: &ServerState,
    ) -> Result<bool, StoreError> {
        self.0.durable.room()?;
        let encoded = |state: &ServerState| {
            let mut state = state.clone();
            if let Some(error) = &mut state.last_error {
                cut(error);
            }
            postcard::to_stdvec(&state).map_err(StoreError::Unencodable)
        };
        let (before, state) = (before.map(encoded).transpose()?, encoded(state)?);
        let tree = &self.0.trees.server;
        let swapped = tree.compare_and_swap(server.as_str(), before, Some(state))?;
        self.0.durable.sync()?;
        Ok(swapped.is_ok())
    }

    /// Has the changefeeds of these servers read from their start.
    pub(crate) fn clear_cursors(&self, servers: &[Server]) -> Result<(), StoreError> {
        for server in servers {
            while let Some(state) = self.server_state(server)? {
                let cleared = ServerState {
                    cursor: None,
                    selection: None,
                    ..state.clone()
                };
                if self.swap_server_state(server, Some(&state), &cleared)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The servers of which something is remembered, with what is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn servers(&self) -> Result<BTreeMap<Server, ServerState>, StoreError> {
        let mut servers = BTreeMap::new();
        for key in self.0.trees.server.iter().keys() {
            let key = key?;
            let url = std::str::from_utf8(&key).ok();
            let server: Server = url
                .and_then(|url| url.parse().ok())
                .ok_or_else(|| self.note(StoreError::damaged("the state of no server")))?;
            if let Some(state) = self.server_state(&server)? {
                servers.insert(server, state);
            }
        }
        Ok(servers)
    }

    /// Remembers how the last update of a repository went. A crash may lose it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn record_sync(
        &self,
        server: &Server,
        gun: &Gun,
        outcome: &SyncOutcome,
    ) -> Result<(), StoreError> {
        self.0.durable.room()?;
        let repo = RepoKey::new(server, gun);
        let mut outcome = outcome.clone();
        if let SyncResult::Err { label, message } = &mut outcome.result {
            cut(label);
            cut(message);
        }
        encode(&self.0.trees.sync, repo.as_bytes(), &outcome)
    }

    /// Returns when what was written is on the disk, also what a crash may lose.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.0.durable.sync()
    }

    /// Forgets how the last updates of these repositories went, and nothing else of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn drop_syncs(&self, server: &Server, guns: &[Gun]) -> Result<(), StoreError> {
        for gun in guns {
            let repo = RepoKey::new(server, gun);
            self.0.trees.sync.remove(repo.as_bytes())?;
        }
        Ok(())
    }

    /// How the last update of a repository went, if there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn last_sync(&self, server: &Server, gun: &Gun) -> Result<Option<SyncOutcome>, StoreError> {
        self.sync_outcome(&RepoKey::new(server, gun))
    }

    pub(crate) fn sync_outcome(&self, repo: &RepoKey) -> Result<Option<SyncOutcome>, StoreError> {
        let outcome = decode(&self.0.trees.sync, repo.as_bytes());
        outcome.map_err(|error| self.note(error))
    }
}

/// Cuts what a server may have made long.
fn cut(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
    }
}

fn decode<T: DeserializeOwned>(tree: &sled::Tree, key: &[u8]) -> Result<Option<T>, StoreError> {
    let Some(bytes) = tree.get(key)? else {
        return Ok(None);
    };
    postcard::from_bytes(&bytes)
        .map(Some)
        .map_err(|_error| StoreError::damaged("a state of the syncer cannot be read"))
}

fn encode<T: Serialize>(tree: &sled::Tree, key: &[u8], value: &T) -> Result<(), StoreError> {
    let bytes = postcard::to_stdvec(value).map_err(StoreError::Unencodable)?;
    tree.insert(key, bytes)?;
    Ok(())
}

/// The most characters of an error that are kept.
const MAX_TEXT: usize = 512;
