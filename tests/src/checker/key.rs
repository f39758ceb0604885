//! Public keys and signatures, by other implementations than the `trust` crate's wherever there are
//! others.

use aws_lc_rs::signature as aws;
use p521::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::Verifier as _;
use sha2::{Digest as _, Sha256};

use super::der::{self, Element};
use crate::vector::key::der_signature;

/// A public key, known by its DER `SubjectPublicKeyInfo`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PublicKey {
    kind: Kind,
    /// What the bit string holds.
    bits: Vec<u8>,
    spki: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Ed25519,
    P256,
    P384,
    P521,
    Rsa,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` as Go does: curves by name and uncompressed points only.
    pub fn from_spki(spki: &[u8]) -> Option<Self> {
        let parts = Element::only(spki)?.within(der::SEQUENCE)?;
        let [algorithm, key] = parts.as_slice() else {
            return None;
        };
        let algorithm = algorithm.within(der::SEQUENCE)?;
        let oid = algorithm.first()?.held(der::OID)?;
        let kind = match (oid, algorithm.get(1..)?) {
            (ED25519, []) => Kind::Ed25519,
            (RSA, [null]) => null.held(der::NULL).map(|_| Kind::Rsa)?,
            (EC, [curve]) => match curve.held(der::OID)? {
                P256 => Kind::P256,
                P384 => Kind::P384,
                P521 => Kind::P521,
                _ => return None,
            },
            _ => return None,
        };
        let (bits, spki) = (key.bits()?.to_vec(), spki.to_vec());
        Some(Self { kind, bits, spki }).filter(Self::is_key)
    }

    /// Reads the 32 bytes of an Ed25519 key.
    pub fn from_ed25519(bytes: &[u8]) -> Option<Self> {
        let prefix = [0x30, 42, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 33, 0];
        Self::from_spki(&[&prefix, bytes].concat())
    }

    /// The DER `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    pub(super) const fn is_ec(&self) -> bool {
        matches!(self.kind, Kind::P256 | Kind::P384 | Kind::P521)
    }

    pub(super) const fn is_rsa(&self) -> bool {
        matches!(self.kind, Kind::Rsa)
    }

    /// Whether Notary counts it: an RSA key has 2048 bits or more.
    pub(super) fn is_strong(&self) -> bool {
        self.kind != Kind::Rsa || self.modulus_bits() >= 2048
    }

    fn is_key(&self) -> bool {
        let point =
            |length: usize| self.bits.len() == 1 + 2 * length && self.bits.first() == Some(&4);
        match self.kind {
            Kind::Ed25519 => self.bits.len() == 32,
            Kind::P256 => point(32) && p256::PublicKey::from_sec1_bytes(&self.bits).is_ok(),
            Kind::P384 => point(48) && p384::PublicKey::from_sec1_bytes(&self.bits).is_ok(),
            Kind::P521 => point(66) && p521::PublicKey::from_sec1_bytes(&self.bits).is_ok(),
            Kind::Rsa => {
                let numbers = Element::only(&self.bits).and_then(|key| key.within(der::SEQUENCE));
                numbers.is_some_and(|numbers| {
                    numbers.len() == 2 && numbers.iter().all(|n| n.held(der::INTEGER).is_some())
                })
            }
        }
    }

    /// The length of an RSA key's modulus.
    fn modulus_bits(&self) -> usize {
        let numbers = Element::only(&self.bits).and_then(|key| key.within(der::SEQUENCE));
        let modulus = numbers.and_then(|numbers| numbers.first()?.held(der::INTEGER));
        let digits = modulus.unwrap_or_default();
        let zeros: usize = digits.iter().take_while(|digit| **digit == 0).count();
        let first = digits.get(zeros).map_or(0, |digit| digit.ilog2() + 1);
        let rest = digits.len().saturating_sub(zeros + 1);
        usize::try_from(first).unwrap_or(0) + rest * 8
    }

    fn rsa(&self) -> Option<rsa::PublicKey> {
        rsa::PublicKey::from_public_key_der(&self.spki).ok()
    }

    /// Whether `signature` is this key's over `message` by the method that Notary calls `method`.
    pub(super) fn verifies(&self, method: &str, message: &[u8], signature: &[u8]) -> bool {
        let digest = Sha256::digest(message);
        let aws = |algorithm: &'static dyn aws::VerificationAlgorithm, signature: &[u8]| {
            let key = aws::UnparsedPublicKey::new(algorithm, &self.bits);
            key.verify(message, signature).is_ok()
        };
        match (self.kind, method.to_lowercase().as_str()) {
            (Kind::P256, "ecdsa") => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bits);
                let signature = p256::ecdsa::Signature::from_slice(signature);
                let (Ok(key), Ok(signature)) = (key, signature) else {
                    return false;
                };
                key.verify_prehash(&digest, &signature).is_ok()
            }
            // There is no fixed form of it with SHA-256.
            (Kind::P384, "ecdsa") => {
                signature.len() == 96
                    && aws(&aws::ECDSA_P384_SHA256_ASN1, &der_signature(signature))
            }
            (Kind::P521, "ecdsa") => {
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&self.bits);
                let signature = p521::ecdsa::Signature::from_slice(signature);
                let (Ok(key), Ok(signature)) = (key, signature) else {
                    return false;
                };
                key.verify_prehash(&digest, &signature).is_ok()
            }
            (Kind::Ed25519, "eddsa") => aws(&aws::ED25519, signature),
            (Kind::Rsa, "rsapss") => self.rsa().is_some_and(|key| {
                let signature = rsa::pss::Signature::try_from(signature);
                let key = rsa::pss::VerifyingKey::<Sha256>::new(key);
                signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }),
            (Kind::Rsa, "rsapkcs1v15") => self.rsa().is_some_and(|key| {
                let signature = rsa::pkcs1v15::Signature::try_from(signature);
                let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key);
                signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }),
            _ => false,
        }
    }
}

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
