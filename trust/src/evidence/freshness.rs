//! How old a repository's proof is.

use jiff::SignedDuration;

use crate::name::Role;
use crate::repository::RepositoryFacts;
use crate::time::Timestamp;

/// How fresh a repository's metadata is at some time.
///
/// Root and targets carry authority; snapshot and timestamp carry freshness. Nothing extends the
/// former; the operator may extend the latter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// A role that carries authority has expired, or a role that carries freshness did longer ago
    /// than the operator tolerates.
    Expired {
        /// The role.
        role: Role,
        /// When it expired.
        at: Timestamp,
    },
    /// Nothing has expired.
    Fresh {
        /// When the first role will expire.
        until: Timestamp,
    },
    /// Timestamp or snapshot have expired, no longer ago than the operator tolerates.
    Stale {
        /// When the first of them expired.
        since: Timestamp,
        /// When it becomes too old.
        until: Timestamp,
    },
}

/// What an operator lets freshness be extended by. Nothing extends authority.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tolerance {
    /// How long ago timestamp and snapshot may have expired.
    pub max_staleness: SignedDuration,
    /// Until when somebody whose word stands in for the timestamp vouches for it.
    pub vouched_until: Option<Timestamp>,
}

impl RepositoryFacts {
    /// When images of the repository cease to be admitted, unless it is brought up to date before: no
    /// freshness is left then, or no authority.
    pub fn admissible_until(&self, tolerance: Tolerance) -> Timestamp {
        let expires = |role| {
            let facts = self.roles.get(&role);
            facts.map_or(Timestamp::MIN, |facts| facts.expires)
        };
        let vouched = tolerance.vouched_until.unwrap_or(Timestamp::MIN);
        let freshness = expires(Role::Timestamp)
            .max(vouched)
            .min(expires(Role::Snapshot));
        freshness
            .checked_add(tolerance.max_staleness)
            .unwrap_or(Timestamp::MAX)
            .min(expires(Role::Root))
            .min(expires(Role::Targets))
    }

    /// The freshness at `now`, as far as an operator tolerates what has expired.
    pub fn freshness(&self, now: Timestamp, tolerance: Tolerance) -> Freshness {
        let expiries = |roles: [Role; 2]| {
            roles.into_iter().map(|role| {
                let expires = self.roles.get(&role).map(|facts| facts.expires);
                let expires = expires.unwrap_or(Timestamp::MIN);
                let vouched = tolerance.vouched_until.filter(|_| role == Role::Timestamp);
                (vouched.map_or(expires, |until| until.max(expires)), role)
            })
        };
        // Expired means strictly before now, as in Notary.
        if let Some((at, role)) =
            expiries([Role::Root, Role::Targets]).find(|(expires, _)| *expires < now)
        {
            return Freshness::Expired { role, at };
        }
        let authority = expiries([Role::Root, Role::Targets]).min();
        let freshness = expiries([Role::Timestamp, Role::Snapshot]).min();
        let authority = authority.map_or(Timestamp::MIN, |(at, _)| at);
        let (at, role) = freshness.unwrap_or((Timestamp::MIN, Role::Timestamp));
        if at >= now {
            return Freshness::Fresh {
                until: at.min(authority),
            };
        }
        let until = at
            .checked_add(tolerance.max_staleness)
            .unwrap_or(Timestamp::MAX)
            .min(authority);
        if until >= now {
            Freshness::Stale { since: at, until }
        } else {
            Freshness::Expired { role, at }
        }
    }
}
