//! Delegations: who may say what, and what happens to the rest when one of them is bad.

use super::super::case::{Case, GUN, RELEASES, delegated, plain};
use super::super::json::Json;
use super::super::key::Key;
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    paths()
        .into_iter()
        .chain(dropped())
        .chain(invalid())
        .chain(digests())
        .collect()
}

fn alice() -> Vec<Key> {
    vec![Key::p256("alice")]
}

fn paths() -> Vec<Case> {
    let with = |paths: &[&str]| {
        plain()
            .delegate("targets/carol", &[Key::p256("carol")], paths)
            .tag("targets/carol", "signed", "image")
            .tag("targets/carol", "rc-1", "image")
    };
    let nested = |outer: &[&str], inner: &[&str]| {
        plain()
            .delegate("targets/team", &alice(), outer)
            .delegate("targets/team/carol", &[Key::p256("carol")], inner)
            .tag("targets/team/carol", "rc-1", "image")
            .tag("targets/team/carol", "signed", "image")
    };
    let releases = delegated().edit("targets", |signed| {
        signed.at(&["delegations", "roles"]).items()[0]
            .at(&["paths"])
            .items()[0]
            .set("v".into());
    });
    let without = with(&[]).edit("targets", |signed| {
        signed.at(&["delegations", "roles"]).items()[0].take("paths");
    });
    let carol = &["carol"];
    let team = &["team/carol"];
    vec![
        Case::new(
            "delegation-paths",
            "a delegation for `rc-` holds a tag within and a tag outside",
        )
        .accepted(with(&["rc-"]))
        .signed("rc-1", carol, "image")
        .answers("signed", carol, "outside_paths"),
        Case::new(
            "delegation-paths-no-glob",
            "paths are prefixes; `*` is a character like any other",
        )
        .accepted(with(&["*", "sig*"]))
        .answers("signed", carol, "outside_paths"),
        Case::new(
            "delegation-paths-empty",
            "a delegation without any path may hold nothing",
        )
        .accepted(with(&[]))
        .answers("signed", carol, "outside_paths"),
        Case::new(
            "delegation-paths-missing",
            "a delegation without `paths` may hold nothing",
        )
        .accepted(without)
        .answers("signed", carol, "outside_paths"),
        Case::new(
            "delegation-paths-of-releases",
            "`targets/releases` holds a tag outside its paths",
        )
        .accepted(releases)
        .answers("signed", &[], "outside_paths"),
        Case::new("delegation-nested", "a delegation of a delegation")
            .accepted(nested(&[""], &["rc-", "signed"]))
            .signed("rc-1", team, "image")
            .signed("signed", team, "image"),
        Case::new(
            "delegation-nested-outside-own-paths",
            "a nested delegation for `rc-` holds another tag",
        )
        .accepted(nested(&[""], &["rc-"]))
        .signed("rc-1", team, "image")
        .answers("signed", team, "outside_paths"),
        Case::new(
            "delegation-nested-outside-parent-paths",
            "the parent's paths bound those of its children",
        )
        .accepted(nested(&["rc-"], &["", "rc-1", "signed"]))
        .signed("rc-1", team, "image")
        .answers("signed", team, "outside_paths"),
    ]
}

