//! The thread that writes alerts: whoever has to answer waits for the disk only as long as there is time.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vouchsafe_store::{Alert, Store, StoreError};
use vouchsafe_trust::Sha256;

use crate::metrics::Metrics;

/// Where alerts wait for their receivers. Nothing is sent from here.
pub trait Outbox: Send {
    /// Keeps each alert for its receivers; they are safe when this returns. Returns, for each alert,
    /// the receivers for which there is no more room.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where none is known to be kept.
    fn queue(&self, alerts: &[(Alert, Vec<Sha256>)]) -> Result<Vec<Vec<Sha256>>, StoreError>;
}

impl Outbox for Store {
    fn queue(&self, alerts: &[(Alert, Vec<Sha256>)]) -> Result<Vec<Vec<Sha256>>, StoreError> {
        let each = alerts.iter();
        self.queue_alerts(each.map(|(alert, receivers)| (alert, receivers.as_slice())))
    }
}

/// Hands alerts to the thread, which ends with it.
pub(super) struct Writer {
    /// Gone when the thread shall end.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    alert: (Alert, Vec<Sha256>),
    /// Whether it shall not be written any more.
    cancelled: Arc<AtomicBool>,
    done: SyncSender<Result<Vec<Sha256>, WriteError>>,
}

/// How long somebody waits for an alert to be kept, and what then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wait {
    /// It is written when it can be.
    OrGoOn(Instant),
    /// It is not written any more.
    OrCancel(Instant),
}

/// Why an alert is not known to be kept.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// More wait to be written than can be.
    #[error("too many alerts wait to be written")]
    Busy,
    /// The store failed.
    #[error("{0}")]
    Failed(String),
    /// The disk takes longer than there is time.
    #[error("the disk took too long")]
    Late,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if there can be no more threads.
    pub(super) fn start(outbox: Box<dyn Outbox>, metrics: Arc<Metrics>) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(MOST_WAITING);
        let thread = std::thread::Builder::new()
            .name("alert-writer".to_owned())
            .spawn(move || run(&*outbox, &metrics, &waiting))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Has `alert` kept for `receivers`, and waits until it is, or as long as `wait` says. Returns the
    /// receivers for which there is no more room.
    pub(super) fn write(
        &self,
        alert: Alert,
        receivers: Vec<Sha256>,
        wait: Wait,
    ) -> Result<Vec<Sha256>, WriteError> {
        let (done, written) = sync_channel(1);
        let cancelled = Arc::new(AtomicBool::new(false));
        let job = Job {
            alert: (alert, receivers),
            cancelled: Arc::clone(&cancelled),
            done,
        };
        let jobs = self.jobs.as_ref().ok_or(WriteError::Busy)?;
        jobs.try_send(job).map_err(|_full| WriteError::Busy)?;
        let (Wait::OrGoOn(until) | Wait::OrCancel(until)) = wait;
        let time_left = until.saturating_duration_since(Instant::now());
        match written.recv_timeout(time_left) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                cancelled.store(matches!(wait, Wait::OrCancel(_)), Ordering::Release);
                Err(WriteError::Late)
            }
            Err(RecvTimeoutError::Disconnected) => Err(WriteError::Failed(
                "the store failed unexpectedly".to_owned(),
            )),
        }
    }
}

