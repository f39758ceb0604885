//! The root role.

use std::collections::BTreeSet;

use super::{Common, MetadataError, RoleKeys, open};
use crate::json::{Fields, Json, JsonError};
use crate::key::{Certificate, ListedKeys};
use crate::name::{KeyId, Role};

/// The root role's file: the keys of the four base roles.
#[derive(Clone, Debug)]
pub struct Root {
    /// Version and expiry.
    pub common: Common,
    keys: ListedKeys,
    own: KeySet,
    timestamp: KeySet,
    snapshot: KeySet,
    targets: KeySet,
}

impl Root {
    /// Reads the signed part of a root. Its signatures can be checked only afterwards, since it
    /// lists its own keys.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if it does not have the form of one.
    pub fn read(signed: &Json) -> Result<Self, MetadataError> {
        let own = ["keys", "roles", "consistent_snapshot"];
        let (fields, common) = open(signed, "Root", &own)?;
        fields.optional_bool("consistent_snapshot")?;
        let keys = ListedKeys::read(fields.object("keys")?)?;
        // Other names are allowed: old versions of Notary wrote `root.1` and the like.
        let known = ["root", "timestamp", "snapshot", "targets"];
        let roles = Fields::new("roles", fields.required("roles")?, &known)?;
        for (name, role) in fields.object("roles")?.iter() {
            if !known.contains(&name) {
                check_form(role)?;
            }
        }
        let set =
            |role| -> Result<KeySet, JsonError> { KeySet::read(roles.required(role)?, &keys) };
        let (own, timestamp) = (set("root")?, set("timestamp")?);
        let (snapshot, targets) = (set("snapshot")?, set("targets")?);
        Ok(Self {
            common,
            keys,
            own,
            timestamp,
            snapshot,
            targets,
        })
    }

    /// The keys of one of the four base roles; none for a delegation.
    pub fn role_keys(&self, role: &Role) -> Option<RoleKeys> {
        let set = match role {
            Role::Root => &self.own,
            Role::Timestamp => &self.timestamp,
            Role::Snapshot => &self.snapshot,
            Role::Targets => &self.targets,
            Role::Delegation(_) => return None,
        };
        Some(RoleKeys::new(&set.ids, set.threshold, &self.keys))
    }

    /// The certificates of the root role. A root key without one is passed over: nothing would tie
    /// it to the GUN (notary trustpinning/certs.go).
    pub fn certificates(&self) -> impl Iterator<Item = (KeyId, &Certificate)> {
        self.own
            .ids
            .iter()
            .filter_map(|id| Some((*id, self.keys.get(id)?.certificate()?)))
    }

    /// How many of the root role's keys must sign, from 1.
    pub const fn root_threshold(&self) -> u64 {
        self.own.threshold
    }

    /// The root role's keys among `allowed`, with the role's own threshold.
    pub fn root_keys_among(&self, allowed: &BTreeSet<KeyId>) -> RoleKeys {
        let ids = self.own.ids.intersection(allowed).copied().collect();
        RoleKeys::new(&ids, self.own.threshold, &self.keys)
    }
}

/// Checks that a role which Vouchsafe does not know has the form of one: Notary fails over any other.
fn check_form(role: &Json) -> Result<(), JsonError> {
    if *role == Json::Null {
        return Ok(());
    }
    let fields = Fields::new("a role", role, &["keyids", "threshold"])?;
    if fields.optional("keyids").is_some() {
        fields.strings("keyids")?;
    }
    match fields.optional("threshold") {
        None | Some(Json::Integer(_)) => Ok(()),
        Some(_) => Err(fields.invalid("threshold", "an integer")),
    }
}

#[derive(Clone, Debug)]
pub(super) struct KeySet {
    pub(super) ids: BTreeSet<KeyId>,
    pub(super) threshold: u64,
}

impl KeySet {
    pub(super) fn read(role: &Json, keys: &ListedKeys) -> Result<Self, JsonError> {
        let fields = Fields::new("a role", role, &["keyids", "threshold", "name", "paths"])?;
        let threshold = fields.unsigned("threshold")?;
        if threshold == 0 {
            return Err(fields.invalid("threshold", "an integer from 1"));
        }
        let ids = fields
            .strings("keyids")?
            .into_iter()
            .map(|id| {
                id.parse()
                    .ok()
                    .filter(|id| keys.get(id).is_some())
                    .ok_or_else(|| fields.invalid("keyids", "a list of keys in `keys`"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { ids, threshold })
    }
}
