//! Delegations that drop out with their subtree, or were never there.

use super::super::super::case::{Case, RELEASES, delegated, plain};
use super::super::super::json::Json;
use super::super::super::key::Key;

pub(super) fn cases() -> Vec<Case> {
    bad().into_iter().chain(absent()).chain([deep()]).collect()
}

fn bad() -> Vec<Case> {
    let subtree = delegated()
        .delegate("targets/alice/nested", &[Key::p256("carol")], &[""])
        .tag("targets/alice/nested", "signed", "image");
    let nested = &["alice/nested"];
    vec![
        Case::new(
            "delegation-expired-beside-good",
            "an expired delegation does not touch another one",
        )
        .accepted(delegated().expires("targets/alice", "2020-01-01T00:00:00Z"))
        .signed("signed", &[], "image")
        .answers("signed", &["alice"], "delegation_expired")
        .answers("signed", &["releases", "alice"], "delegation_expired")
        .client_lists(RELEASES, Some("image")),
        Case::new(
            "delegation-expired-subtree",
            "an expired delegation takes its subtree along",
        )
        .accepted(
            subtree
                .clone()
                .expires("targets/alice", "2020-01-01T00:00:00Z"),
        )
        .answers("signed", nested, "delegation_expired"),
        Case::new(
            "delegation-under-signed-subtree",
            "an under-signed delegation takes its subtree along",
        )
        .accepted(subtree.signed_by("targets/alice", &[Key::p256("mallory")]))
        .answers("signed", nested, "delegation_not_signed"),
    ]
}

/// What whoever holds the snapshot's key could try.
fn hidden() -> Case {
    let hidden = delegated()
        .unpublished(RELEASES)
        .tag("targets", "signed", "older")
        .publish(&["targets", "snapshot", "timestamp"]);
    Case::new(
        "delegation-hidden",
        "a newer snapshot lists `targets/releases` no longer: `targets` does not step in",
    )
    .accepted(delegated())
    .accepted(hidden)
    .answers("signed", &[], "delegation_not_published")
    .client_lists("targets", Some("older"))
    .because("it asks `targets` then")
}

fn absent() -> Vec<Case> {
    let unpublished = delegated()
        .unpublished(RELEASES)
        .tag("targets", "signed", "image");
    let withdrawn = delegated()
        .unpublished("targets/alice")
        .publish(&["snapshot", "timestamp"]);
    let removed = plain().publish(&["targets", "targets", "snapshot", "timestamp"]);
    vec![
        Case::new(
            "delegation-never-published",
            "a delegation is listed, but was never published",
        )
        .accepted(delegated().unpublished("targets/alice"))
        .signed("signed", &[], "image")
        .answers("signed", &["alice"], "delegation_not_published"),
        Case::new(
            "delegation-releases-never-published",
            "`targets/releases` was never published: `targets` speaks",
        )
        .accepted(unpublished)
        .signed("signed", &[], "image")
        .answers("signed", &["releases"], "delegation_not_published"),
        Case::new(
            "delegation-withdrawn",
            "a newer snapshot lists a delegation no longer",
        )
        .accepted(delegated())
        .accepted(withdrawn)
        .answers("signed", &["alice"], "delegation_not_published"),
        hidden(),
        Case::new("delegation-removed", "a newer targets delegates no longer")
            .accepted(delegated())
            .accepted(removed)
            .signed("signed", &[], "image")
            .answers("signed", &["alice"], "not_delegated"),
        Case::new(
            "delegation-unknown",
            "a delegation that the repository does not have is asked for",
        )
        .accepted(delegated())
        .answers("signed", &["mallory"], "not_delegated"),
        Case::new(
            "delegation-file-missing",
            "the snapshot lists a delegation that is not served",
        )
        .refused(
            delegated().withheld("targets/alice.json"),
            "targets/alice",
            "file_missing",
        ),
        Case::new(
            "delegation-unlisted-file",
            "a file is served for a role that nobody delegated to",
        )
        .accepted(delegated().edit("targets", |signed| {
            signed.at(&["delegations", "roles"]).items().retain_mut(
                |role| !matches!(role.at(&["name"]), Json::Text(name) if name == "targets/alice"),
            );
        }))
        .answers("signed", &["alice"], "not_delegated"),
    ]
}

/// Delegation upon delegation, each with a file.
fn deep() -> Case {
    let name = |level: usize| format!("targets{}", "/a".repeat(level));
    let repository = (1..=17).fold(plain(), |it, level| {
        it.delegate(&name(level), &[Key::p256("alice")], &[""])
    });
    Case::new(
        "delegation-too-deep",
        "delegations of delegations, seventeen levels deep",
    )
    .refused(repository, &name(16), "too_many")
    .client_differs("it has no such limit")
}
