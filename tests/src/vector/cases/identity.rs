//! Which root may speak for a GUN: pins, certificates, names.

use super::super::case::{Case, GUN, delegated, plain, root_key};
use super::super::json::Json;
use super::super::key::{Flaw, Key};
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    names()
        .into_iter()
        .chain(intermediates())
        .chain(validity())
        .chain(pins())
        .chain(key_ids())
        .collect()
}

fn of(key: &Key) -> Repository {
    Repository::with_root_key(key.clone()).tag("targets", "signed", "image")
}

fn names() -> Vec<Case> {
    let certified = |name: &str| Key::p256("root").certified(name);
    let accepted = [
        (
            "wildcard",
            "registry.example.com/team/*",
            "a certificate for all names with a prefix of the GUN",
        ),
        (
            "wildcard-whole",
            "registry.example.com/team/app*",
            "a wildcard after the whole GUN",
        ),
        ("wildcard-alone", "*", "a certificate for every name"),
    ]
    .map(|(name, common_name, shows)| {
        let key = certified(common_name);
        Case::new(format!("certificate-{name}"), shows)
            .pinned(std::slice::from_ref(&key))
            .accepted(of(&key))
            .signed("signed", &[], "image")
    });
    let refused = [
        (
            "another-gun",
            "registry.example.com/team/other",
            "another repository's whole tree under this GUN; one publisher, one root key",
        ),
        (
            "prefix",
            "registry.example.com/team",
            "a prefix of the GUN without a wildcard is another name",
        ),
        (
            "longer",
            "registry.example.com/team/app2",
            "the GUN is a prefix of the name",
        ),
        (
            "upper-case",
            "Registry.example.com/team/app",
            "the name in another case is another name",
        ),
        (
            "wildcard-elsewhere",
            "registry.example.com/shop/*",
            "a wildcard for other names",
        ),
        (
            "wildcard-inside",
            "registry.example.com/*/app",
            "a wildcard stands at the end or is none",
        ),
    ]
    .map(|(name, common_name, shows)| {
        let key = certified(common_name);
        Case::new(format!("certificate-{name}"), shows)
            .pinned(std::slice::from_ref(&key))
            .refused(of(&key), "root", "certificate_name")
    });
    let unusable = [
        (
            "missing",
            Key::p256("root"),
            "nothing ties a bare root key to the GUN",
            "no_certificate",
        ),
        (
            "of-authority",
            root_key().certified_as(Flaw::Authority),
            "a root certificate that may sign others",
            "no_certificate",
        ),
        (
            "sha1",
            root_key().certified_as(Flaw::Sha1),
            "a root certificate signed with SHA-1",
            "certificate_weak",
        ),
    ]
    .map(|(name, key, shows, label)| {
        Case::new(format!("certificate-{name}"), shows)
            .pinned(std::slice::from_ref(&key))
            .refused(of(&key), "root", label)
    });
    let both = Key::p256("root").certified("registry.example.com/team/other");
    let second = Repository::plain(GUN).keys("root", &[both, root_key()]);
    let two = Case::new(
        "certificate-two-names",
        "one of the root's two certificates is for the GUN",
    )
    .accepted(second)
    .signed("signed", &[], "image");
    accepted
        .into_iter()
        .chain(refused)
        .chain(unusable)
        .chain([two])
        .collect()
}

