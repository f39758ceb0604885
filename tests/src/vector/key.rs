//! Throw-away test keys: private keys derived from a label, so that every run signs the same bytes.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use sha2::{Digest, Sha256};

use super::der;
use super::json::Json;
use memo::Use;

mod memo;
mod private;
mod rsa;

/// A key pair, and the form in which metadata lists its public half.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Key {
    kind: Kind,
    label: String,
    form: Form,
    is_compressed: bool,
}

/// The algorithm of a key, and for RSA the scheme it signs by.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Ed25519.
    Ed25519,
    /// ECDSA over P-256.
    P256,
    /// ECDSA over P-384, hashed by SHA-256 as Notary does on every curve.
    P384,
    /// ECDSA over P-521, hashed by SHA-256.
    P521,
    /// RSA of 2048 bits, PKCS#1 v1.5.
    RsaPkcs1,
    /// RSA of 2048 bits, PSS.
    RsaPss,
    /// RSA of 1024 bits, PSS: too short for Notary.
    RsaShort,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Form {
    Certificate {
        common_name: String,
        not_before: String,
        not_after: String,
        flaw: Option<Flaw>,
        issuer: Option<Box<Key>>,
    },
    Plain,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Flaw {
    /// It is a certificate authority's.
    Authority,
    /// It says that it is signed over SHA-1.
    Sha1,
}

/// One signature as an envelope lists it.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The method, in Notary's words.
    pub method: &'static str,
    /// The signature itself.
    pub bytes: Vec<u8>,
}

impl Key {
    /// A key listed as its bare public key. RSA keys do not depend on the label.
    pub fn new(kind: Kind, label: &str) -> Self {
        Self {
            kind,
            label: label.to_owned(),
            form: Form::Plain,
            is_compressed: false,
        }
    }

    /// A P-256 key listed as its bare public key.
    pub fn p256(label: &str) -> Self {
        Self::new(Kind::P256, label)
    }

