//! Whose word about a repository stands.

use std::fmt;

use jiff::Timestamp;
use vouchsafe_trust::Role;
use vouchsafe_trust::evidence::Vouch;

use crate::commit::Stored;
use crate::record::Front;

/// Whose word counts.
pub(super) struct Counting<'c>(Box<dyn Fn(&Vouch) -> bool + 'c>);

impl<'c> Counting<'c> {
    pub(super) fn new(counts: impl Fn(&Vouch) -> bool + 'c) -> Self {
        Self(Box::new(counts))
    }

    /// Whether the `present` word stands, which may reach less far: an older one must not extend it, and one
    /// that does not count says nothing beside one that does.
    pub(super) fn outranks(&self, present: Option<&Vouch>, offered: &Vouch) -> bool {
        present.is_some_and(|present| {
            (self.0)(present) && (!(self.0)(offered) || offered.created_at < present.created_at)
        })
    }
}

impl Default for Counting<'_> {
    fn default() -> Self {
        Self::new(|vouch| !vouch.signers.is_empty())
    }
}

impl fmt::Debug for Counting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counting")
    }
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
