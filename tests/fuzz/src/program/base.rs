//! The repositories that programs begin with, and the keys that they may sign by.

use std::sync::LazyLock;

use vouchsafe_tests::checker::json::Value;
use vouchsafe_tests::vector::key::{Key, Kind};
use vouchsafe_tests::vector::repository::{Metadata, Repository};

/// The repository that all are said to be.
pub(crate) const GUN: &str = "registry.example.com/team/app";

/// What programs begin with.
pub(crate) static BASES: LazyLock<Vec<Metadata>> = LazyLock::new(|| {
    let root = || root_keys()[0].clone();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Key::p256);
    let plain = Repository::plain(GUN);
    let delegated = Repository::delegated(GUN);
    let nested = Repository::with_root_key(root())
        .delegate(
            "targets/releases",
            &[alice.clone(), bob.clone()],
            &["v", "stable"],
        )
        .delegate(
            "targets/releases/x",
            std::slice::from_ref(&carol),
            &["v1", "other"],
        )
        .delegate("targets/team", &[alice.clone(), bob.clone(), carol], &[""])
        .delegate("targets/unpublished", &[bob], &[""])
        .unpublished("targets/unpublished")
        .threshold("targets/team", 2)
        .tag("targets/releases", "v1", "image")
        .tag("targets/releases", "outside", "image")
        .tag("targets/releases/x", "v1", "image")
        .tag("targets/team", "v1", "image")
        .tag("targets", "v1", "another image");
    let rotated = Repository::plain(GUN)
        .rotate_root(&root_keys()[1])
        .next_root()
        .rotate_root(&root_keys()[2]);
    let two_roots = Repository::plain(GUN)
        .keys("root", &root_keys()[..3])
        .threshold("root", 2);
    let kinds = Repository::with_root_key(root_keys()[3].clone())
        .keys("timestamp", &[Key::new(Kind::Ed25519, "timestamp")])
        .keys("snapshot", &[Key::new(Kind::P384, "snapshot")])
        .keys("targets", &[Key::new(Kind::P521, "targets")])
        .delegate(
            "targets/releases",
            &[Key::new(Kind::RsaPss, "alice"), alice],
            &[""],
        )
        .threshold("targets/releases", 2)
        .tag("targets/releases", "signed", "image");
    [plain, delegated, nested, rotated, two_roots, kinds]
        .iter()
        .map(Repository::metadata)
        .collect()
});

/// Certificates that roots may list, the first of them pinned as a rule.
pub(crate) fn root_keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let [root, other, third] = ["root", "root-2", "root-3"].map(Key::p256);
        let between = |from, until| root.certified_between(GUN, from, until);
        vec![
            root.certified(GUN),
            other.certified(GUN),
            third.certified(GUN),
            Key::new(Kind::RsaPkcs1, "rsa").certified(GUN),
            between("2021-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
            between("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
            root.certified("registry.example.com/*"),
            root.certified("registry.example.com/other"),
            root.certified(GUN).with_intermediate(
                Key::p256("authority")
                    .certified("authority")
                    .certified_as(vouchsafe_tests::vector::key::Flaw::Authority),
            ),
            root.certified(GUN)
                .certified_as(vouchsafe_tests::vector::key::Flaw::Sha1),
        ]
    });
    &KEYS
}

/// The keys that may sign, those of the roots first.
pub(crate) fn keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let plain = [
            "alice",
            "bob",
            "carol",
            "targets",
            "snapshot",
            "timestamp",
            "root",
        ];
        let kinds = [
            Key::new(Kind::Ed25519, "timestamp"),
            Key::new(Kind::P384, "snapshot"),
            Key::new(Kind::P521, "targets"),
            Key::new(Kind::RsaPss, "alice"),
            Key::new(Kind::RsaPkcs1, "alice"),
            Key::new(Kind::RsaShort, "alice"),
        ];
        let plain = plain.map(Key::p256).into_iter().chain(kinds);
        root_keys().iter().cloned().chain(plain).collect()
    });
    &KEYS
}

/// The IDs of [`keys`]: an RSA key signs its certificate for each.
pub(super) fn ids() -> &'static [String] {
    static IDS: LazyLock<Vec<String>> = LazyLock::new(|| keys().iter().map(Key::id).collect());
    &IDS
}

/// How role files list [`keys`].
pub(super) fn listed() -> &'static [Value] {
    static LISTED: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let read = |key: &Key| Value::parse(&key.to_json().wire()).expect("a key reads");
        keys().iter().map(read).collect()
    });
    &LISTED
}

/// [`root_keys`] as they are pinned, in PEM.
pub(crate) fn pins() -> &'static [String] {
    static PINS: LazyLock<Vec<String>> =
        LazyLock::new(|| root_keys().iter().map(Key::public_key_pem).collect());
    &PINS
}
