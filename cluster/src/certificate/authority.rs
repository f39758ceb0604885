//! An authority: a certificate that others are signed by, and its key.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData as _, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use vouchsafe_trust::Sha256;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode as _, Encode as _};
use zeroize::Zeroizing;

use super::{AUTHORITY_LIFE, BACKDATED};

/// The certificate of an authority. Its name follows from its key, so that a certificate and a key that belong together are enough
/// to sign by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Authority {
    pub(super) pem: String,
    pub(super) der: CertificateDer<'static>,
    pub(super) valid: Validity,
    /// `SubjectPublicKeyInfo`, DER.
    public_key: Vec<u8>,
}

/// From when and until when a certificate is valid, both included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Validity {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl Validity {
    pub(super) fn from_now(now: Timestamp, life: Duration) -> Self {
        Self {
            not_before: earlier(now, BACKDATED),
            not_after: later(now, life),
        }
    }

    /// As certificates say it: seconds, from the year 1970 on (what is later than 9999 has no end).
    pub(super) fn of(certificate: &x509_cert::Certificate) -> Self {
        let validity = certificate.tbs_certificate().validity();
        let at = |time: x509_cert::time::Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
            Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
        };
        Self {
            not_before: at(validity.not_before),
            not_after: at(validity.not_after),
        }
    }

    pub(super) fn holds(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// When it was made, if it was made here.
    pub(super) fn made(&self) -> Timestamp {
        later(self.not_before, BACKDATED)
    }

    pub(super) fn write(&self, parameters: &mut CertificateParams) {
        let seconds = |at: Timestamp| u64::try_from(at.as_second()).unwrap_or_default();
        let epoch = date_time_ymd(1970, 1, 1);
        parameters.not_before = epoch + Duration::from_secs(seconds(self.not_before));
        parameters.not_after = epoch + Duration::from_secs(seconds(self.not_after));
    }
}

impl Authority {
    /// A new one, and its key (PKCS#8, PEM).
    pub(super) fn make(now: Timestamp) -> Result<(Self, Zeroizing<String>), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut parameters = parameters(&key);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let valid = Validity::from_now(now, AUTHORITY_LIFE);
        valid.write(&mut parameters);
        let certificate = parameters.self_signed(&key)?;
        let authority = Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            valid,
            public_key: key.subject_public_key_info(),
        };
        Ok((authority, Zeroizing::new(key.serialize_pem())))
    }

    /// Reads a certificate; none if it is none, or cannot be one of an authority.
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(der.clone().into_owned()).ok()?;
        let key = certificate.tbs_certificate().subject_public_key_info();
        Some(Self {
            pem: pem("CERTIFICATE", der),
            der: der.clone().into_owned(),
            valid: Validity::of(&certificate),
            public_key: key.to_der().ok()?,
        })
    }

    /// What leaves are signed by, if `key` (PKCS#8, PEM) is this authority's.
    pub(super) fn issuer(&self, key: &str) -> Option<Issuer<'static, KeyPair>> {
        let key = KeyPair::from_pem(key).ok()?;
        if key.subject_public_key_info() != self.public_key {
            return None;
        }
        Some(Issuer::new(parameters(&key), key))
    }
}

/// What an authority of this key is called and may do.
fn parameters(key: &KeyPair) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    let digest = Sha256::of(&key.subject_public_key_info()).to_string();
    let short: String = digest.chars().take(16).collect();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    let name = format!("vouchsafe authority {short}");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

/// `der` as PEM (RFC 7468).
fn pem(label: &'static str, der: &[u8]) -> String {
    x509_cert::der::pem::encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

pub(super) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
