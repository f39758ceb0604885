//! The side that answers.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::Address;
use super::message::{
    BATCH, ImportRequest, MAX_REPLY, MAX_REQUEST, PREFIX, Reply, Request, encode, length,
};
use crate::{Store, StoreError};

/// Answers on the socket at `path` until `shutdown` is ready; removes the socket afterwards.
///
/// # Errors
///
/// [`SocketError`] if the socket cannot be made.
pub async fn serve(
    store: Store,
    path: &Path,
    shutdown: impl Future<Output = ()>,
) -> Result<(), SocketError> {
    Listener::bind(path)?.serve(store, shutdown).await;
    Ok(())
}

/// A socket that is ready to answer. It is removed when dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    owner: u32,
    importer: Option<Arc<dyn Importer>>,
}

/// Takes in bundles on behalf of others.
pub trait Importer: fmt::Debug + Send + Sync {
    /// Takes in the bundle, and says in JSON what came of it.
    ///
    /// # Errors
    ///
    /// Why nothing can be said, in words.
    fn import(&self, request: &ImportRequest) -> Result<serde_json::Value, String>;

    /// Goes by what is remembered of bundles, which has changed.
    ///
    /// # Errors
    ///
    /// Why it goes by what was remembered before, in words.
    fn refresh(&self) -> Result<(), String>;
}

impl Listener {
    /// Makes the socket, in the place of one on which nobody answers any more.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`SocketError`] if the place is taken or the operating system refuses.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let at = |source| SocketError::Io {
            path: path.to_path_buf(),
            source,
        };
        let address = Address::new(path).map_err(at)?;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(error)),
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(SocketError::NotASocket {
                    path: path.to_path_buf(),
                });
            }
            Ok(_) => match std::os::unix::net::UnixStream::connect(&address.path) {
                Ok(_) => {
                    return Err(SocketError::InUse {
                        path: path.to_path_buf(),
                    });
                }
                // Left by a process that was killed.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    fs::remove_file(path).map_err(at)?;
                }
                Err(error) => return Err(at(error)),
            },
        }
        let socket = UnixListener::bind(&address.path).map_err(at)?;
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(at)?;
        let owner = fs::metadata(path).map_err(at)?.uid();
        Ok(Self {
            socket,
            path: path.to_path_buf(),
            owner,
            importer: None,
        })
    }

    /// Lets others have bundles taken in by `importer`.
    #[must_use]
    pub fn with_importer(mut self, importer: Arc<dyn Importer>) -> Self {
        self.importer = Some(importer);
        self
    }

    /// Answers from `store` until `shutdown` is ready.
    pub async fn serve(self, store: Store, shutdown: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        let accept = async {
            loop {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                    return;
                };
                if let Some(stream) = self.accept().await {
                    let importer = self.importer.clone();
                    connections.spawn(answer_all(store.clone(), importer, stream, slot));
                }
                while connections.try_join_next().is_some() {}
            }
        };
        tokio::select! {
            () = accept => {}
            () = shutdown => {}
        }
    }

    async fn accept(&self) -> Option<UnixStream> {
        match self.socket.accept().await {
            Ok((stream, _)) if self.admits(&stream) => Some(stream),
            Ok(_) => {
                tracing::warn!("refused another user on the socket");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the socket");
                sleep(PAUSE).await;
                None
            }
        }
    }

    /// Whether the peer is the socket's owner or root: the mode could not keep others out in the
    /// moment before it was set.
    fn admits(&self, stream: &UnixStream) -> bool {
        stream
            .peer_cred()
            .is_ok_and(|peer| peer.uid() == self.owner || peer.uid() == 0)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "cannot remove the socket");
        }
    }
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Somebody answers there.
    #[error("another process answers on {}", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot listen on {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else is in its place.
    #[error("{} is not a socket", path.display())]
    NotASocket {
        /// The place.
        path: PathBuf,
    },
}

/// Answers one peer until it goes; `slot` is its place among the connections.
async fn answer_all(
    store: Store,
    importer: Option<Arc<dyn Importer>>,
    stream: UnixStream,
    slot: OwnedSemaphorePermit,
) {
    if let Err(error) = converse(&store, importer, stream).await {
        tracing::debug!(%error, "a connection to the socket ended");
    }
    drop(slot);
}

async fn converse(
    store: &Store,
    importer: Option<Arc<dyn Importer>>,
    mut stream: UnixStream,
) -> io::Result<()> {
    while let Some(request) = read(&mut stream).await? {
        let (sender, mut messages) = mpsc::channel(2);
        let (store, importer) = (store.clone(), importer.clone());
        let answering =
            spawn_blocking(move || answer(&store, importer.as_deref(), request, &sender));
        while let Some(message) = messages.recv().await {
            timeout(WRITE_TIMEOUT, stream.write_all(&message)).await??;
        }
        answering.await.map_err(io::Error::other)?;
    }
    Ok(())
}

