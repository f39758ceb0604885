//! The targets role and its delegations.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::root::KeySet;
use super::{Common, FileMeta, MetadataError, RoleKeys, open};
use crate::json::{Fields, Json, shown};
use crate::key::ListedKeys;
use crate::name::{DelegationName, Role, Sha256};

/// The file of the targets role or of a delegation: what digest a tag has, and who else may say so.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Version and expiry.
    pub common: Common,
    /// The targets, ordered by name.
    pub targets: Vec<Target>,
    /// The roles that this one delegates to, in their order.
    pub delegations: Vec<Delegation>,
}

/// A signed tag.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Target {
    /// The tag.
    pub name: String,
    /// The manifest's digest; targets without a SHA-256 admit nothing.
    pub sha256: Option<Sha256>,
    /// The manifest's size in bytes.
    pub length: u64,
}

/// A role to which another one delegates.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// The role's name.
    pub name: DelegationName,
    /// Its keys and threshold.
    pub keys: RoleKeys,
    /// Prefixes of the targets that it may name; `""` for all, empty for none.
    pub paths: Vec<String>,
}

impl Targets {
    /// Reads the signed part of the file of `role`.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if it does not have the form of one, or delegates as Notary forbids.
    pub fn read(role: &Role, signed: &Json) -> Result<Self, MetadataError> {
        let (fields, common) = open(signed, "Targets", &["targets", "delegations"])?;
        let mut targets = Vec::new();
        if fields.optional("targets").is_some() {
            for (name, file) in fields.object("targets")?.iter() {
                let FileMeta { length, sha256, .. } = FileMeta::read(file)?;
                targets.push(Target {
                    name: name.to_owned(),
                    sha256,
                    length,
                });
            }
        }
        let delegations = match fields.optional("delegations") {
            Some(delegations) => read_delegations(role, delegations)?,
            None => Vec::new(),
        };
        Ok(Self {
            common,
            targets,
            delegations,
        })
    }
}

fn read_delegations(role: &Role, value: &Json) -> Result<Vec<Delegation>, MetadataError> {
    let fields = Fields::new("delegations", value, &["keys", "roles"])?;
    let keys = match fields.optional("keys") {
        Some(_) => ListedKeys::read(fields.object("keys")?)?,
        None => ListedKeys::default(),
    };
    let roles = match fields.optional("roles") {
        Some(_) => fields.array("roles")?,
        None => &[],
    };
    let mut names = BTreeSet::new();
    let mut delegations = Vec::new();
    for delegated in roles {
        let delegation = read_delegation(role, delegated, &keys)?;
        if !names.insert(delegation.name.clone()) {
            let name = delegation.name.to_string();
            return Err(MetadataError::InvalidDelegation {
                name,
                reason: "it is listed twice",
            });
        }
        delegations.push(delegation);
    }
    Ok(delegations)
}

/// Each delegated role must be a direct child with a valid name, and its keys must be listed, or
/// the whole file is invalid (notary tuf/data/targets.go).
fn read_delegation(
    role: &Role,
    value: &Json,
    keys: &ListedKeys,
) -> Result<Delegation, MetadataError> {
    let known = ["name", "keyids", "threshold", "paths"];
    let fields = Fields::new("a delegation", value, &known)?;
    let name = fields.string("name")?;
    let invalid = |reason| MetadataError::InvalidDelegation {
        name: shown(name),
        reason,
    };
    let name: DelegationName = name
        .parse()
        .map_err(|_error| invalid("it is not the name of a delegation"))?;
    if name.parent() != *role {
        return Err(invalid(
            "it is not a direct child of the role that delegates",
        ));
    }
    let set = KeySet::read(value, keys)
        .map_err(|_error| invalid("its keys are not listed, or its threshold is not from 1"))?;
    let paths = match fields.optional("paths") {
        Some(_) => fields
            .strings("paths")?
            .into_iter()
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    };
    Ok(Delegation {
        name,
        keys: RoleKeys::new(&set.ids, set.threshold, keys),
        paths,
    })
}
