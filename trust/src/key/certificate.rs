//! Certificates: what ties a root key to the GUN that it may speak for.

use x509_cert::der::Decode as _;
use x509_cert::der::Encode as _;
use x509_cert::der::asn1::{
    Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef,
};
use x509_cert::ext::pkix::BasicConstraints;

use super::{KeyError, Pem, PublicKey};
use crate::json::shown;
use crate::name::Gun;
use crate::repository::Validity;
use crate::time::Timestamp;

/// A certificate around a root key: one leaf, and intermediates if there are any.
#[derive(Clone, Debug)]
pub struct Certificate {
    key: PublicKey,
    common_name: Option<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    is_ca: bool,
    weak_signature: bool,
    /// Whether the key is written as Go reads one.
    is_plain_key: bool,
}

impl Certificate {
    /// Reads one DER certificate.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if it is not a certificate, or its key is of no use.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_error| KeyError::NotDer)?;
        let tbs = parsed.tbs_certificate();
        let spki = tbs
            .subject_public_key_info()
            .to_der()
            .map_err(|_error| KeyError::NotDer)?;
        let basic = tbs
            .get_extension::<BasicConstraints>()
            .map_err(|_error| KeyError::NotDer)?;
        let validity = tbs.validity();
        let key = PublicKey::from_spki(&spki)?;
        Ok(Self {
            is_plain_key: key.is_written_as(&spki),
            key,
            common_name: common_name(tbs.subject()),
            not_before: timestamp(validity.not_before)?,
            not_after: timestamp(validity.not_after)?,
            is_ca: basic.is_some_and(|(_, basic)| basic.ca),
            weak_signature: WEAK_SIGNATURES.contains(&parsed.signature_algorithm().oid),
        })
    }

    /// Reads the PEM text of an x509 key as Notary lists it: the one leaf first, then
    /// intermediates (notary tuf/utils/x509.go).
    ///
    /// The text must have the layout that Notary writes: it re-encodes what it read before it
    /// compares key IDs, so any other layout matches nothing there.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if it is anything else.
    pub fn from_bundle(text: &str) -> Result<Self, KeyError> {
        let blocks = Pem::parse_all(text)?;
        if blocks.iter().map(Pem::encode).collect::<String>() != text
            || blocks.iter().any(|block| block.label != "CERTIFICATE")
        {
            return Err(KeyError::NotAKey);
        }
        let chain = blocks
            .iter()
            .map(|block| Self::from_der(&block.contents))
            .collect::<Result<Vec<_>, _>>()?;
        if !chain.iter().all(|certificate| certificate.is_plain_key) {
            return Err(KeyError::NotAKey);
        }
        let count = chain.len();
        let mut chain = chain.into_iter();
        let mut leaf = chain.next().ok_or(KeyError::Blocks { count })?;
        if leaf.is_ca {
            return Err(KeyError::NotAKey);
        }
        for intermediate in chain {
            if !intermediate.is_ca {
                return Err(KeyError::NotAKey);
            }
            // Notary drops an expired or weak intermediate, and then the key ID no longer fits.
            leaf.not_after = leaf.not_after.min(intermediate.not_after);
            leaf.weak_signature |= intermediate.weak_signature || !intermediate.key.is_strong();
        }
        Ok(leaf)
    }

    /// The certified key.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The certified key, without the certificate.
    pub fn into_key(self) -> PublicKey {
        self.key
    }

    /// The time in which the certificate is valid.
    pub const fn validity(&self) -> Validity {
        Validity {
            from: self.not_before,
            until: self.not_after,
        }
    }

    /// The subject's common name, if there is exactly one.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Whether the common name is `gun`, or ends in `*` and the rest is a prefix of it.
    pub fn names(&self, gun: &Gun) -> bool {
        self.common_name()
            .is_some_and(|name| match name.strip_suffix('*') {
                Some(prefix) => gun.as_str().starts_with(prefix),
                None => gun.as_str() == name,
            })
    }

    /// Whether the signature and key are ones that Notary still counts.
    pub const fn is_strong(&self) -> bool {
        !self.weak_signature && self.key.is_strong()
    }

    /// Whether `now` is in the certificate's validity.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.validity().holds_at(now)
    }

    /// The first reason why the certificate does not speak for `gun` at `now`.
    pub fn fault(&self, gun: &Gun, now: Timestamp) -> Option<CertificateFault> {
        if !self.names(gun) {
            Some(CertificateFault::Name {
                found: self.common_name.as_deref().map(shown),
            })
        } else if !self.is_strong() {
            Some(CertificateFault::Weak)
        } else if !self.is_valid_at(now) {
            Some(CertificateFault::Validity {
                from: self.not_before,
                until: self.not_after,
            })
        } else {
            None
        }
    }
}

/// Why a certificate does not let its key speak for a GUN.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// The common name is not the GUN, nor a prefix of it with a trailing `*`.
    #[error("the root certificate is made out to `{}`", found.as_deref().unwrap_or("nobody"))]
    Name {
        /// The common name, if there is exactly one.
        found: Option<String>,
    },
    /// The time is not in the certificate's validity.
    #[error("the root certificate is valid from {from} until {until} only")]
    Validity {
        /// First moment of its validity.
        from: Timestamp,
        /// Last moment of its validity.
        until: Timestamp,
    },
    /// Signed with SHA-1 or MD5, or an RSA key below 2048 bits.
    #[error("the root certificate is signed with SHA-1 or MD5, or its RSA key is below 2048 bits")]
    Weak,
}

fn timestamp(time: x509_cert::time::Time) -> Result<Timestamp, KeyError> {
    let seconds = time.to_unix_duration().as_secs();
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(KeyError::NotDer)
}

/// The one common name of a subject; two would let two readers see two names.
fn common_name(subject: &x509_cert::name::Name) -> Option<String> {
    let mut names = subject
        .as_ref()
        .iter()
        .flat_map(|rdn| rdn.as_ref().iter())
        .filter(|attribute| attribute.oid == OID_COMMON_NAME);
    let (Some(name), None) = (names.next(), names.next()) else {
        return None;
    };
    let value = &name.value;
    Utf8StringRef::try_from(value)
        .map(|text| text.as_str().to_owned())
        .or_else(|_| PrintableStringRef::try_from(value).map(|text| text.as_str().to_owned()))
        .or_else(|_| Ia5StringRef::try_from(value).map(|text| text.as_str().to_owned()))
        .or_else(|_| TeletexStringRef::try_from(value).map(|text| text.as_str().to_owned()))
        .ok()
}

const OID_COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

const WEAK_SIGNATURES: [ObjectIdentifier; 5] = [
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"), // MD2 with RSA
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), // MD5 with RSA
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), // SHA-1 with RSA
    ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"),    // SHA-1 with DSA
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"),    // SHA-1 with ECDSA
];
