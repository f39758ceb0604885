//! Alerts that wait for their receivers: durable, in order for each receiver, and bounded.
//!
//! A key is the receiver's fingerprint and a number that only grows, so the first key of a receiver
//! is what it gets next. How much waits is counted in memory, and counted again when the store is
//! opened. Taking an alert out is not waited for: after a crash it may be delivered once more.

mod alert;
mod backlog;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use sled::{Db, Tree};
use tokio::sync::watch;
use vouchsafe_trust::Sha256;

pub use self::alert::{Alert, AlertOutcome};
pub use self::backlog::Backlog;
use self::backlog::Backlogs;
use crate::{Store, StoreError};

/// The waiting alerts, and how many there are.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) tree: Tree,
    state: Mutex<State>,
    /// How often something was queued since the store was opened.
    queued: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    backlogs: Backlogs,
    last: u64,
}

/// Where a waiting alert is kept.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct OutboxKey {
    receiver: Sha256,
    number: u64,
}

/// An alert that waits for a receiver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// What takes it out.
    pub key: OutboxKey,
    /// The alert.
    pub alert: Alert,
}

/// Why an alert was not queued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// Too much waits already. For other receivers than these it was queued.
    #[error("too many alerts wait for {} of their receivers", receivers.len())]
    Full {
        /// The receivers for which it was not queued.
        receivers: Vec<Sha256>,
    },
    /// The store could not be written; the alert may or may not be queued.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OutboxKey {
    /// The receiver that the alert waits for.
    pub const fn receiver(&self) -> &Sha256 {
        &self.receiver
    }

    fn encode(&self) -> [u8; KEY] {
        let mut key = [0; KEY];
        let (receiver, number) = key.split_at_mut(RECEIVER);
        receiver.copy_from_slice(self.receiver.as_bytes());
        number.copy_from_slice(&self.number.to_be_bytes());
        key
    }

    fn parse(key: &[u8]) -> Option<Self> {
        let (receiver, number) = key.split_first_chunk::<RECEIVER>()?;
        Some(Self {
            receiver: Sha256::from_bytes(*receiver),
            number: u64::from_be_bytes(number.try_into().ok()?),
        })
    }
}

impl Outbox {
    pub(crate) fn open(db: &Db) -> Result<Self, StoreError> {
        let tree = db.open_tree("outbox")?;
        let mut state = State::default();
        for entry in &tree {
            let (key, value) = entry?;
            let Some(parsed) = OutboxKey::parse(&key) else {
                tracing::warn!("dropped an alert that waits for no receiver");
                tree.remove(key)?;
                continue;
            };
            state.last = state.last.max(parsed.number);
            state.backlogs.add(parsed.receiver, value.len());
        }
        Ok(Self {
            tree,
            state: Mutex::new(state),
            queued: watch::Sender::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the alert for one receiver, unless too much waits; true if it did.
    pub(crate) fn push(&self, receiver: Sha256, value: &[u8]) -> Result<bool, StoreError> {
        // Held while writing: what has the lower number is there first, so nobody sees the second
        // of two and takes it for the first.
        let mut state = self.state();
        if !state.backlogs.has_room(receiver, value.len()) {
            return Ok(false);
        }
        state.last = state.last.saturating_add(1);
        let number = state.last;
        let key = OutboxKey { receiver, number };
        self.tree.insert(key.encode(), value)?;
        state.backlogs.add(receiver, value.len());
        Ok(true)
    }

    pub(crate) fn remove(&self, key: &[u8]) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(value) = self.tree.remove(key)? else {
            return Ok(false);
        };
        if let Some(key) = OutboxKey::parse(key) {
            state.backlogs.take(key.receiver, value.len());
        }
        Ok(true)
    }
}

impl Store {
    /// Queues `alert` for each of `receivers`, on the disk when this returns.
    ///
    /// Texts that are too long are cut. Waits for the disk, so it has no place on a thread that
    /// must not; of many that wait, one syncs for all.
    ///
    /// # Errors
    ///
    /// [`QueueError::Full`] with the receivers for which too much waits already; it is queued for
    /// the others then. [`QueueError::Store`] if the store cannot be written.
    pub fn queue_alert(&self, alert: &Alert, receivers: &[Sha256]) -> Result<(), QueueError> {
        let mut full = self.queue_alerts([(alert, receivers)])?;
        match full.pop().filter(|full| !full.is_empty()) {
            None => Ok(()),
            Some(receivers) => Err(QueueError::Full { receivers }),
        }
    }

    /// Queues each alert for its receivers with one wait for the disk. Returns, for each alert, the
    /// receivers for which too much waits already.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written; each alert may or may not be queued then.
    pub fn queue_alerts<'a>(
        &self,
        alerts: impl IntoIterator<Item = (&'a Alert, &'a [Sha256])>,
    ) -> Result<Vec<Vec<Sha256>>, StoreError> {
        self.0.durable.room()?;
        let outbox = &self.0.outbox;
        let mut queued = false;
        let mut push = |(alert, receivers): (&Alert, &[Sha256])| {
            let value = encode(alert)?;
            let mut full = Vec::new();
            for receiver in receivers {
                if outbox.push(*receiver, &value)? {
                    queued = true;
                } else {
                    full.push(*receiver);
                }
            }
            Ok(full)
        };
        let full: Result<Vec<Vec<Sha256>>, StoreError> =
            alerts.into_iter().map(&mut push).collect();
        if queued {
            let synced = self.0.durable.sync();
            // What is there is delivered, whatever became of the others.
            outbox
                .queued
                .send_modify(|count| *count = count.wrapping_add(1));
            synced.map_err(|error| self.note(error))?;
        }
        let full = full.map_err(|error| self.note_write(error))?;
        Ok(full)
    }

    /// The alert that `receiver` gets next: the oldest that waits for it.
    ///
    /// One that cannot be read is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn outbox_next(&self, receiver: &Sha256) -> Result<Option<Waiting>, StoreError> {
        self.first_waiting(|outbox| outbox.scan_prefix(receiver.as_bytes()))
    }

