//! The timestamp role.

use super::file::read_meta;
use super::{Common, FileMeta, MetadataError, open};
use crate::json::Json;
use crate::name::Role;

/// The timestamp role's file: which snapshot is the newest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SnapshotMeta {
    /// Version and expiry.
    pub common: Common,
    /// The newest snapshot's file.
    pub snapshot: FileMeta,
}

impl SnapshotMeta {
    /// Reads the signed part of a timestamp.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if it does not have the form of one.
    pub fn read(signed: &Json) -> Result<Self, MetadataError> {
        let (fields, common) = open(signed, "Timestamp", &["meta"])?;
        let snapshot = read_meta(&fields)?
            .remove(&Role::Snapshot)
            .ok_or_else(|| fields.invalid("meta", "an object that states `snapshot`"))?;
        if snapshot.sha256.is_none() {
            return Err(MetadataError::NoHash {
                file: Role::Snapshot.to_string(),
            });
        }
        Ok(Self { common, snapshot })
    }
}
