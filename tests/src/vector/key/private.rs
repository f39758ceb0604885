//! Private keys, for what is signed by other means than a role file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Key, Kind, der};

impl Key {
    /// The private key of a P-256 or Ed25519 key as PKCS#8 PEM, as `openssl genpkey` writes it.
    pub fn private_key_pem(&self) -> String {
        let (algorithm, key) = match self.kind {
            Kind::Ed25519 => (
                der::sequence(&[der::oid(der::ED25519)]),
                der::octets(&self.secret(32)),
            ),
            Kind::P256 => {
                let one = der::integer(&[1]);
                let key = der::sequence(&[one, der::octets(&self.secret(32))]);
                (
                    der::sequence(&[der::oid(der::EC_PUBLIC_KEY), der::oid(der::P256)]),
                    key,
                )
            }
            Kind::P384 | Kind::P521 | Kind::RsaPkcs1 | Kind::RsaPss | Kind::RsaShort => {
                panic!("bundles are not signed with {self:?}")
            }
        };
        let info = der::sequence(&[der::integer(&[0]), algorithm, der::octets(&key)]);
        der::pem("PRIVATE KEY", &STANDARD.encode(info))
    }
}
