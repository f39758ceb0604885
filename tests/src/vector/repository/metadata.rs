//! The files of a repository by what they are, as a bundle or a store has them.

use std::collections::BTreeMap;

use super::Repository;

/// The role files that make up a repository.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Metadata {
    /// The root chain, oldest first.
    pub roots: Vec<Vec<u8>>,
    /// `timestamp.json`.
    pub timestamp: Vec<u8>,
    /// `snapshot.json`.
    pub snapshot: Vec<u8>,
    /// `targets.json`.
    pub targets: Vec<u8>,
    /// The files of delegations, by name: `targets/releases`.
    pub delegations: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    /// The files by what they are. One that is withheld is empty, or not there.
    pub fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::default();
        let mut roots = BTreeMap::new();
        for (path, bytes) in self.files() {
            let stem = path.strip_suffix(".json").unwrap_or(&path);
            let version: Option<u64> = stem
                .strip_suffix(".root")
                .and_then(|version| version.parse().ok());
            match (version, stem) {
                (Some(version), _) => drop(roots.insert(version, bytes)),
                (None, "timestamp") => metadata.timestamp = bytes,
                (None, "snapshot") => metadata.snapshot = bytes,
                (None, "targets") => metadata.targets = bytes,
                (None, stem) if stem.starts_with("targets/") => {
                    metadata.delegations.insert(stem.to_owned(), bytes);
                }
                (None, _) => {}
            }
        }
        metadata.roots = roots.into_values().collect();
        metadata
    }
}
