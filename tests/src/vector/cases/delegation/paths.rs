//! Paths: what a delegation may speak of.

use super::super::super::case::{Case, delegated, plain};
use super::super::super::key::Key;

pub(super) fn cases() -> Vec<Case> {
    flat().into_iter().chain(nested()).collect()
}

fn flat() -> Vec<Case> {
    let with = |paths: &[&str]| {
        plain()
            .delegate("targets/carol", &[Key::p256("carol")], paths)
            .tag("targets/carol", "signed", "image")
            .tag("targets/carol", "rc-1", "image")
    };
    let releases = delegated().edit("targets", |signed| {
        signed.at(&["delegations", "roles"]).items()[0]
            .at(&["paths"])
            .items()[0]
            .set("v".into());
    });
    let without = with(&[]).edit("targets", |signed| {
        signed.at(&["delegations", "roles"]).items()[0].remove("paths");
    });
    let carol = &["carol"];
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
    ]
}

fn nested() -> Vec<Case> {
    let nested = |outer: &[&str], inner: &[&str]| {
        plain()
            .delegate("targets/team", &[Key::p256("alice")], outer)
            .delegate("targets/team/carol", &[Key::p256("carol")], inner)
            .tag("targets/team/carol", "rc-1", "image")
            .tag("targets/team/carol", "signed", "image")
    };
    let team = &["team/carol"];
    vec![
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
