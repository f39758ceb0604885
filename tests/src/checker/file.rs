//! What all role files have, and what one says about another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

use super::json::Value;
use super::keys::RoleKeys;
use super::{Objection, Role, Terms, demand, require, time};

/// A role file that was read.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) signed: Value,
    pub(super) signatures: Vec<Value>,
    pub(super) version: u64,
    pub(super) expires: i128,
    bytes: Vec<u8>,
}

impl File {
    /// Reads the file of `role`, which has to be of the type `kind`.
    pub(super) fn read(role: &str, kind: &str, bytes: &[u8]) -> Result<Self, Objection> {
        let document = require(Value::parse(bytes), role, "it is not strict JSON")?;
        let signed = require(document.get("signed").cloned(), role, "it has no `signed`")?;
        let signatures = document.get("signatures").and_then(Value::items);
        let text = |name| signed.get(name).and_then(Value::text);
        demand(text("_type") == Some(kind), role, "it is of another type")?;
        let version = signed.get("version").and_then(Value::natural);
        let version = require(version, role, "its version is no number")?;
        demand(version > 0, role, "its version is zero")?;
        let expires = text("expires").and_then(time::rfc3339);
        Ok(Self {
            version,
            expires: require(expires, role, "its expiry is no time")?,
            signatures: signatures.unwrap_or_default().to_vec(),
            bytes: bytes.to_vec(),
            signed,
        })
    }

    /// The bytes that signatures are over.
    pub(super) fn message(&self) -> Vec<u8> {
        self.signed.canonical().into_bytes()
    }

    /// Whether as many of `keys` signed as their threshold says.
    pub(super) fn is_signed_by(&self, keys: &RoleKeys) -> bool {
        let signers = keys.signers(&self.message(), &self.signatures, |_| true);
        signers.len() >= keys.threshold
    }

    /// Takes the file of `role` as one that counts, unless it falls behind what was accepted before.
    /// Versions start anew where a key was taken from the role.
    pub(super) fn accept(
        &self,
        role: &str,
        keys: &RoleKeys,
        terms: &Terms<'_>,
    ) -> Result<Role, Objection> {
        let keys = keys.counting();
        let before = terms.before.and_then(|before| before.newest.get(role));
        if let Some(before) = before.filter(|before| before.keys.is_subset(&keys)) {
            demand(self.version >= before.version, role, "it was newer before")?;
            let same = self.version != before.version || self.bytes == before.bytes;
            demand(same, role, "it is another file of the same version")?;
        }
        self.demand_unexpired(role, terms)?;
        Ok(self.counts(keys))
    }

    /// The file as one that counts.
    pub(super) fn counts(&self, keys: std::collections::BTreeSet<super::PublicKey>) -> Role {
        Role {
            version: self.version,
            expires: self.expires,
            bytes: self.bytes.clone(),
            keys,
        }
    }

    /// Expired means strictly before now.
    pub(super) fn demand_unexpired(&self, role: &str, terms: &Terms<'_>) -> Result<(), Objection> {
        let matters = terms.unexpired.contains(&role);
        demand(
            !matters || self.expires >= terms.now,
            role,
            "it has expired",
        )
    }
}

/// Whether `bytes` are what `stated` says: the length, the SHA-256, and the SHA-512 where there is one.
pub(super) fn fits(stated: &Value, bytes: &[u8]) -> bool {
    let length = stated.get("length").and_then(Value::natural);
    let hash = |name| -> Option<Vec<u8>> {
        let text = stated.get("hashes")?.get(name)?.text();
        // What cannot be read fits nothing.
        Some(
            text.and_then(|text| STANDARD.decode(text).ok())
                .unwrap_or_default(),
        )
    };
    length == u64::try_from(bytes.len()).ok()
        && hash("sha256").is_some_and(|hash| *hash == *Sha256::digest(bytes))
        && hash("sha512").is_none_or(|hash| *hash == *Sha512::digest(bytes))
}
