//! How old a stored repository is, in a word.

use jiff::{SignedDuration, Timestamp};
use vouchsafe_store::RepositoryState;
use vouchsafe_trust::Role;

/// `fresh`, `stale`, `expired`, `unproven`, `withdrawn` or `unknown`.
pub(crate) fn word(
    state: &RepositoryState,
    now: Timestamp,
    max_staleness: SignedDuration,
) -> &'static str {
    let active = match state {
        RepositoryState::Unknown => return "unknown",
        RepositoryState::Withdrawn { .. } => return "withdrawn",
        RepositoryState::Active(active) => active,
    };
    if active.unproven.is_some() {
        return "unproven";
    }
    let age = |role: &Role| match active.roles.get(role) {
        Some(facts) => now.duration_since(facts.expires),
        None => SignedDuration::MAX,
    };
    let authority = age(&Role::Root).max(age(&Role::Targets));
    let freshness = age(&Role::Timestamp).max(age(&Role::Snapshot));
    if authority.is_positive() || freshness > max_staleness.max(SignedDuration::ZERO) {
        "expired"
    } else if freshness.is_positive() {
        "stale"
    } else {
        "fresh"
    }
}
