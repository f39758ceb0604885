//! From role files to objects.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use vouchsafe_trust::{Gun, RepositoryMetadata, Role, Server, Sha256};

use super::{RoleFile, TrustRepositorySpec};

/// A repository as objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packed {
    /// What the `TrustRepository` says.
    pub spec: TrustRepositorySpec,
    /// The data of the parts that it names, in base64, by their names.
    pub parts: BTreeMap<String, String>,
}

/// Why a repository does not go into objects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// It cannot be compressed.
    #[error("cannot be compressed: {0}")]
    Compress(#[from] std::io::Error),
    /// It is too large, compressed.
    #[error("has {count} parts, and an object takes {MAX_PARTS}")]
    Parts {
        /// How many it would have.
        count: usize,
    },
    /// It has more role files than an object may name.
    #[error("has {count} role files, and an object takes {MAX_FILES}")]
    Files {
        /// How many it has.
        count: usize,
    },
}

/// Packs what `server` served; `synced_at` is when.
///
/// # Errors
///
/// [`PackError`] if there are too many files, or if one cannot be compressed.
pub fn pack(
    server: &Server,
    metadata: &RepositoryMetadata,
    synced_at: Timestamp,
) -> Result<Packed, PackError> {
    let roots = metadata.roots.iter().map(|root| (Role::Root, root));
    let base = [
        (Role::Timestamp, &metadata.timestamp),
        (Role::Snapshot, &metadata.snapshot),
        (Role::Targets, &metadata.targets),
    ];
    let delegations = metadata.delegations.iter();
    let delegations = delegations.map(|(name, file)| (Role::from(name.clone()), file));
    let files: Vec<_> = roots.chain(base).chain(delegations).collect();
    if files.len() > MAX_FILES {
        return Err(PackError::Files { count: files.len() });
    }
    let mut spec = header(server, &metadata.gun, synced_at);
    let mut parts = BTreeMap::new();
    let mut room = MAX_INLINE;
    for (role, bytes) in files {
        spec.files.push(file(&role, bytes, &mut room, &mut parts)?);
    }
    let count = spec.files.iter().map(|file| file.parts.len()).sum();
    if count > MAX_PARTS {
        return Err(PackError::Parts { count });
    }
    Ok(Packed { spec, parts })
}

/// What is said of a repository that its server no longer has.
pub fn withdrawn(server: &Server, gun: &Gun, at: Timestamp) -> Packed {
    let mut spec = header(server, gun, at);
    spec.withdrawn_at = Some(at.to_string());
    Packed {
        spec,
        parts: BTreeMap::new(),
    }
}

fn header(server: &Server, gun: &Gun, synced_at: Timestamp) -> TrustRepositorySpec {
    TrustRepositorySpec {
        server: server.as_str().to_owned(),
        gun: gun.as_str().to_owned(),
        synced_at: synced_at.to_string(),
        withdrawn_at: None,
        files: Vec::new(),
    }
}

/// Packs one file: into the object while there is `room`, otherwise into `parts`.
fn file(
    role: &Role,
    bytes: &[u8],
    room: &mut usize,
    parts: &mut BTreeMap<String, String>,
) -> Result<RoleFile, PackError> {
    let compressed = zstd::bulk::compress(bytes, LEVEL)?;
    let mut file = RoleFile {
        role: role.to_string(),
        sha256: Sha256::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        data: None,
        parts: Vec::new(),
    };
    match room.checked_sub(compressed.len()) {
        Some(left) => {
            *room = left;
            file.data = Some(STANDARD.encode(&compressed));
        }
        None => {
            for piece in compressed.chunks(PART) {
                let name = Sha256::of(piece).to_string();
                parts.insert(name.clone(), STANDARD.encode(piece));
                file.parts.push(name);
            }
        }
    }
    Ok(file)
}

/// As much of compressed role files as goes into a `TrustRepository` itself, in bytes: with base64 and the rest, well below
/// the 1.5 MiB that etcd takes in a request.
const MAX_INLINE: usize = 384 << 10;
/// The most compressed bytes of a part.
pub(super) const PART: usize = 512 << 10;
/// The most parts of one repository: 64 MiB, compressed.
pub(super) const MAX_PARTS: usize = 128;
/// The most role files that an object names.
pub(super) const MAX_FILES: usize = 1024;
const LEVEL: i32 = 9;
