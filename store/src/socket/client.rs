//! The side that asks.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::{Evidence, Gun, Query, Role, Server};

use super::Address;
use super::message::{
    ImportRequest, MAX_REPLY, MAX_REQUEST, PREFIX, Reply, Request, encode, length,
};
use crate::{ImportedBundle, RefusedConfig, Replaced, RepositoryStatus, ServerState};

/// A store that another process holds, asked through its socket.
#[derive(Clone, Debug)]
pub struct RemoteStore {
    socket: PathBuf,
}

impl RemoteStore {
    /// The store behind `socket`, which has to answer.
    ///
    /// # Errors
    ///
    /// [`RemoteError::NotServed`] if nobody listens there.
    pub fn connect(socket: &Path) -> Result<Self, RemoteError> {
        let remote = Self {
            socket: socket.to_path_buf(),
        };
        remote.ask_latest_time()?;
        Ok(remote)
    }

    pub(crate) fn ask_evidence(&self, query: &Query) -> Result<Evidence, RemoteError> {
        self.one(&Request::Evidence(query.clone()))
    }

    pub(crate) fn ask_status(
        &self,
        server: Option<&Server>,
        gun: Option<&Gun>,
    ) -> Result<Vec<RepositoryStatus>, RemoteError> {
        let request = Request::Status {
            server: server.cloned(),
            gun: gun.cloned(),
        };
        let mut all = Vec::new();
        self.ask(&request, |some: Vec<_>| all.extend(some))?;
        Ok(all)
    }

    pub(crate) fn ask_tags(
        &self,
        server: &Server,
        gun: &Gun,
    ) -> Result<BTreeMap<Role, Vec<Target>>, RemoteError> {
        let request = Request::Tags {
            server: server.clone(),
            gun: gun.clone(),
        };
        let mut all: BTreeMap<Role, Vec<Target>> = BTreeMap::new();
        self.ask(&request, |(role, some): (Role, Vec<Target>)| {
            all.entry(role).or_default().extend(some);
        })?;
        Ok(all)
    }

    pub(crate) fn ask_history(
        &self,
        server: &Server,
        gun: &Gun,
        tag: &str,
    ) -> Result<Vec<Replaced>, RemoteError> {
        self.one(&Request::History {
            server: server.clone(),
            gun: gun.clone(),
            tag: tag.to_owned(),
        })
    }

    pub(crate) fn ask_servers(&self) -> Result<BTreeMap<Server, ServerState>, RemoteError> {
        self.one(&Request::Servers)
    }

    pub(crate) fn ask_latest_time(&self) -> Result<Option<Timestamp>, RemoteError> {
        self.one(&Request::LatestTime)
    }

    pub(crate) fn ask_refused_config(&self) -> Result<Option<RefusedConfig>, RemoteError> {
        self.one(&Request::RefusedConfig)
    }

    pub(crate) fn ask_reset_latest_time(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, RemoteError> {
        self.one(&Request::ResetLatestTime { now })
    }

    pub(crate) fn ask_forget(
        &self,
        server: Option<&Server>,
        gun: &Gun,
    ) -> Result<usize, RemoteError> {
        self.one(&Request::Forget {
            server: server.cloned(),
            gun: gun.clone(),
        })
    }

    pub(crate) fn ask_bundles(&self) -> Result<Vec<ImportedBundle>, RemoteError> {
        self.one(&Request::Bundles)
    }

    pub(crate) fn ask_forget_bundle(&self, name: &str) -> Result<bool, RemoteError> {
        self.one(&Request::ForgetBundle {
            name: name.to_owned(),
        })
    }

    /// Has the process take in a bundle, and returns what it says in JSON came of it.
    ///
    /// # Errors
    ///
    /// [`RemoteError`] if nothing came of it.
    pub fn import(&self, request: &ImportRequest) -> Result<serde_json::Value, RemoteError> {
        let mut answer = None;
        let request = Request::Import(request.clone());
        self.ask_patiently(&request, IMPORT_TIMEOUT, |part| answer = Some(part))?;
        answer.ok_or(RemoteError::Unintelligible)
    }

    /// Asks what has exactly one message for an answer.
    fn one<T: DeserializeOwned>(&self, request: &Request) -> Result<T, RemoteError> {
        let mut answer = None;
        self.ask(request, |part| answer = Some(part))?;
        answer.ok_or(RemoteError::Unintelligible)
    }

    /// Asks, and hands on every message of the answer.
    fn ask<T: DeserializeOwned>(
        &self,
        request: &Request,
        take: impl FnMut(T),
    ) -> Result<(), RemoteError> {
        self.ask_patiently(request, TIMEOUT, take)
    }

    /// Asks what may take that long to be answered.
    fn ask_patiently<T: DeserializeOwned>(
        &self,
        request: &Request,
        patience: Duration,
        mut take: impl FnMut(T),
    ) -> Result<(), RemoteError> {
        let mut stream = self.open(patience)?;
        let request = encode(request, MAX_REQUEST)
            .ok()
            .flatten()
            .ok_or(RemoteError::Unintelligible)?;
        let broken = |source| RemoteError::Io {
            socket: self.socket.clone(),
            source,
        };
        stream.write_all(&request).map_err(broken)?;
        loop {
            let mut prefix = [0; PREFIX];
            stream.read_exact(&mut prefix).map_err(broken)?;
            let length = length(prefix, MAX_REPLY).ok_or(RemoteError::Unintelligible)?;
            let mut message = vec![0; length];
            stream.read_exact(&mut message).map_err(broken)?;
            let reply = serde_json::from_slice(&message);
            match reply.map_err(|_error| RemoteError::Unintelligible)? {
                Reply::End => return Ok(()),
                Reply::Error(message) => return Err(RemoteError::Refused { message }),
                Reply::Part(part) => take(part),
            }
        }
    }

    fn open(&self, patience: Duration) -> Result<UnixStream, RemoteError> {
        let open = || {
            let address = Address::new(&self.socket)?;
            let stream = UnixStream::connect(&address.path)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            Ok(stream)
        };
        open().map_err(|source: io::Error| {
            let socket = self.socket.clone();
            let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
            if nobody.contains(&source.kind()) {
                RemoteError::NotServed { socket }
            } else {
                RemoteError::Io { socket, source }
            }
        })
    }
}

/// Why a store that another process holds did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The connection failed.
    #[error("cannot ask the process that holds the store, through {}", socket.display())]
    Io {
        /// The socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody listens.
    #[error("nobody answers on {}; is the store held by `vouchsafe serve`?", socket.display())]
    NotServed {
        /// The socket.
        socket: PathBuf,
    },
    /// The other process could not answer.
    #[error("the process that holds the store could not answer: {message}")]
    Refused {
        /// What it said.
        message: String,
    },
    /// The other process speaks otherwise.
    #[error("the process that holds the store does not understand; it is of another version")]
    Unintelligible,
}

/// How long the other side may be silent.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a bundle of the largest size may take.
const IMPORT_TIMEOUT: Duration = Duration::from_hours(1);
