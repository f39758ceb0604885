//! Delegations: who may say what, and what happens to the rest when one of them is bad.

use super::super::case::{Case, GUN, RELEASES, delegated};
use super::super::key::Key;
use super::super::repository::{Repository, meta};

mod dropped;
mod invalid;
mod paths;

pub(super) fn cases() -> Vec<Case> {
    let themes = [
        paths::cases(),
        dropped::cases(),
        invalid::cases(),
        digests(),
    ];
    themes.into_iter().flatten().collect()
}

fn digests() -> Vec<Case> {
    let both = &["releases", "alice"];
    let sha512_only = |role: &'static str| {
        delegated().edit(role, |signed| {
            let mut hashes = meta(b"image").at(&["hashes"]).clone();
            hashes.remove("sha256");
            signed.at(&["targets", "signed", "hashes"]).set(hashes);
        })
    };
    let missing_one = Repository::with_root_key(Key::p256("root").certified(GUN))
        .delegate(RELEASES, &[Key::p256("alice")], &[""])
        .delegate("targets/alice", &[Key::p256("alice")], &[""])
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
