//! What is refused, and what bundles deny.

use std::fs;

use serde_json::{Value, json};
use vouchsafe_tests::harness::Vouchsafe;
use vouchsafe_tests::vector::repository::digest_of;

use crate::published::{GUN, image};
use crate::sites::{Sites, gapped, listed, p256, text};

#[test]
fn every_refusal_has_its_reason_and_changes_nothing() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let private = sites.private(&key);
    let first = sites.bundle(&["--sign", &private]);
    let second = sites.bundle(&["--sign", &private]);
    sites
        .gapped
        .succeed(&["bundle", "import", &second])
        .unwrap();
    let before = sites.gapped.json(&["status", "-o", "json"], &[0]).unwrap();
    let third = fs::read(sites.bundle(&["--sign", &private])).unwrap();
    let spoiled = |name: &str, bytes: &[u8]| {
        let path = sites.connected.directory().path().join(name);
        fs::write(&path, bytes).unwrap();
        text(&path)
    };
    let mut flipped = third.clone();
    flipped[third.len() / 2] ^= 0x10;
    let cases = [
        (first, "old_sequence"),
        (sites.bundle(&[]), "unsigned"),
        (
            sites.bundle(&["--sign", &sites.private(&p256("other"))]),
            "wrong_signer",
        ),
        (
            sites.bundle(&["--sign", &private, "--audience", "elsewhere"]),
            "wrong_audience",
        ),
        (
            sites.bundle(&["--sign", &private, "--sequence", "2", "--refresh-by", "1d"]),
            "sequence_reused",
        ),
        (spoiled("flipped.tar.zst", &flipped), "seal_broken"),
        (
            spoiled("cut.tar.zst", &third[..third.len() / 2]),
            "truncated",
        ),
        (spoiled("text.tar.zst", b"hello"), "not_a_bundle"),
    ];
    for (bundle, label) in cases {
        let answer = sites
            .gapped
            .run(&["bundle", "import", &bundle, "-o", "json"])
            .unwrap();
        assert_eq!(answer.code, Some(3), "{label}: {answer:?}");
        assert!(
            answer.stderr.contains(&format!("refused: {label}: ")),
            "{label}: {answer:?}"
        );
        let said: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(
            (&said["outcome"], &said["label"]),
            (&json!("refused"), &json!(label))
        );
        let after = sites.gapped.json(&["status", "-o", "json"], &[0]).unwrap();
        assert_eq!(after["repositories"], before["repositories"], "{label}");
        assert_eq!(after["bundles"], before["bundles"], "{label}");
    }
    let missing = sites
        .gapped
        .run(&["bundle", "import", "nowhere.tar.zst"])
        .unwrap();
    assert_eq!(missing.code, Some(2), "{missing:?}");
}

#[test]
fn what_is_denied_adds_up_until_it_is_lifted_or_forgotten() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let private = sites.private(&key);
    let bundle = sites.bundle(&["--sign", &private]);
    sites
        .gapped
        .succeed(&["bundle", "import", &bundle])
        .unwrap();
    let folder = text(sites.connected.directory().path());
    let news = |more: &[&str]| {
        let deny = [
            "bundle",
            "deny",
            "-o",
            "json",
            "--sign",
            &private,
            "--directory",
            &folder,
        ];
        let made = sites.connected.json(&[&deny, more].concat(), &[0]).unwrap();
        let file = made["files"][0].as_str().unwrap().to_owned();
        sites
            .gapped
            .json(&["bundle", "import", &file, "-o", "json"], &[0])
            .unwrap()
    };
    let runs = || sites.gapped.run(&["check", &image("signed")]).unwrap().code == Some(0);
    let digest = digest_of("image");
    news(&["--digest", &digest, "--reason", "it phones home"]);
    assert!(!runs());
    // News that does not know of earlier news lifts nothing.
    let second = news(&[
        "--gun",
        "registry.example.com/other",
        "--reason",
        "stolen key",
    ]);
    assert_eq!(second["deny"].as_array().unwrap().len(), 2, "{second:#}");
    assert!(!runs());
    // Whoever did not get the first has it by the second.
    let late = gapped(&sites.published, &[&key], json!({})).to_string();
    let late = Vouchsafe::new(&late).unwrap();
    let latest = listed(sites.connected.directory().path());
    let mut latest = latest.iter().filter(|path| text(path).contains("/deny-"));
    let latest = text(latest.next_back().unwrap());
    let taken = late
        .json(&["bundle", "import", &latest, "-o", "json"], &[0])
        .unwrap();
    assert_eq!(taken["deny"], second["deny"]);
    let third = news(&["--lift", "--digest", &digest]);
    assert_eq!(third["lifted"].as_array().unwrap().len(), 1, "{third:#}");
    assert!(runs());

    let forget = ["bundle", "forget", "deny", "--yes"];
    news(&["--gun", GUN, "--reason", "again"]);
    assert!(!runs());
    sites.gapped.succeed(&forget).unwrap();
    assert!(runs());
    let nothing = sites.gapped.run(&forget).unwrap();
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    let nameless = sites
        .connected
        .run(&["bundle", "deny", "--reason", "x"])
        .unwrap();
    assert_eq!(nameless.code, Some(2), "{nameless:?}");
}
