//! Digests in references.

use std::fmt;
use std::str::FromStr;

use crate::name::Sha256;

/// The digest of an image's manifest, as a reference writes it: `sha256:` and 64 digits.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Digest {
    algorithm: Algorithm,
    hex: Box<str>,
}

impl Digest {
    /// The hash function.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The lower-case hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The digest, if it is a SHA-256.
    pub fn sha256(&self) -> Option<Sha256> {
        match self.algorithm {
            Algorithm::Sha256 => self.hex.parse().ok(),
            Algorithm::Sha384 | Algorithm::Sha512 => None,
        }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::NoAlgorithm)?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => {
                return Err(DigestError::Algorithm {
                    algorithm: algorithm.to_owned(),
                });
            }
        };
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if hex.len() == algorithm.digits() && hex.bytes().all(is_hex) {
            let hex = hex.into();
            Ok(Self { algorithm, hex })
        } else {
            Err(DigestError::Hex { algorithm })
        }
    }
}

impl From<Sha256> for Digest {
    fn from(digest: Sha256) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: digest.to_string().into(),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex)
    }
}

/// A hash function that runtimes accept in a digest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    /// The only one whose digests admit an image.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// How many hexadecimal digits its digests have.
    pub const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        })
    }
}

/// Why a string is not a [`Digest`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// A hash function that no runtime accepts.
    #[error("`{algorithm}` is not a digest algorithm that runtimes accept")]
    Algorithm {
        /// What is written for one.
        algorithm: String,
    },
    /// Not the digits that the hash function gives.
    #[error("a {algorithm} digest has {} lower-case hexadecimal digits", algorithm.digits())]
    Hex {
        /// The hash function.
        algorithm: Algorithm,
    },
    /// No `sha256:` before the digits.
    #[error("the digest names no algorithm, such as `sha256:`")]
    NoAlgorithm,
}
