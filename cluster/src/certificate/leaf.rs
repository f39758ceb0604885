//! What is served with: a certificate and its key.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use super::authority::{Authority, Validity, later};
use super::verify::verify;
use super::{LEAF_LIFE, Names};

/// A certificate that one of the announced authorities signed, and its key.
#[derive(Clone)]
pub(super) struct Leaf {
    /// PEM.
    pub(super) chain: String,
    /// PKCS#8, PEM.
    pub(super) key: Zeroizing<String>,
    pub(super) valid: Validity,
    /// Which authority signed it.
    pub(super) issuer: usize,
}

/// Why there is nothing that can be served with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeafFault {
    /// `tls.crt` is not PEM.
    #[error("`tls.crt` is not PEM: {0}")]
    Chain(#[source] pem::Error),
    /// `tls.key` is not PEM.
    #[error("`tls.key` holds no private key: {0}")]
    Key(#[source] pem::Error),
    /// `tls.crt` holds no certificate.
    #[error("`tls.crt` holds no certificate")]
    NoCertificate,
    /// What `tls.crt` holds first is no certificate.
    #[error("the first certificate of `tls.crt` cannot be read: {0}")]
    Unreadable(#[source] x509_cert::der::Error),
    /// `tls.key` is of no use, or of another certificate.
    #[error("`tls.crt` and `tls.key` do not belong together: {0}")]
    Unpaired(#[source] rustls::Error),
    /// Nobody who trusts the announced authorities would take it: it is another authority's, of other names, or not valid now.
    #[error("the certificate would not be trusted: {0}")]
    Untrusted(#[source] rustls::Error),
}

impl Leaf {
    /// A new one by `authority`, whose key `authority_key` is and whose place is `issuer`; none if that is not its key.
    pub(super) fn make(
        (authority, issuer): (&Authority, usize),
        authority_key: &str,
        names: &Names,
        now: Timestamp,
    ) -> Result<Option<Self>, rcgen::Error> {
        let Some(signer) = authority.issuer(authority_key) else {
            return Ok(None);
        };
        let mut valid = Validity::from_now(now, LEAF_LIFE);
        valid.not_after = valid.not_after.min(authority.valid.not_after);
        let names = names.all();
        let [called, ..] = &names;
        let mut parameters = CertificateParams::new(names.clone())?;
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        // The field has 64 characters (RFC 5280, ub-common-name); only the names above count.
        let short: String = called.chars().take(64).collect();
        parameters
            .distinguished_name
            .push(DnType::CommonName, short);
        parameters.use_authority_key_identifier_extension = true;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        valid.write(&mut parameters);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &signer)?;
        Ok(Some(Self {
            chain: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
            valid,
            issuer,
        }))
    }

    /// Reads one that can be served with `now`.
    pub(super) fn read(
        (chain, key): (&[u8], &[u8]),
        authorities: &[Authority],
        names: &Names,
        now: Timestamp,
    ) -> Result<Self, LeafFault> {
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(LeafFault::Chain)?;
        let leaf = certificates
            .first()
            .ok_or(LeafFault::NoCertificate)?
            .clone();
        let private = PrivateKeyDer::from_pem_slice(key).map_err(LeafFault::Key)?;
        CertifiedKey::from_der(certificates, private, &aws_lc_rs::default_provider())
            .map_err(LeafFault::Unpaired)?;
        let parsed = x509_cert::Certificate::from_der(&leaf).map_err(LeafFault::Unreadable)?;
        let issuer = issuer(&leaf, authorities, names, now).map_err(LeafFault::Untrusted)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self {
            chain: text(chain),
            key: Zeroizing::new(text(key)),
            valid: Validity::of(&parsed),
            issuer,
        })
    }

    /// When it is to be renewed: after two thirds of its life.
    pub(super) fn due(&self) -> Timestamp {
        let made = self.valid.made();
        let life = self.valid.not_after.duration_since(made);
        let life = Duration::try_from(life).unwrap_or_default();
        later(made, life / 3 * 2)
    }
}

/// Shows no key.
impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("valid", &self.valid)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// Which of the authorities, the newest first, the leaf can be trusted by; or what is said by the newest.
fn issuer(
    leaf: &CertificateDer<'_>,
    authorities: &[Authority],
    names: &Names,
    now: Timestamp,
) -> Result<usize, rustls::Error> {
    let mut failed = rustls::Error::General("there is no authority".to_owned());
    let mut told = false;
    for (index, authority) in authorities.iter().enumerate().rev() {
        match verify(leaf, authority, names, now) {
            Ok(()) => return Ok(index),
            // What another authority says than the one that signed it tells nobody anything.
            Err(error) => {
                let is_foreign = matches!(
                    error,
                    rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)
                );
                if !told {
                    failed = error;
                    told = !is_foreign;
                }
            }
        }
    }
    Err(failed)
}
