//! Files that appear under their names once they are whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::parts::{MAX_PARTS, numbers, part};

/// Writes a file, or cuts it into parts.
#[derive(Debug)]
pub(super) struct Cutter<'a> {
    to: &'a Path,
    split: Option<u64>,
    files: Vec<NamedTempFile>,
    /// How much fits into the last file.
    left: u64,
}

impl<'a> Cutter<'a> {
    /// Prepares to write `to`, or parts of `split` bytes.
    pub(super) fn new(to: &'a Path, split: Option<u64>) -> io::Result<Self> {
        if split == Some(0) {
            let message = "a bundle cannot be cut into parts of no bytes";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut cutter = Self {
            to,
            split,
            files: Vec::new(),
            left: 0,
        };
        cutter.next()?;
        Ok(cutter)
    }

    /// Gives the files their names, and gives these back.
    pub(super) fn finish(self) -> io::Result<Vec<PathBuf>> {
        for file in &self.files {
            file.as_file().sync_all()?;
        }
        let names: Vec<PathBuf> = match self.split {
            None => vec![self.to.to_owned()],
            Some(_) => (1..)
                .zip(&self.files)
                .map(|(at, _)| part(self.to, at))
                .collect(),
        };
        if self.split.is_some() {
            // Of a bundle that had more parts, none may stay behind.
            let count = u32::try_from(names.len()).unwrap_or(MAX_PARTS);
            for number in numbers(self.to)?
                .into_iter()
                .filter(|number| *number > count)
            {
                fs::remove_file(part(self.to, number))?;
            }
        }
        // The first part comes last: without it there is nothing to open.
        for (file, name) in self.files.into_iter().zip(&names).rev() {
            file.persist(name).map_err(|error| error.error)?;
        }
        File::open(folder(self.to))?.sync_all()?;
        Ok(names)
    }

    fn next(&mut self) -> io::Result<()> {
        if self.files.len() >= usize::try_from(MAX_PARTS).unwrap_or(usize::MAX) {
            let message = format!("it would have more than {MAX_PARTS} parts");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let file = tempfile::Builder::new()
            .prefix(".vouchsafe-bundle-")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder(self.to))?;
        self.files.push(file);
        self.left = self.split.unwrap_or(u64::MAX);
        Ok(())
    }
}

impl Write for Cutter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.next()?;
        }
        let most = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let file = self.files.last_mut().ok_or(io::ErrorKind::Other)?;
        let written = file.write(bytes.get(..most).unwrap_or(bytes))?;
        self.left -= u64::try_from(written).unwrap_or(self.left);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.files.iter_mut().try_for_each(NamedTempFile::flush)
    }
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
}
