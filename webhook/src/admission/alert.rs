//! Alerts: queued before the answer, sent by others afterwards.

use std::time::{Duration, Instant};

use vouchsafe_policy::{Alerting, Config, Receiver};
use vouchsafe_store::{Alert, AlertOutcome};
use vouchsafe_trust::{Sha256, Timestamp};

use super::writer::{Wait, WriteError, Writer};
use crate::review::Request;

/// What is told of an answer.
#[derive(Clone, Debug)]
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
    /// Whether it is not known to be on the disk.
    pub(super) late: bool,
    /// Why the request has to be denied, if it has to.
    pub(super) denial: Option<String>,
}

/// Queues the alert about `news` for `receivers`: first for those that demand it, since whoever is denied
/// for their sake is admitted nowhere.
///
/// Waits for the disk as long as a receiver demands that it is safe and until `deadline`; for others not
/// longer than anybody should notice.
pub(super) fn queue(
    writer: &Writer,
    receivers: &[Receiver],
    news: News<'_>,
    deadline: Instant,
) -> Queued {
    let alert = news.alert();
    // So that the answer says why, and not only that it came too late.
    let last = deadline.checked_sub(MARGIN).unwrap_or(deadline);
    let soon = last.min(Instant::now() + PATIENCE);
    let (strict, lenient): (Vec<&Receiver>, Vec<&Receiver>) = receivers
        .iter()
        .partition(|receiver| receiver.deny_unless_queued);
    let mut queued = put(writer, &strict, &alert, Wait::OrCancel(last));
    if queued.denial.is_none() {
        let others = put(writer, &lenient, &alert, Wait::OrGoOn(soon));
        queued.lost += others.lost;
        queued.late = others.late;
    }
    queued
}

/// Queues `alert` for receivers of one kind.
fn put(writer: &Writer, receivers: &[&Receiver], alert: &Alert, wait: Wait) -> Queued {
    if receivers.is_empty() {
        return Queued::default();
    }
    let ids: Vec<Sha256> = receivers
        .iter()
        .map(|receiver| receiver.id.fingerprint())
        .collect();
    let (error, full) = match writer.write(alert.clone(), ids.clone(), wait) {
        Ok(full) if full.is_empty() => return Queued::default(),
        Ok(full) => ("too many alerts wait for it".to_owned(), full),
        Err(WriteError::Late) if matches!(wait, Wait::OrGoOn(_)) => {
            tracing::warn!("an answer did not wait for its alert to be on the disk");
            return Queued {
                late: true,
                ..Queued::default()
            };
        }
        Err(error) => (error.to_string(), ids),
    };
    let lost = receivers
        .iter()
        .filter(|receiver| full.contains(&receiver.id.fingerprint()));
    let denial = lost
        .clone()
        .find(|receiver| receiver.deny_unless_queued)
        .map(|receiver| {
            format!(
                "its alert to the receiver `{}` could not be queued: {error}; the policy denies what \
                 it cannot tell of (`failIfAlertSendingFails`), so see to the receiver or to the disk",
                receiver.name
            )
        });
    let count = lost.clone().count();
    lost.for_each(|receiver| {
        let receiver = &receiver.name;
        tracing::error!(receiver, error, "an alert is not queued, and lost");
    });
    Queued {
        lost: count,
        late: false,
        denial,
    }
}

/// How long an answer waits for the disk where nobody demands it: many times what a sync takes.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is left of the time to answer with when the wait is over.
const MARGIN: Duration = Duration::from_millis(100);
