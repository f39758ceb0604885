//! What was verified, kept in sled: committed whole, read without waiting.
//!
//! [`Store::commit`] takes a [`VerifiedRepository`](vouchsafe_trust::VerifiedRepository) and nothing
//! else. It writes role files and pages of targets under keys that nothing refers to yet, then
//! swaps one header: that swap is the commit, and the place where a repository that falls behind
//! is refused. A reader takes the header and then what it names, so it sees one whole generation
//! without a lock; if a commit took a page away meanwhile, it starts again from the new header.
//!
//! A bundle's repositories are committed together: [`Store::begin_import`].
//!
//! Alerts wait in the store, too, until their receivers have them: [`Store::queue_alert`].
//!
//! sled belongs to one process. Others ask that process through the [`socket`], whose client
//! [`RemoteStore`] is a [`Reader`] like the [`Store`] itself.

#![expect(
    clippy::same_name_method,
    reason = "`Reader` asks the same questions as `Store`, where it does not matter who answers"
)]

mod blob;
mod bundle;
mod cache;
mod checksum;
mod commit;
mod durable;
mod error;
mod floor;
mod forget;
mod history;
mod import;
mod key;
mod latest;
mod open;
mod outbox;
mod page;
mod read;
mod reader;
mod record;
mod refused;
mod retained;
mod reverify;
mod room;
pub mod socket;
mod state;
mod status;
mod store;
mod sweep;
mod turn;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use bundle::{ImportedBundle, MadeBundle};
pub use commit::Commit;
pub use error::StoreError;
pub use forget::Withdrawal;
pub use history::Replaced;
pub use import::{Gone, Import, Kept, Staged};
pub use latest::Now;
pub use open::{OpenError, Opened, SetAside};
pub use outbox::{Alert, AlertOutcome, Backlog, OutboxKey, QueueError, Waiting};
pub use reader::{ReadError, Reader};
pub use refused::RefusedConfig;
pub use reverify::Reverified;
pub use socket::{RemoteError, RemoteStore};
pub use state::{Cursor, ServerState, SyncOutcome, SyncResult};
pub use status::{
    ActiveStatus, DelegationStatus, RepositoryState, RepositoryStatus, RoleStatus, Unproven,
};
pub use store::Store;
