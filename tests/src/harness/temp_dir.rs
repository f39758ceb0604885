//! Temporary directories.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::HarnessError;

/// A directory that is removed with everything in it when the value is dropped.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    /// Makes an empty directory whose name contains `label`.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if the system's temporary directory cannot be written.
    pub fn new(label: &str) -> Result<Self, HarnessError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path =
                std::env::temp_dir().join(format!("vouchsafe-{label}-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                // Left behind by an earlier process with this ID that was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(HarnessError::File { path, source }),
            }
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into the directory, with parent directories, and returns its path.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf, HarnessError> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(HarnessError::file(parent))?;
        }
        fs::write(&path, content).map_err(HarnessError::file(&path))?;
        Ok(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A file that a killed child still holds open must not turn a passed test into a failed one.
        drop(fs::remove_dir_all(&self.path));
    }
}
