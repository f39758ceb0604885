//! What a public key is made of.

use aws_lc_rs::signature as aws;
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Encode as _, Reader as _, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::KeyError;

#[derive(Clone)]
pub(super) enum Material {
    /// The uncompressed point.
    P256(Box<[u8]>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    /// The uncompressed point.
    P521(Box<[u8]>),
    Ed25519([u8; 32]),
    /// `RSAPublicKey` (RFC 8017 A.1.1) and the length of its modulus.
    Rsa {
        key: Box<[u8]>,
        bits: u32,
    },
}

impl Material {
    pub(super) fn p256(bits: &[u8]) -> Result<Self, KeyError> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(bits)
            .map(|key| Self::P256(key.to_sec1_point(false).as_bytes().into()))
            .map_err(|_error| KeyError::NotAKey)
    }

    pub(super) fn p384(bits: &[u8]) -> Result<Self, KeyError> {
        p384::ecdsa::VerifyingKey::from_sec1_bytes(bits)
            .map(|key| Self::P384(Box::new(key)))
            .map_err(|_error| KeyError::NotAKey)
    }

    pub(super) fn p521(bits: &[u8]) -> Result<Self, KeyError> {
        aws::ParsedPublicKey::new(&aws::ECDSA_P521_SHA256_FIXED, bits)
            .map_err(|_error| KeyError::NotAKey)?;
        match bits {
            // Go reads uncompressed points only.
            [4, point @ ..] if point.len() == 2 * 66 => Ok(Self::P521(bits.into())),
            _ => Err(KeyError::NotAKey),
        }
    }

    pub(super) fn ed25519(bits: &[u8]) -> Result<Self, KeyError> {
        bits.try_into()
            .map(Self::Ed25519)
            .map_err(|_error| KeyError::NotAKey)
    }

    pub(super) fn rsa(der: &[u8]) -> Result<Self, KeyError> {
        let modulus_bits = |der: &[u8]| -> x509_cert::der::Result<u32> {
            let mut reader = SliceReader::new(der)?;
            let bits = reader.sequence(|reader| -> x509_cert::der::Result<u32> {
                let modulus = UintRef::decode(reader)?;
                UintRef::decode(reader)?;
                let [first, rest @ ..] = modulus.as_bytes() else {
                    return Ok(0);
                };
                let first_bits = 8 - first.leading_zeros();
                Ok(first_bits + u32::try_from(rest.len()).unwrap_or(u32::MAX / 8) * 8)
            })?;
            reader.finish()?;
            Ok(bits)
        };
        let bits = modulus_bits(der).map_err(|_error| KeyError::NotAKey)?;
        if bits > MAX_RSA_BITS {
            return Err(KeyError::Unsupported);
        }
        Ok(Self::Rsa {
            key: der.into(),
            bits,
        })
    }

    pub(super) fn spki(&self) -> x509_cert::der::Result<Vec<u8>> {
        let ec = |curve: ObjectIdentifier| Any::encode_from(&curve).map(Some);
        let (oid, parameters, bits) = match self {
            Self::P256(point) => (OID_EC, ec(OID_P256)?, point.to_vec()),
            Self::P384(key) => (
                OID_EC,
                ec(OID_P384)?,
                key.to_sec1_point(false).as_bytes().to_vec(),
            ),
            Self::P521(point) => (OID_EC, ec(OID_P521)?, point.to_vec()),
            Self::Ed25519(bytes) => (OID_ED25519, None, bytes.to_vec()),
            Self::Rsa { key, .. } => (OID_RSA, Some(Any::null()), key.to_vec()),
        };
        SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(&bits)?,
        }
        .to_der()
    }
}

/// The weakest RSA key that Notary counts.
pub(super) const MIN_RSA_BITS: u32 = 2048;
/// The longest RSA key that the provider verifies with.
const MAX_RSA_BITS: u32 = 8192;

pub(super) const OID_EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const OID_P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const OID_P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(super) const OID_P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
pub(super) const OID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const OID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
