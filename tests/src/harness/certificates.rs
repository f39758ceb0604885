//! Throw-away certificates for loopback.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::{HarnessError, TempDir};

/// A certificate authority and one leaf for `localhost` and `127.0.0.1`, as files and as TLS configurations.
#[derive(Debug)]
pub struct Certificates {
    directory: TempDir,
    authority_pem: String,
    authority_der: Vec<u8>,
    leaf_der: Vec<u8>,
    leaf_key_der: Vec<u8>,
}

/// What is wrong with a leaf.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// It is for another host.
    Name,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    Future,
    /// It is not for servers.
    Usage,
}

impl Certificates {
    /// Makes both; the leaf serves as server and as client certificate.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Certificate`] or [`HarnessError::File`] if making or writing them fails.
    pub fn new() -> Result<Self, HarnessError> {
        Self::with(None)
    }

    /// Makes both, with a leaf that no client should accept.
    ///
    /// # Errors
    ///
    /// As [`Certificates::new`].
    pub fn flawed(flaw: Flaw) -> Result<Self, HarnessError> {
        Self::with(Some(flaw))
    }

    fn with(flaw: Option<Flaw>) -> Result<Self, HarnessError> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Vouchsafe test CA");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut leaf =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        leaf.distinguished_name
            .push(rcgen::DnType::CommonName, "localhost");
        leaf.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        match flaw {
            Some(Flaw::Name) => {
                leaf.subject_alt_names = vec![SanType::DnsName("example.com".try_into()?)];
            }
            Some(Flaw::Expired) => leaf.not_after = rcgen::date_time_ymd(2020, 1, 1),
            Some(Flaw::Future) => leaf.not_before = rcgen::date_time_ymd(2100, 1, 1),
            Some(Flaw::Usage) => {
                leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            None => {}
        }
        let leaf_key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&leaf_key, &authority)?;

        let directory = TempDir::new("certificates")?;
        directory.write("ca.crt", authority.pem())?;
        directory.write("leaf.crt", leaf.pem())?;
        directory.write("leaf.key", leaf_key.serialize_pem())?;
        Ok(Self {
            directory,
            authority_pem: authority.pem(),
            authority_der: authority.der().to_vec(),
            leaf_der: leaf.der().to_vec(),
            leaf_key_der: leaf_key.serialize_der(),
        })
    }

    /// The authority's certificate as a PEM file.
    pub fn authority_file(&self) -> PathBuf {
        self.file("ca.crt")
    }

    /// The leaf's certificate as a PEM file.
    pub fn leaf_file(&self) -> PathBuf {
        self.file("leaf.crt")
    }

    /// The leaf's private key as a PEM file (PKCS#8).
    pub fn leaf_key_file(&self) -> PathBuf {
        self.file("leaf.key")
    }

    /// The authority's certificate as PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// A TLS server that shows the leaf.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Tls`] if rustls refuses the certificate.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, HarnessError> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.leaf_key_der.clone()));
        let config = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![self.leaf_der.clone().into()], key)?;
        Ok(Arc::new(config))
    }

    /// A TLS client that trusts the authority and nothing else.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Tls`] if rustls refuses the certificate.
    pub fn client_config(&self) -> Result<ClientConfig, HarnessError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority_der.clone().into())?;
        let config = ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
        Ok(config)
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(self.directory.path()).join(name)
    }
}