/// The next request; `None` if the peer has no more. What is no request gets `Err`.
async fn read(stream: &mut UnixStream) -> io::Result<Option<Result<Request, String>>> {
    let read = async {
        let mut prefix = [0; PREFIX];
        match stream.read_exact(&mut prefix).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let length = length(prefix, MAX_REQUEST).ok_or(io::ErrorKind::InvalidData)?;
        let mut message = vec![0; length];
        stream.read_exact(&mut message).await?;
        let request = serde_json::from_slice(&message);
        Ok(Some(request.map_err(|error| {
            format!("it does not understand the request: {error}")
        })))
    };
    timeout(READ_TIMEOUT, read).await?
}

fn answer(
    store: &Store,
    importer: Option<&dyn Importer>,
    request: Result<Request, String>,
    messages: &Messages,
) {
    let answered = match request {
        Ok(request) => respond(store, importer, request, messages),
        Err(error) => Err(Unanswered::Error(error)),
    };
    let last = match answered {
        Ok(()) => Reply::<()>::End,
        // The connection ends in the middle of the answer, which the peer notices.
        Err(Unanswered::Gone) => return,
        Err(Unanswered::Error(message)) => Reply::Error(message),
    };
    if send(messages, &last).is_err() {
        tracing::debug!("nobody waited for the end of the answer");
    }
}

fn respond(
    store: &Store,
    importer: Option<&dyn Importer>,
    request: Request,
    messages: &Messages,
) -> Result<(), Unanswered> {
    match request {
        Request::Bundles => part(messages, store.bundles()?),
        Request::Evidence(query) => part(messages, store.evidence(&query)?),
        Request::Forget { server, gun } => {
            tracing::info!(%gun, "forgetting a repository, as asked through the socket");
            part(messages, store.forget(server.as_ref(), &gun)?)
        }
        Request::ForgetBundle { name } => {
            tracing::warn!(%name, "forgetting a series of bundles, as asked through the socket");
            let known = store.forget_bundle(&name)?;
            if let Some(importer) = importer {
                importer.refresh().map_err(Unanswered::Error)?;
            }
            part(messages, known)
        }
        Request::History { server, gun, tag } => {
            part(messages, store.history(&server, &gun, &tag)?)
        }
        Request::Import(request) => {
            let importer = importer.ok_or_else(|| {
                Unanswered::Error("it takes in no bundles; `vouchsafe serve` does".to_owned())
            })?;
            tracing::info!(path = %request.path.display(), "taking in a bundle, as asked through the socket");
            part(
                messages,
                importer.import(&request).map_err(Unanswered::Error)?,
            )
        }
        Request::LatestTime => part(messages, store.latest_time()),
        Request::RefusedConfig => part(messages, store.refused_config()),
        Request::ResetLatestTime { now } => part(messages, store.reset_latest_time(now)?),
        Request::Servers => part(messages, store.servers()?),
        Request::Status { server, gun } => {
            let mut wanted = store.repositories()?;
            wanted.retain(|(of, name)| {
                server.as_ref().is_none_or(|server| server == of)
                    && gun.as_ref().is_none_or(|gun| gun == name)
            });
            // In batches, so that ten thousand repositories are not in memory at once.
            wanted.chunks(BATCH).try_for_each(|batch| {
                let batch = batch.iter().cloned();
                let batch = batch.map(|(server, gun)| store.status_of(server, gun));
                part(messages, batch.collect::<Result<Vec<_>, _>>()?)
            })
        }
        Request::Tags { server, gun } => {
            for (role, targets) in store.tags(&server, &gun)? {
                let empty = targets.is_empty().then_some(&[][..]);
                for batch in targets.chunks(BATCH).chain(empty) {
                    part(messages, (&role, batch))?;
                }
            }
            Ok(())
        }
    }
}

fn part<T: Serialize>(messages: &Messages, part: T) -> Result<(), Unanswered> {
    send(messages, &Reply::Part(part))
}

fn send<T: Serialize>(messages: &Messages, reply: &Reply<T>) -> Result<(), Unanswered> {
    let message = encode(reply, MAX_REPLY)
        .map_err(|error| Unanswered::Error(error.to_string()))?
        .ok_or_else(|| Unanswered::Error("the answer is too long".to_owned()))?;
    messages
        .blocking_send(message)
        .map_err(|_error| Unanswered::Gone)
}

/// Why an answer stops.
enum Unanswered {
    Error(String),
    /// Nobody waits for it any more.
    Gone,
}

impl From<StoreError> for Unanswered {
    fn from(error: StoreError) -> Self {
        Self::Error(error.to_string())
    }
}

/// The way to the connection's task.
type Messages = mpsc::Sender<Vec<u8>>;

const MAX_CONNECTIONS: usize = 16;
/// How long a peer may take for a request.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a peer may take to read one message.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
