//! The thread that writes alerts: whoever has to answer waits for the disk only as long as there is time.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use vouchsafe_store::{Alert, Store, StoreError};
use vouchsafe_trust::Sha256;

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
pub(super) struct Writer(SyncSender<Job>);

struct Job {
    alert: (Alert, Vec<Sha256>),
    done: SyncSender<Result<Vec<Sha256>, WriteError>>,
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
    /// The disk takes longer than there is time; the alert may still be written.
    #[error("the disk took too long")]
    Late,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if there can be no more threads.
    pub(super) fn start(outbox: Box<dyn Outbox>) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(MOST_WAITING);
        std::thread::Builder::new()
            .name("alert-writer".to_owned())
            .spawn(move || run(&*outbox, &waiting))?;
        Ok(Self(jobs))
    }

    /// Has `alert` kept for `receivers`, and waits until it is, or until `until`. Returns the receivers
    /// for which there is no more room.
    pub(super) fn write(
        &self,
        alert: Alert,
        receivers: Vec<Sha256>,
        until: Instant,
    ) -> Result<Vec<Sha256>, WriteError> {
        let (done, written) = sync_channel(1);
        let alert = (alert, receivers);
        self.0
            .try_send(Job { alert, done })
            .map_err(|_full| WriteError::Busy)?;
        let time_left = until.saturating_duration_since(Instant::now());
        match written.recv_timeout(time_left) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(WriteError::Late),
            Err(RecvTimeoutError::Disconnected) => Err(WriteError::Failed(
                "the store failed unexpectedly".to_owned(),
            )),
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Writes what waits, all of it with one wait for the disk, until nobody can send any more.
fn run(outbox: &dyn Outbox, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let more = waiting.try_iter().take(MOST_AT_ONCE - 1);
        let (alerts, done): (Vec<_>, Vec<_>) = [first]
            .into_iter()
            .chain(more)
            .map(|Job { alert, done }| (alert, done))
            .unzip();
        // A panic of the store's engine loses these alerts, and no answer.
        let queued = catch_unwind(AssertUnwindSafe(|| outbox.queue(&alerts)));
        let results = match queued {
            Ok(Ok(full)) => full.into_iter().map(Ok).collect(),
            Ok(Err(error)) => vec![Err(WriteError::Failed(error.to_string())); done.len()],
            // Nobody is told, so everybody finds the line cut.
            Err(_) => Vec::new(),
        };
        for (done, result) in done.iter().zip(results) {
            if done.try_send(result).is_err() {
                tracing::debug!("nobody waited for an alert to be written");
            }
        }
    }
}

/// As many as requests are judged at a time, twice over.
const MOST_WAITING: usize = 256;
const MOST_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use vouchsafe_store::AlertOutcome;

    use super::*;

    /// Writes when it is told to, and remembers how much at a time.
    struct Slow {
        go: Mutex<Receiver<()>>,
        batches: std::sync::mpsc::Sender<usize>,
    }

    impl Outbox for Slow {
        fn queue(&self, alerts: &[(Alert, Vec<Sha256>)]) -> Result<Vec<Vec<Sha256>>, StoreError> {
            self.go.lock().unwrap().recv().unwrap();
            self.batches.send(alerts.len()).unwrap();
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
        let writer = Writer::start(Box::new(Slow {
            go: Mutex::new(waits),
            batches,
        }))
        .unwrap();
        for _ in 0..3 {
            let error = writer
                .write(alert(), Vec::new(), Instant::now())
                .unwrap_err();
            assert!(matches!(error, WriteError::Late), "{error}");
        }
        let mut busy = 0;
        for _ in 0..MOST_WAITING + 3 {
            let result = writer.write(alert(), Vec::new(), Instant::now());
            busy += usize::from(matches!(result, Err(WriteError::Busy)));
        }
        assert!(busy > 0, "there is a bound");
        let wanted = 3 + MOST_WAITING + 3 - busy;
        let mut count = 0;
        while count < wanted {
            go.send(()).unwrap();
            let batch = written.recv_timeout(Duration::from_mins(1)).unwrap();
            assert!(batch <= MOST_AT_ONCE, "{batch}");
            count += batch;
        }
        assert_eq!(count, wanted, "none is lost");
    }
}
