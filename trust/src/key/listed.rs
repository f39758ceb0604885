//! Keys as role files list them.

use std::collections::BTreeMap;

use super::public::key_id;
use super::{Certificate, KeyError, PublicKey};
use crate::json::{Fields, Json, JsonError, Object, shown};
use crate::name::KeyId;

/// A key that a role file lists: what it can verify, and under which certificate.
#[derive(Clone, Debug)]
pub enum ListedKey {
    /// `ecdsa`, `rsa`, `ed25519`: a bare public key.
    Bare(PublicKey),
    /// `ecdsa-x509`, `rsa-x509`: a key in a certificate.
    Certified(Certificate),
    /// A kind that nothing verifies with, or contents that are no such key: listed, but its
    /// signatures count for nothing (Notary keeps such keys too).
    Unusable(KeyError),
}

impl ListedKey {
    fn new(keytype: &str, public: &[u8]) -> Self {
        Self::read(keytype, public).unwrap_or_else(Self::Unusable)
    }

    fn read(keytype: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        let bare = |fits: fn(&PublicKey) -> bool| {
            PublicKey::from_spki(bytes).and_then(|key| {
                if fits(&key) && key.is_written_as(bytes) {
                    Ok(Self::Bare(key))
                } else {
                    Err(KeyError::NotAKey)
                }
            })
        };
        let certified = |fits: fn(&PublicKey) -> bool| {
            let text = std::str::from_utf8(bytes).map_err(|_error| KeyError::NotAKey)?;
            let certificate = Certificate::from_bundle(text)?;
            if fits(certificate.key()) {
                Ok(Self::Certified(certificate))
            } else {
                Err(KeyError::NotAKey)
            }
        };
        match keytype {
            "ecdsa" => bare(PublicKey::is_ec),
            "ecdsa-x509" => certified(PublicKey::is_ec),
            "ed25519" => PublicKey::from_ed25519(bytes).map(Self::Bare),
            "rsa" => bare(PublicKey::is_rsa),
            "rsa-x509" => certified(PublicKey::is_rsa),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// The public key, if it is usable and strong, and so is the certificate around it.
    pub fn strong(&self) -> Option<&PublicKey> {
        match self {
            Self::Bare(key) => Some(key).filter(|key| key.is_strong()),
            Self::Certified(certificate) => Some(certificate)
                .filter(|c| c.is_strong())
                .map(Certificate::key),
            Self::Unusable(_) => None,
        }
    }

    /// The certificate around the key, if there is one.
    pub const fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Certified(certificate) => Some(certificate),
            Self::Bare(_) | Self::Unusable(_) => None,
        }
    }
}

/// The keys of a role file by key ID; every ID is the one that its contents hash to.
#[derive(Clone, Debug, Default)]
pub struct ListedKeys(BTreeMap<KeyId, ListedKey>);

impl ListedKeys {
    /// Reads the member `keys` of a role file.
    ///
    /// # Errors
    ///
    /// A [`ListError`] if one is malformed, or is listed under an ID that is not its own.
    pub fn read(keys: &Object) -> Result<Self, ListError> {
        let mut listed = BTreeMap::new();
        for (id, key) in keys.iter() {
            let (computed, key) = read_key(key)?;
            if id.parse() != Ok(computed) {
                let listed = shown(id);
                return Err(ListError::KeyIdMismatch { listed, computed });
            }
            listed.insert(computed, key);
        }
        Ok(Self(listed))
    }

    /// The key with this ID.
    pub fn get(&self, id: &KeyId) -> Option<&ListedKey> {
        self.0.get(id)
    }
}

/// Why a list of keys cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ListError {
    /// Not of the form that keys have.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A key listed under another ID than its own (Notary fails the whole check, too).
    #[error("the key listed as `{listed}` has the key ID {computed}")]
    KeyIdMismatch {
        /// The ID under which it is listed.
        listed: String,
        /// The ID that its contents hash to.
        computed: KeyId,
    },
}

fn read_key(key: &Json) -> Result<(KeyId, ListedKey), JsonError> {
    let key = Fields::new("a key", key, &["keytype", "keyval"])?;
    let keytype = key.string("keytype")?;
    let keyval = Fields::new("keyval", key.required("keyval")?, &["public", "private"])?;
    let public = keyval.base64("public")?;
    if keyval.optional("private").is_some() {
        keyval.base64("private")?;
    }
    let id = key_id(keytype, keyval.string("public")?);
    Ok((id, ListedKey::new(keytype, &public)))
}