    /// Its algorithm.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The same key pair, listed as a certificate for `common_name` valid from 2020 to 2100.
    #[must_use]
    pub fn certified(&self, common_name: &str) -> Self {
        self.certified_between(common_name, "2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    }

    /// The same key pair, listed as a certificate with the given validity.
    #[must_use]
    pub fn certified_between(&self, common_name: &str, not_before: &str, not_after: &str) -> Self {
        let form = Form::Certificate {
            common_name: common_name.to_owned(),
            not_before: not_before.to_owned(),
            not_after: not_after.to_owned(),
            flaw: None,
            issuer: None,
        };
        Self {
            form,
            ..self.clone()
        }
    }

    /// The same key, with its point on the curve in the compressed form.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        self.is_compressed = true;
        self
    }

    /// The same certified key, in a certificate that Notary does not take.
    #[must_use]
    pub fn certified_as(mut self, wrong: Flaw) -> Self {
        if let Form::Certificate { flaw, .. } = &mut self.form {
            *flaw = Some(wrong);
        }
        self
    }

    /// The same certified key, with the certificate of `authority` after its own.
    #[must_use]
    pub fn with_intermediate(mut self, authority: Self) -> Self {
        if let Form::Certificate { issuer, .. } = &mut self.form {
            *issuer = Some(Box::new(authority));
        }
        self
    }

    /// The key ID: SHA-256 of the canonical key.
    pub fn id(&self) -> String {
        hex(&Sha256::digest(self.to_json().canonical()))
    }

    /// The key as `keys` lists it.
    pub fn to_json(&self) -> Json {
        let keytype = match &self.form {
            Form::Certificate { .. } => self.x509_type(),
            Form::Plain => self.plain_type(),
        };
        let public = memo::text(self, Use::Listed, || match &self.form {
            Form::Certificate { .. } => self.certificate_pem().into_bytes(),
            Form::Plain => self.public_bytes(),
        });
        let value = [
            ("private", Json::Null),
            ("public", STANDARD.encode(public).as_str().into()),
        ];
        Json::object([("keytype", keytype.into()), ("keyval", Json::object(value))])
    }

    /// The public key as PEM `SubjectPublicKeyInfo`: what an operator pins.
    pub fn public_key_pem(&self) -> String {
        let spki = memo::text(self, Use::Pinned, || self.spki());
        der::pem("PUBLIC KEY", &STANDARD.encode(spki))
    }

    /// Signs `message` by the method that Notary uses with this kind of key.
    pub fn sign(&self, message: &[u8]) -> Signature {
        memo::signature(self, message, || self.sign_anew(message))
    }

    fn sign_anew(&self, message: &[u8]) -> Signature {
        let (method, bytes) = match self.kind {
            Kind::Ed25519 => ("eddsa", self.ed25519().sign(message).as_ref().to_vec()),
            Kind::P256 | Kind::P384 | Kind::P521 => ("ecdsa", self.sign_ecdsa(message)),
            Kind::RsaPkcs1 => ("rsapkcs1v15", rsa::sign_pkcs1(message)),
            Kind::RsaPss => ("rsapss", rsa::sign_pss(rsa::Size::Good, message)),
            Kind::RsaShort => ("rsapss", rsa::sign_pss(rsa::Size::Short, message)),
        };
        Signature { method, bytes }
    }

    /// The certificate of a certified key, with those of its authorities, as PEM.
    ///
    /// # Panics
    ///
    /// Where the key has none.
    pub fn certificate_pem(&self) -> String {
        let Form::Certificate {
            common_name,
            not_before,
            not_after,
            flaw,
            issuer,
        } = &self.form
        else {
            panic!("{self:?} has no certificate");
        };
        let serial = Sha256::digest(format!("{} {common_name} {not_before}", self.label));
        let algorithm = match (self.is_rsa(), flaw) {
            (true, _) => der::sequence(&[der::oid(der::RSA_WITH_SHA256), der::null()]),
            (false, Some(Flaw::Sha1)) => der::sequence(&[der::oid(der::ECDSA_WITH_SHA1)]),
            (false, _) => der::sequence(&[der::oid(der::ECDSA_WITH_SHA256)]),
        };
        let certificate = der::Certificate {
            common_name,
            not_before,
            not_after,
            serial: &[&[1], &serial[..15]].concat(),
            public_key: &self.spki(),
            algorithm: &algorithm,
            is_authority: *flaw == Some(Flaw::Authority),
        };
        let to_be_signed = certificate.to_be_signed();
        let signature = if self.is_rsa() {
            rsa::sign_pkcs1(&to_be_signed)
        } else {
            der_signature(&self.sign_ecdsa(&to_be_signed))
        };
        let own = STANDARD.encode(certificate.signed(to_be_signed, &signature));
        let issuer = issuer.as_ref().map(|issuer| issuer.certificate_pem());
        der::pem("CERTIFICATE", &own) + &issuer.unwrap_or_default()
    }

    fn public_bytes(&self) -> Vec<u8> {
        match self.kind {
            Kind::Ed25519 => self.ed25519().public_key().as_ref().to_vec(),
            Kind::P256
            | Kind::P384
            | Kind::P521
            | Kind::RsaPkcs1
            | Kind::RsaPss
            | Kind::RsaShort => self.spki(),
        }
    }

    /// The public key as DER `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> Vec<u8> {
        let ec = |curve, point: Vec<u8>| {
            let algorithm = der::sequence(&[der::oid(der::EC_PUBLIC_KEY), der::oid(curve)]);
            der::sequence(&[algorithm, der::bits(&point)])
        };
        match self.kind {
            Kind::Ed25519 => {
                let algorithm = der::sequence(&[der::oid(der::ED25519)]);
                der::sequence(&[algorithm, der::bits(&self.public_bytes())])
            }
            Kind::P256 => ec(
                der::P256,
                self.p256_key()
                    .verifying_key()
                    .to_sec1_point(self.is_compressed)
                    .as_bytes()
                    .to_vec(),
            ),
            Kind::P384 => ec(
                der::P384,
                self.p384_key()
                    .verifying_key()
                    .to_sec1_point(self.is_compressed)
                    .as_bytes()
                    .to_vec(),
            ),
            Kind::P521 => ec(
                der::P521,
                self.p521_key()
                    .verifying_key()
                    .to_sec1_point(self.is_compressed)
                    .as_bytes()
                    .to_vec(),
            ),
            Kind::RsaPkcs1 | Kind::RsaPss => rsa::spki(rsa::Size::Good),
            Kind::RsaShort => rsa::spki(rsa::Size::Short),
        }
    }

