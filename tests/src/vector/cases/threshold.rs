//! Thresholds: how many distinct keys must sign.

use super::super::case::{Case, GUN, RELEASES, ROLES, delegated, root_key, root_key_renewed, slug};
use super::super::key::Key;
use super::dropping;

pub(super) fn cases() -> Vec<Case> {
    ROLES
        .into_iter()
        .flat_map(each_role)
        .chain(single())
        .collect()
}

fn each_role(role: &'static str) -> [Case; 2] {
    let name = slug(role);
    let drop = |case, repository| {
        dropping(
            case,
            repository,
            role,
            "threshold_not_met",
            "delegation_not_signed",
        )
    };
    let (first, second) = two_keys(role);
    let one = delegated()
        .keys(role, &[first.clone(), second])
        .threshold(role, 2)
        .signed_by(role, std::slice::from_ref(&first));
    let one_case = Case::new(
        format!("threshold-two-one-signer-{name}"),
        format!("two of two keys must sign, one did: {role}"),
    );
    let ids = one_key_two_ids(role);
    let alias = delegated().keys(role, &ids).threshold(role, 2);
    let alias_case = Case::new(
        format!("threshold-one-key-two-ids-{name}"),
        format!("two must sign, and one key did under two key IDs: {role}"),
    );
    let alias_case = if role == "root" {
        alias_case.pinned(&ids)
    } else {
        alias_case
    };
    let alias_case = drop(alias_case, alias);
    let reason = "it counts key IDs, not keys";
    [
        drop(one_case, one),
        if role == RELEASES {
            alias_case
                .client_lists(RELEASES, Some("image"))
                .because(reason)
        } else {
            alias_case.client_differs(reason)
        },
    ]
}

fn single() -> Vec<Case> {
    let all_two = ROLES.into_iter().fold(delegated(), |repository, role| {
        let (first, second) = two_keys(role);
        repository.keys(role, &[first, second]).threshold(role, 2)
    });
    let (first, second) = two_keys("root");
    let one_of_two = ROLES.into_iter().fold(delegated(), |repository, role| {
        let (first, second) = two_keys(role);
        repository
            .keys(role, &[first.clone(), second])
            .signed_by(role, &[first])
    });
    let twice = delegated().edit("root", |root| {
        let ids = root.at(&["roles", "targets", "keyids"]).items();
        ids.push(ids[0].clone());
        root.at(&["roles", "targets", "threshold"]).set(2.into());
    });
    vec![
        Case::new(
            "threshold-two-two-signers",
            "two of two keys sign every role",
        )
        .pinned(&[first.clone(), second])
        .accepted(all_two.clone())
        .signed("signed", &[], "image"),
        Case::new(
            "threshold-two-one-pinned",
            "two of two keys sign every role, one is pinned",
        )
        .pinned(std::slice::from_ref(&first))
        .accepted(all_two)
        .client_differs("it counts only those root keys that are pinned themselves")
        .signed("signed", &[], "image"),
        Case::new(
            "threshold-one-of-two-signers",
            "one of two keys signs every role, and may",
        )
        .pinned(&[first])
        .accepted(one_of_two)
        .signed("signed", &[], "image"),
        Case::new(
            "threshold-key-listed-twice",
            "one key is listed twice where two must sign",
        )
        .refused(twice, "targets", "threshold_not_met"),
        Case::new(
            "threshold-zero-timestamp",
            "a role of the root with the threshold 0",
        )
        .refused(
            delegated().threshold("timestamp", 0),
            "root",
            "invalid_member",
        ),
        Case::new(
            "threshold-zero-delegation",
            "a delegation with the threshold 0",
        )
        .refused(
            delegated().threshold(RELEASES, 0),
            "targets",
            "invalid_delegation",
        ),
    ]
}

fn two_keys(role: &str) -> (Key, Key) {
    match role {
        "root" => (root_key(), Key::p256("second").certified(GUN)),
        _ => (
            Key::p256(if role == RELEASES { "alice" } else { role }),
            Key::p256("second"),
        ),
    }
}

fn one_key_two_ids(role: &str) -> [Key; 2] {
    let key = two_keys(role).0;
    match role {
        "root" => [key, root_key_renewed()],
        _ => [key.clone(), key.certified("second identity")],
    }
}
