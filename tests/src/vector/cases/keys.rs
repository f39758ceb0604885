//! Every key type and scheme that Notary knows, and what is too weak for it.

use sha2::{Digest, Sha256};

use super::super::case::{Case, GUN};
use super::super::key::{Flaw, Key, Kind, hex};
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    kinds()
        .into_iter()
        .chain(odd())
        .chain(short())
        .chain(compressed())
        .chain(certified())
        .collect()
}

fn kinds() -> Vec<Case> {
    let root_kinds = [
        ("p256", Kind::P256),
        ("p384", Kind::P384),
        ("p521", Kind::P521),
        ("rsa-pss", Kind::RsaPss),
        ("rsa-pkcs1", Kind::RsaPkcs1),
    ];
    root_kinds
        .map(|(name, kind)| {
            let root = Key::new(kind, "root").certified(GUN);
            let delegated = Key::new(kind, "alice");
            let repository = others(
                Repository::with_root_key(root.clone()),
                &Key::new(kind, "other"),
            )
            .delegate("targets/bare", std::slice::from_ref(&delegated), &[""])
            .delegate("targets/certified", &[delegated.certified("alice")], &[""])
            .tag("targets/bare", "signed", "image")
            .tag("targets/certified", "signed", "image");
            Case::new(
                format!("key-{name}"),
                format!("every role under a {name} key, bare or in a certificate"),
            )
            .pinned(&[root])
            .accepted(repository)
            .signed("signed", &["bare", "certified"], "image")
        })
        .into()
}

fn odd() -> Vec<Case> {
    let usual = Key::p256("root").certified(GUN);
    let ed25519 = Key::new(Kind::Ed25519, "ed25519");
    let ed25519 = others(Repository::with_root_key(usual), &ed25519)
        .delegate("targets/alice", &[ed25519], &[""])
        .tag("targets/alice", "signed", "image");
    let unknown = Repository::plain(GUN).edit("root", |signed| {
        let mut key = Key::p256("unknown").to_json();
        key.at(&["keytype"]).set("post-quantum".into());
        let id = hex(&Sha256::digest(key.canonical()));
        signed.at(&["keys"]).push(&id, key);
        signed
            .at(&["roles", "timestamp", "keyids"])
            .items()
            .push(id.as_str().into());
    });
    vec![
        Case::new(
            "key-ed25519",
            "every role but the root under an Ed25519 key",
        )
        .accepted(ed25519)
        .signed("signed", &["alice"], "image"),
        Case::new(
            "key-unknown-type",
            "a key of an unknown type beside the one that signs",
        )
        .accepted(unknown)
        .signed("signed", &[], "image"),
    ]
}

fn short() -> Vec<Case> {
    let short = Key::new(Kind::RsaShort, "");
    let short_role = Repository::plain(GUN).keys("timestamp", std::slice::from_ref(&short));
    let short_delegation = Repository::plain(GUN)
        .delegate("targets/alice", std::slice::from_ref(&short), &[""])
        .tag("targets/alice", "signed", "image");
    vec![
        Case::new(
            "key-rsa-1024",
            "an RSA key of 1024 bits counts for nothing: timestamp",
        )
        .refused(short_role, "timestamp", "threshold_not_met"),
        Case::new(
            "key-rsa-1024-delegation",
            "an RSA key of 1024 bits counts for nothing: a delegation",
        )
        .accepted(short_delegation)
        .answers("signed", &["alice"], "delegation_not_signed"),
        Case::new(
            "key-rsa-1024-root",
            "an RSA key of 1024 bits counts for nothing: root",
        )
        .refused(
            Repository::with_root_key(short.certified(GUN)),
            "root",
            "certificate_weak",
        ),
    ]
}

fn compressed() -> Vec<Case> {
    let key = Key::p256("compressed").compressed();
    let role = Repository::plain(GUN).keys("timestamp", std::slice::from_ref(&key));
    let delegation = Repository::plain(GUN)
        .delegate("targets/alice", std::slice::from_ref(&key), &[""])
        .tag("targets/alice", "signed", "image");
    let root = key.certified(GUN);
    vec![
        Case::new(
            "key-compressed",
            "a point in compressed form, which Go does not read, counts for nothing: timestamp",
        )
        .refused(role, "timestamp", "threshold_not_met"),
        Case::new(
            "key-compressed-delegation",
            "a point in compressed form, which Go does not read, counts for nothing: a delegation",
        )
        .accepted(delegation)
        .answers("signed", &["alice"], "delegation_not_signed"),
        Case::new(
            "key-compressed-root",
            "a point in compressed form, which Go does not read, counts for nothing: root",
        )
        .pinned(std::slice::from_ref(&root))
        .refused(Repository::with_root_key(root), "root", "no_certificate"),
    ]
}

fn others(repository: Repository, key: &Key) -> Repository {
    ["targets", "snapshot", "timestamp"]
        .into_iter()
        .fold(repository, |it, role| {
            it.keys(role, std::slice::from_ref(key))
        })
}

/// Delegation keys in certificates, of which the Notary client looks at the strength alone.
fn certified() -> Vec<Case> {
    let case = |name: &str, shows: &str, key: &Key| {
        let repository = Repository::plain(GUN)
            .delegate("targets/alice", std::slice::from_ref(key), &[""])
            .tag("targets/alice", "signed", "image");
        Case::new(format!("key-certificate-{name}"), shows).accepted(repository)
    };
    let alice = Key::p256("alice");
    let expired = alice.certified_between("alice", "2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z");
    let sha1 = alice.certified("alice").certified_as(Flaw::Sha1);
    let short = Key::new(Kind::RsaShort, "").certified("alice");
    let strict = "a weak delegation certificate fails its update";
    vec![
        case(
            "expired",
            "a delegation key's certificate expired",
            &expired,
        )
        .signed("signed", &["alice"], "image"),
        case(
            "sha1",
            "a delegation key's certificate is signed with SHA-1",
            &sha1,
        )
        .client_differs(strict)
        .answers("signed", &["alice"], "delegation_not_signed"),
        case(
            "rsa-1024",
            "a delegation key of 1024 bits, in a certificate",
            &short,
        )
        .client_differs(strict)
        .answers("signed", &["alice"], "delegation_not_signed"),
    ]
}
