//! What became of alerts, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts by receiver, named as in `reject/slack/0`. The names are those of the configuration, so
/// there are only as many as it has receivers.
#[derive(Debug, Default)]
pub struct Counters(Mutex<State>);

/// What became of the alerts for one receiver.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReceiverCounts {
    /// Taken by the receiver.
    pub delivered: u64,
    /// Attempts that failed and were followed, or will be, by another one.
    pub failed_attempts: u64,
    /// Dropped: the receiver said that it will never take them, or takes later ones and not these.
    pub refused: u64,
    /// Dropped: they were too old when an attempt failed.
    pub expired: u64,
    /// Dropped: the template makes nothing of them, or nothing that is JSON.
    pub unwritten: u64,
}

#[derive(Debug, Default)]
struct State {
    receivers: BTreeMap<String, ReceiverCounts>,
    orphaned: u64,
}

impl Counters {
    /// The counts of every receiver that is configured now, by name.
    pub fn receivers(&self) -> BTreeMap<String, ReceiverCounts> {
        self.state().receivers.clone()
    }

    /// How many alerts were dropped since their receiver is no longer configured.
    pub fn orphaned(&self) -> u64 {
        self.state().orphaned
    }

    pub(crate) fn orphan(&self, count: usize) {
        let mut state = self.state();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        state.orphaned = state.orphaned.saturating_add(count);
    }

    pub(crate) fn count(&self, receiver: &str, change: impl FnOnce(&mut ReceiverCounts)) {
        if let Some(counts) = self.state().receivers.get_mut(receiver) {
            change(counts);
        }
    }

    /// Counts for these receivers from now on, and for no others.
    pub(crate) fn keep(&self, names: &BTreeSet<&str>) {
        let mut state = self.state();
        state
            .receivers
            .retain(|name, _| names.contains(name.as_str()));
        for name in names {
            state.receivers.entry((*name).to_owned()).or_default();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
