//! Root rotation: from the key that was pinned, version by version, to the newest root.

use super::super::case::{Case, GUN, RELEASES, delegated, root_key};
use super::super::key::Key;
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    followed()
        .into_iter()
        .chain(broken())
        .chain(other_roles())
        .collect()
}

fn key(number: u8) -> Key {
    Key::p256(&format!("root {number}")).certified(GUN)
}

fn signed(case: Case) -> Case {
    case.signed("signed", &[], "image")
}

fn followed() -> Vec<Case> {
    let once = delegated().rotate_root(&key(2));
    let thrice = once.clone().rotate_root(&key(3)).rotate_root(&key(4));
    let resigned = once.clone().next_root();
    let renewed =
        Key::p256("root").certified_between(GUN, "2021-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let renewal = delegated().rotate_root(&renewed);
    let expired_between = delegated()
        .rotate_root(&key(2))
        .expires("root", "2020-01-01T00:00:00Z")
        .rotate_root(&key(3))
        .expires("root", "2100-01-01T00:00:00Z");
    let pins = "it pins the newest certificate when it comes for the first time";
    let new = key(4);
    vec![
        signed(
            Case::new("rotation-once", "a new root key, signed for by the old one")
                .accepted(delegated())
                .accepted(once.clone()),
        ),
        signed(
            Case::new(
                "rotation-thrice",
                "three rotations since the root that was accepted",
            )
            .accepted(delegated())
            .accepted(thrice.clone()),
        ),
        signed(
            Case::new(
                "rotation-then-resigned",
                "after a rotation the new key signs alone",
            )
            .accepted(delegated())
            .accepted(once.clone())
            .accepted(resigned),
        ),
        signed(
            Case::new(
                "rotation-from-old-pin",
                "three rotations since the key that is pinned",
            )
            .accepted(thrice.clone())
            .client_differs(pins),
        ),
        signed(
            Case::new("rotation-new-pin", "the newest key is pinned")
                .pinned(std::slice::from_ref(&new))
                .accepted(thrice),
        ),
        signed(
            Case::new(
                "rotation-certificate-renewed",
                "a new certificate around the same key",
            )
            .accepted(delegated())
            .accepted(renewal),
        ),
        signed(
            Case::new(
                "rotation-over-expired-root",
                "an expired root between the two is passed through",
            )
            .accepted(delegated())
            .accepted(expired_between),
        ),
        signed(
            Case::new(
                "rotation-first-root-is-2",
                "the first published root is version 2; there is no 1",
            )
            .accepted(delegated().next_root().without_root(1)),
        ),
    ]
}

fn broken() -> Vec<Case> {
    let unsigned = |signers: &[Key]| delegated().rotate_root(&key(2)).signed_by("root", signers);
    let two_of_two = delegated()
        .keys("root", &[root_key(), key(9)])
        .threshold("root", 2);
    let one_of_old = two_of_two.clone().rotate_root(&key(2)).threshold("root", 1);
    let one_of_old = one_of_old.signed_by("root", &[root_key(), key(2)]);
    let chain = || delegated().rotate_root(&key(2)).rotate_root(&key(3));
    let skipped = delegated().rotate_root(&key(2)).version("root", 3);
    let all = [root_key(), key(2), key(3)];
    let mislabelled = chain()
        .signed_by("root", &all)
        .next_root()
        .rename_root(3, 2);
    let foreign = delegated()
        .rotate_root(&key(2))
        .signed_by("root", &[key(2)])
        .rotate_root(&key(3));
    let step = |name: &str, shows: &str, repository: Repository, label| {
        Case::new(name, shows)
            .accepted(delegated())
            .refused(repository, "root", label)
    };
    vec![
        step(
            "rotation-unsigned-by-old-key",
            "a new root key that the old one did not sign for",
            unsigned(&[key(2)]),
            "root_not_chained",
        ),
        step(
            "rotation-unsigned-by-new-key",
            "a new root key that did not sign",
            unsigned(&[root_key()]),
            "threshold_not_met",
        ),
        step(
            "rotation-unsigned-in-between",
            "the old key signed for no step of two rotations",
            foreign,
            "root_not_chained",
        ),
        step(
            "rotation-skips-version",
            "version 3 follows version 1, signed by both keys",
            skipped,
            "root_version_gap",
        )
        .client_differs("it wants a version that is not lower, not the next one"),
        step(
            "rotation-lacks-version",
            "version 2 of three is not served",
            chain().without_root(2),
            "root_version_gap",
        ),
        step(
            "rotation-mislabelled-version",
            "`2.root.json` holds version 3",
            mislabelled,
            "root_version_gap",
        )
        .client_differs("it wants a version that is not lower, not the next one"),
        Case::new(
            "rotation-old-threshold-unmet",
            "one of the two old keys that must sign for the new one did",
        )
        .pinned(&[root_key(), key(9)])
        .accepted(two_of_two)
        .refused(one_of_old, "root", "root_not_chained"),
        Case::new(
            "rotation-old-pin-unchained",
            "the pinned key is rotated out by a root that it did not sign",
        )
        .refused(
            delegated()
                .rotate_root(&key(2))
                .signed_by("root", &[key(2)]),
            "root",
            "root_not_chained",
        ),
        Case::new(
            "rotation-old-pin-lacks-version",
            "from the pinned key to the newest root, version 2 is not served",
        )
        .refused(chain().without_root(2), "root", "root_version_gap"),
        Case::new(
            "rotation-undone",
            "after a rotation the old root is served again",
        )
        .accepted(delegated())
        .accepted(delegated().rotate_root(&key(2)))
        .refused(
            delegated().version("timestamp", 9).version("snapshot", 9),
            "root",
            "rollback",
        ),
    ]
}

/// The root takes a role's key away.
fn other_roles() -> Vec<Case> {
    let rotated = |role: &'static str| delegated().next_root().keys(role, &[Key::p256("rotated")]);
    let mut cases = Vec::new();
    for role in ["targets", "snapshot", "timestamp"] {
        cases.push(signed(
            Case::new(
                format!("rotation-of-{role}"),
                format!("a new key of {role}, which it is signed by"),
            )
            .accepted(delegated())
            .accepted(rotated(role).publish(&[role])),
        ));
        cases.push(
            Case::new(
                format!("rotation-of-{role}-ignored"),
                format!("a new key of {role}, which the old key goes on signing"),
            )
            .accepted(delegated())
            .refused(
                rotated(role).signed_by(role, &[Key::p256(role)]),
                role,
                "threshold_not_met",
            ),
        );
    }
    let delegation = delegated()
        .keys(RELEASES, &[Key::p256("rotated")])
        .signed_by(RELEASES, &[Key::p256("alice")])
        .publish(&["targets", "snapshot", "timestamp"]);
    cases.push(
        Case::new(
            "rotation-of-delegation-ignored",
            "a new key of a delegation, which the old key signed",
        )
        .accepted(delegated())
        .accepted(delegation)
        .answers("signed", &[], "delegation_not_signed"),
    );
    cases
}
