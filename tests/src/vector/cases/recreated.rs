//! Repositories that were deleted and made anew: their histories start again.

use super::super::case::{Case, GUN, delegated, plain, root_key, root_key_renewed};
use super::super::key::Key;
use super::super::repository::Repository;

pub(super) fn cases() -> Vec<Case> {
    let other = Key::p256("another root").certified(GUN);
    // A new `notary init` makes a new key for every role besides the root.
    let anew = |root: &Key| {
        ["targets", "snapshot", "timestamp"]
            .into_iter()
            .fold(Repository::with_root_key(root.clone()), |it, role| {
                it.keys(role, &[Key::p256(&format!("new {role}"))])
            })
            .tag("targets", "signed", "image")
    };
    vec![
        Case::new(
            "recreated-same-root-key",
            "made anew under the same root key after some history",
        )
        .accepted(delegated().next_root())
        .refused(anew(&root_key_renewed()), "root", "rollback"),
        Case::new(
            "recreated-same-root-version",
            "made anew under the same root key, at the same root version",
        )
        .accepted(plain())
        .refused(anew(&root_key_renewed()), "root", "equivocation"),
        Case::new(
            "recreated-same-certificate",
            "made anew under the same root key and certificate",
        )
        .accepted(plain())
        .refused(anew(&root_key()), "root", "equivocation")
        .client_differs("it compares versions alone, and they start no lower"),
        Case::new(
            "recreated-other-root-key",
            "made anew under another root key",
        )
        .accepted(plain())
        .refused(anew(&other), "root", "not_pinned"),
    ]
}
