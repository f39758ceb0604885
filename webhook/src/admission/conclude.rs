//! From what was decided to the answer: alerts, counts and the log.

use std::time::Instant;

use vouchsafe_policy::{Config, Grounds};
use vouchsafe_store::AlertOutcome;

use super::alert::{self, News, Queued};
use super::judge::Judged;
use super::leniency::Leniency;
use super::verdict::{LATE, Verdict};
use super::{Admission, MAX_NAME, Refusal, Webhook};
use crate::metrics::{Outcome, Validation, Validity};
use crate::review::{Answer, Request};
use crate::text::printable;

/// Who asks, and by which configuration they are answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    pub(super) webhook: Webhook,
    pub(super) config: &'a Config,
    pub(super) uid: &'a str,
    /// The request, if it could be read.
    pub(super) request: Option<&'a Request<'a>>,
}

impl Asking<'_> {
    /// Whether no other webhook has a say after this one: what `/mutate` lets pass, `/validate` is
    /// asked about again.
    fn is_final(&self, outcome: Outcome) -> bool {
        self.webhook == Webhook::Validate || outcome.is_denied()
    }

    fn is_dry_run(&self) -> bool {
        self.request
            .is_some_and(|request| request.dry_run == Some(true))
    }
}

/// An answer that nobody has been told of yet.
#[derive(Debug)]
pub(super) struct Conclusion {
    pub(super) outcome: Outcome,
    pub(super) answer: Answer,
    /// Whether there was no time to judge everything.
    pub(super) timed_out: bool,
}

impl Conclusion {
    /// What was judged.
    pub(super) fn of(judged: &Judged<'_>) -> Self {
        let is_late = |(_, verdict): &(&str, Verdict)| matches!(verdict, Verdict::Deny(denied) if denied.label == LATE);
        Self {
            outcome: judged.outcome(),
            answer: judged.answer(),
            timed_out: judged.verdicts().iter().any(is_late),
        }
    }

    /// A refusal, which `leniency` may let pass.
    pub(super) fn refused(refusal: &Refusal, leniency: Option<Leniency>) -> Self {
        let reason = refusal.label();
        let why = refusal.to_string();
        let (outcome, answer) = match leniency {
            None => (Outcome::deny(reason), Answer::denied(why, reason)),
            Some(leniency) => {
                let outcome = Outcome::warn(reason);
                let answer = Answer {
                    warnings: vec![format!("{}: {why}", leniency.words())],
                    ..Answer::admitted(outcome.decision(), reason)
                };
                (outcome, answer)
            }
        };
        Self {
            outcome,
            answer,
            timed_out: matches!(refusal, Refusal::Late),
        }
    }

    /// What is said of it: why it was denied, or what was warned about.
    fn message(&self) -> String {
        match &self.answer.denial {
            Some(denial) => denial.clone(),
            None => self.answer.warnings.join("\n"),
        }
    }

    const fn alert_outcome(&self) -> AlertOutcome {
        if self.answer.denial.is_some() {
            AlertOutcome::Rejected
        } else if self.outcome.is_warned() {
            AlertOutcome::Warned
        } else {
            AlertOutcome::Admitted
        }
    }
}

impl Admission {
    /// Queues the alert about an answer, which may deny what had been admitted. `images` says which
    /// are in question; it is asked only if somebody is told.
    pub(super) fn alert(
        &self,
        asking: Asking<'_>,
        conclusion: Conclusion,
        images: impl FnOnce() -> String,
        deadline: Instant,
    ) -> Conclusion {
        let Some(writer) = &self.writer else {
            return conclusion;
        };
        if !asking.is_final(conclusion.outcome) || asking.is_dry_run() {
            return conclusion;
        }
        let outcome = conclusion.alert_outcome();
        let alerting = asking.config.alerting();
        let receivers = alert::receivers(alerting, outcome);
        if receivers.is_empty() {
            return conclusion;
        }
        let news = News {
            outcome,
            message: conclusion.message(),
            images: images(),
            uid: asking.uid,
            request: asking.request,
            at: self.clock.now(),
        };
        let queued = alert::queue(writer, receivers, news.clone(), deadline);
        self.count_alert(&queued);
        // What is denied anyway keeps its own reason.
        let Some(why) = queued.denial.filter(|_| conclusion.answer.denial.is_none()) else {
            return conclusion;
        };
        let denied = Conclusion {
            outcome: Outcome::deny(NOT_QUEUED),
            answer: Answer::denied(why.clone(), NOT_QUEUED),
            ..conclusion
        };
        // Those who hear of denials are told of this one, as far as that can be.
        let news = News {
            outcome: denied.alert_outcome(),
            message: why,
            ..news
        };
        if news.outcome != outcome {
            let receivers = alert::receivers(alerting, news.outcome);
            self.count_alert(&alert::queue(writer, receivers, news, deadline));
        }
        denied
    }

