//! The certificate that the webhook serves with, replaceable while it serves.

mod self_signed;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_cert::der::Decode as _;

/// A certificate chain with its private key, checked to belong together.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads a chain (leaf first) and its private key from PEM.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] where either cannot be read, where they do not belong together, or where
    /// the leaf has expired by `now`.
    pub fn from_pem(chain: &[u8], key: &[u8], now: Timestamp) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(CertificateError::Chain)?;
        let not_after = expiry(chain.first().ok_or(CertificateError::NoCertificate)?)?;
        if not_after < now {
            return Err(CertificateError::Expired { at: not_after });
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Key)?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?;
        Ok(Self {
            key: Arc::new(key),
            not_after,
        })
    }

    /// When the leaf expires.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The leaf, for those who want to trust it.
    #[cfg(test)]
    pub(crate) fn leaf(&self) -> CertificateDer<'static> {
        self.key.cert[0].clone()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Why a certificate cannot be served with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The chain is not PEM.
    #[error("the certificate file is not valid PEM: {0}")]
    Chain(#[source] pem::Error),
    /// The leaf has expired.
    #[error("the certificate expired at {at}")]
    Expired {
        /// When it did.
        at: Timestamp,
    },
    /// The private key is not PEM.
    #[error("the key file holds no valid private key: {0}")]
    Key(#[source] pem::Error),
    /// The leaf is no certificate.
    #[error("the first certificate cannot be read: {0}")]
    Leaf(#[source] x509_cert::der::Error),
    /// The chain is empty.
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    /// A certificate could not be made.
    #[error("no certificate for localhost can be made: {0}")]
    SelfSigned(#[from] rcgen::Error),
    /// The key is of no use, or another certificate's.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
pub struct Serving(ArcSwap<Certificate>);

impl Serving {
    /// Serves with `certificate` until another one is published.
    pub fn new(certificate: Certificate) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(certificate)))
    }

    /// Serves new connections with `certificate`; open ones keep theirs.
    pub fn publish(&self, certificate: Certificate) {
        self.0.store(Arc::new(certificate));
    }

    /// When the certificate in use expires.
    pub fn not_after(&self) -> Timestamp {
        self.0.load().not_after
    }

    /// What rustls needs to serve with it: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no client
    /// certificates.
    ///
    /// # Errors
    ///
    /// [`rustls::Error`] where the cryptography offers no protocol version.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().key))
    }
}

fn expiry(leaf: &CertificateDer<'_>) -> Result<Timestamp, CertificateError> {
    let leaf = x509_cert::Certificate::from_der(leaf).map_err(CertificateError::Leaf)?;
    let since_epoch = leaf
        .tbs_certificate()
        .validity()
        .not_after
        .to_unix_duration();
    // A certificate may outlive what a timestamp can say (RFC 5280 4.1.2.5: year 9999).
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests;
