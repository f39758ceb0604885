//! From objects to role files: nothing in an object is believed, and nothing of it is larger than it may be.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use vouchsafe_trust::update::Limits;
use vouchsafe_trust::{DelegationName, Gun, RepositoryMetadata, Role, Server, Sha256};

use super::pack::{MAX_FILES, MAX_PARTS, PART};
use super::{RoleFile, TrustRepositorySpec, object_name};

/// What an object claims, in a form that makes sense. Nothing of it is proven.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The server that is said to have served the files.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
    /// When it is said to have been brought up to date, by the clock of whoever did.
    pub synced_at: Timestamp,
    /// When the server is said to have said that it no longer has the repository.
    pub withdrawn_at: Option<Timestamp>,
    /// [`TrustRepositorySpec::identity`].
    pub identity: Sha256,
    files: Vec<(Role, RoleFile)>,
}

/// Why an object makes no sense.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// It does not have the form of a `TrustRepository`.
    #[error("malformed: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// It is not the one object of its repository.
    #[error("the object of {gun} of {server} is called {expected}")]
    Name {
        /// The server that it claims.
        server: Server,
        /// The repository that it claims.
        gun: Gun,
        /// What it would be called.
        expected: String,
    },
    /// Its files are too large, or too many.
    #[error("too large: {what}")]
    TooLarge {
        /// What is.
        what: String,
    },
    /// A part is not there, or does not have the bytes that it is named by.
    #[error("part {name} is not there")]
    PartMissing {
        /// The part.
        name: String,
    },
    /// A file is not the one that is stated.
    #[error("{role}: not the file that is stated")]
    Damaged {
        /// Whose file.
        role: Role,
    },
}

impl UnpackError {
    /// The stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Name { .. } => "foreign_name",
            Self::TooLarge { .. } => "too_large",
            Self::PartMissing { .. } => "part_missing",
            Self::Damaged { .. } => "damaged",
        }
    }

    fn malformed(what: &dyn fmt::Display) -> Self {
        // Whoever wrote the object chose the words, and they end up in logs and on terminals.
        let what = what.to_string();
        let printable = what.chars().map(|c| if c.is_control() { '?' } else { c });
        let what = printable.take(MAX_WORDS).collect();
        Self::Malformed { what }
    }
}

/// Reads what the object called `name` claims in its `spec`.
///
/// # Errors
///
/// [`UnpackError`] if it makes no sense.
pub fn claim(name: &str, spec: &Value) -> Result<Claim, UnpackError> {
    let spec: TrustRepositorySpec =
        serde::Deserialize::deserialize(spec).map_err(|error| UnpackError::malformed(&error))?;
    let server: Server = spec
        .server
        .parse()
        .map_err(|error| UnpackError::malformed(&error))?;
    let gun: Gun = spec
        .gun
        .parse()
        .map_err(|error| UnpackError::malformed(&error))?;
    let expected = object_name(&server, &gun);
    if name != expected {
        return Err(UnpackError::Name {
            server,
            gun,
            expected,
        });
    }
    let synced_at = spec
        .synced_at
        .parse()
        .map_err(|error| UnpackError::malformed(&error))?;
    let withdrawn_at = spec.withdrawn_at.as_deref().map(str::parse).transpose();
    let withdrawn_at = withdrawn_at.map_err(|error| UnpackError::malformed(&error))?;
    if spec.files.len() > MAX_FILES {
        let what = format!("{} files", spec.files.len());
        return Err(UnpackError::TooLarge { what });
    }
    if withdrawn_at.is_none() && spec.files.is_empty() {
        let what = "there are neither files nor `withdrawnAt`";
        return Err(UnpackError::malformed(&what));
    }
    check_parts(&spec.files)?;
    let identity = spec.identity();
    let files = spec.files.into_iter().map(|file| {
        let role: Role = file
            .role
            .parse()
            .map_err(|error| UnpackError::malformed(&error))?;
        Ok((role, file))
    });
    let files = files.collect::<Result<_, UnpackError>>()?;
    Ok(Claim {
        server,
        gun,
        synced_at,
        withdrawn_at,
        identity,
        files,
    })
}

/// Checks the names of parts, of which requests are made.
fn check_parts(files: &[RoleFile]) -> Result<(), UnpackError> {
    let count: usize = files.iter().map(|file| file.parts.len()).sum();
    if count > MAX_PARTS {
        let what = format!("{count} parts, where {MAX_PARTS} are allowed");
        return Err(UnpackError::TooLarge { what });
    }
    let is_digest = |name: &String| {
        name.parse::<Sha256>()
            .is_ok_and(|it| it.to_string() == *name)
    };
    if !files.iter().flat_map(|file| &file.parts).all(is_digest) {
        let what = "a part is not named by a SHA-256";
        return Err(UnpackError::malformed(&what));
    }
    if files
        .iter()
        .any(|file| file.data.is_some() && !file.parts.is_empty())
    {
        return Err(UnpackError::malformed(&"a file has `data` and `parts`"));
    }
    Ok(())
}

