//! Whether a client that trusts an authority would take a leaf.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};

use super::Names;
use super::authority::Authority;

/// Checks a leaf as a client that calls it by any of `names` would.
///
/// # Errors
///
/// What the client would say.
pub(super) fn verify(
    leaf: &CertificateDer<'_>,
    authority: &Authority,
    names: &Names,
    now: Timestamp,
) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone())?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    // WebPKI does not look at the validity of what it is told to trust.
    if !authority.valid.holds(now) {
        return Err(CertificateError::Expired.into());
    }
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    for name in names.all() {
        let name = ServerName::try_from(name)
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(leaf, &[], &name, &[], now)?;
    }
    Ok(())
}
