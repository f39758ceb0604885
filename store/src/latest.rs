//! The latest time seen: time never runs backwards, not across restarts either.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};

use jiff::{SignedDuration, Timestamp};

use crate::durable::Durable;
use crate::{Store, StoreError};

/// The time by which to judge: the clock's, unless a later one was seen before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// The time to use.
    pub now: Timestamp,
    /// How far the clock is behind the latest time seen, if it is.
    pub behind: Option<SignedDuration>,
}

impl Store {
    /// Takes note of the clock's time and returns the time to judge by.
    ///
    /// Costs nanoseconds: the latest time is kept in memory, and a thread of its own writes it down
    /// when it has moved on by a minute. After a crash it may thus be a minute behind.
    pub fn observe_time(&self, clock: Timestamp) -> Now {
        self.0.latest.observe(clock)
    }

    /// The latest time seen, if there was any.
    pub fn latest_time(&self) -> Option<Timestamp> {
        self.0.latest.get()
    }

    /// The latest time that is on the disk.
    #[cfg(test)]
    pub(crate) fn written_time(&self) -> Option<Timestamp> {
        let written = self.0.latest.shared.written.load(Ordering::Relaxed);
        Timestamp::from_microsecond(written).ok()
    }
}

/// The latest time, in memory and on disk.
#[derive(Debug)]
pub(crate) struct Latest {
    shared: Arc<Shared>,
    wake: SyncSender<()>,
}

/// Microseconds since 1970; [`i64::MIN`] for never.
#[derive(Debug)]
struct Shared {
    seen: AtomicI64,
    written: AtomicI64,
}

impl Latest {
    /// Reads what was written and starts the thread that writes. It ends with the store.
    pub(crate) fn open(db: &sled::Db, durable: &Arc<Durable>) -> Result<Self, StoreError> {
        let written = match db.get(LATEST)? {
            None => i64::MIN,
            Some(value) => {
                let micros = (*value).try_into().map(i64::from_be_bytes);
                micros.map_err(|_error| StoreError::damaged("the latest time"))?
            }
        };
        let shared = Arc::new(Shared {
            seen: AtomicI64::new(written),
            written: AtomicI64::new(written),
        });
        let (wake, woken) = sync_channel(1);
        let writer = Writer {
            db: db.clone(),
            shared: Arc::clone(&shared),
            durable: Arc::downgrade(durable),
        };
        std::thread::Builder::new()
            .name("store-time".to_owned())
            .spawn(move || writer.run(&woken))
            .map_err(StoreError::Io)?;
        Ok(Self { shared, wake })
    }

    fn get(&self) -> Option<Timestamp> {
        let seen = self.shared.seen.load(Ordering::Relaxed);
        Timestamp::from_microsecond(seen).ok()
    }

    fn observe(&self, clock: Timestamp) -> Now {
        let micros = clock.as_microsecond();
        let before = self.shared.seen.fetch_max(micros, Ordering::Relaxed);
        let written = self.shared.written.load(Ordering::Relaxed);
        if micros.saturating_sub(written) >= STEP {
            match self.wake.try_send(()) {
                // Full: the thread is about to write anyway.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
        match Timestamp::from_microsecond(before) {
            Ok(latest) if micros < before => Now {
                now: latest,
                behind: Some(latest.duration_since(clock)),
            },
            _ => Now {
                now: clock,
                behind: None,
            },
        }
    }
}

struct Writer {
    db: sled::Db,
    shared: Arc<Shared>,
    durable: Weak<Durable>,
}

impl Writer {
    fn run(self, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            let Some(durable) = self.durable.upgrade() else {
                return;
            };
            if let Err(error) = self.write(&durable) {
                tracing::error!(%error, "cannot write down the latest time");
            }
        }
    }

    fn write(&self, durable: &Durable) -> Result<(), StoreError> {
        let seen = self.shared.seen.load(Ordering::Relaxed);
        if seen.saturating_sub(self.shared.written.load(Ordering::Relaxed)) < STEP {
            return Ok(());
        }
        self.db.insert(LATEST, &seen.to_be_bytes())?;
        durable.sync()?;
        self.shared.written.store(seen, Ordering::Relaxed);
        Ok(())
    }
}

const LATEST: &[u8] = b"latest";
/// How far time moves on before it is written down again.
const STEP: i64 = 60_000_000;