    /// Raw r‖s over SHA-256 (RFC 6979).
    fn sign_ecdsa(&self, message: &[u8]) -> Vec<u8> {
        let digest = Sha256::digest(message);
        let signature = match self.kind {
            Kind::P256 => {
                let signature: Result<p256::ecdsa::Signature, _> =
                    self.p256_key().sign_prehash(&digest);
                signature.map(|s| s.to_vec())
            }
            Kind::P384 => {
                let signature: Result<p384::ecdsa::Signature, _> =
                    self.p384_key().sign_prehash(&digest);
                signature.map(|s| s.to_vec())
            }
            Kind::P521 => {
                let signature: Result<p521::ecdsa::Signature, _> =
                    self.p521_key().sign_prehash(&digest);
                signature.map(|s| s.to_vec())
            }
            Kind::Ed25519 | Kind::RsaPkcs1 | Kind::RsaPss | Kind::RsaShort => panic!("not ECDSA"),
        };
        signature.expect("a digest can be signed")
    }

    fn ed25519(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.secret(32)).expect("any seed is a key")
    }

    fn p256_key(&self) -> p256::ecdsa::SigningKey {
        p256::ecdsa::SigningKey::from_slice(&self.secret(32)).expect("below the group's order")
    }

    fn p384_key(&self) -> p384::ecdsa::SigningKey {
        p384::ecdsa::SigningKey::from_slice(&self.secret(48)).expect("below the group's order")
    }

    fn p521_key(&self) -> p521::ecdsa::SigningKey {
        p521::ecdsa::SigningKey::from_slice(&self.secret(66)).expect("below the group's order")
    }

    /// The secret number: SHA-256 of the label, repeated with a counter and cut to `length`; the
    /// first two bytes are zero, which keeps it below any group's order.
    fn secret(&self, length: usize) -> Vec<u8> {
        let block = |counter: u8| Sha256::digest(format!("throw-away {} {counter}", self.label));
        let stream: Vec<u8> = (0..3).flat_map(|counter| block(counter).to_vec()).collect();
        [&[0, 0], &stream[..length - 2]].concat()
    }

    const fn is_rsa(&self) -> bool {
        matches!(self.kind, Kind::RsaPkcs1 | Kind::RsaPss | Kind::RsaShort)
    }

    const fn plain_type(&self) -> &'static str {
        match self.kind {
            Kind::Ed25519 => "ed25519",
            Kind::P256 | Kind::P384 | Kind::P521 => "ecdsa",
            Kind::RsaPkcs1 | Kind::RsaPss | Kind::RsaShort => "rsa",
        }
    }

    const fn x509_type(&self) -> &'static str {
        if self.is_rsa() {
            "rsa-x509"
        } else {
            "ecdsa-x509"
        }
    }
}

impl Signature {
    pub(super) fn to_json(&self, key_id: &str) -> Json {
        Json::object([
            ("keyid", key_id.into()),
            ("method", self.method.into()),
            ("sig", STANDARD.encode(&self.bytes).as_str().into()),
        ])
    }
}

/// A raw r‖s signature as X.509 and most other protocols write it.
pub(crate) fn der_signature(raw: &[u8]) -> Vec<u8> {
    let (r, s) = raw.split_at(raw.len() / 2);
    der::sequence(&[der::integer(r), der::integer(s)])
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
