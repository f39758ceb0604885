//! The snapshot role.

use std::collections::BTreeMap;

use super::file::read_meta;
use super::{Common, FileMeta, MetadataError, open};
use crate::json::Json;
use crate::name::Role;

/// The snapshot role's file: the role files that belong together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// Version and expiry.
    pub common: Common,
    /// The newest root's file.
    pub root: FileMeta,
    /// The newest targets' file.
    pub targets: FileMeta,
    delegations: BTreeMap<Role, FileMeta>,
}

impl Snapshot {
    /// Reads the signed part of a snapshot.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if it does not have the form of one.
    pub fn read(signed: &Json) -> Result<Self, MetadataError> {
        let (fields, common) = open(signed, "Snapshot", &["meta"])?;
        let mut meta = read_meta(&fields)?;
        if let Some((role, _)) = meta.iter().find(|(_, file)| file.sha256.is_none()) {
            return Err(MetadataError::NoHash {
                file: role.to_string(),
            });
        }
        let root = meta
            .remove(&Role::Root)
            .ok_or_else(|| fields.invalid("meta", "an object that states `root`"))?;
        let targets = meta
            .remove(&Role::Targets)
            .ok_or_else(|| fields.invalid("meta", "an object that states `targets`"))?;
        Ok(Self {
            common,
            root,
            targets,
            delegations: meta,
        })
    }

    /// The file of `role`, if the snapshot states one.
    pub fn file(&self, role: &Role) -> Option<&FileMeta> {
        match role {
            Role::Root => Some(&self.root),
            Role::Targets => Some(&self.targets),
            Role::Delegation(_) => self.delegations.get(role),
            Role::Timestamp | Role::Snapshot => None,
        }
    }
}
