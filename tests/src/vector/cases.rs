//! The cases, by theme.

use super::case::{Case, RELEASES};
use super::repository::Repository;

mod accepted;
mod content;
mod delegation;
mod expiry;
mod hash;
mod identity;
mod json;
mod keys;
mod recreated;
mod rollback;
mod rotation;
mod signature;
mod threshold;

/// All cases, theme by theme.
pub(super) fn all() -> impl Iterator<Item = Case> {
    let themes = [
        ("What is accepted", accepted::cases()),
        ("Key types and schemes", keys::cases()),
        ("Signatures", signature::cases()),
        ("Thresholds", threshold::cases()),
        ("Expiry", expiry::cases()),
        (
            "Rollback, replay, mix and match, equivocation",
            rollback::cases(),
        ),
        ("Lengths and hashes", hash::cases()),
        ("JSON", json::cases()),
        ("Contents of role files", content::cases()),
        ("Root keys, certificates and the GUN", identity::cases()),
        ("Root rotation", rotation::cases()),
        ("Repositories made anew", recreated::cases()),
        ("Delegations", delegation::cases()),
    ];
    themes
        .into_iter()
        .flat_map(|(theme, cases)| cases.into_iter().map(move |case| case.in_theme(theme)))
}

/// A fault that drops a delegation with its subtree, and stops the update in any other role.
fn dropping(
    case: Case,
    repository: Repository,
    role: &'static str,
    label: &'static str,
    denial: &str,
) -> Case {
    match role {
        RELEASES => case.accepted(repository).answers("signed", &[], denial),
        _ => case.refused(repository, role, label),
    }
}
