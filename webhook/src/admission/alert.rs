//! Alerts: queued before the answer, sent by others afterwards.

use std::time::{Duration, Instant};

use vouchsafe_policy::{Alerting, Config, Receiver};
use vouchsafe_store::{Alert, AlertOutcome};
use vouchsafe_trust::{Sha256, Timestamp};

use super::writer::{WriteError, Writer};
use crate::review::Request;

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
    /// Whether it is not known to be on the disk.
    pub(super) late: bool,
    /// Why the request has to be denied, if it has to.
    pub(super) denial: Option<String>,
}

/// Queues the alert about `news` for `receivers`.
///
/// Waits for the disk as long as a receiver demands that it is safe and until `deadline`; for others not
/// longer than anybody should notice.
pub(super) fn queue(
    writer: &Writer,
    receivers: &[Receiver],
    news: News<'_>,
    deadline: Instant,
) -> Queued {
    let ids: Vec<Sha256> = receivers
        .iter()
        .map(|receiver| receiver.id.fingerprint())
        .collect();
    let is_strict = receivers.iter().any(|receiver| receiver.deny_unless_queued);
    let soon = Instant::now() + PATIENCE;
    // So that the answer says why, and not only that it came too late.
    let last = deadline.checked_sub(MARGIN).unwrap_or(deadline);
    let until = if is_strict { last } else { last.min(soon) };
    let (error, full, late) = match writer.write(news.alert(), ids.clone(), until) {
        Ok(full) if full.is_empty() => return Queued::default(),
        Ok(full) => ("too many alerts wait for it".to_owned(), full, false),
        Err(error) => (error.to_string(), ids, matches!(error, WriteError::Late)),
    };
    let is_affected = |receiver: &&Receiver| full.contains(&receiver.id.fingerprint());
    let affected: Vec<&Receiver> = receivers.iter().filter(is_affected).collect();
    for receiver in &affected {
        let receiver = &receiver.name;
        if late {
            tracing::warn!(
                receiver,
                "an answer did not wait for its alert to be on the disk"
            );
        } else {
            tracing::error!(receiver, error, "an alert is not queued, and lost");
        }
    }
    let strict = affected.iter().find(|receiver| receiver.deny_unless_queued);
    let denial = strict.map(|receiver| {
        format!(
            "its alert to the receiver `{}` could not be queued: {error}; the policy denies what it \
             cannot tell of (`failIfAlertSendingFails`), so see to the receiver or to the disk",
            receiver.name
        )
    });
    Queued {
        lost: if late { 0 } else { affected.len() },
        late,
        denial,
    }
}

/// How long an answer waits for the disk where nobody demands it: many times what a sync takes.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is left of the time to answer with when the wait is over.
const MARGIN: Duration = Duration::from_millis(100);
