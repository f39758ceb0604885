//! What one role file states about another file.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::json::{Fields, Json, JsonError};
use crate::name::{Role, Sha256};

/// Length and hashes of a file, as another one states them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileMeta {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256, if stated.
    pub sha256: Option<Sha256>,
    /// SHA-512, if stated: 64 bytes.
    pub sha512: Option<Vec<u8>>,
}

impl FileMeta {
    /// Reads the statement. Hashes other than SHA-256 and SHA-512 need to be hashes, too, and are passed over, as in Notary;
    /// a SHA-256 that is `null` is not stated.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if it does not have the form of one.
    pub fn read(value: &Json) -> Result<Self, JsonError> {
        let fields = Fields::new("a file", value, &["length", "hashes", "custom"])?;
        let hashes = Fields::new("hashes", fields.required("hashes")?, &[])?;
        let (mut sha256, mut sha512) = (None, None);
        for (name, hash) in fields.object("hashes")?.iter() {
            let text = match hash {
                Json::String(text) => text,
                Json::Null if name == "sha256" => continue,
                Json::Null
                | Json::Bool(_)
                | Json::Integer(_)
                | Json::Array(_)
                | Json::Object(_) => return Err(hashes.invalid(name, "base64")),
            };
            let bytes = STANDARD
                .decode(text.as_bytes())
                .map_err(|_error| hashes.invalid(name, "base64"))?;
            match name {
                "sha256" => {
                    let bytes = bytes
                        .try_into()
                        .map_err(|_bytes| hashes.invalid(name, "32 bytes in base64"))?;
                    sha256 = Some(Sha256::from_bytes(bytes));
                }
                "sha512" if bytes.len() != 64 => {
                    return Err(hashes.invalid(name, "64 bytes in base64"));
                }
                "sha512" => sha512 = Some(bytes),
                _ => {}
            }
        }
        Ok(Self {
            length: fields.unsigned("length")?,
            sha256,
            sha512,
        })
    }

    /// The first statement that `bytes` do not fit.
    pub fn mismatch(&self, bytes: &[u8]) -> Option<Mismatch> {
        let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if found != self.length {
            return Some(Mismatch::Length {
                stated: self.length,
                found,
            });
        }
        if self
            .sha256
            .is_some_and(|stated| stated != Sha256::of(bytes))
        {
            return Some(Mismatch::Hash {
                algorithm: "SHA-256",
            });
        }
        let sha512 = |stated: &Vec<u8>| sha2::Sha512::digest(bytes).as_slice() != stated.as_slice();
        if self.sha512.as_ref().is_some_and(sha512) {
            return Some(Mismatch::Hash {
                algorithm: "SHA-512",
            });
        }
        None
    }
}

/// How a file differs from what is stated about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mismatch {
    /// Another hash.
    Hash {
        /// Which one.
        algorithm: &'static str,
    },
    /// Another length.
    Length {
        /// Stated length in bytes.
        stated: u64,
        /// Length found in bytes.
        found: u64,
    },
}

/// Reads a `meta` member: role files by role name. Names that are no role need to state a file, too, and are passed over.
pub(super) fn read_meta(fields: &Fields<'_>) -> Result<BTreeMap<Role, FileMeta>, JsonError> {
    let mut files = BTreeMap::new();
    for (name, file) in fields.object("meta")?.iter() {
        let file = FileMeta::read(file)?;
        if let Ok(role) = name.parse() {
            files.insert(role, file);
        }
    }
    Ok(files)
}
