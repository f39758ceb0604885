//! The keys that a role file lists, and who of them signed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::certificate::Certificate;
use super::json::Value;
use super::key::PublicKey;
use crate::vector::key::hex;

/// A listed key.
#[derive(Clone, Debug)]
pub(super) enum Listed {
    Bare(PublicKey),
    Certified(Box<Certificate>),
    /// Nothing verifies with it.
    Useless,
}

impl Listed {
    /// The key, if its signatures count.
    pub(super) fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Bare(key) => Some(key).filter(|key| key.is_strong()),
            Self::Certified(certificate) => {
                Some(&certificate.key).filter(|_| certificate.is_strong)
            }
            Self::Useless => None,
        }
    }

    pub(super) fn read(keytype: &str, public: &str) -> Option<Self> {
        let bytes = STANDARD.decode(public).ok()?;
        let certified = |fits: fn(&PublicKey) -> bool| {
            let certificate = Certificate::from_pem(std::str::from_utf8(&bytes).ok()?)?;
            fits(&certificate.key).then(|| Self::Certified(Box::new(certificate)))
        };
        let bare = |fits: fn(&PublicKey) -> bool| {
            PublicKey::from_spki(&bytes).filter(fits).map(Self::Bare)
        };
        match keytype {
            "ecdsa" => bare(PublicKey::is_ec),
            "ecdsa-x509" => certified(PublicKey::is_ec),
            "ed25519" => PublicKey::from_ed25519(&bytes).map(Self::Bare),
            "rsa" => bare(PublicKey::is_rsa),
            "rsa-x509" => certified(PublicKey::is_rsa),
            _ => None,
        }
    }
}

/// Reads `keys`; `None` if one is listed under an ID that is not the hash of its contents.
pub(super) fn listed(keys: &Value) -> Option<BTreeMap<String, Listed>> {
    let mut listed = BTreeMap::new();
    for (id, key) in keys.members()? {
        let keytype = key.get("keytype")?.text()?;
        let public = key.get("keyval")?.get("public")?.text()?;
        let text = |text: &str| Value::Text(text.to_owned());
        let value = vec![
            ("private".to_owned(), Value::Null),
            ("public".to_owned(), text(public)),
        ];
        let own = Value::Members(vec![
            ("keytype".to_owned(), text(keytype)),
            ("keyval".to_owned(), Value::Members(value)),
        ]);
        if hex(&Sha256::digest(own.canonical())) != *id {
            return None;
        }
        let key = Listed::read(keytype, public).unwrap_or(Listed::Useless);
        listed.insert(id.clone(), key);
    }
    Some(listed)
}

/// The keys of a role by ID, and its threshold.
#[derive(Clone, Debug)]
pub(super) struct RoleKeys {
    pub(super) keys: BTreeMap<String, Listed>,
    pub(super) threshold: usize,
}

impl RoleKeys {
    /// Reads `keyids` and `threshold`; every key has to be among `listed`.
    pub(super) fn read(role: &Value, listed: &BTreeMap<String, Listed>) -> Option<Self> {
        let threshold = usize::try_from(role.get("threshold")?.natural()?).ok()?;
        let mut keys = BTreeMap::new();
        for id in role.get("keyids")?.items()? {
            let id = id.text()?;
            keys.insert(id.to_owned(), listed.get(id)?.clone());
        }
        (threshold > 0).then_some(Self { keys, threshold })
    }

    /// The keys whose signatures count.
    pub(super) fn counting(&self) -> BTreeSet<PublicKey> {
        self.keys
            .values()
            .filter_map(Listed::key)
            .cloned()
            .collect()
    }

    /// The distinct keys among those whose listing is `allowed` that signed `message`.
    pub(super) fn signers(
        &self,
        message: &[u8],
        signatures: &[Value],
        allowed: impl Fn(&Listed) -> bool,
    ) -> BTreeSet<PublicKey> {
        let mut signers = BTreeSet::new();
        for (id, listed) in self.keys.iter().filter(|(_, listed)| allowed(listed)) {
            let Some(key) = listed.key() else {
                continue;
            };
            for signature in signatures {
                let text = |name| signature.get(name).and_then(Value::text);
                let (Some(method), Some(value)) = (text("method"), text("sig")) else {
                    continue;
                };
                let value = STANDARD.decode(value).unwrap_or_default();
                if text("keyid") == Some(id) && key.verifies(method, message, &value) {
                    signers.insert(key.clone());
                }
            }
        }
        signers
    }
}
