//! Bad news: what is to be denied, whatever is signed.

use serde::{Deserialize, Serialize};

use crate::name::{Gun, KeyId, Sha256};

/// Something that is to be denied, and why.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Denied {
    /// What.
    pub what: DeniedThing,
    /// Why; shown to whoever is denied.
    pub reason: String,
}

/// What is to be denied.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DeniedThing {
    /// A manifest, whatever repository it is in.
    Digest(Sha256),
    /// A repository.
    Gun(Gun),
    /// Whatever depends on a key: its TUF key ID, as `notary key list` shows it.
    Key(KeyId),
}
