//! Delivery of alerts beside the webhook, and how it is doing.

use std::sync::Arc;

use tokio::sync::watch;
use vouchsafe_alerts::{Counters, Delivery, Pace, Plan, ReceiverCounts};
use vouchsafe_policy::{Config, Receiver};
use vouchsafe_store::Store;
use vouchsafe_trust::Clock;
use vouchsafe_webhook::{MetricSource, Sample};

use super::gauges::seconds;

/// The plan in use, and who hears of the next one.
pub(super) type Plans = watch::Sender<Arc<Plan>>;

/// Delivers what waits in `store` by the plan of `config`, and by those that follow, until the
/// process ends. `pod` is what alerts call this process.
pub(super) fn deliver(
    store: &Store,
    plan: Plan,
    pod: Option<String>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
) -> Plans {
    let (plans, planned) = watch::channel(Arc::new(plan));
    let delivery = Delivery {
        store: store.clone(),
        plans: planned,
        pod_id: pod.unwrap_or_default(),
        counters,
        clock,
        pace: Pace::default(),
    };
    tokio::spawn(delivery.run(std::future::pending()));
    plans
}

/// What became of alerts, by receiver.
pub(super) fn metrics(
    store: &Store,
    configs: &watch::Receiver<Arc<Config>>,
    counters: &Arc<Counters>,
) -> Vec<MetricSource> {
    let (waiting, oldest) = (store.clone(), store.clone());
    let (named, dated) = (configs.clone(), configs.clone());
    let (ended, retried, orphaned) = (
        Arc::clone(counters),
        Arc::clone(counters),
        Arc::clone(counters),
    );
    vec![
        MetricSource::counter(
            "vouchsafe_alerts",
            "Alerts that were delivered or dropped, by receiver",
            &["receiver", "result"],
            move || ended.receivers().iter().flat_map(by_result).collect(),
        ),
        MetricSource::counter(
            "vouchsafe_alert_attempts_failed",
            "Attempts to deliver an alert that failed and are tried again, by receiver",
            &["receiver"],
            move || {
                let receivers = retried.receivers().into_iter();
                let sample = |(name, counts): (String, ReceiverCounts)| {
                    (vec![name], number(counts.failed_attempts))
                };
                receivers.map(sample).collect()
            },
        ),
        MetricSource::counter(
            "vouchsafe_alerts_orphaned",
            "Alerts that were dropped because their receiver is no longer configured",
            &[],
            move || vec![(Vec::new(), number(orphaned.orphaned()))],
        ),
        MetricSource::gauge(
            "vouchsafe_alerts_waiting",
            "Alerts that wait for their receiver",
            &["receiver"],
            move || {
                let backlogs = waiting.outbox_backlogs();
                let config = named.borrow();
                let receivers = config.alerting().receivers();
                let sample = |receiver: &Receiver| {
                    let backlog = backlogs.get(&receiver.id.fingerprint());
                    let count = backlog.map_or(0, |backlog| backlog.entries);
                    let count = u64::try_from(count).unwrap_or(u64::MAX);
                    (vec![receiver.name.clone()], number(count))
                };
                receivers.map(sample).collect()
            },
        ),
        MetricSource::gauge(
            "vouchsafe_alerts_oldest_timestamp_seconds",
            "When the alert was raised that waits longest for its receiver",
            &["receiver"],
            move || {
                let config = dated.borrow();
                let receivers = config.alerting().receivers();
                let sample = |receiver: &Receiver| {
                    let at = oldest.outbox_oldest(&receiver.id.fingerprint()).ok()??;
                    Some((vec![receiver.name.clone()], seconds(at)))
                };
                receivers.filter_map(sample).collect()
            },
        ),
    ]
}

fn by_result((name, counts): (&String, &ReceiverCounts)) -> [Sample; 4] {
    [
        ("delivered", counts.delivered),
        ("refused", counts.refused),
        ("expired", counts.expired),
        ("unwritten", counts.unwritten),
    ]
    .map(|(result, count)| (vec![name.clone(), result.to_owned()], number(count)))
}

/// A count as a metric's value; beyond what a float can count there are none.
fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