impl Drop for Writer {
    /// Lets the thread write what waits, so that the store is closed in good order, but not for ever.
    fn drop(&mut self) {
        self.jobs = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let last = Instant::now() + FAREWELL;
        while !thread.is_finished() && Instant::now() < last {
            std::thread::sleep(Duration::from_millis(5));
        }
        if !thread.is_finished() {
            tracing::warn!("alerts could not be written before the end");
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Writes what waits, all of it with one wait for the disk, until nobody can send any more.
fn run(outbox: &dyn Outbox, metrics: &Metrics, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let more = waiting.try_iter().take(MOST_AT_ONCE - 1);
        let jobs = [first].into_iter().chain(more);
        let jobs = jobs.filter(|job| !job.cancelled.load(Ordering::Acquire));
        let (alerts, done): (Vec<_>, Vec<_>) = jobs.map(|job| (job.alert, job.done)).unzip();
        // A panic of the store's engine loses these alerts, and no answer.
        let queued = catch_unwind(AssertUnwindSafe(|| outbox.queue(&alerts)));
        let results: Vec<Result<Vec<Sha256>, WriteError>> = match queued {
            Ok(Ok(full)) => full.into_iter().map(Ok).collect(),
            Ok(Err(error)) => vec![Err(WriteError::Failed(error.to_string())); done.len()],
            Err(_) => vec![Err(WriteError::Failed("a panic".to_owned())); done.len()],
        };
        for ((done, (_, receivers)), result) in done.iter().zip(&alerts).zip(results) {
            if let Err(TrySendError::Full(result) | TrySendError::Disconnected(result)) =
                done.try_send(result)
            {
                note_unheard(metrics, receivers.len(), result);
            }
        }
    }
}

/// Notes what became of an alert whose answer did not wait for it.
fn note_unheard(metrics: &Metrics, receivers: usize, result: Result<Vec<Sha256>, WriteError>) {
    let (lost, error) = match result {
        Ok(full) if full.is_empty() => return,
        Ok(full) => (full.len(), "too many alerts wait for a receiver".to_owned()),
        Err(error) => (receivers, error.to_string()),
    };
    metrics.alerts_lost(lost);
    tracing::error!(lost, error, "an alert is not queued, and lost");
}

/// As many as requests are judged at a time, twice over.
const MOST_WAITING: usize = 256;
const MOST_AT_ONCE: usize = 64;
/// How long the end of the process waits for the last alerts.
const FAREWELL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use vouchsafe_store::AlertOutcome;

    use super::*;

    /// Tells how much it is about to write, writes when it is told to, and panics when nobody will.
    struct Slow {
        go: Mutex<Receiver<()>>,
        batches: std::sync::mpsc::Sender<usize>,
    }

    impl Outbox for Slow {
        fn queue(&self, alerts: &[(Alert, Vec<Sha256>)]) -> Result<Vec<Vec<Sha256>>, StoreError> {
            self.batches.send(alerts.len()).unwrap();
            self.go.lock().unwrap().recv().unwrap();
            Ok(vec![Vec::new(); alerts.len()])
        }
    }

    fn alert() -> Alert {
        Alert {
            outcome: AlertOutcome::Rejected,
            message: String::new(),
            namespace: String::new(),
            kind: String::new(),
            name: String::new(),
            images: String::new(),
            uid: String::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_disk_that_hangs_holds_nobody_longer_than_asked_and_loses_nothing() {
        let (go, waits) = channel();
        let (batches, written) = channel();
        let slow = Slow {
            go: Mutex::new(waits),
            batches,
        };
        let writer = Writer::start(Box::new(slow), Metrics::new(Vec::new())).unwrap();
        let now = || Wait::OrGoOn(Instant::now());
        for _ in 0..3 {
            let error = writer.write(alert(), Vec::new(), now()).unwrap_err();
            assert!(matches!(error, WriteError::Late), "{error}");
        }
        let mut busy = 0;
        // More than can wait, and than the thread may have taken.
        let many = MOST_WAITING + MOST_AT_ONCE + 1;
        for _ in 0..many {
            let result = writer.write(alert(), Vec::new(), now());
            busy += usize::from(matches!(result, Err(WriteError::Busy)));
        }
        assert!(busy > 0, "there is a bound");
        let wanted = 3 + many - busy;
        let mut count = 0;
        while count < wanted {
            go.send(()).unwrap();
            let batch = written.recv_timeout(Duration::from_mins(1)).unwrap();
            assert!(batch <= MOST_AT_ONCE, "{batch}");
            count += batch;
        }
        assert_eq!(count, wanted, "none is lost");
    }

    #[test]
    fn what_is_cancelled_is_not_written_and_what_fails_unheard_is_counted() {
        let (go, waits) = channel();
        let (batches, written) = channel();
        let slow = Slow {
            go: Mutex::new(waits),
            batches,
        };
        let metrics = Metrics::new(Vec::new());
        let writer = Writer::start(Box::new(slow), Arc::clone(&metrics)).unwrap();
        let receivers = || vec![Sha256::of(b"receiver")];
        let go_on = || Wait::OrGoOn(Instant::now());
        writer.write(alert(), receivers(), go_on()).unwrap_err();
        // The thread has taken the first one, and these two wait behind it.
        written.recv_timeout(Duration::from_mins(1)).unwrap();
        writer.write(alert(), receivers(), go_on()).unwrap_err();
        let cancel = Wait::OrCancel(Instant::now());
        writer.write(alert(), receivers(), cancel).unwrap_err();
        // From now on the outbox panics.
        drop(go);
        drop(writer);
        let text = metrics.encode().unwrap();
        assert!(
            text.contains("vouchsafe_alerts_not_queued_total 2"),
            "{text}"
        );
    }
}