fn dropped() -> Vec<Case> {
    let subtree = delegated()
        .delegate("targets/alice/nested", &[Key::p256("carol")], &[""])
        .tag("targets/alice/nested", "signed", "image");
    let nested = &["alice/nested"];
    let unpublished = delegated()
        .unpublished(RELEASES)
        .tag("targets", "signed", "image");
    let withdrawn = delegated()
        .unpublished("targets/alice")
        .publish(&["snapshot", "timestamp"]);
    let removed = plain().publish(&["targets", "targets", "snapshot", "timestamp"]);
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

/// Delegations that fail the file which makes them.
fn invalid() -> Vec<Case> {
    let named = |name: &'static str| {
        delegated().edit("targets", move |signed| {
            let mut role = signed.at(&["delegations", "roles"]).items()[1].clone();
            role.at(&["name"]).set(name.into());
            signed.at(&["delegations", "roles"]).items().push(role);
        })
    };
    let names = [
        ("grandchild", "targets/alice/nested"),
        ("base-role", "root"),
        ("itself", "targets"),
        ("without-prefix", "releases"),
        ("upper-case", "targets/Alice"),
        ("dots", "targets/.."),
        ("double-slash", "targets//alice"),
        ("trailing-slash", "targets/bob/"),
        ("blank", "targets/a b"),
        ("empty", ""),
    ];
    let mut cases: Vec<_> = names
        .into_iter()
        .map(|(slug, name)| {
            Case::new(
                format!("delegation-name-{slug}"),
                format!("targets delegates to `{name}`"),
            )
            .refused(named(name), "targets", "invalid_delegation")
        })
        .collect();
    let unknown_key = delegated().edit("targets", |signed| {
        let id = "00".repeat(32);
        signed.at(&["delegations", "roles"]).items()[1]
            .at(&["keyids"])
            .items()
            .push(id.as_str().into());
    });
    let foreign_child = delegated().edit("targets/alice", |signed| {
        let trust = [
            ("keyids", Json::Array(Vec::new())),
            ("name", "targets/releases/nested".into()),
            ("paths", Json::Array(vec!["".into()])),
            ("threshold", 1.into()),
        ];
        signed
            .at(&["delegations", "roles"])
            .items()
            .push(Json::object(trust));
    });
    cases.extend([
        Case::new(
            "delegation-unknown-key-id",
            "a delegation names a key that is not listed",
        )
        .refused(unknown_key, "targets", "invalid_delegation"),
        Case::new("delegation-listed-twice", "one delegation is listed twice").refused(
            named("targets/alice"),
            "targets",
            "invalid_delegation",
        ),
        Case::new(
            "delegation-of-foreign-child",
            "a delegation delegates to another one's child",
        )
        .refused(foreign_child, "targets/alice", "invalid_delegation"),
    ]);
    cases
}

fn digests() -> Vec<Case> {
    let both = &["releases", "alice"];
    let sha512_only = |role: &'static str| {
        delegated().edit(role, |signed| {
            let mut hashes = super::super::repository::meta(b"image")
                .at(&["hashes"])
                .clone();
            hashes.take("sha256");
            signed.at(&["targets", "signed", "hashes"]).set(hashes);
        })
    };
    let missing_one = Repository::with_root_key(Key::p256("root").certified(GUN))
        .delegate(RELEASES, &alice(), &[""])
        .delegate("targets/alice", &alice(), &[""])
        .tag(RELEASES, "signed", "image");
    let beside = delegated()
        .tag("targets", "signed", "another image")
        .tag("targets", "plain", "image");
    vec![
        Case::new("digests-agree", "two signers name one digest")
            .accepted(delegated())
            .signed("signed", both, "image"),
        Case::new(
            "digests-conflict",
            "two signers name two digests for one tag",
        )
        .accepted(delegated().tag("targets/alice", "signed", "another image"))
        .answers("signed", both, "digests_conflict")
        .client_lists(RELEASES, Some("image"))
        .client_lists("targets/alice", Some("another image"))
        .because("it lists each role for itself")
        .signed("signed", &["alice"], "another image"),
        Case::new(
            "digests-one-signer-missing",
            "one of two signers did not sign the tag",
        )
        .accepted(missing_one)
        .answers("signed", both, "not_signed")
        .client_lists(RELEASES, Some("image"))
        .because("it lists each role for itself")
        .signed("signed", &[], "image"),
        Case::new(
            "digests-releases-before-targets",
            "where `targets/releases` is published, it speaks alone",
        )
        .accepted(beside)
        .signed("signed", &[], "image")
        .answers("plain", &[], "not_signed"),
        Case::new(
            "digests-without-sha256",
            "a target with a SHA-512 alone admits nothing",
        )
        .accepted(sha512_only(RELEASES))
        .answers("signed", &[], "no_sha256"),
        Case::new(
            "digests-without-sha256-one-signer",
            "one of two signers gives a SHA-512 alone",
        )
        .accepted(sha512_only("targets/alice"))
        .answers("signed", both, "no_sha256")
        .client_lists(RELEASES, Some("image")),
    ]
}
