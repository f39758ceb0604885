//! Why a store could not be opened.

use std::io;
use std::path::{Path, PathBuf};

use crate::socket::SOCKET;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open; it can be asked through its socket.
    #[error(
        "another process holds the store {}{}; ask it through {}",
        dir.display(),
        holder.as_ref().map(|holder| format!(" ({holder})")).unwrap_or_default(),
        socket.display()
    )]
    Held {
        /// The store.
        dir: PathBuf,
        /// Which process, as it wrote down.
        holder: Option<String>,
        /// The socket on which a process that serves the store answers.
        socket: PathBuf,
    },
    /// The operating system refused something. Nothing was set aside.
    #[error("cannot open the store at {}", path.display())]
    Io {
        /// What it is about.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not even an empty store works.
    #[error("cannot start a new store in {}: {reason}", dir.display())]
    Unusable {
        /// The store.
        dir: PathBuf,
        /// Why.
        reason: String,
    },
}

impl OpenError {
    pub(super) fn held(dir: &Path) -> Self {
        Self::Held {
            dir: dir.to_path_buf(),
            holder: super::holder::read(dir),
            socket: dir.join(SOCKET),
        }
    }
}
