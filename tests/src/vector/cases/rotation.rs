//! Root rotation: from the key that was pinned, version by version, to the newest root.

use super::super::case::{Case, GUN, RELEASES, delegated, root_key, root_key_renewed};
use super::super::key::Key;
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    followed()
        .into_iter()
        .chain(unsigned())
        .chain(out_of_order())
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
    let renewed = root_key_renewed();
    let over_expired = delegated()
        .rotate_root(&key(2))
        .expires("root", "2020-01-01T00:00:00Z")
        .rotate_root(&key(3))
        .expires("root", "2100-01-01T00:00:00Z");
    let after_usual = |name: &str, shows: &str, repository: &Repository| {
        Case::new(name, shows)
            .accepted(delegated())
            .accepted(repository.clone())
    };
    let pins = "it pins the newest certificate when it comes for the first time";
    let shows = "the first published root is version 2; there is no 1";
    let cases = [
        after_usual(
            "rotation-once",
            "a new root key, signed for by the old one",
            &once,
        ),
        after_usual(
            "rotation-thrice",
            "three rotations since the root that was accepted",
            &thrice,
        ),
        after_usual(
            "rotation-then-resigned",
            "after a rotation the new key signs alone",
            &once,
        )
        .accepted(once.next_root()),
        after_usual(
            "rotation-certificate-renewed",
            "a new certificate around the same key",
            &delegated().rotate_root(&renewed),
        ),
        after_usual(
            "rotation-over-expired-root",
            "an expired root between the two is passed through",
            &over_expired,
        ),
        Case::new(
            "rotation-from-old-pin",
            "three rotations since the key that is pinned",
        )
        .accepted(thrice.clone())
        .client_differs(pins),
        Case::new("rotation-new-pin", "the newest key is pinned")
            .pinned(&[key(4)])
            .accepted(thrice),
        Case::new("rotation-first-root-is-2", shows)
            .accepted(delegated().next_root().without_root(1)),
    ];
    cases.map(signed).into()
}

fn unsigned() -> Vec<Case> {
    let once = |signers: &[Key]| delegated().rotate_root(&key(2)).signed_by("root", signers);
    let foreign = once(&[key(2)]).rotate_root(&key(3));
    let pair = [root_key(), key(9)];
    let two_of_two = delegated().keys("root", &pair).threshold("root", 2);
    let one_of_old = two_of_two
        .clone()
        .rotate_root(&key(2))
        .threshold("root", 1)
        .signed_by("root", &[root_key(), key(2)]);
    let after_usual = |name: &str, shows: &str, repository, label| {
        Case::new(name, shows)
            .accepted(delegated())
            .refused(repository, "root", label)
    };
    vec![
        after_usual(
            "rotation-unsigned-by-old-key",
            "a new root key that the old one did not sign for",
            once(&[key(2)]),
            "root_not_chained",
        ),
        after_usual(
            "rotation-unsigned-by-new-key",
            "a new root key that did not sign",
            once(&[root_key()]),
            "threshold_not_met",
        ),
        after_usual(
            "rotation-unsigned-in-between",
            "the old key signed for no step of two rotations",
            foreign,
            "root_not_chained",
        ),
        Case::new(
            "rotation-old-threshold-unmet",
            "one of the two old keys signed for the new one",
        )
        .pinned(&pair)
        .accepted(two_of_two)
        .refused(one_of_old, "root", "root_not_chained"),
        Case::new(
            "rotation-old-pin-unchained",
            "the pinned key is replaced without its signature",
        )
        .refused(once(&[key(2)]), "root", "root_not_chained"),
    ]
}

fn out_of_order() -> Vec<Case> {
    let chain = || delegated().rotate_root(&key(2)).rotate_root(&key(3));
    let skipped = delegated().rotate_root(&key(2)).version("root", 3);
    let all = [root_key(), key(2), key(3)];
    let mislabelled = chain()
        .signed_by("root", &all)
        .next_root()
        .rename_root(3, 2);
    let undone = delegated().version("timestamp", 9).version("snapshot", 9);
    let lenient = "it wants a version that is not lower, not the next one";
    let gap = |case: Case, repository| case.refused(repository, "root", "root_version_gap");
    let after_usual = |name: &str, shows: &str| Case::new(name, shows).accepted(delegated());
    let skips = after_usual(
        "rotation-skips-version",
        "version 3 follows 1, signed by both keys",
    );
    let lacks = after_usual("rotation-lacks-version", "version 2 of three is not served");
    let other = after_usual(
        "rotation-mislabelled-version",
        "`2.root.json` holds version 3",
    );
    let fresh = Case::new(
        "rotation-old-pin-lacks-version",
        "version 2 of three is not served",
    );
    vec![
        gap(skips, skipped).client_differs(lenient),
        gap(lacks, chain().without_root(2)),
        gap(other, mislabelled).client_differs(lenient),
        gap(fresh, chain().without_root(2)),
        after_usual(
            "rotation-undone",
            "after a rotation the old root is served again",
        )
        .accepted(delegated().rotate_root(&key(2)))
        .refused(undone, "root", "rollback"),
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
