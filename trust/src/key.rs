//! Keys as metadata lists them and as operators pin them.

mod certificate;
mod listed;
mod pem;
mod public;

pub use certificate::{Certificate, CertificateFault};
pub use listed::{ListError, ListedKey, ListedKeys};
pub use pem::{Pem, PemError};
pub use public::{Fingerprint, KeyError, PublicKey, Scheme};