impl TrustRepositorySpec {
    /// An identity of what this says of the repository, save when that was found out.
    pub fn identity(&self) -> Sha256 {
        let withdrawn_at = self.withdrawn_at.as_deref().unwrap_or_default();
        let mut text = vec![withdrawn_at];
        let sizes: Vec<String> = self
            .files
            .iter()
            .map(|file| file.size.to_string())
            .collect();
        for (file, size) in self.files.iter().zip(&sizes) {
            let data = file.data.as_deref().unwrap_or_default();
            text.extend([file.role.as_str(), &file.sha256, size, data]);
            text.extend(file.parts.iter().map(String::as_str));
        }
        // Nothing that this crate writes has a line break in it.
        Sha256::of(text.join("\n").as_bytes())
    }
}

impl Claim {
    /// Whether there are role files.
    pub const fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// How many bytes the files are said to have together.
    pub fn stated_bytes(&self) -> u64 {
        let sizes = self.files.iter().map(|(_, file)| u64::try_from(file.size));
        sizes.fold(0, |sum, size| sum.saturating_add(size.unwrap_or(u64::MAX)))
    }

    /// The names of the parts that are needed.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let parts = self.files.iter().flat_map(|(_, file)| &file.parts);
        parts.map(String::as_str)
    }

    /// The role files, with the data of `parts` (base64, by name), none larger than `limits` allow.
    ///
    /// # Errors
    ///
    /// [`UnpackError`] if a part is missing, or a file too large or not the one that is stated.
    pub fn unpack(
        &self,
        parts: &BTreeMap<String, String>,
        limits: Limits,
    ) -> Result<RepositoryMetadata, UnpackError> {
        let stated = self.stated_bytes();
        if stated > limits.repository {
            let limit = limits.repository;
            let what = format!("{stated} bytes in all, where {limit} are allowed");
            return Err(UnpackError::TooLarge { what });
        }
        let mut left = limits.repository;
        let mut roots = Vec::new();
        let mut base = BTreeMap::new();
        let mut delegations = BTreeMap::new();
        for (role, stated) in &self.files {
            let limit = match role {
                Role::Root => limits.root,
                Role::Timestamp => limits.timestamp,
                Role::Snapshot | Role::Targets | Role::Delegation(_) => limits.role,
            };
            let bytes = stated.unpack(role, parts, limit.min(left))?;
            left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            let twice = match role {
                Role::Root => {
                    roots.push(bytes);
                    false
                }
                Role::Delegation(name) => {
                    let name: DelegationName = name.clone();
                    delegations.insert(name, bytes).is_some()
                }
                Role::Snapshot | Role::Targets | Role::Timestamp => {
                    base.insert(role.clone(), bytes).is_some()
                }
            };
            if twice {
                return Err(UnpackError::malformed(&format!("{role} is there twice")));
            }
        }
        let mut take = |role: Role| {
            let file = base.remove(&role);
            file.ok_or_else(|| UnpackError::malformed(&format!("{role} is not there")))
        };
        Ok(RepositoryMetadata {
            gun: self.gun.clone(),
            roots,
            timestamp: take(Role::Timestamp)?,
            snapshot: take(Role::Snapshot)?,
            targets: take(Role::Targets)?,
            delegations,
        })
    }
}

impl RoleFile {
    /// The file, of at most `limit` bytes.
    fn unpack(
        &self,
        role: &Role,
        parts: &BTreeMap<String, String>,
        limit: u64,
    ) -> Result<Vec<u8>, UnpackError> {
        let size = u64::try_from(self.size).unwrap_or(u64::MAX);
        if size > limit {
            let what = format!("{role} of {size} bytes, where {limit} are allowed");
            return Err(UnpackError::TooLarge { what });
        }
        let compressed = self.compressed(role, parts)?;
        let damaged = || UnpackError::Damaged { role: role.clone() };
        let mut bytes = Vec::new();
        let read =
            zstd::stream::read::Decoder::new(compressed.as_slice()).and_then(|mut reader| {
                reader.window_log_max(WINDOW_LOG)?;
                // One byte more than stated is one too many, so no more is ever unpacked.
                reader.take(size.saturating_add(1)).read_to_end(&mut bytes)
            });
        let stated = read.is_ok_and(|read| u64::try_from(read) == Ok(size))
            && Sha256::of(&bytes).to_string() == self.sha256;
        if stated { Ok(bytes) } else { Err(damaged()) }
    }

    fn compressed(
        &self,
        role: &Role,
        parts: &BTreeMap<String, String>,
    ) -> Result<Vec<u8>, UnpackError> {
        let decode = |data: &str| {
            let decoded = STANDARD.decode(data);
            decoded.map_err(|error| UnpackError::malformed(&format!("{role}: `data`: {error}")))
        };
        if let Some(data) = &self.data {
            return decode(data);
        }
        let mut compressed = Vec::new();
        for name in &self.parts {
            let missing = || UnpackError::PartMissing { name: name.clone() };
            let piece = decode(parts.get(name).ok_or_else(missing)?)?;
            if piece.len() > PART || Sha256::of(&piece).to_string() != *name {
                return Err(missing());
            }
            compressed.extend(piece);
        }
        Ok(compressed)
    }
}

/// The largest window of compressed data: 32 MiB, more than what packs them uses.
const WINDOW_LOG: u32 = 25;
/// How much of a fault of somebody else's making is repeated, in characters.
const MAX_WORDS: usize = 300;

#[cfg(test)]
mod tests;
