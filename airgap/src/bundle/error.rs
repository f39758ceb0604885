//! Why a bundle cannot be opened.

use std::io;
use std::path::{Path, PathBuf};

use crate::Refusal;

/// Why a bundle cannot be opened: it is at fault, or this machine is.
#[derive(Debug, thiserror::Error)]
pub enum OpenBundleError {
    /// The bundle is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file cannot be read or written here.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenBundleError {
    /// Sorts out an error of the readers, which carry a refusal through [`io::Error`].
    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |error| match error.downcast::<Refusal>() {
            Ok(refusal) => Self::Refused(refusal),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Refused(Refusal::Truncated)
            }
            Err(source) => Self::Io {
                path: path.to_owned(),
                source,
            },
        }
    }

    /// An error of a file that is not the bundle itself.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// A refusal on its way through a reader.
pub(super) fn refuse(refusal: Refusal) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, refusal)
}

/// Something that is no bundle, on its way through a reader.
pub(super) fn no_bundle(reason: &str) -> io::Error {
    refuse(Refusal::NotABundle {
        reason: reason.to_owned(),
    })
}
