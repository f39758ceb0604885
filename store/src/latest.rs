//! The latest time seen: time never runs backwards, not across restarts either.
//!
//! A clock that leaps ahead once would thus hold every later judgement in the future. So a leap of
//! more than [`LEAP`] is judged by while the clock shows it, which can only deny more, but becomes
//! the latest time only when the clock has gone on from there for [`PROBATION`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};

use crate::checksum::Checked;
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
    ///
    /// A clock that is more than seven days ahead of the latest time is judged by, but not taken for
    /// the latest time before it has gone on from there for an hour; the log says so.
    pub fn observe_time(&self, clock: Timestamp) -> Now {
        self.0.latest.observe(clock)
    }

    /// The latest time seen, if there was any.
    pub fn latest_time(&self) -> Option<Timestamp> {
        self.0.latest.get()
    }

    /// Makes `now` the latest time seen, though a later one was, on the disk when this returns.
    /// Returns the latest time until then.
    ///
    /// For an operator whose clock was wrong: what had expired by `now` alone still counts as
    /// expired, and every version that was accepted is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written.
    pub fn reset_latest_time(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let before = self.latest_time();
        tracing::warn!(?before, %now, "the latest time seen is reset, as asked");
        self.0.latest.shared.reset(now, &self.0.durable)?;
        Ok(before)
    }

    /// The latest time that is on the disk.
    #[cfg(test)]
    pub(crate) fn written_time(&self) -> Option<Timestamp> {
        let written = self.0.latest.shared.written.load(Ordering::Relaxed);
        timestamp(written)
    }

    /// The leap on probation that is on the disk.
    #[cfg(test)]
    pub(crate) fn written_leap(&self) -> Option<Timestamp> {
        let written = self.0.latest.shared.written_leap.load(Ordering::Relaxed);
        timestamp(written)
    }
}

/// The latest time, in memory and on disk.
#[derive(Debug)]
pub(crate) struct Latest {
    shared: Arc<Shared>,
    wake: SyncSender<()>,
}

/// Microseconds since 1970; [`NEVER`] for no time.
#[derive(Debug)]
struct Shared {
    tree: Checked,
    seen: AtomicI64,
    /// Where the clock went when it leapt ahead, while that is on probation.
    leap: AtomicI64,
    written: AtomicI64,
    written_leap: AtomicI64,
    /// Held while a leap is weighed.
    weighing: Mutex<()>,
    /// Held while something is written.
    writing: Mutex<()>,
}

