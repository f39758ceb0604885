//! Signatures over a bundle's manifest: who vouches that it is complete, and how fresh.
//!
//! They are plain signatures over the manifest's bytes, so that anyone can check them by hand: with
//! `openssl dgst -sha256 -verify` (P-256), `openssl pkeyutl -verify -rawin` (Ed25519) or
//! `cosign verify-blob`.

mod signing;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vouchsafe_trust::key::{Fingerprint, PublicKey};

pub use signing::{SigningKey, SigningKeyError};

use crate::Refusal;

/// A signature over a bundle's manifest.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Signature {
    /// Whose it says that it is. A hint for people: it proves nothing.
    pub key: Fingerprint,
    /// The signature: DER for P-256, 64 bytes for Ed25519.
    pub bytes: Vec<u8>,
}

impl Signature {
    /// Takes over a signature that another tool made, if it is `key`'s over `message`: as
    /// `openssl` writes it, or in base64 as `cosign sign-blob` does.
    pub fn accept(message: &[u8], written: &[u8], key: &PublicKey) -> Option<Self> {
        let decoded = STANDARD.decode(written.trim_ascii()).ok();
        let bytes = [Some(written), decoded.as_deref()]
            .into_iter()
            .flatten()
            .find(|bytes| key.verifies_document(message, bytes))?;
        Some(Self {
            key: key.fingerprint(),
            bytes: bytes.to_vec(),
        })
    }
}

/// The distinct keys among `keys` that made one of `signatures` over `message`.
///
/// The hints play no part: each signature is tried with each key. Only P-256 and Ed25519 keys count.
pub fn valid_signers(
    message: &[u8],
    signatures: &[Signature],
    keys: &[PublicKey],
) -> BTreeSet<Fingerprint> {
    let signed = |key: &&PublicKey| {
        let mut bytes = signatures.iter().map(|signature| &signature.bytes);
        bytes.any(|bytes| key.verifies_document(message, bytes))
    };
    keys.iter()
        .filter(signed)
        .map(PublicKey::fingerprint)
        .collect()
}

/// The distinct keys among `keys` that made one of `signatures` over `message`, if `needed` of them did.
///
/// # Errors
///
/// [`Refusal::Unsigned`] or [`Refusal::WrongSigner`].
pub fn enough_signers(
    message: &[u8],
    signatures: &[Signature],
    keys: &[PublicKey],
    needed: usize,
) -> Result<BTreeSet<Fingerprint>, Refusal> {
    let signers = valid_signers(message, signatures, keys);
    let valid = signers.len();
    if valid >= needed {
        Ok(signers)
    } else if signatures.is_empty() {
        Err(Refusal::Unsigned { needed })
    } else {
        Err(Refusal::WrongSigner { valid, needed })
    }
}

#[cfg(test)]
mod tests;
