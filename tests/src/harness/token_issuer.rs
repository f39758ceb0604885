//! Tokens that a real registry or Notary server accepts.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::HarnessError;

/// A key that signs bearer tokens (JWT, ES256) of the Docker registry token protocol.
#[derive(Debug)]
pub struct TokenIssuer {
    key: SigningKey,
    certificate_pem: String,
    certificate_der: Vec<u8>,
}

impl TokenIssuer {
    /// Makes a key with a certificate of its own.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Certificate`] if that fails.
    pub fn new() -> Result<Self, HarnessError> {
        let pair = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec!["token.test".to_owned()])?;
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&pair)?;
        let key = SigningKey::from_pkcs8_der(&pair.serialize_der());
        Ok(Self {
            key: key.map_err(HarnessError::unexpected("token key"))?,
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
        })
    }

    /// The certificate that a server has to trust.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A token for scopes such as `repository:docker.io/library/app:pull`, from now for `lifetime`.
    pub fn token(
        &self,
        scopes: impl IntoIterator<Item = impl AsRef<str>>,
        lifetime: Duration,
    ) -> String {
        let now = Timestamp::now().as_second();
        let expires = now.saturating_add_unsigned(lifetime.as_secs());
        let access: Vec<Value> = scopes
            .into_iter()
            .filter_map(|scope| access(scope.as_ref()))
            .collect();
        let header =
            json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.certificate_der)]});
        let claims = json!({
            "iss": ISSUER, "sub": "test", "aud": SERVICE, "jti": "test", "iat": now, "nbf": now,
            "exp": expires, "access": access,
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

/// `type:name:actions`; the name may hold colons.
fn access(scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<&str> = actions.split(',').collect();
    Some(json!({"type": kind, "name": name, "actions": actions}))
}

/// Whom the tokens are for: the `service` of the server's challenge.
pub const SERVICE: &str = "notary";

/// Who signs the tokens, by name.
pub const ISSUER: &str = "vouchsafe-tests";
