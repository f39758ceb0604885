//! Which keys a repository depends on, after its keys were rotated and under different pins.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a repository that cannot be read fails the test"
)]

use std::collections::BTreeSet;

use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    KeyId, Pins, RepositoryFacts, RepositoryMetadata, Role, TrustRoot, VerifyError, verify,
};

fn root_key(label: &str) -> Key {
    Key::p256(label).certified(GUN)
}

/// The IDs of a key, as it is listed and without its certificate.
fn ids(labels: &[&str]) -> BTreeSet<KeyId> {
    let keys = labels
        .iter()
        .flat_map(|label| [root_key(label), Key::p256(label)]);
    keys.map(|key| key.id().parse().unwrap()).collect()
}

fn facts(repository: &Repository, pinned: &[&str]) -> Result<RepositoryFacts, VerifyError> {
    let files = repository.files();
    let mut roots: Vec<(u64, Vec<u8>)> = files
        .iter()
        .filter_map(|(name, bytes)| {
            let version = name.strip_suffix(".root.json")?.parse().ok()?;
            Some((version, bytes.clone()))
        })
        .collect();
    roots.sort_unstable();
    let delegation = |(name, bytes): (&String, &Vec<u8>)| {
        let name = name.strip_suffix(".json")?.parse().ok()?;
        Some((name, bytes.clone()))
    };
    let metadata = RepositoryMetadata {
        gun: GUN.parse().unwrap(),
        roots: roots.into_iter().map(|(_, bytes)| bytes).collect(),
        timestamp: files["timestamp.json"].clone(),
        snapshot: files["snapshot.json"].clone(),
        targets: files["targets.json"].clone(),
        delegations: files.iter().filter_map(delegation).collect(),
    };
    let pin = |label: &&str| TrustRoot::from_pem(&Key::p256(label).public_key_pem()).unwrap();
    let pins = Pins {
        roots: pinned.iter().map(pin).collect(),
        ..Pins::default()
    };
    let terms = Terms {
        pins: &pins,
        accepted: None,
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    verify(&metadata, terms).map(|repository| repository.facts().clone())
}

#[test]
fn root_keys_matter_from_the_newest_pinned_root_on() {
    let once = Repository::delegated(GUN).rotate_root(&root_key("second"));
    let twice = once.clone().rotate_root(&root_key("third"));
    let again = twice.clone().next_root();
    let cases: &[(&Repository, &[&str], &[&str])] = &[
        (&once, &["root"], &["root", "second"]),
        (&once, &["second"], &["second"]),
        (&once, &["root", "second"], &["second"]),
        (&once, &["root", "nobody"], &["root", "second"]),
        (&twice, &["root"], &["root", "second", "third"]),
        (&twice, &["second"], &["second", "third"]),
        (&twice, &["third"], &["third"]),
        (&twice, &["root", "second"], &["second", "third"]),
        (&twice, &["root", "third"], &["third"]),
        (&twice, &["root", "second", "third"], &["third"]),
        (&again, &["root"], &["root", "second", "third"]),
        (&again, &["third"], &["third"]),
    ];
    for (repository, pinned, expected) in cases {
        let facts = facts(repository, pinned).unwrap();
        assert_eq!(facts.keys[&Role::Root], ids(expected), "{pinned:?}");
        let pinned = pinned.iter().filter(|label| **label != "nobody");
        assert_eq!(facts.anchors.len(), pinned.count());
    }
    assert!(facts(&twice, &["nobody"]).is_err());
}

#[test]
fn of_a_root_role_every_listed_key_matters_though_it_did_not_sign() {
    let both = [root_key("root"), root_key("spare")];
    let first = Repository::delegated(GUN)
        .keys("root", &both)
        .signed_by("root", &both[..1]);
    let expected = ids(&["root", "spare"]);
    assert_eq!(
        facts(&first, &["root"]).unwrap().keys[&Role::Root],
        expected
    );
    let rotated = first
        .next_root()
        .keys("root", &[root_key("second")])
        .signed_by("root", &[root_key("root"), root_key("second")]);
    let old = facts(&rotated, &["root"]).unwrap();
    assert_eq!(old.keys[&Role::Root], ids(&["root", "spare", "second"]));
    let new = facts(&rotated, &["root", "second"]).unwrap();
    assert_eq!(new.keys[&Role::Root], ids(&["second"]));
}

#[test]
fn of_every_other_role_only_the_present_keys_matter() {
    let before = Repository::delegated(GUN);
    let after = before
        .clone()
        .next_root()
        .keys("targets", &[Key::p256("new targets")])
        .keys("snapshot", &[Key::p256("new snapshot")])
        .keys("timestamp", &[Key::p256("new timestamp")])
        .publish(&["targets", "targets/releases"])
        .keys("targets/releases", &[root_key("carol"), Key::p256("bob")]);
    let id = |key: Key| -> KeyId { key.id().parse().unwrap() };
    let plain = |label| BTreeSet::from([id(Key::p256(label))]);
    let facts = [&before, &after].map(|repository| facts(repository, &["root"]).unwrap());
    for (role, old, new) in [
        ("targets", plain("targets"), plain("new targets")),
        ("snapshot", plain("snapshot"), plain("new snapshot")),
        ("timestamp", plain("timestamp"), plain("new timestamp")),
        ("targets/alice", plain("alice"), plain("alice")),
        (
            "targets/releases",
            [id(Key::p256("alice")), id(Key::p256("bob"))].into(),
            ids(&["carol"])
                .into_iter()
                .chain([id(Key::p256("bob"))])
                .collect(),
        ),
    ] {
        let keys = facts
            .each_ref()
            .map(|facts| &facts.keys[&role.parse().unwrap()]);
        assert_eq!(keys, [&old, &new], "{role}");
    }
}

#[test]
fn a_role_that_is_not_accepted_has_no_keys() {
    let under_signed = Repository::delegated(GUN).signed_by("targets/alice", &[Key::p256("eve")]);
    let facts = facts(&under_signed, &["root"]).unwrap();
    let roles: Vec<&str> = facts.keys.keys().map(Role::as_str).collect();
    assert_eq!(
        roles,
        [
            "root",
            "timestamp",
            "snapshot",
            "targets",
            "targets/releases"
        ]
    );
}

const GUN: &str = "registry.example.com/app";
