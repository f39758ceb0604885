//! What can be asked of a store, in this process or through its socket.

use std::collections::BTreeMap;

use jiff::Timestamp;
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::{Evidence, Gun, Query, Role, Server};

use crate::{
    ImportedBundle, RefusedConfig, RemoteError, RemoteStore, Replaced, RepositoryStatus,
    ServerState, Store, StoreError,
};

/// A store that answers questions: the [`Store`] itself, or the process that holds it.
pub trait Reader {
    /// What is stored about an image.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be read or asked.
    fn evidence(&self, query: &Query) -> Result<Evidence, ReadError>;

    /// The status of every repository of which something is known.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be read or asked.
    fn status(&self) -> Result<Vec<RepositoryStatus>, ReadError>;

    /// The status of one repository, of one server or of all.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be read or asked.
    fn repository_status(
        &self,
        server: Option<&Server>,
        gun: &Gun,
    ) -> Result<Vec<RepositoryStatus>, ReadError>;

    /// The targets of each role of a repository, ordered by name.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be read or asked.
    fn tags(&self, server: &Server, gun: &Gun) -> Result<BTreeMap<Role, Vec<Target>>, ReadError>;

    /// What a tag pointed to before, the oldest first.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be read or asked.
    fn history(&self, server: &Server, gun: &Gun, tag: &str) -> Result<Vec<Replaced>, ReadError>;

    /// The latest bundle of each series that was taken in, by name.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be read or asked.
    fn bundles(&self) -> Result<Vec<ImportedBundle>, ReadError>;

    /// What the syncer remembers of each server.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be read or asked.
    fn servers(&self) -> Result<BTreeMap<Server, ServerState>, ReadError>;

    /// The latest time seen, if there was any; no judgement may use an earlier one.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be asked.
    fn latest_time(&self) -> Result<Option<Timestamp>, ReadError>;

    /// The newest version of the configuration of the process that holds the store, if that process
    /// refused it.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be asked.
    fn refused_config(&self) -> Result<Option<RefusedConfig>, ReadError>;

    /// Makes `now` the latest time seen, though a later one was. Returns the latest time until
    /// then.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be written or asked.
    fn reset_latest_time(&self, now: Timestamp) -> Result<Option<Timestamp>, ReadError>;

    /// Drops everything known of a repository, of one server or of all. Returns of how many
    /// something was known.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be written or asked.
    fn forget(&self, server: Option<&Server>, gun: &Gun) -> Result<usize, ReadError>;

    /// Forgets which bundle of the series `name` was taken in last, and what the series denies. Returns
    /// whether one was.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the store cannot be written or asked.
    fn forget_bundle(&self, name: &str) -> Result<bool, ReadError>;
}

/// Why a [`Reader`] could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The process that holds the store could not be asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The store of this process could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reader for Store {
    fn evidence(&self, query: &Query) -> Result<Evidence, ReadError> {
        Ok(Self::evidence(self, query)?)
    }

    fn status(&self) -> Result<Vec<RepositoryStatus>, ReadError> {
        Ok(Self::status(self)?)
    }

    fn repository_status(
        &self,
        server: Option<&Server>,
        gun: &Gun,
    ) -> Result<Vec<RepositoryStatus>, ReadError> {
        Ok(Self::repository_status(self, server, gun)?)
    }

    fn tags(&self, server: &Server, gun: &Gun) -> Result<BTreeMap<Role, Vec<Target>>, ReadError> {
        Ok(Self::tags(self, server, gun)?)
    }

    fn history(&self, server: &Server, gun: &Gun, tag: &str) -> Result<Vec<Replaced>, ReadError> {
        Ok(Self::history(self, server, gun, tag)?)
    }

    fn bundles(&self) -> Result<Vec<ImportedBundle>, ReadError> {
        Ok(Self::bundles(self)?)
    }

    fn servers(&self) -> Result<BTreeMap<Server, ServerState>, ReadError> {
        Ok(Self::servers(self)?)
    }

    fn latest_time(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(Self::latest_time(self))
    }

    fn refused_config(&self) -> Result<Option<RefusedConfig>, ReadError> {
        Ok(Self::refused_config(self))
    }

    fn reset_latest_time(&self, now: Timestamp) -> Result<Option<Timestamp>, ReadError> {
        Ok(Self::reset_latest_time(self, now)?)
    }

    fn forget(&self, server: Option<&Server>, gun: &Gun) -> Result<usize, ReadError> {
        Ok(Self::forget(self, server, gun)?)
    }

    fn forget_bundle(&self, name: &str) -> Result<bool, ReadError> {
        Ok(Self::forget_bundle(self, name)?)
    }
}

impl Reader for RemoteStore {
    fn evidence(&self, query: &Query) -> Result<Evidence, ReadError> {
        Ok(self.ask_evidence(query)?)
    }

    fn status(&self) -> Result<Vec<RepositoryStatus>, ReadError> {
        Ok(self.ask_status(None, None)?)
    }

    fn repository_status(
        &self,
        server: Option<&Server>,
        gun: &Gun,
    ) -> Result<Vec<RepositoryStatus>, ReadError> {
        Ok(self.ask_status(server, Some(gun))?)
    }

    fn tags(&self, server: &Server, gun: &Gun) -> Result<BTreeMap<Role, Vec<Target>>, ReadError> {
        Ok(self.ask_tags(server, gun)?)
    }

    fn history(&self, server: &Server, gun: &Gun, tag: &str) -> Result<Vec<Replaced>, ReadError> {
        Ok(self.ask_history(server, gun, tag)?)
    }

    fn bundles(&self) -> Result<Vec<ImportedBundle>, ReadError> {
        Ok(self.ask_bundles()?)
    }

    fn servers(&self) -> Result<BTreeMap<Server, ServerState>, ReadError> {
        Ok(self.ask_servers()?)
    }

    fn latest_time(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.ask_latest_time()?)
    }

    fn refused_config(&self) -> Result<Option<RefusedConfig>, ReadError> {
        Ok(self.ask_refused_config()?)
    }

    fn reset_latest_time(&self, now: Timestamp) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.ask_reset_latest_time(now)?)
    }

    fn forget(&self, server: Option<&Server>, gun: &Gun) -> Result<usize, ReadError> {
        Ok(self.ask_forget(server, gun)?)
    }

    fn forget_bundle(&self, name: &str) -> Result<bool, ReadError> {
        Ok(self.ask_forget_bundle(name)?)
    }
}
