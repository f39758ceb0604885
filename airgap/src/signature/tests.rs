use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// Runs `openssl`; whether it says yes.
fn openssl(folder: &Path, arguments: &str) -> bool {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    output.status.success()
}

/// How a kind of key is made, and how `openssl` signs and checks with it.
const KINDS: [[&str; 3]; 3] = [
    [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
        "dgst -sha256 -sign key.pem -out theirs.sig message",
        "dgst -sha256 -verify public.pem -signature ours.sig message",
    ],
    [
        "ecparam -name prime256v1 -genkey -out key.pem",
        "dgst -sha256 -sign key.pem -out theirs.sig message",
        "dgst -sha256 -verify public.pem -signature ours.sig message",
    ],
    [
        "genpkey -algorithm ed25519 -out key.pem",
        "pkeyutl -sign -inkey key.pem -rawin -in message -out theirs.sig",
        "pkeyutl -verify -pubin -inkey public.pem -rawin -in message -sigfile ours.sig",
    ],
];

#[test]
fn openssl_and_we_accept_each_others_signatures() {
    let message = b"a manifest\n";
    for [generate, sign, check] in KINDS {
        let folder = TempDir::new().unwrap();
        let folder = folder.path();
        fs::write(folder.join("message"), message).unwrap();
        assert!(openssl(folder, generate), "{generate}");
        let key = SigningKey::from_pem(&fs::read_to_string(folder.join("key.pem")).unwrap());
        let key = key.unwrap();
        assert!(openssl(folder, "pkey -in key.pem -pubout -out public.pem"));
        let public = fs::read_to_string(folder.join("public.pem")).unwrap();
        assert_eq!(key.public().to_pem(), public, "{generate}");
        let ours = key.sign(message);
        assert_eq!(ours, key.sign(message), "{generate}");
        fs::write(folder.join("ours.sig"), &ours.bytes).unwrap();
        assert!(openssl(folder, check), "{check}");

        assert!(openssl(folder, sign), "{sign}");
        let theirs = fs::read(folder.join("theirs.sig")).unwrap();
        let accepted = Signature::accept(message, &theirs, key.public()).unwrap();
        assert_eq!(accepted.bytes, theirs);
        // As `cosign sign-blob` writes it.
        let encoded = STANDARD.encode(&theirs) + "\n";
        assert_eq!(
            Signature::accept(message, encoded.as_bytes(), key.public()),
            Some(accepted)
        );
        assert_eq!(Signature::accept(b"other", &theirs, key.public()), None);
    }
}

fn key(kind: &str) -> SigningKey {
    let folder = TempDir::new().unwrap();
    assert!(openssl(
        folder.path(),
        &format!("genpkey {kind} -out key.pem")
    ));
    let text = fs::read_to_string(folder.path().join("key.pem")).unwrap();
    SigningKey::from_pem(&text).unwrap()
}

#[test]
fn each_pinned_key_counts_once_whatever_the_hints_say() {
    let [one, two, three] = [P256, ED25519, ED25519].map(key);
    let mut signatures = vec![
        one.sign(b"m"),
        one.sign(b"m"),
        two.sign(b"m"),
        three.sign(b"x"),
    ];
    // A hint is no proof, and a wrong one no harm.
    signatures[2].key = three.public().fingerprint();
    let pins = [&one, &one, &two, &three].map(|key| key.public().clone());
    let signers = valid_signers(b"m", &signatures, &pins);
    let expected = [&one, &two].map(|key| key.public().fingerprint());
    assert_eq!(signers, expected.into());
    assert_eq!(valid_signers(b"m", &signatures, &pins[3..]), [].into());
    assert_eq!(valid_signers(b"m", &[], &pins), [].into());
}

#[test]
fn what_cannot_sign_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let pem = |generate: &str| {
        assert!(openssl(folder, generate), "{generate}");
        fs::read_to_string(folder.join("out.pem")).unwrap()
    };
    let fine = pem("genpkey -algorithm ed25519 -out out.pem");
    let cases = [
        (String::new(), SigningKeyError::Blocks { count: 0 }),
        (fine.clone() + &fine, SigningKeyError::Blocks { count: 2 }),
        (
            pem("genpkey -algorithm ed25519 -aes256 -pass pass:secret -out out.pem"),
            SigningKeyError::Encrypted,
        ),
        (
            pem("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out out.pem"),
            SigningKeyError::Unsupported,
        ),
        (
            pem("ecparam -name secp384r1 -genkey -out out.pem"),
            SigningKeyError::Unsupported,
        ),
        (key(ED25519).public().to_pem(), SigningKeyError::NotPrivate),
    ];
    for (text, expected) in cases {
        assert_eq!(SigningKey::from_pem(&text).unwrap_err(), expected, "{text}");
    }
    assert!(matches!(
        SigningKey::from_pem("x"),
        Err(SigningKeyError::Pem(_))
    ));
}

#[test]
fn a_private_key_shows_only_its_public_half() {
    let key = key(P256);
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.public().fingerprint().to_string()));
    assert!(shown.len() < 120, "{shown}");
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const ED25519: &str = "-algorithm ed25519";
