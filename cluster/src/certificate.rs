//! A serving certificate that is made, renewed and announced by whoever serves with it.
//!
//! A Secret holds a [`Bundle`]: a certificate (the *leaf*), and the authorities that the API server is told to trust. The leader writes
//! it and copies the authorities into `caBundle` of the webhook configurations ([`keep`]); every replica serves with what stands in it
//! ([`follow`]). [`plan`] says what is due, from the contents and the time alone.
//!
//! No moment is left at which a leaf is served that the API server does not trust yet, or no longer:
//!
//! - A new authority first stands beside the old one. A leaf by it is made only after it was in every webhook configuration for
//!   [`ANNOUNCED`], so that every API server knows it.
//! - With it the key of the old authority is gone, so that no further leaf can come from that one. It stays announced until the
//!   last leaf by it has expired, wherever that may still be served.
//! - A leaf ends before its authority does.

mod announce;
mod authority;
mod bundle;
mod follow;
mod keep;
mod leaf;
mod plan;
mod secret;
mod verify;

use std::time::Duration;

pub use self::bundle::{Bundle, Fault};
pub use self::follow::{Followed, follow};
pub use self::keep::{Keeper, keep};
pub use self::leaf::LeafFault;
pub use self::plan::{Plan, plan};
pub use self::secret::{Contents, KeptIn};

/// Of whom the certificate speaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// The Service.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
}

impl Names {
    /// The names by which a Service is called within a cluster; the API server uses the first (Kubernetes, "Dynamic Admission
    /// Control").
    pub fn all(&self) -> [String; 3] {
        let Self { service, namespace } = self;
        [
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
            format!("{service}.{namespace}"),
        ]
    }
}

/// How long an authority is valid.
pub const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3650);
/// How long a leaf is valid. It is renewed after two thirds of that.
pub const LEAF_LIFE: Duration = DAY.saturating_mul(365);
/// An authority that ends sooner than this is replaced: two leaves after one another would not fit.
pub const AUTHORITY_RESERVE: Duration = LEAF_LIFE.saturating_mul(2);
/// How long a new authority has to be in every webhook configuration before a leaf by it is made.
pub const ANNOUNCED: Duration = Duration::from_mins(1);
/// By how much what is made is valid earlier, for clocks that are behind.
pub const BACKDATED: Duration = Duration::from_hours(1);
/// The most authorities that are announced at once. Where more would be, the oldest by which no leaf is served goes.
pub const MAX_AUTHORITIES: usize = 8;

const DAY: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests;