    /// The alert that the receiver of `key` gets after that one, which may be gone already.
    ///
    /// One that cannot be read is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn outbox_after(&self, key: &OutboxKey) -> Result<Option<Waiting>, StoreError> {
        let last = OutboxKey {
            number: u64::MAX,
            ..*key
        };
        let later = (
            Bound::Excluded(key.encode()),
            Bound::Included(last.encode()),
        );
        self.first_waiting(|outbox| outbox.range(later))
    }

    /// The first alert of those that can be read; those before it are dropped.
    fn first_waiting(
        &self,
        of: impl Fn(&Tree) -> sled::Iter,
    ) -> Result<Option<Waiting>, StoreError> {
        let outbox = &self.0.outbox;
        loop {
            let first = of(&outbox.tree).next();
            let Some((key, value)) = first.transpose().map_err(|e| self.note(e.into()))? else {
                return Ok(None);
            };
            if let (Some(key), Some(alert)) = (OutboxKey::parse(&key), decode(&value)) {
                return Ok(Some(Waiting { key, alert }));
            }
            tracing::warn!("dropped a waiting alert that cannot be read");
            outbox.remove(&key).map_err(|error| self.note(error))?;
        }
    }

    /// Takes an alert out. A crash may bring it back until [`Store::outbox_settle`] returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn outbox_remove(&self, key: &OutboxKey) -> Result<(), StoreError> {
        let removed = self.0.outbox.remove(&key.encode());
        removed.map(drop).map_err(|error| self.note(error))
    }

    /// Returns when everything that was taken out is gone from the disk, too.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn outbox_settle(&self) -> Result<(), StoreError> {
        self.0.durable.sync().map_err(|error| self.note(error))
    }

    /// Drops everything that waits for `receiver`, and says how much that was.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be written.
    pub fn outbox_drop_receiver(&self, receiver: &Sha256) -> Result<usize, StoreError> {
        let outbox = &self.0.outbox;
        let mut dropped = 0;
        for key in outbox.tree.scan_prefix(receiver.as_bytes()).keys() {
            let key = key.map_err(|error| self.note(error.into()))?;
            if outbox.remove(&key).map_err(|error| self.note(error))? {
                dropped += 1;
            }
        }
        if dropped > 0 {
            self.outbox_settle()?;
        }
        Ok(dropped)
    }

    /// How many alerts wait, each counted once for every receiver that it waits for.
    pub fn outbox_len(&self) -> usize {
        self.0.outbox.state().backlogs.total().entries
    }

    /// The receivers for which something waits, in no order that means anything.
    pub fn outbox_receivers(&self) -> Vec<Sha256> {
        let state = self.0.outbox.state();
        state.backlogs.by_receiver().keys().copied().collect()
    }

    /// How much waits for each receiver for which anything does.
    pub fn outbox_backlogs(&self) -> BTreeMap<Sha256, Backlog> {
        self.0.outbox.state().backlogs.by_receiver().clone()
    }

    /// When the oldest alert that waits for `receiver` was raised.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn outbox_oldest(&self, receiver: &Sha256) -> Result<Option<Timestamp>, StoreError> {
        let next = self.outbox_next(receiver)?;
        Ok(next.map(|waiting| waiting.alert.at))
    }

    /// Tells whoever holds the result whenever something was queued.
    pub fn outbox_queued(&self) -> watch::Receiver<u64> {
        self.0.outbox.queued.subscribe()
    }
}

pub(crate) fn encode(alert: &Alert) -> Result<Vec<u8>, StoreError> {
    let alert = alert.clone().cut();
    postcard::to_extend(&alert, vec![FORMAT]).map_err(StoreError::Unencodable)
}

fn decode(value: &[u8]) -> Option<Alert> {
    match value.split_first() {
        Some((&FORMAT, rest)) => postcard::from_bytes(rest).ok(),
        _ => None,
    }
}

/// The form of values. One of another form is dropped: an alert is worth less than a migration.
const FORMAT: u8 = 1;
const RECEIVER: usize = 32;
const KEY: usize = RECEIVER + 8;
