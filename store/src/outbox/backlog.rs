//! How much waits, and how much may.

use std::collections::BTreeMap;

use vouchsafe_trust::Sha256;

/// How much waits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Backlog {
    /// How many alerts.
    pub entries: usize,
    /// How many bytes they take as records, keys not counted.
    pub bytes: usize,
}

impl Backlog {
    /// The most that waits for all receivers together.
    ///
    /// A record takes 200 bytes as a rule and 5 KiB at most. Measured with all of sled around it, a
    /// full outbox takes 15 MB of the disk as a rule, and 95 MB at the very worst.
    pub const MOST: Self = Self {
        entries: 20_000,
        bytes: 32 << 20,
    };

    /// The most that waits for one receiver: a quarter of all, so that one that is down leaves room
    /// for the others. At one alert a second it lasts for an hour and a half.
    pub const MOST_PER_RECEIVER: Self = Self {
        entries: Self::MOST.entries / 4,
        bytes: Self::MOST.bytes / 4,
    };

    const fn has_room(self, most: Self, bytes: usize) -> bool {
        self.entries < most.entries && self.bytes.saturating_add(bytes) <= most.bytes
    }

    const fn add(&mut self, bytes: usize) {
        self.entries = self.entries.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    const fn take(&mut self, bytes: usize) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// What waits for each receiver, and in total.
#[derive(Debug, Default)]
pub(super) struct Backlogs {
    by_receiver: BTreeMap<Sha256, Backlog>,
    total: Backlog,
}

impl Backlogs {
    pub(super) const fn total(&self) -> Backlog {
        self.total
    }

    pub(super) const fn by_receiver(&self) -> &BTreeMap<Sha256, Backlog> {
        &self.by_receiver
    }

    pub(super) fn has_room(&self, receiver: Sha256, bytes: usize) -> bool {
        let own = self.by_receiver.get(&receiver).copied();
        self.total.has_room(Backlog::MOST, bytes)
            && own
                .unwrap_or_default()
                .has_room(Backlog::MOST_PER_RECEIVER, bytes)
    }

    pub(super) fn add(&mut self, receiver: Sha256, bytes: usize) {
        self.by_receiver.entry(receiver).or_default().add(bytes);
        self.total.add(bytes);
    }

    pub(super) fn take(&mut self, receiver: Sha256, bytes: usize) {
        if let Some(own) = self.by_receiver.get_mut(&receiver) {
            own.take(bytes);
            if own.entries == 0 {
                self.by_receiver.remove(&receiver);
            }
        }
        self.total.take(bytes);
    }
}
