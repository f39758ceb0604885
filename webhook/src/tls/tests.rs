use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;
use crate::testing::now;

/// Chain and key, expiring with the year.
fn pair(year: i32) -> (String, String) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(year, 12, 31);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn a_pair_tells_when_it_expires() {
    let (chain, key) = pair(2027);
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes(), now()).unwrap();
    assert_eq!(certificate.not_after().to_string(), "2027-12-31T00:00:00Z");
}

#[test]
fn each_fault_of_a_pair_has_its_own_words() {
    let (chain, key) = pair(2027);
    let (expired, expired_key) = pair(2025);
    let (_, other_key) = pair(2027);
    let no_leaf = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (chain, key, words) in [
        (chain.as_str(), other_key.as_str(), "cannot be used"),
        (&chain, "", "no valid private key"),
        (&chain, &chain, "no valid private key"),
        ("", &key, "no certificate"),
        (&key, &key, "no certificate"),
        (no_leaf, &key, "cannot be read"),
        (&expired, &expired_key, "expired at 2025-12-31"),
    ] {
        let error = Certificate::from_pem(chain.as_bytes(), key.as_bytes(), now()).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[test]
fn a_certificate_can_be_made() {
    let certificate = Certificate::self_signed(now()).unwrap();
    assert!(certificate.not_after() > now());
}
