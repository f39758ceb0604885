//! Public keys and the signatures they verify.

mod material;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature as aws;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
use serde::{Deserialize, Serialize};
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use material::{
    MIN_RSA_BITS, Material, OID_EC, OID_ED25519, OID_P256, OID_P384, OID_P521, OID_RSA,
};

use super::Pem;
use super::certificate::Certificate;
use crate::name::{HexError, KeyId, Sha256};

/// The identity of a public key: the SHA-256 of its `SubjectPublicKeyInfo` in one fixed encoding.
///
/// Thresholds count these and not key IDs, since one key can have many IDs (one per certificate).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Fingerprint(Sha256);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Fingerprint {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        text.parse().map(Self)
    }
}

/// A public key of a kind that Notary signs with.
#[derive(Clone)]
pub struct PublicKey {
    material: Material,
    spki: Box<[u8]>,
    fingerprint: Fingerprint,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    ///
    /// [`KeyError`] if it is not DER, or of a kind that cannot sign for Notary.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoOwned::from_der(der).map_err(|_error| KeyError::NotDer)?;
        let bits = spki.subject_public_key.as_bytes().ok_or(KeyError::NotDer)?;
        let curve = || {
            let parameters = spki.algorithm.parameters.as_ref()?;
            parameters.decode_as::<ObjectIdentifier>().ok()
        };
        let material = match spki.algorithm.oid {
            OID_EC => match curve() {
                Some(OID_P256) => Material::p256(bits)?,
                Some(OID_P384) => Material::p384(bits)?,
                Some(OID_P521) => Material::p521(bits)?,
                Some(_) | None => return Err(KeyError::Unsupported),
            },
            OID_ED25519 => Material::ed25519(bits)?,
            OID_RSA => Material::rsa(bits)?,
            _ => return Err(KeyError::Unsupported),
        };
        Self::new(material)
    }

    /// Reads an Ed25519 key from its 32 bytes, as metadata lists it.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAKey`] if it has another length.
    pub fn from_ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::new(Material::ed25519(bytes)?)
    }

    /// Reads the one key in a PEM text: a public key, or a certificate, whose key counts.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what the text holds instead; the text itself is never repeated, since it
    /// may be a private key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = Pem::parse_all(text)?;
        let [block] = blocks.as_slice() else {
            return Err(KeyError::Blocks {
                count: blocks.len(),
            });
        };
        match block.label.as_str() {
            "PUBLIC KEY" => Self::from_spki(&block.contents),
            "CERTIFICATE" => Certificate::from_der(&block.contents).map(Certificate::into_key),
            label if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            label => Err(KeyError::Label {
                label: label.to_owned(),
            }),
        }
    }

    fn new(material: Material) -> Result<Self, KeyError> {
        let spki = material.spki().map_err(|_error| KeyError::NotAKey)?;
        let fingerprint = Fingerprint(Sha256::of(&spki));
        Ok(Self {
            material,
            spki: spki.into(),
            fingerprint,
        })
    }

    /// The key's identity.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The key as a PEM text, as `openssl pkey -pubin` prints it.
    pub fn to_pem(&self) -> String {
        Pem {
            label: "PUBLIC KEY".to_owned(),
            contents: self.spki.to_vec(),
        }
        .encode()
    }

    /// The key ID that Notary's tools show for the key itself, whatever certificate wraps it
    /// (Notary: canonical key ID).
    pub fn canonical_key_id(&self) -> KeyId {
        let (keytype, public) = match &self.material {
            Material::P256(_) | Material::P384(_) | Material::P521(_) => ("ecdsa", &*self.spki),
            Material::Ed25519(bytes) => ("ed25519", bytes.as_slice()),
            Material::Rsa { .. } => ("rsa", &*self.spki),
        };
        key_id(keytype, &STANDARD.encode(public))
    }

    /// Whether the key is strong enough to count: Notary refuses RSA keys below 2048 bits.
    pub const fn is_strong(&self) -> bool {
        match &self.material {
            Material::Rsa { bits, .. } => *bits >= MIN_RSA_BITS,
            Material::P256(_) | Material::P384(_) | Material::P521(_) | Material::Ed25519(_) => {
                true
            }
        }
    }

    /// The key's kind in words, for people.
    pub fn kind(&self) -> String {
        match &self.material {
            Material::P256(_) => "ECDSA P-256".to_owned(),
            Material::P384(_) => "ECDSA P-384".to_owned(),
            Material::P521(_) => "ECDSA P-521".to_owned(),
            Material::Ed25519(_) => "Ed25519".to_owned(),
            Material::Rsa { bits, .. } => format!("RSA {bits}"),
        }
    }

    /// Whether `spki` is how the key is written: a curve by its name, an uncompressed point, the parameters
    /// that go with the algorithm. Go reads nothing else, and so does Notary.
    pub(super) fn is_written_as(&self, spki: &[u8]) -> bool {
        *self.spki == *spki
    }

    pub(super) const fn is_ec(&self) -> bool {
        matches!(
            self.material,
            Material::P256(_) | Material::P384(_) | Material::P521(_)
        )
    }

    pub(super) const fn is_rsa(&self) -> bool {
        matches!(self.material, Material::Rsa { .. })
    }

    /// Whether `signature` is this key's over `message` by `scheme`.
    ///
    /// ECDSA is over SHA-256 whatever the curve, raw r‖s of fixed width (notary
    /// tuf/signed/verifiers.go); a scheme that does not fit the key verifies nothing.
    pub fn verifies(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        let aws = |algorithm: &'static dyn aws::VerificationAlgorithm, key: &[u8]| {
            aws::UnparsedPublicKey::new(algorithm, key)
                .verify(message, signature)
                .is_ok()
        };
        match (&self.material, scheme) {
            (Material::P256(point), Scheme::Ecdsa) => aws(&aws::ECDSA_P256_SHA256_FIXED, point),
            (Material::P384(key), Scheme::Ecdsa) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| {
                    key.verify_prehash(Sha256::of(message).as_bytes(), &signature)
                        .is_ok()
                }),
            (Material::P521(point), Scheme::Ecdsa) => aws(&aws::ECDSA_P521_SHA256_FIXED, point),
            (Material::Ed25519(key), Scheme::EdDsa) => aws(&aws::ED25519, key),
            (Material::Rsa { key, .. }, Scheme::RsaPss) => aws(&aws::RSA_PSS_2048_8192_SHA256, key),
            (Material::Rsa { key, .. }, Scheme::RsaPkcs1) => {
                aws(&aws::RSA_PKCS1_2048_8192_SHA256, key)
            }
            _ => false,
        }
    }

    /// Whether `signature` is this key's over a whole document, as `openssl` and `cosign` make it:
    /// ECDSA in DER over SHA-256 by a P-256 key, or pure Ed25519 (RFC 8032). Other kinds of keys
    /// sign no documents here.
    pub fn verifies_document(&self, document: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::P256(point) => {
                aws::UnparsedPublicKey::new(&aws::ECDSA_P256_SHA256_ASN1, point)
                    .verify(document, signature)
                    .is_ok()
            }
            Material::Ed25519(_) => self.verifies(Scheme::EdDsa, document, signature),
            Material::P384(_) | Material::P521(_) | Material::Rsa { .. } => false,
        }
    }

    /// Whether the key is of a kind that documents are signed with.
    pub const fn signs_documents(&self) -> bool {
        matches!(self.material, Material::P256(_) | Material::Ed25519(_))
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.fingerprint)
    }
}

