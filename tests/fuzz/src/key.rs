//! Certificates and keys: PEM, DER, `SubjectPublicKeyInfo`, and as role files list them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use vouchsafe_tests::checker;
use vouchsafe_trust::json::Json;
use vouchsafe_trust::key::{Certificate, ListedKeys, Pem, PublicKey, Scheme};
use vouchsafe_trust::{KeyId, TrustRoot};

use crate::input::Input;

pub(crate) fn run(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let kind = input.below(5);
    let scheme = input.byte();
    let contents = input.rest();
    let certificate = |bytes: &[u8]| pem("CERTIFICATE", bytes);
    match kind {
        0 => text(&String::from_utf8_lossy(contents)),
        1 => {
            let counts = bare(contents, scheme);
            text(&pem("PUBLIC KEY", contents)) || counts
        }
        2 => text(&certificate(contents)),
        3 => {
            let half = contents.len() / 2;
            text(&(certificate(&contents[..half]) + &certificate(&contents[half..])))
        }
        _ => listed("ed25519", contents),
    }
}

/// A text in PEM: what an operator pins, and what a role file lists.
fn text(text: &str) -> bool {
    if let Ok(blocks) = Pem::parse_all(text) {
        let written: String = blocks.iter().map(Pem::encode).collect();
        assert_eq!(Pem::parse_all(&written), Ok(blocks), "PEM read again");
    }
    if let Ok(key) = PublicKey::from_pem(text) {
        let again = PublicKey::from_pem(&key.to_pem()).expect("what is written reads");
        assert_eq!(again, key, "a key read again");
        assert_eq!(again.canonical_key_id(), key.canonical_key_id(), "its ID");
        assert_eq!(TrustRoot::from_pem(text).is_ok(), key.is_strong(), "a pin");
    }
    if let Ok(certificate) = Certificate::from_bundle(text) {
        drop(certificate.fault(
            &"registry.example.com/app".parse().expect("a GUN"),
            jiff::Timestamp::UNIX_EPOCH,
        ));
    }
    let counts = ["ecdsa-x509", "rsa-x509"].map(|keytype| listed(keytype, text.as_bytes()));
    counts.contains(&true)
}

/// A `SubjectPublicKeyInfo`.
fn bare(spki: &[u8], scheme: u8) -> bool {
    let counts = ["ecdsa", "rsa"].map(|keytype| listed(keytype, spki));
    let Ok(key) = PublicKey::from_spki(spki) else {
        return false;
    };
    let scheme = [
        Scheme::Ecdsa,
        Scheme::EdDsa,
        Scheme::RsaPkcs1,
        Scheme::RsaPss,
    ][usize::from(scheme) % 4];
    for length in [0, 64, 96, 132, 256, 384] {
        let signature = vec![last_byte(spki); length];
        assert!(!key.verifies(scheme, spki, &signature), "nobody signed");
        assert!(!key.verifies_document(spki, &signature), "nobody signed");
    }
    counts.contains(&true)
}

fn last_byte(spki: &[u8]) -> u8 {
    spki.last().copied().unwrap_or(1)
}

/// A key as a role file lists it: what counts for Vouchsafe is a key for the checker, and the same one.
fn listed(keytype: &str, public: &[u8]) -> bool {
    let public = STANDARD.encode(public);
    let key = json!({"keytype": keytype, "keyval": {"private": null, "public": public}});
    let id = KeyId::new(vouchsafe_trust::Sha256::of(key.to_string().as_bytes()));
    let text = json!({ id.to_string(): key }).to_string();
    let Json::Object(keys) = Json::parse(text.as_bytes()).expect("it is JSON") else {
        panic!("it is an object");
    };
    let keys = ListedKeys::read(&keys).expect("its ID is its own");
    let Some(key) = keys.get(&id).and_then(|key| key.strong().cloned()) else {
        return false;
    };
    let Some(theirs) = checker::listed_key(keytype, &public) else {
        panic!("{keytype}: counts, but is no key");
    };
    let sha256: [u8; 32] = Sha256::digest(&theirs).into();
    let theirs = vouchsafe_trust::Sha256::from_bytes(sha256).to_string();
    assert_eq!(key.fingerprint().to_string(), theirs, "another key");
    true
}

fn pem(label: &str, contents: &[u8]) -> String {
    let contents = contents.to_vec();
    let label = label.to_owned();
    Pem { label, contents }.encode()
}
