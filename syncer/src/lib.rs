//! Keeps the store up to date from Notary servers.
//!
//! A [`Syncer`] makes passes: each asks every server what changed, collects the repositories
//! concerned, verifies them step by step while they are fetched, and commits each on its own. One
//! repository or server that fails never stops the others. [`watch`] makes passes on a
//! [`Schedule`].

mod aside;
pub mod collect;
mod feed;
#[doc(hidden)]
pub mod fuzzing;
mod ledger;
pub mod mirror;
pub mod notary;
mod pass;
pub mod report;
mod root_keys;
pub mod schedule;
mod sightings;
mod watch;

pub use mirror::{Configured, Mirror, ServerEndpoint};
pub use pass::{Options, Scope, Syncer};
pub use report::{Event, Failure, Outcome, PassReport, Progress, ServerReport, Source};
pub use root_keys::{RootKey, RootKeys, RootKeysError, fetch_root_keys};
pub use schedule::{Schedule, ScheduleError};
pub use sightings::{Images, Sighted, Sightings};
pub use watch::watch;
