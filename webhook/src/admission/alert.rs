//! Alerts: queued before the answer, sent by others afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vouchsafe_policy::{Alerting, Config, Receiver};
use vouchsafe_store::{Alert, AlertOutcome, QueueError, Store};
use vouchsafe_trust::{Sha256, Timestamp};

use crate::review::Request;

/// Where alerts wait for their receivers. Nothing is sent from here.
pub trait Outbox: Send + Sync {
    /// Keeps `alert` for each of `receivers`; it is safe when this returns.
    ///
    /// # Errors
    ///
    /// [`QueueError`] where it is not, for all or for some of them.
    fn queue(&self, alert: &Alert, receivers: &[Sha256]) -> Result<(), QueueError>;
}

impl Outbox for Store {
    fn queue(&self, alert: &Alert, receivers: &[Sha256]) -> Result<(), QueueError> {
        self.queue_alert(alert, receivers)
    }
}

/// What is told of an answer.
#[derive(Debug)]
pub(super) struct News<'n> {
    pub(super) outcome: AlertOutcome,
    /// Why; empty where there is nothing to say.
    pub(super) message: String,
    /// The images in question.
    pub(super) images: String,
    pub(super) uid: &'n str,
    pub(super) request: Option<&'n Request<'n>>,
    pub(super) at: Timestamp,
}

impl News<'_> {
    fn alert(self) -> Alert {
        let of = |text: fn(&Request<'_>) -> String| self.request.map(text).unwrap_or_default();
        Alert {
            outcome: self.outcome,
            namespace: of(|request| request.namespace.as_str().to_owned()),
            kind: of(|request| request.kind.kind.as_str().to_owned()),
            name: of(|request| request.object_name().to_owned()),
            message: self.message,
            images: self.images,
            uid: self.uid.to_owned(),
            at: self.at,
        }
    }
}

/// The receivers that are told of such an outcome.
pub(super) fn receivers(alerting: &Alerting, outcome: AlertOutcome) -> &[Receiver] {
    match outcome {
        AlertOutcome::Admitted => &alerting.admit,
        AlertOutcome::Rejected | AlertOutcome::Warned => &alerting.reject,
    }
}

/// Whether some answer is told to somebody.
pub(super) fn has_receivers(config: &Config) -> bool {
    config.alerting().receivers().next().is_some()
}

/// What came of queueing an alert.
#[derive(Debug, Default)]
pub(super) struct Queued {
    /// For how many receivers it is not queued.
    pub(super) lost: usize,
    /// Why the request has to be denied, if it has to.
    pub(super) denial: Option<String>,
}

/// Queues the alert about `news` for `receivers`.
pub(super) fn queue(outbox: &dyn Outbox, receivers: &[Receiver], news: News<'_>) -> Queued {
    let ids: Vec<Sha256> = receivers
        .iter()
        .map(|receiver| receiver.id.fingerprint())
        .collect();
    let alert = news.alert();
    // A panic of the store's engine loses the alert and not the answer.
    let queued = catch_unwind(AssertUnwindSafe(|| outbox.queue(&alert, &ids)));
    let (error, full) = match queued {
        Ok(Ok(())) => return Queued::default(),
        Ok(Err(QueueError::Full { receivers })) => {
            ("too many alerts wait for it".to_owned(), receivers)
        }
        Ok(Err(error)) => (error.to_string(), ids),
        Err(_) => ("the store failed unexpectedly".to_owned(), ids),
    };
    let is_lost = |receiver: &&Receiver| full.contains(&receiver.id.fingerprint());
    let lost: Vec<&Receiver> = receivers.iter().filter(is_lost).collect();
    for receiver in &lost {
        tracing::error!(
            receiver = receiver.name,
            error,
            "an alert is not queued, and lost"
        );
    }
    let strict = lost.iter().find(|receiver| receiver.deny_unless_queued);
    let denial = strict.map(|receiver| {
        format!(
            "its alert to the receiver `{}` could not be queued: {error}; the policy denies what it \
             cannot tell of (`failIfAlertSendingFails`), so see to the receiver or to the disk",
            receiver.name
        )
    });
    Queued {
        lost: lost.len(),
        denial,
    }
}
