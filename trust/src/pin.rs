//! What the operator pinned.

use serde::{Deserialize, Serialize};

use crate::key::{Fingerprint, KeyError, PublicKey};
use crate::name::Sha256;

/// A public key that the operator pinned: the only beginning of trust.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustRoot(PublicKey);

impl TrustRoot {
    /// Reads a PEM public key, or a certificate, whose key is pinned.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what the text holds instead.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let key = PublicKey::from_pem(text)?;
        if key.is_strong() {
            Ok(Self(key))
        } else {
            Err(KeyError::Unsupported)
        }
    }

    /// The pinned key.
    pub const fn key(&self) -> &PublicKey {
        &self.0
    }
}

/// The trust roots that may anchor one GUN, and the checks that its validators gave up.
///
/// Which of the roots do anchor it is a fact that verification finds; whether those suffice is the
/// policy rule's decision.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pins {
    /// The trust roots, at least one of which has to hold.
    pub roots: Vec<TrustRoot>,
    /// Whether the root certificate's common name must be the GUN.
    pub certificate_name: Check,
    /// Whether the root certificate must be in its validity.
    pub certificate_validity: Check,
}

/// Whether a check stops an update, or its outcome is only recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// A failure stops the update.
    #[default]
    Enforce,
    /// A failure is a recorded fact, on which each policy rule decides for itself.
    Record,
}

impl Check {
    const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Enforce, Self::Enforce) => Self::Enforce,
            (Self::Record, _) | (_, Self::Record) => Self::Record,
        }
    }
}

impl Pins {
    /// What has to hold where either of two says so: the roots of both, and no check that one of them
    /// gives up.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for root in other.roots {
            if !self.roots.contains(&root) {
                self.roots.push(root);
            }
        }
        self.certificate_name = self.certificate_name.or(other.certificate_name);
        self.certificate_validity = self.certificate_validity.or(other.certificate_validity);
        self
    }

    /// An identity of the pins: stored data that was verified under another one has to be verified
    /// again.
    pub fn fingerprint(&self) -> Sha256 {
        let mut keys: Vec<Fingerprint> = self
            .roots
            .iter()
            .map(|root| root.key().fingerprint())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut text = format!(
            "{:?} {:?}",
            self.certificate_name, self.certificate_validity
        );
        for key in keys {
            text.push('\n');
            text.push_str(&key.to_string());
        }
        Sha256::of(text.as_bytes())
    }
}