impl Latest {
    /// Reads what was written and starts the thread that writes. It ends with the store.
    pub(crate) fn open(tree: &Checked, durable: &Arc<Durable>) -> Result<Self, StoreError> {
        let written = read(tree, LATEST)?;
        let written_leap = read(tree, LATEST_LEAP)?;
        let shared = Arc::new(Shared {
            tree: tree.clone(),
            seen: AtomicI64::new(written),
            leap: AtomicI64::new(written_leap),
            written: AtomicI64::new(written),
            written_leap: AtomicI64::new(written_leap),
            weighing: Mutex::default(),
            writing: Mutex::default(),
        });
        let (wake, woken) = sync_channel(1);
        let writer = Writer {
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
        timestamp(self.shared.seen.load(Ordering::Relaxed))
    }

    fn observe(&self, clock: Timestamp) -> Now {
        let micros = clock.as_microsecond();
        let before = self.shared.take(micros);
        if self.shared.is_unwritten() {
            match self.wake.try_send(()) {
                // Full: the thread is about to write anyway.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
        match timestamp(before) {
            Some(latest) if micros < before => Now {
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

impl Shared {
    /// Takes note of the clock's time; returns the latest one before.
    fn take(&self, micros: i64) -> i64 {
        let before = self.seen.load(Ordering::Relaxed);
        if is_leap(before, micros) || self.leap.load(Ordering::Relaxed) != NEVER {
            self.weigh(micros);
            return before;
        }
        self.seen.fetch_max(micros, Ordering::Relaxed)
    }

    /// Decides whether a clock that leapt ahead is believed.
    #[cold]
    fn weigh(&self, micros: i64) {
        let _weighing = self.weighing.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.seen.load(Ordering::Relaxed);
        let leap = self.leap.load(Ordering::Relaxed);
        if !is_leap(seen, micros) {
            self.leap.store(NEVER, Ordering::Relaxed);
            self.seen.fetch_max(micros, Ordering::Relaxed);
            if leap != NEVER {
                log_undone(seen, leap, micros);
            }
        } else if leap == NEVER {
            self.leap.store(micros, Ordering::Relaxed);
            log_leap(seen, micros);
        } else if micros < leap {
            self.leap.store(micros, Ordering::Relaxed);
        } else if micros.saturating_sub(leap) >= PROBATION {
            // What the clock shows by now may be a leap of its own.
            let (latest, leap) = if is_leap(leap, micros) {
                log_leap(leap, micros);
                (leap, micros)
            } else {
                (micros, NEVER)
            };
            self.seen.fetch_max(latest, Ordering::Relaxed);
            self.leap.store(leap, Ordering::Relaxed);
            let latest = timestamp(latest);
            tracing::warn!(
                ?latest,
                "the clock went on from where it leapt to: that is the latest time now"
            );
        }
    }

    fn is_unwritten(&self) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        let written = self.written.load(Ordering::Relaxed);
        seen.saturating_sub(written) >= STEP
            || self.leap.load(Ordering::Relaxed) != self.written_leap.load(Ordering::Relaxed)
    }

    fn write(&self, durable: &Durable) -> Result<(), StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_unwritten() {
            return Ok(());
        }
        self.write_all(durable)
    }

    fn reset(&self, now: Timestamp, durable: &Durable) -> Result<(), StoreError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let _weighing = self.weighing.lock().unwrap_or_else(PoisonError::into_inner);
            self.leap.store(NEVER, Ordering::Relaxed);
            self.seen.store(now.as_microsecond(), Ordering::Relaxed);
        }
        self.write_all(durable)
    }

    fn write_all(&self, durable: &Durable) -> Result<(), StoreError> {
        durable.room()?;
        self.write_both(durable)
            .inspect_err(|error| durable.fail_by(error))
    }

    fn write_both(&self, durable: &Durable) -> Result<(), StoreError> {
        let seen = self.seen.load(Ordering::Relaxed);
        let leap = self.leap.load(Ordering::Relaxed);
        self.tree.insert(LATEST, &seen.to_be_bytes())?;
        if leap == NEVER {
            self.tree.remove(LATEST_LEAP)?;
        } else {
            self.tree.insert(LATEST_LEAP, &leap.to_be_bytes())?;
        }
        durable.sync()?;
        self.written.store(seen, Ordering::Relaxed);
        self.written_leap.store(leap, Ordering::Relaxed);
        Ok(())
    }
}

struct Writer {
    shared: Arc<Shared>,
    durable: Weak<Durable>,
}

impl Writer {
    fn run(self, woken: &Receiver<()>) {
        let mut is_told = false;
        while woken.recv().is_ok() {
            let Some(durable) = self.durable.upgrade() else {
                return;
            };
            let written = self.shared.write(&durable);
            // It is tried again whenever somebody looks at the clock, which may be thousands of times a second.
            if let Err(error) = &written
                && !is_told
            {
                tracing::error!(%error, "cannot write down the latest time");
            }
            is_told = written.is_err();
        }
    }
}

fn read(tree: &Checked, key: &[u8]) -> Result<i64, StoreError> {
    let Some(value) = tree.get(key)? else {
        return Ok(NEVER);
    };
    let micros = (*value).try_into().map(i64::from_be_bytes);
    micros.map_err(|_error| StoreError::damaged("the latest time"))
}

/// Whether a clock at `micros` has leapt ahead of `latest`. The first time of all is no leap.
const fn is_leap(latest: i64, micros: i64) -> bool {
    latest != NEVER && micros.saturating_sub(latest) > LEAP
}

fn timestamp(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}

fn log_leap(latest: i64, clock: i64) {
    let (latest, clock) = (timestamp(latest), timestamp(clock));
    tracing::error!(
        ?latest,
        ?clock,
        "the clock is more than seven days ahead of the latest time seen: everything is judged by \
         the clock, which becomes the latest time when it has gone on from there for an hour; set \
         it right before that if it is wrong"
    );
}

fn log_undone(latest: i64, leap: i64, clock: i64) {
    let (latest, leap, clock) = (timestamp(latest), timestamp(leap), timestamp(clock));
    tracing::warn!(
        ?latest,
        ?leap,
        ?clock,
        "the clock is back from where it leapt to, which is not kept as the latest time"
    );
}

const LATEST: &[u8] = b"latest";
const LATEST_LEAP: &[u8] = b"latest-leap";
const NEVER: i64 = i64::MIN;
/// How far time moves on before it is written down again.
const STEP: i64 = 60_000_000;
/// What a clock that is right does not move on by between two times that it is looked at, unless
/// nothing ran meanwhile: seven days.
const LEAP: i64 = 7 * 86_400_000_000;
/// How long the clock has to go on from where it leapt to.
const PROBATION: i64 = 3_600_000_000;
