//! What is pushed besides the manifest.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use vouchsafe_trust::Sha256;

/// Contents that a manifest names, and where to read them.
#[derive(Clone)]
pub struct Blob {
    /// Their digest.
    pub digest: Sha256,
    /// Their length in bytes.
    pub size: u64,
    /// Where to read them, as often as it takes.
    pub source: Arc<dyn BlobSource>,
}

/// Contents that can be read from their beginning, more than once.
pub trait BlobSource: Send + Sync {
    /// Opens the contents. What is read beyond the stated size of the blob does not count.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being read.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

/// A part of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileRange {
    /// The file.
    pub path: PathBuf,
    /// Where the part begins.
    pub offset: u64,
}

impl Blob {
    /// A blob of bytes that are in memory.
    pub fn of_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: Sha256::of(&bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            source: Arc::new(bytes),
        }
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob")
            .field("digest", &self.digest)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl BlobSource for Arc<[u8]> {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(Self::clone(self))))
    }
}

impl BlobSource for FileRange {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(Box::new(file))
    }
}
