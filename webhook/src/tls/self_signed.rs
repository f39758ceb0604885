//! A certificate for localhost, for trying things out.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::{Certificate, CertificateError};

impl Certificate {
    /// A new certificate for `localhost` that nobody trusts unless told to.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] where the cryptography fails.
    pub fn self_signed(now: Timestamp) -> Result<Self, CertificateError> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        let year = i32::from(now.to_zoned(TimeZone::UTC).year());
        params.not_before = date_time_ymd(year - 1, 1, 1);
        params.not_after = date_time_ymd(year + 1, 12, 31);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Self::from_pem(
            certificate.pem().as_bytes(),
            key.serialize_pem().as_bytes(),
            now,
        )
    }
}