/// A signature scheme, as the `method` of a signature names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// `ecdsa`.
    Ecdsa,
    /// `eddsa`.
    EdDsa,
    /// `rsapkcs1v15`.
    RsaPkcs1,
    /// `rsapss`: MGF1 with SHA-256, 32 bytes of salt.
    RsaPss,
}

impl Scheme {
    /// The scheme called `method`, in any case, as Notary reads it.
    pub fn from_method(method: &str) -> Option<Self> {
        Some(match method.to_ascii_lowercase().as_str() {
            "ecdsa" => Self::Ecdsa,
            "eddsa" => Self::EdDsa,
            "rsapkcs1v15" => Self::RsaPkcs1,
            "rsapss" => Self::RsaPss,
            _ => return None,
        })
    }
}

/// Why something is not a usable public key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not exactly one PEM block.
    #[error("expected one PEM block, found {count}")]
    Blocks {
        /// How many blocks there are.
        count: usize,
    },
    /// A PEM block of another kind.
    #[error("a PEM block `{label}` is neither a public key nor a certificate")]
    Label {
        /// The block's label.
        label: String,
    },
    /// The bytes are no key of the kind that they claim.
    #[error("not a valid key of its kind")]
    NotAKey,
    /// The contents are not what the label says.
    #[error("not a DER public key or certificate")]
    NotDer,
    /// The text is not PEM.
    #[error(transparent)]
    Pem(#[from] super::PemError),
    /// A private key where a public one belongs.
    #[error("this is a private key; pin the public key that `openssl pkey -pubout` makes of it")]
    Private,
    /// An algorithm or curve that Notary does not sign with, or that is too weak.
    #[error("not an ECDSA P-256/P-384/P-521 or Ed25519 key, nor an RSA key of 2048 bits or more")]
    Unsupported,
}

/// The key ID of a key as listed: the SHA-256 of its canonical JSON, `private` always null.
pub(super) fn key_id(keytype: &str, public: &str) -> KeyId {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let canonical = format!(
        r#"{{"keytype":"{}","keyval":{{"private":null,"public":"{}"}}}}"#,
        quote(keytype),
        quote(public)
    );
    KeyId::new(Sha256::of(canonical.as_bytes()))
}

#[cfg(test)]
mod tests;
