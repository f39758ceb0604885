//! Whose word about a repository stands.

use jiff::Timestamp;
use vouchsafe_trust::Role;
use vouchsafe_trust::evidence::Vouch;

use crate::commit::Stored;
use crate::record::Front;

/// Whether the `present` word stands, which may reach less far: an older one must not extend it, and
/// one that nobody signs says nothing beside one that somebody does.
pub(super) fn outranks(present: &Vouch, offered: &Vouch) -> bool {
    !present.signers.is_empty()
        && (offered.signers.is_empty() || offered.created_at < present.created_at)
}

/// When what is stored was withdrawn, unless `vouch` says that it was there after that.
pub(super) fn gone(before: &Stored, vouch: &Vouch) -> Option<Timestamp> {
    let Front::Withdrawn { at } = before.record.front else {
        return None;
    };
    // Anybody can write a time that nobody signs.
    let is_later = !vouch.signers.is_empty() && vouch.created_at > at;
    (!is_later).then_some(at)
}

/// The role that says what is current and had expired at `by`.
pub(super) fn expired(before: &Stored, by: Timestamp) -> Option<(Role, Timestamp)> {
    let Front::Active(active) = &before.record.front else {
        return None;
    };
    let mut roles = [Role::Timestamp, Role::Snapshot].into_iter();
    roles.find_map(|role| {
        let at = active.facts.roles.get(&role)?.expires;
        (at < by).then_some((role, at))
    })
}
