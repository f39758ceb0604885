//! Gathering role files, one repository after the other.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use vouchsafe_trust::json::{Fields, Json, JsonError};
use vouchsafe_trust::time::parse_rfc3339;
use vouchsafe_trust::{RepositoryMetadata, Role, Sha256, Timestamp, Version};

use super::blob::Extent;
use super::seal::Hashing;
use crate::manifest::{Pack, RoleFile};

/// Gathers the role files of a bundle in a file without a name, so that many repositories need no
/// more memory than one.
#[derive(Debug)]
pub struct PackWriter {
    file: Hashing<BufWriter<File>>,
    size: u64,
}

impl PackWriter {
    /// Begins a pack. The file is in `folder`.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let file = BufWriter::new(tempfile::tempfile_in(folder)?);
        Ok(Self {
            file: Hashing::new(file),
            size: 0,
        })
    }

    /// Adds the role files of a repository, and describes them as the manifest lists them.
    ///
    /// The repositories must come in the order in which the manifest lists them.
    ///
    /// # Errors
    ///
    /// [`PackError::Json`] if a file is not of the form that a role file has: the repository is left out
    /// then, and others can follow. [`PackError::Io`] if it cannot be written: nothing can follow.
    pub fn add(&mut self, metadata: &RepositoryMetadata) -> Result<Vec<RoleFile>, PackError> {
        let mut listed = describe(metadata)?;
        self.carry(metadata, &mut listed)?;
        Ok(listed)
    }

    /// Adds the role files of a repository that [`describe`] described as `listed`, and says there where
    /// each begins.
    ///
    /// # Errors
    ///
    /// [`PackError::Io`] if it cannot be written: nothing can follow.
    pub fn carry(
        &mut self,
        metadata: &RepositoryMetadata,
        listed: &mut [RoleFile],
    ) -> Result<(), PackError> {
        for ((_, bytes), file) in role_files(metadata).zip(listed) {
            file.offset = Some(self.size);
            self.file.write_all(bytes)?;
            self.size += file.size;
        }
        Ok(())
    }

    /// The pack, unless nothing was added.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<Option<PackFile>> {
        self.file.flush()?;
        let sha256 = Sha256::from_bytes(self.file.digest());
        let file = self.file.into_inner().into_inner()?;
        let (offset, size) = (0, self.size);
        let file = Arc::new(file);
        Ok((size > 0).then(|| PackFile {
            extent: Extent { file, offset, size },
            pack: Pack { sha256, size },
        }))
    }
}

/// The role files of a bundle that is to be written.
#[derive(Clone, Debug)]
pub struct PackFile {
    pub(super) extent: Extent,
    pub(super) pack: Pack,
}

impl PackFile {
    /// What the manifest says about it.
    pub const fn pack(&self) -> Pack {
        self.pack
    }
}

/// Describes the role files of a repository as the manifest of an incremental bundle lists those
/// that it leaves out.
///
/// # Errors
///
/// [`PackError::Json`] if a file is not of the form that a role file has.
pub fn describe(metadata: &RepositoryMetadata) -> Result<Vec<RoleFile>, PackError> {
    let describe = |(role, bytes): (Role, &[u8])| {
        let (version, expires) = version_and_expiry(bytes).map_err(|source| {
            let (gun, role) = (metadata.gun.to_string(), role.clone());
            PackError::Json { gun, role, source }
        })?;
        Ok(RoleFile {
            role,
            version,
            expires,
            sha256: Sha256::of(bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            offset: None,
        })
    };
    role_files(metadata).map(describe).collect()
}

/// Why a repository cannot be added to a bundle.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something that is no role file. What was verified is one.
    #[error("the {role} file of {gun} cannot be read")]
    Json {
        /// The repository.
        gun: String,
        /// The role.
        role: Role,
        /// Why.
        source: JsonError,
    },
}

/// The role files in the order of the manifest.
pub(super) fn role_files(metadata: &RepositoryMetadata) -> impl Iterator<Item = (Role, &[u8])> {
    let roots = metadata
        .roots
        .iter()
        .map(|root| (Role::Root, root.as_slice()));
    let delegations = metadata.delegations.iter();
    roots
        .chain([
            (Role::Timestamp, metadata.timestamp.as_slice()),
            (Role::Snapshot, metadata.snapshot.as_slice()),
            (Role::Targets, metadata.targets.as_slice()),
        ])
        .chain(delegations.map(|(name, file)| (name.clone().into(), file.as_slice())))
}

fn version_and_expiry(file: &[u8]) -> Result<(Version, Timestamp), JsonError> {
    let document = Json::parse(file)?;
    let fields = Fields::new("the document", &document, &["signed", "signatures"])?;
    let known = ["_type", "version", "expires"];
    let signed = Fields::new("signed", fields.required("signed")?, &known)?;
    let expires = parse_rfc3339(signed.string("expires")?)
        .map_err(|_error| signed.invalid("expires", "an RFC 3339 time"))?;
    Ok((signed.version("version")?, expires))
}
