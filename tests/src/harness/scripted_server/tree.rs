//! The role files of one repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::route::RoleFile;
use crate::harness::HarnessError;
use crate::harness::root_key::hex;

/// Role files as they are served, byte for byte.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoleFiles {
    newest: BTreeMap<String, Vec<u8>>,
    versions: BTreeMap<(String, u64), Vec<u8>>,
    any_hash: bool,
}

impl RoleFiles {
    /// Nothing, as an honest server: a file is found by hash only if its bytes have that hash.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing, as an attacker's server: asked for a hash that no file has, it serves the role's newest file.
    pub fn hostile() -> Self {
        Self {
            any_hash: true,
            ..Self::default()
        }
    }

    /// Puts the newest file of a role.
    #[must_use]
    pub fn with(mut self, role: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.newest.insert(role.to_owned(), bytes.into());
        self
    }

    /// Puts a version of a role, which is found by that version and by its hash.
    #[must_use]
    pub fn with_version(mut self, role: &str, version: u64, bytes: impl Into<Vec<u8>>) -> Self {
        self.versions
            .insert((role.to_owned(), version), bytes.into());
        self
    }

    /// Adds every `*.json` below a directory: `root.json`, `2.root.json`, `targets/releases.json`.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if one cannot be read.
    pub fn with_directory(self, directory: &Path) -> Result<Self, HarnessError> {
        self.with_files_below(directory, "")
    }

    /// Adds files by their path: `root.json`, `2.root.json`, `targets/releases.json`; what is not `*.json` is left out.
    #[must_use]
    pub fn with_files(self, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        files.into_iter().fold(self, |files, (path, bytes)| {
            match path.strip_suffix(".json") {
                Some(stem) => files.with_file(stem, bytes),
                None => files,
            }
        })
    }

    fn with_file(self, stem: &str, bytes: Vec<u8>) -> Self {
        match RoleFile::parse(stem) {
            RoleFile::Version(role, version) => self.with_version(&role, version, bytes),
            RoleFile::Newest(role) | RoleFile::Content(role, _) => self.with(&role, bytes),
        }
    }

    fn with_files_below(mut self, directory: &Path, prefix: &str) -> Result<Self, HarnessError> {
        for entry in fs::read_dir(directory).map_err(HarnessError::file(directory))? {
            let path = entry.map_err(HarnessError::file(directory))?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                self = self.with_files_below(&path, &format!("{prefix}{name}/"))?;
            } else if let Some(stem) = name.strip_suffix(".json") {
                let bytes = fs::read(&path).map_err(HarnessError::file(&path))?;
                self = self.with_file(&format!("{prefix}{stem}"), bytes);
            }
        }
        Ok(self)
    }

    /// The file that a path names.
    pub(super) fn find(&self, file: &RoleFile) -> Option<&[u8]> {
        let found = match file {
            RoleFile::Newest(role) => self.newest.get(role),
            RoleFile::Version(role, version) => self.version(role, *version),
            RoleFile::Content(role, hash) => self.content(role, hash),
        };
        found.map(Vec::as_slice)
    }

    fn version(&self, role: &str, version: u64) -> Option<&Vec<u8>> {
        let stated = |bytes: &&Vec<u8>| stated_version(bytes) == Some(version);
        self.versions
            .get(&(role.to_owned(), version))
            .or_else(|| self.newest.get(role).filter(stated))
    }

    fn content(&self, role: &str, hash: &str) -> Option<&Vec<u8>> {
        let versions = self
            .versions
            .iter()
            .filter(|((name, _), _)| name == role)
            .map(|(_, bytes)| bytes);
        let newest = self.newest.get(role);
        let hashed = newest
            .into_iter()
            .chain(versions)
            .find(|bytes| hex(&Sha256::digest(bytes)) == hash);
        hashed.or_else(|| newest.filter(|_| self.any_hash))
    }
}

fn stated_version(bytes: &[u8]) -> Option<u64> {
    let file: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    file.pointer("/signed/version")?.as_u64()
}
