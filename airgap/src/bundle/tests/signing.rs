//! Signing a bundle file.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use vouchsafe_trust::key::PublicKey;

use super::super::write::{Packing, write_as};
use super::super::{SignBundleError, write};
use super::{contents, metadata, open};
use crate::SigningKey;
use crate::signature::valid_signers;

fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    let output = command
        .args(arguments.split(' '))
        .current_dir(folder)
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn key(folder: &Path, kind: &str, name: &str) -> SigningKey {
    openssl(folder, &format!("genpkey {kind} -out {name}"));
    SigningKey::from_pem(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn signing_changes_neither_the_manifest_nor_other_signatures() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let one = key(folder, P256, "one.pem");
    let two = key(folder, "-algorithm ed25519", "two.pem");
    let contents = contents(folder, &[metadata("docker.io/a/a", "1")]);
    let path = folder.join("b");
    for packing in [Packing::Zstd, Packing::None] {
        let signed = |keys: &[&SigningKey]| {
            write_as(&path, &contents, packing, None).unwrap();
            let mut bundle = open(&path).unwrap();
            for key in keys {
                bundle.sign(key).unwrap();
            }
            let again = open(&path).unwrap();
            assert_eq!(again.signatures(), bundle.signatures());
            assert_eq!(again.artifact(), bundle.artifact());
            assert_eq!(again.manifest_bytes(), contents.manifest_bytes());
            let pins = [&one, &two].map(|key| key.public().clone());
            let signers = valid_signers(again.manifest_bytes(), again.signatures(), &pins);
            (signers.len(), fs::read(&path).unwrap())
        };
        let (count, both) = signed(&[&one, &two]);
        assert_eq!(count, 2);
        assert_eq!(signed(&[&two, &one, &two]), (2, both));
        assert_eq!(signed(&[&one]).0, 1);
        assert_eq!(signed(&[]).0, 0);
    }
}

#[test]
fn a_signature_by_openssl_is_attached_if_it_is_one() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let key = key(folder, P256, "key.pem");
    let path = folder.join("b");
    write(
        &path,
        &contents(folder, &[metadata("docker.io/a/a", "1")]),
        None,
    )
    .unwrap();
    let mut bundle = open(&path).unwrap();
    fs::write(folder.join("manifest.json"), bundle.manifest_bytes()).unwrap();
    openssl(folder, "dgst -sha256 -sign key.pem -out sig manifest.json");
    let signature = fs::read(folder.join("sig")).unwrap();
    let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
    let before = fs::read(&path).unwrap();
    for wrong in [&signature[1..], b"", b"AAAA"] {
        let error = bundle.attach(wrong, &public).unwrap_err();
        assert!(matches!(error, SignBundleError::Invalid), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    bundle.attach(&signature, &public).unwrap();
    let bundle = open(&path).unwrap();
    assert_eq!(bundle.signatures()[0].bytes, signature);
    assert_eq!(bundle.signatures()[0].key, public.fingerprint());
    let blob = bundle.blobs().last().unwrap().descriptor();
    assert_eq!(
        blob.annotations["dev.vouchsafe.key"],
        public.fingerprint().to_string()
    );
}

#[test]
fn only_one_file_can_be_signed() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let key = key(folder, P256, "key.pem");
    let parts = write(&folder.join("b"), &contents(folder, &[]), Some(500)).unwrap();
    let error = open(&parts[0]).unwrap().sign(&key).unwrap_err();
    assert!(matches!(error, SignBundleError::NotOneFile), "{error}");
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