    fn count_alert(&self, queued: &Queued) {
        self.metrics.alerts_lost(queued.lost);
        if queued.late {
            self.metrics.alert_late();
        }
    }

    /// Counts and logs an answer.
    pub(super) fn tell(&self, asking: Asking<'_>, conclusion: Conclusion) -> Answer {
        let Conclusion {
            outcome,
            answer,
            timed_out,
        } = conclusion;
        let reason = outcome.reason();
        self.metrics.admission(asking.webhook, outcome);
        if let Some(connaisseur) = self.metrics.connaisseur()
            && asking.is_final(outcome)
        {
            connaisseur.request(!outcome.is_denied(), timed_out);
        }
        if outcome.is_denied() {
            log(asking, &answer, reason, "review denied");
        } else if outcome.is_warned() {
            log(asking, &answer, reason, "review only warned about");
        }
        answer
    }

    /// Counts what was decided about each image.
    pub(super) fn count_images(&self, asking: Asking<'_>, judged: &Judged<'_>) {
        let outcome = judged.outcome();
        for (_, verdict) in judged.verdicts() {
            self.metrics.image(judged.outcome_of(verdict));
        }
        if let Some(connaisseur) = self.metrics.connaisseur()
            && asking.is_final(outcome)
        {
            for (_, verdict) in judged.verdicts() {
                connaisseur.validation(&validation(verdict));
            }
        }
    }
}

/// What Connaisseur would count.
fn validation(verdict: &Verdict) -> Validation<'_> {
    match verdict {
        Verdict::Allow(allowed) => Validation {
            kind: match allowed.grounds {
                Grounds::Static => "static",
                Grounds::Approved(_) | Grounds::Signed(_) => "notaryv1",
            },
            validator: &allowed.validator,
            result: match allowed.grounds {
                Grounds::Approved(approval) => Validity::Skipped(approval.connaisseur_reason()),
                Grounds::Signed(_) | Grounds::Static => Validity::Successful,
            },
        },
        Verdict::Deny(denied) => {
            let validator = denied
                .denial
                .as_ref()
                .and_then(|denial| denial.validator.as_deref());
            Validation {
                kind: match (denied.label, validator) {
                    (_, None) => "unknown",
                    ("static_deny", Some(_)) => "static",
                    (_, Some(_)) => "notaryv1",
                },
                validator: validator.unwrap_or_default(),
                result: if denied.label == LATE {
                    Validity::TimedOut
                } else {
                    Validity::Failed
                },
            }
        }
    }
}

/// The one event of a review that was denied, or would be. Whatever the request says is cut and
/// escaped before it is recorded.
fn log(asking: Asking<'_>, answer: &Answer, reason: &'static str, what: &'static str) {
    let of = |text: for<'r> fn(&'r Request<'_>) -> &'r str| {
        let request = asking.request?;
        Some(printable(text(request), MAX_NAME))
    };
    // The images with their labels where some were judged; otherwise why none was.
    let images = &answer.audit.images;
    let why = answer.denial.as_ref().or_else(|| answer.warnings.first());
    tracing::warn!(
        webhook = asking.webhook.name(),
        uid = printable(asking.uid, MAX_NAME),
        namespace = of(|request| request.namespace.as_str()),
        kind = of(|request| request.kind.kind.as_str()),
        name = of(|request| request.object_name()),
        detail = why.filter(|_| images == reason).unwrap_or(images),
        reason,
        "{what}"
    );
}

/// The label of a request whose alert cannot be queued.
const NOT_QUEUED: &str = "alert_not_queued";
