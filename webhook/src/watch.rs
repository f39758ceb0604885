//! Files whose contents may change while the process runs.
//!
//! Kubernetes replaces the files of a mounted `Secret` or `ConfigMap` by turning the symbolic link
//! `..data` to another folder, which raises no event on the files themselves. So contents are
//! compared, at intervals.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vouchsafe_trust::Sha256;

/// Some files that belong together, and what they held when last seen.
#[derive(Clone, Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    seen: Option<Sha256>,
    unreadable: bool,
}

impl Watch {
    /// How often to look, unless told otherwise.
    pub const INTERVAL: Duration = Duration::from_secs(10);

    /// A watch on files that nobody has read yet.
    pub const fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            seen: None,
            unreadable: false,
        }
    }

    /// A watch on a file that held `contents` when it was read.
    pub fn since(path: PathBuf, contents: &[u8]) -> Self {
        let seen = Some(fingerprint(&[contents.to_vec()]));
        Self {
            paths: vec![path],
            seen,
            unreadable: false,
        }
    }

    /// What the files hold, where that is not what they held when last asked.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] the first time that a file cannot be read; until it can be again, nothing has
    /// changed.
    pub fn changed(&mut self) -> Result<Option<Vec<Vec<u8>>>, Unreadable> {
        let contents = match self.read() {
            Ok(contents) => contents,
            Err(_) if self.unreadable => return Ok(None),
            Err(error) => {
                self.unreadable = true;
                return Err(error);
            }
        };
        self.unreadable = false;
        let fingerprint = fingerprint(&contents);
        if self.seen == Some(fingerprint) {
            return Ok(None);
        }
        // The files of one version are not replaced at one instant: what is still being replaced
        // is looked at the next time.
        if self.read()? != contents {
            return Ok(None);
        }
        self.seen = Some(fingerprint);
        Ok(Some(contents))
    }

    /// Whether the files can be read and hold what they held when last seen.
    pub(crate) fn is_unchanged(&self) -> bool {
        let contents = self.read();
        contents.is_ok_and(|contents| self.seen == Some(fingerprint(&contents)))
    }

    /// The first file's path, for messages.
    pub(crate) fn name(&self) -> String {
        self.paths
            .first()
            .map(|path| path.display().to_string())
            .unwrap_or_default()
    }

    fn read(&self) -> Result<Vec<Vec<u8>>, Unreadable> {
        self.paths.iter().map(|path| read(path)).collect()
    }
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be read: {source}", path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let contents = File::open(path).and_then(|file| {
        let mut contents = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut contents)?;
        if u64::try_from(contents.len()).is_ok_and(|len| len <= MAX_BYTES) {
            Ok(contents)
        } else {
            Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "more than 16 MiB",
            ))
        }
    });
    contents.map_err(|source| Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn fingerprint(contents: &[Vec<u8>]) -> Sha256 {
    let each = contents.iter().map(|bytes| Sha256::of(bytes));
    Sha256::of(
        &each
            .flat_map(|digest| *digest.as_bytes())
            .collect::<Vec<u8>>(),
    )
}

const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Mount;

    #[test]
    fn a_swap_of_the_link_is_one_change_of_all_files() {
        let mount = Mount::new(&[("a", "1"), ("b", "1")]);
        let mut watch = Watch::new(vec![mount.path("a"), mount.path("b")]);
        let text = |watch: &mut Watch| watch.changed().unwrap().map(|contents| contents.concat());
        assert_eq!(text(&mut watch).as_deref(), Some(&b"11"[..]));
        assert_eq!(text(&mut watch), None);
        mount.replace(&[("a", "1"), ("b", "2")]);
        assert_eq!(text(&mut watch).as_deref(), Some(&b"12"[..]));
        mount.replace(&[("a", "1"), ("b", "2")]);
        assert_eq!(text(&mut watch), None);
        // The border between two files is part of what they hold.
        mount.replace(&[("a", "12"), ("b", "")]);
        assert_eq!(text(&mut watch).as_deref(), Some(&b"12"[..]));
    }

    #[test]
    fn what_was_read_before_is_no_change() {
        let mount = Mount::new(&[("config.yaml", "text")]);
        let mut watch = Watch::since(mount.path("config.yaml"), b"text");
        assert_eq!(watch.changed().unwrap(), None);
        mount.replace(&[("config.yaml", "other")]);
        assert!(watch.changed().unwrap().is_some());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_reported_once() {
        let mount = Mount::new(&[("config.yaml", "text")]);
        let mut watch = Watch::since(mount.path("config.yaml"), b"text");
        mount.replace(&[]);
        let error = watch.changed().unwrap_err().to_string();
        assert!(error.contains("config.yaml"), "{error}");
        assert_eq!(watch.changed().unwrap(), None);
        mount.replace(&[("config.yaml", "new")]);
        assert!(watch.changed().unwrap().is_some());
    }
}
