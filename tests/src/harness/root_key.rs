//! The publisher's root key, as an operator pins it.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

use super::process::run;
use super::{HarnessError, TempDir};

/// The public half of a private key file of the `notary` client, as the PEM that `openssl ec -pubout` writes.
///
/// Notary's key files are PEM with `role:`, `gun:` or `path:` header lines, which openssl does not read; without those lines
/// they are ordinary encrypted PKCS#8 (`ENCRYPTED PRIVATE KEY`).
///
/// # Errors
///
/// [`HarnessError::File`] if the file cannot be read, [`HarnessError::Command`] if openssl refuses it.
pub fn public_half(private_key: &Path, passphrase: &str) -> Result<String, HarnessError> {
    let text = fs::read_to_string(private_key).map_err(HarnessError::file(private_key))?;
    let directory = TempDir::new("root-key")?;
    let file = directory.write("key.pem", without_headers(&text))?;
    run(Command::new("openssl")
        .arg("ec")
        .arg("-in")
        .arg(&file)
        .args(["-passin", &format!("pass:{passphrase}"), "-pubout"]))
}

/// The DER of the public keys (`SubjectPublicKeyInfo`) behind the root role of a root file, with the TUF key ID of each.
///
/// # Errors
///
/// [`HarnessError::Unexpected`] if it is no Notary root file with certificates.
pub fn listed_root_keys(root: &[u8]) -> Result<Vec<(String, Vec<u8>)>, HarnessError> {
    let unexpected = |detail: &str| HarnessError::Unexpected {
        what: "root.json".to_owned(),
        detail: detail.to_owned(),
    };
    let root: Value =
        serde_json::from_slice(root).map_err(HarnessError::unexpected("root.json"))?;
    let ids = root
        .pointer("/signed/roles/root/keyids")
        .and_then(Value::as_array)
        .ok_or_else(|| unexpected("no root role"))?;
    let mut keys = Vec::new();
    for id in ids.iter().filter_map(Value::as_str) {
        let public = root
            .pointer(&format!("/signed/keys/{id}/keyval/public"))
            .and_then(Value::as_str)
            .ok_or_else(|| unexpected("a listed root key is missing"))?;
        let pem = STANDARD
            .decode(public)
            .map_err(HarnessError::unexpected("root key"))?;
        let certificate =
            Certificate::from_pem(pem).map_err(HarnessError::unexpected("root certificate"))?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        keys.push((
            id.to_owned(),
            info.to_der()
                .map_err(HarnessError::unexpected("root certificate"))?,
        ));
    }
    Ok(keys)
}

/// The DER inside a `PUBLIC KEY` PEM, with or without Notary's header lines.
///
/// # Errors
///
/// [`HarnessError::Unexpected`] if it is not base64.
pub fn der_of_public_key(pem: &str) -> Result<Vec<u8>, HarnessError> {
    let text = without_headers(pem);
    let base64: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    STANDARD
        .decode(base64)
        .map_err(HarnessError::unexpected("public key PEM"))
}

/// The TUF key ID of an ECDSA public key: the SHA-256 of its canonical JSON.
pub fn ecdsa_key_id(public_key_der: &[u8]) -> String {
    let public = STANDARD.encode(public_key_der);
    let json = format!(r#"{{"keytype":"ecdsa","keyval":{{"private":null,"public":"{public}"}}}}"#);
    hex(&Sha256::digest(json))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn without_headers(pem: &str) -> String {
    let header = |line: &&str| {
        !["role: ", "gun: ", "path: "]
            .iter()
            .any(|name| line.starts_with(name))
    };
    pem.lines()
        .filter(header)
        .flat_map(|line| [line, "\n"])
        .collect()
}