/// A root key may be certified by an authority, whose certificate then follows its own.
fn intermediates() -> Vec<Case> {
    let authority = Key::p256("authority");
    let valid = authority
        .certified("authority")
        .certified_as(Flaw::Authority);
    let expired = authority
        .certified_between("authority", "2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
        .certified_as(Flaw::Authority);
    let root = root_key().with_intermediate(valid);
    let lapsed = root_key().with_intermediate(expired);
    let shows = "an expired intermediate: Notary drops it, and the key ID no longer fits";
    vec![
        Case::new(
            "certificate-intermediate",
            "a root certificate followed by its authority's",
        )
        .pinned(std::slice::from_ref(&root))
        .accepted(of(&root))
        .signed("signed", &[], "image"),
        Case::new("certificate-intermediate-expired", shows)
            .pinned(std::slice::from_ref(&lapsed))
            .refused(of(&lapsed), "root", "certificate_validity"),
    ]
}

fn validity() -> Vec<Case> {
    [
        ("expired", "2010-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        (
            "not-yet-valid",
            "2099-01-01T00:00:00Z",
            "2100-01-01T00:00:00Z",
        ),
        (
            "never-valid",
            "2100-01-01T00:00:00Z",
            "2020-01-01T00:00:00Z",
        ),
    ]
    .map(|(name, from, to)| {
        let key = Key::p256("root").certified_between(GUN, from, to);
        Case::new(
            format!("certificate-{name}"),
            format!("a root certificate valid from {from} to {to}"),
        )
        .pinned(std::slice::from_ref(&key))
        .refused(of(&key), "root", "certificate_validity")
    })
    .into()
}

fn pins() -> Vec<Case> {
    let second = Key::p256("second").certified(GUN);
    let both = [root_key(), second.clone()];
    let silent = delegated()
        .keys("root", &both)
        .signed_by("root", std::slice::from_ref(&second));
    let unlisted = delegated()
        .keys("root", std::slice::from_ref(&second))
        .signed_by("root", &both)
        .edit("root", |signed| {
            let key = root_key();
            signed.at(&["keys"]).push(&key.id(), key.to_json());
        });
    let own = "it counts only those root keys that are pinned themselves";
    vec![
        Case::new(
            "pin-another-key",
            "the pinned key has nothing to do with the root",
        )
        .pinned(std::slice::from_ref(&second))
        .refused(delegated(), "root", "not_pinned"),
        Case::new(
            "pin-listed-not-signing",
            "the pinned key is listed, but another listed key signed",
        )
        .refused(silent, "root", "not_pinned"),
        Case::new(
            "pin-signing-not-listed",
            "the pinned key signed, but the root role does not list it",
        )
        .refused(unlisted, "root", "not_pinned"),
        Case::new(
            "pin-one-of-two-keys",
            "one of two root keys is pinned; both signed, one must",
        )
        .accepted(delegated().keys("root", &both))
        .signed("signed", &[], "image"),
        Case::new("pin-two-keys", "two keys are pinned, and both signed")
            .pinned(&both)
            .accepted(delegated().keys("root", &both))
            .signed("signed", &[], "image"),
        Case::new(
            "pin-two-keys-one-holds",
            "two keys are pinned, and one of them signed",
        )
        .pinned(&both)
        .accepted(delegated())
        .signed("signed", &[], "image"),
        Case::new(
            "pin-root-two-of-three",
            "two of three root keys signed, as they must; one is pinned",
        )
        .accepted(
            delegated()
                .keys(
                    "root",
                    &[
                        root_key(),
                        second.clone(),
                        Key::p256("third").certified(GUN),
                    ],
                )
                .threshold("root", 2)
                .signed_by("root", &both),
        )
        .client_differs(own)
        .signed("signed", &[], "image"),
    ]
}

/// A key under an ID that its contents do not hash to.
fn key_ids() -> Vec<Case> {
    let misfiled = |role: &'static str, path: &'static [&'static str], id: String| {
        let wrong = "00".repeat(32);
        move |signed: &mut Json| {
            let key = signed.at(path).take(&id);
            signed.at(path).push(&wrong, key);
            if !role.is_empty() {
                let ids = match role {
                    "delegation" => signed.at(&["delegations", "roles"]).items()[1].at(&["keyids"]),
                    _ => signed.at(&["roles", role, "keyids"]),
                };
                ids.set(Json::Array(vec![wrong.as_str().into()]));
            }
        }
    };
    let signs_as = |file: &mut Json| {
        file.at(&["signatures"]).items()[0]
            .at(&["keyid"])
            .set("00".repeat(32).as_str().into());
    };
    let timestamp = plain()
        .edit(
            "root",
            misfiled("timestamp", &["keys"], Key::p256("timestamp").id()),
        )
        .edit_envelope("timestamp", signs_as);
    let root = plain()
        .edit("root", misfiled("root", &["keys"], root_key().id()))
        .edit_envelope("root", signs_as);
    let unused = plain().edit("root", |signed| {
        signed
            .at(&["keys"])
            .push(&"00".repeat(32), Key::p256("unused").to_json());
    });
    let alice = Repository::with_root_key(root_key())
        .delegate("targets/releases", &[Key::p256("bob")], &[""])
        .delegate("targets/alice", &[Key::p256("alice")], &[""])
        .tag("targets/releases", "signed", "image")
        .edit(
            "targets",
            misfiled(
                "delegation",
                &["delegations", "keys"],
                Key::p256("alice").id(),
            ),
        )
        .edit_envelope("targets/alice", signs_as);
    vec![
        Case::new(
            "key-id-mismatch-root",
            "the root key stands under another ID, by which it signs",
        )
        .refused(root, "root", "key_id_mismatch"),
        Case::new(
            "key-id-mismatch-timestamp",
            "a key of the root stands under another ID, by which it signs",
        )
        .refused(timestamp, "root", "key_id_mismatch"),
        Case::new(
            "key-id-mismatch-delegation",
            "a delegation's key stands under another ID, by which it signs",
        )
        .refused(alice, "targets", "key_id_mismatch"),
        Case::new(
            "key-id-mismatch-unused",
            "a key that no role names stands under another ID",
        )
        .refused(unused, "root", "key_id_mismatch")
        .client_differs("it looks at a key when a signature names it"),
    ]
}
