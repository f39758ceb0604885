//! Bundle files: an OCI image layout in a compressed archive.
//!
//! What is read here comes from anywhere. Opening a bundle shows that it is whole and consistent in
//! itself, within [`Limits`]; it shows nothing about who made it.

mod blob;
mod contents;
mod cutter;
mod entry;
mod error;
mod frame;
mod intake;
mod limits;
pub mod oci;
mod pack;
mod parts;
mod read;
mod seal;
mod sign;
mod source;
mod tar;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vouchsafe_trust::{RepositoryMetadata, Role, Sha256};

pub use blob::{Blob, BlobReader};
pub use contents::Contents;
pub use error::OpenBundleError;
pub use limits::Limits;
pub use oci::Descriptor;
pub use pack::{PackError, PackFile, PackWriter, describe};
pub use sign::SignBundleError;
pub use write::{WriteBundleError, write};

use blob::Extent;
use source::Form;

use crate::manifest::{self, Manifest, RoleFile};
use crate::{Refusal, Signature};

/// A bundle that is whole and consistent in itself. Nothing in it is trusted yet.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    form: Form,
    artifact: Vec<u8>,
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    manifest_sha256: Sha256,
    signatures: Vec<Signature>,
    pack: Option<(Sha256, Extent)>,
    blobs: Vec<Blob>,
    most_per_repository: u64,
}

impl Bundle {
    /// Reads the bundle at `path`: a file, compressed or not; the first part of one that was split, or
    /// the name that its parts have in common; or the folder of an OCI image layout.
    ///
    /// Its contents are copied into a file without a name in the folder `spool`, which takes as
    /// much space as they do and goes when the bundle is dropped.
    ///
    /// # Errors
    ///
    /// [`OpenBundleError`] says what is wrong with it, or with this machine.
    pub fn open(path: &Path, limits: &Limits, spool: &Path) -> Result<Self, OpenBundleError> {
        read::open(path, limits, spool)
    }

    /// Reads the bundle as [`Bundle::open`] does, if `is_wanted` finds nothing against its manifest, as
    /// written, and its signatures. That is asked before the role files take any room.
    ///
    /// # Errors
    ///
    /// [`OpenBundleError`], also with what `is_wanted` finds.
    pub fn open_wanted(
        path: &Path,
        limits: &Limits,
        spool: &Path,
        is_wanted: impl FnOnce(&[u8], &[Signature]) -> Result<(), Refusal>,
    ) -> Result<Self, OpenBundleError> {
        let (manifest, signatures) = read::peek(path, limits, spool)?;
        is_wanted(&manifest, &signatures)?;
        read::open(path, limits, spool)
    }

    /// What it says that it holds.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest as written: what its signatures are over.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The digest of the manifest, by which incremental bundles name this one.
    pub const fn manifest_sha256(&self) -> Sha256 {
        self.manifest_sha256
    }

    /// Its signatures, whether they are any good or not.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The OCI image manifest.
    pub fn artifact(&self) -> &[u8] {
        &self.artifact
    }

    /// What the OCI image manifest names: configuration, manifest, role files, signatures.
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// What a registry has to be given besides the OCI image manifest.
    pub fn parts(&self) -> Vec<crate::registry::Blob> {
        let parts = self.blobs.iter().map(|blob| crate::registry::Blob {
            digest: blob.descriptor().digest,
            size: blob.descriptor().size,
            source: Arc::new(blob.clone()),
        });
        parts.collect()
    }

    /// The contents, to be written elsewhere.
    pub fn contents(&self) -> Contents {
        let bytes = self.manifest_bytes.clone();
        Contents::of(&self.manifest, bytes, self.pack.clone(), &self.signatures)
    }

    /// The role files of a repository that the manifest lists. Each is what its digest says;
    /// whether anything in it is true is for [`verify`](vouchsafe_trust::verify()) to find out.
    ///
    /// # Errors
    ///
    /// [`Refusal::Missing`] if the bundle that this one adds to has them,
    /// [`Refusal::DigestMismatch`] or [`Refusal::TooLarge`].
    pub fn repository(
        &self,
        repository: &manifest::Repository,
    ) -> Result<RepositoryMetadata, OpenBundleError> {
        if repository.size() > self.most_per_repository {
            let what = format!("the role files of {}", repository.gun);
            return Err(intake::too_large(&what, self.most_per_repository, "bytes").into());
        }
        let mut metadata = RepositoryMetadata {
            gun: repository.gun.clone(),
            roots: Vec::new(),
            timestamp: Vec::new(),
            snapshot: Vec::new(),
            targets: Vec::new(),
            delegations: std::collections::BTreeMap::new(),
        };
        for file in &repository.files {
            let bytes = self.role_file(repository, file)?;
            match &file.role {
                Role::Root => metadata.roots.push(bytes),
                Role::Timestamp => metadata.timestamp = bytes,
                Role::Snapshot => metadata.snapshot = bytes,
                Role::Targets => metadata.targets = bytes,
                Role::Delegation(name) => {
                    metadata.delegations.insert(name.clone(), bytes);
                }
            }
        }
        Ok(metadata)
    }

    fn role_file(
        &self,
        repository: &manifest::Repository,
        file: &RoleFile,
    ) -> Result<Vec<u8>, OpenBundleError> {
        let name = || format!("the {} file of {}", file.role, repository.gun);
        let missing = || Refusal::Missing { what: name() };
        let (_, pack) = self.pack.as_ref().ok_or_else(missing)?;
        let bytes = pack
            .slice(file.offset.ok_or_else(missing)?, file.size)
            .map_err(OpenBundleError::reading(&self.path))?;
        if Sha256::of(&bytes) == file.sha256 {
            Ok(bytes)
        } else {
            Err(Refusal::DigestMismatch { what: name() }.into())
        }
    }

    /// Takes over what was written.
    fn adopt(&mut self, contents: &Contents) -> Result<(), WriteBundleError> {
        let (artifact, blobs) = contents.blobs().map_err(|error| WriteBundleError {
            path: self.path.clone(),
            source: error.into(),
        })?;
        self.artifact = artifact;
        self.blobs = blobs;
        self.signatures = contents.signatures().collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
