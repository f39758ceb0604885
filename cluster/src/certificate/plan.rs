//! What is due.

use std::time::Duration;

use jiff::Timestamp;

use super::authority::later;
use super::{ANNOUNCED, AUTHORITY_RESERVE, Bundle, Fault, Names};

/// What is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Plan {
    /// Nothing.
    Keep,
    /// A new leaf, by the newest authority.
    RenewLeaf,
    /// A new authority, to be announced beside what is there. The leaf stays.
    RotateAuthority,
    /// Authorities by which nothing can be served any more are announced no longer.
    DropAuthorities,
    /// Everything anew: nothing of what is there can be gone on from.
    Make,
}

/// What is due `now`. `announced_for` says for how long every webhook configuration is known to have named the authorities of
/// `found`, if they do.
pub fn plan(
    found: Result<&Bundle, &Fault>,
    now: Timestamp,
    announced_for: Option<Duration>,
) -> Plan {
    let Ok(bundle) = found else {
        return Plan::Make;
    };
    let Some(newest) = bundle.authorities.last() else {
        return Plan::Make;
    };
    match (&bundle.leaf, &bundle.signer) {
        (None, None) => Plan::Make,
        (Some(_), None) => Plan::RotateAuthority,
        (None, Some(_)) => Plan::RenewLeaf,
        (Some(leaf), Some(_)) => {
            let is_newest = leaf.issuer + 1 == bundle.authorities.len();
            let is_announced = announced_for.is_some_and(|it| it >= ANNOUNCED);
            if is_newest && newest.valid.not_after < later(now, AUTHORITY_RESERVE) {
                Plan::RotateAuthority
            } else if (is_newest && leaf.due() <= now) || (!is_newest && is_announced) {
                Plan::RenewLeaf
            } else if bundle.first_gone(now).is_some() {
                Plan::DropAuthorities
            } else {
                Plan::Keep
            }
        }
    }
}

impl Plan {
    /// What stands there once it is done; nothing where nothing changes. What is not there is made.
    ///
    /// # Errors
    ///
    /// [`rcgen::Error`] where the cryptography fails.
    pub fn carried_out(
        self,
        found: Option<&Bundle>,
        names: &Names,
        now: Timestamp,
    ) -> Result<Option<Bundle>, rcgen::Error> {
        let done = match (self, found) {
            (Self::Keep, _) => return Ok(None),
            (Self::Make, _) | (_, None) => Bundle::make(names, now)?,
            (Self::RenewLeaf, Some(found)) => found.with_new_leaf(names, now)?,
            (Self::RotateAuthority, Some(found)) => found.with_new_authority(now)?,
            (Self::DropAuthorities, Some(found)) => found.without_old_authorities(now),
        };
        Ok(Some(done))
    }
}
