use super::*;

/// One line of `vectors.txt`.
struct Vector {
    kind: &'static str,
    scheme: Scheme,
    signature: Vec<u8>,
    key: PublicKey,
}

fn vectors() -> Vec<Vector> {
    let lines = include_str!("vectors.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [kind, method, signature, key] =
                line.split('|').collect::<Vec<_>>().try_into().unwrap();
            Vector {
                kind,
                scheme: Scheme::from_method(method).unwrap(),
                signature: STANDARD.decode(signature).unwrap(),
                key: PublicKey::from_spki(&STANDARD.decode(key).unwrap()).unwrap(),
            }
        })
        .collect()
}

#[test]
fn every_kind_of_key_verifies_its_own_signature_and_no_other() {
    for Vector {
        kind,
        scheme,
        mut signature,
        key,
    } in vectors()
    {
        assert_eq!(key.kind(), *kind);
        // RSA below 2048 bits verifies nothing.
        let strong = kind != "RSA 1024";
        assert_eq!(key.is_strong(), strong, "{kind}");
        assert_eq!(
            key.verifies(scheme, b"a message", &signature),
            strong,
            "{kind} {scheme:?}"
        );
        assert!(
            !key.verifies(scheme, b"another message", &signature),
            "{kind}"
        );
        assert!(
            !key.verifies(scheme, b"a message", &signature[1..]),
            "{kind}"
        );
        assert!(!key.verifies(scheme, b"a message", &[]), "{kind}");
        for other in [
            Scheme::Ecdsa,
            Scheme::EdDsa,
            Scheme::RsaPkcs1,
            Scheme::RsaPss,
        ] {
            let verified = key.verifies(other, b"a message", &signature);
            assert_eq!(verified, strong && other == scheme, "{kind} {other:?}");
        }
        *signature.last_mut().unwrap() ^= 1;
        assert!(!key.verifies(scheme, b"a message", &signature), "{kind}");
    }
}

#[test]
fn documents_are_signed_by_few_kinds_and_in_their_own_encoding() {
    for vector in vectors() {
        let Vector {
            kind,
            signature,
            key,
            ..
        } = vector;
        // Only Ed25519 signs documents and role files alike: ECDSA is in DER here.
        let verified = key.verifies_document(b"a message", &signature);
        assert_eq!(verified, kind == "Ed25519", "{kind}");
        let signs = ["Ed25519", "ECDSA P-256"].contains(&kind);
        assert_eq!(key.signs_documents(), signs, "{kind}");
        let Ok(raw) = p256::ecdsa::Signature::from_slice(&signature) else {
            continue;
        };
        let der = raw.to_der();
        let verified = key.verifies_document(b"a message", der.as_bytes());
        assert_eq!(verified, kind == "ECDSA P-256", "{kind}");
        assert!(!key.verifies_document(b"another", der.as_bytes()), "{kind}");
    }
}

#[test]
fn a_key_survives_its_own_pem() {
    for Vector { kind, key, .. } in vectors() {
        let again = PublicKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again, key, "{kind}");
    }
}

#[test]
fn a_compressed_point_is_the_same_key() {
    let compressed =
        "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADZWxyuklbIy8wKRiAFZ5XPDtXDjPViySUaZd2HJY8f74=";
    let uncompressed = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZWxyuklbIy8wKRiAFZ5XPDtXDjPViySUaZd2HJY8f74BslfCEvez7v2VzMDhvLxOPVTmKHHV4fEEhVIzaH6BRQ==";
    let [a, b] = [compressed, uncompressed]
        .map(|text| PublicKey::from_spki(&STANDARD.decode(text).unwrap()).unwrap());
    assert_eq!(a.fingerprint(), b.fingerprint());
}

#[test]
fn what_is_no_pinnable_key_is_refused_by_name() {
    let key = vectors().remove(0).key.to_pem();
    let relabelled = |label: &str| key.replace("PUBLIC KEY", label);
    let cases = [
        (String::new(), KeyError::Blocks { count: 0 }),
        (key.clone() + &key, KeyError::Blocks { count: 2 }),
        (relabelled("EC PRIVATE KEY"), KeyError::Private),
        (relabelled("ENCRYPTED PRIVATE KEY"), KeyError::Private),
        (
            relabelled("RSA PUBLIC KEY"),
            KeyError::Label {
                label: "RSA PUBLIC KEY".to_owned(),
            },
        ),
        (relabelled("CERTIFICATE"), KeyError::NotDer),
    ];
    for (text, expected) in cases {
        assert_eq!(PublicKey::from_pem(&text).unwrap_err(), expected);
    }
    assert!(matches!(
        PublicKey::from_pem("not-a-key"),
        Err(KeyError::Pem(_))
    ));
}
