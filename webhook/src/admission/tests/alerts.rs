//! Alerts: which answer raises one, and what becomes of it if it cannot be queued.

use serde_json::Value;
use vouchsafe_store::{Alert, AlertOutcome};
use vouchsafe_trust::Sha256;

use super::*;
use crate::testing::admission_by;

/// What was queued, and whether there is room for more.
#[derive(Clone, Default)]
struct Recorder {
    queued: Arc<Mutex<Vec<(Alert, usize)>>>,
    fault: Fault,
}

#[derive(Clone, Copy, Default)]
enum Fault {
    #[default]
    None,
    Full,
    Store,
    Panic,
    Slow,
}

impl Outbox for Recorder {
    fn queue(&self, alerts: &[(Alert, Vec<Sha256>)]) -> Result<Vec<Vec<Sha256>>, StoreError> {
        match self.fault {
            Fault::None => {}
            Fault::Full => {
                return Ok(alerts
                    .iter()
                    .map(|(_, receivers)| receivers.clone())
                    .collect());
            }
            Fault::Store => {
                let what = "the disk".to_owned();
                return Err(StoreError::Damaged { what });
            }
            Fault::Panic => panic!("as the test wants it"),
            Fault::Slow => std::thread::sleep(std::time::Duration::from_secs(2)),
        }
        let mut queued = self.queued.lock().unwrap();
        queued.extend(alerts.iter().map(|(alert, to)| (alert.clone(), to.len())));
        Ok(vec![Vec::new(); alerts.len()])
    }
}

const BOTH: &str = "alerting:
  admitRequest:
    receivers: [{template: slack, receiverUrl: 'https://chat.example.com/a'}]
  rejectRequest:
    receivers:
    - {template: slack, receiverUrl: 'https://chat.example.com/r'}
    - {template: keybase, receiverUrl: 'https://chat.example.com/r'}
";

fn alerting(more: &str, fault: Fault) -> (Admission, Recorder) {
    let outbox = Recorder {
        fault,
        ..Recorder::default()
    };
    let (admission, _) = admission_by(&format!("{BOTH}{more}"));
    (
        admission.with_outbox(Box::new(outbox.clone())).unwrap(),
        outbox,
    )
}

/// What a review to this webhook raises: outcome, how many receivers, images and message.
fn raised(more: &str, webhook: Webhook, review: &Value) -> Vec<(AlertOutcome, usize, Alert)> {
    let (admission, outbox) = alerting(more, Fault::None);
    let body = serde_json::to_vec(review).unwrap();
    admission.review(
        webhook,
        &body,
        Instant::now() + std::time::Duration::from_mins(1),
    );
    let queued = outbox.queued.lock().unwrap();
    let each = queued.iter().cloned();
    each.map(|(alert, receivers)| (alert.outcome, receivers, alert))
        .collect()
}

#[test]
fn the_final_answer_alone_is_told() {
    let pinned = pinned(APP);
    let good = pod(&[&pinned]);
    let bad = pod(&[UNSIGNED, &pinned]);
    assert_eq!(raised("", Webhook::Mutate, &good), []);
    let [(AlertOutcome::Admitted, 1, admitted)] = &raised("", Webhook::Validate, &good)[..] else {
        panic!();
    };
    assert_eq!(
        (admitted.images.as_str(), admitted.message.as_str()),
        (&*pinned, "")
    );
    assert_eq!(admitted.kind, "Pod");
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        let [(AlertOutcome::Rejected, 2, rejected)] = &raised("", webhook, &bad)[..] else {
            panic!();
        };
        assert_eq!(rejected.images, UNSIGNED, "the images in question");
        assert!(rejected.message.contains("it is not signed"));
        assert_eq!(rejected.uid, bad["request"]["uid"].as_str().unwrap());
    }
}

#[test]
fn what_is_only_warned_about_is_told_to_those_who_hear_of_denials() {
    let detection = "features: {detectionMode: true}\n";
    let bad = pod(&[UNSIGNED]);
    assert_eq!(raised(detection, Webhook::Mutate, &bad), []);
    let [(AlertOutcome::Warned, 2, warned)] = &raised(detection, Webhook::Validate, &bad)[..]
    else {
        panic!();
    };
    assert!(
        warned.message.contains("detection mode admits"),
        "{warned:?}"
    );
}

#[test]
fn dry_runs_and_what_is_not_judged_are_not_told() {
    let mut dry = pod(&[UNSIGNED]);
    dry["request"]["dryRun"] = json!(true);
    assert_eq!(raised("", Webhook::Validate, &dry), []);
    let (admission, _) = alerting("", Fault::None);
    let denied = answer(&admission, Webhook::Validate, &dry);
    assert!(
        message(&denied).contains("it is not signed"),
        "the answer is the same"
    );
    assert_eq!(raised("", Webhook::Validate, &fixture("pod-delete")), []);
    let (admission, outbox) = alerting("", Fault::None);
    admission.refuse(Webhook::Validate, b"{", &Refusal::Overloaded);
    admission.review(Webhook::Validate, b"no review", Instant::now());
    assert!(outbox.queued.lock().unwrap().is_empty());
}

#[test]
fn an_alert_that_cannot_be_queued_denies_where_that_is_configured_and_nowhere_else() {
    let review = pod(&[&pinned(APP)]);
    let strict = BOTH.replace("/a'}", "/a', failIfAlertSendingFails: true}");
    for fault in [Fault::Full, Fault::Store, Fault::Panic] {
        let (lenient, _) = alerting("", fault);
        let admitted = answer(&lenient, Webhook::Validate, &review);
        assert_eq!(admitted["allowed"], true, "{admitted}");
        for more in ["", "features: {detectionMode: true}\n"] {
            let (admission, metrics) = admission_by(&format!("{strict}{more}"));
            let outbox = Recorder {
                fault,
                ..Recorder::default()
            };
            let admission = admission.with_outbox(Box::new(outbox)).unwrap();
            let denied = answer(&admission, Webhook::Validate, &review);
            let why = message(&denied);
            assert!(
                why.contains("alert to the receiver `admit/slack/0`"),
                "{why}"
            );
            let text = metrics.encode().unwrap();
            assert!(
                text.contains("vouchsafe_alerts_not_queued_total 3"),
                "{text}"
            );
            assert!(
                text.contains(r#"decision="deny",reason="alert_not_queued"} 1"#),
                "{text}"
            );
        }
    }
}

#[test]
fn a_slow_disk_delays_no_answer_for_long_unless_a_receiver_demands_it() {
    let review = pod(&[&pinned(APP)]);
    let body = serde_json::to_vec(&review).unwrap();
    let soon = || Instant::now() + std::time::Duration::from_millis(600);
    let (admission, metrics) = admission_by(BOTH);
    let slow = Recorder {
        fault: Fault::Slow,
        ..Recorder::default()
    };
    let admission = admission.with_outbox(Box::new(slow.clone())).unwrap();
    let answer: Value =
        serde_json::from_slice(&admission.review(Webhook::Validate, &body, soon())).unwrap();
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    let text = metrics.encode().unwrap();
    assert!(text.contains("vouchsafe_alerts_unsynced_total 1"), "{text}");
    let strict = BOTH.replace("/a'}", "/a', failIfAlertSendingFails: true}");
    let (admission, _) = admission_by(&strict);
    let admission = admission.with_outbox(Box::new(slow)).unwrap();
    let answer: Value =
        serde_json::from_slice(&admission.review(Webhook::Validate, &body, soon())).unwrap();
    let why = message(&answer["response"]);
    assert!(why.contains("the disk took too long"), "{why}");
}
