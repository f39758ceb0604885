//! Private keys that sign bundles.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use p256::ecdsa;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;
use vouchsafe_trust::key::{Pem, PemError, PublicKey};
use zeroize::Zeroizing;

use super::Signature;

/// A private key that signs bundles: ECDSA P-256 or Ed25519.
pub struct SigningKey {
    secret: Secret,
    public: PublicKey,
}

enum Secret {
    P256(Box<ecdsa::SigningKey>),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads an unencrypted key: PKCS#8 as `openssl genpkey` writes it, or for P-256 also SEC 1 as
    /// `openssl ecparam -genkey` does.
    ///
    /// # Errors
    ///
    /// [`SigningKeyError`]; the text itself is never repeated.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyError> {
        let mut blocks = Pem::parse_all(text)?;
        // What `openssl ecparam -genkey` puts before the key repeats what the key says.
        blocks.retain(|block| block.label != "EC PARAMETERS");
        let count = blocks.len();
        let (Some(block), None) = (blocks.pop(), blocks.pop()) else {
            return Err(SigningKeyError::Blocks { count });
        };
        let der = Zeroizing::new(block.contents);
        let secret = match block.label.as_str() {
            "PRIVATE KEY" => from_pkcs8(&der),
            "EC PRIVATE KEY" if text.contains("ENCRYPTED") => Err(SigningKeyError::Encrypted),
            "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(&der)
                .map(|key| Secret::P256(Box::new(key.into())))
                .map_err(|_error| SigningKeyError::Unsupported),
            label if label.starts_with("ENCRYPTED") => Err(SigningKeyError::Encrypted),
            label if label.ends_with("PRIVATE KEY") => Err(SigningKeyError::Unsupported),
            _ => Err(SigningKeyError::NotPrivate),
        }?;
        let public = secret.public().ok_or(SigningKeyError::Unsupported)?;
        Ok(Self { secret, public })
    }

    /// The public key, which receivers pin.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`. The same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let bytes = match &self.secret {
            Secret::P256(key) => {
                let signature: ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        };
        Signature {
            key: self.public.fingerprint(),
            bytes,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the private key of {:?}", self.public)
    }
}

impl Secret {
    fn public(&self) -> Option<PublicKey> {
        match self {
            Self::P256(key) => {
                let public = p256::PublicKey::from(key.verifying_key());
                let spki = p256::pkcs8::EncodePublicKey::to_public_key_der(&public).ok()?;
                PublicKey::from_spki(spki.as_bytes()).ok()
            }
            Self::Ed25519(key) => PublicKey::from_ed25519(key.public_key().as_ref()).ok(),
        }
    }
}

fn from_pkcs8(der: &[u8]) -> Result<Secret, SigningKeyError> {
    let p256 = ecdsa::SigningKey::from_pkcs8_der(der).map(|key| Secret::P256(Box::new(key)));
    p256.or_else(|_error| Ed25519KeyPair::from_pkcs8(der).map(Secret::Ed25519))
        .map_err(|_error| SigningKeyError::Unsupported)
}

/// Why a text is no key to sign bundles with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// Not exactly one PEM block.
    #[error("expected one private key in PEM, found {count} PEM blocks")]
    Blocks {
        /// How many blocks there are.
        count: usize,
    },
    /// A key that needs a pass phrase.
    #[error("the private key is encrypted; `openssl pkey -in FILE` decrypts it")]
    Encrypted,
    /// A public key, a certificate or something else.
    #[error("this is no private key")]
    NotPrivate,
    /// The text is not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A key of another kind, or none at all.
    #[error(
        "not an ECDSA P-256 or Ed25519 private key; `openssl genpkey -algorithm ed25519` makes one"
    )]
    Unsupported,
}
