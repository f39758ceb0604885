//! Metrics of bundles.

use std::sync::Arc;

use tokio::sync::watch;
use vouchsafe_policy::Config;
use vouchsafe_store::{ImportedBundle, Store};
use vouchsafe_trust::{Clock as _, Timestamp};
use vouchsafe_webhook::{MetricSource, Sample};

use super::super::gauges::seconds;
use super::Counts;
use crate::clock::SystemClock;

/// What became of bundles, and how long their word lasts.
pub(in super::super) fn metrics(
    store: &Store,
    configs: &watch::Receiver<Arc<Config>>,
    counts: &Arc<Counts>,
) -> Vec<MetricSource> {
    let by_bundle = |read: fn(&ImportedBundle, Timestamp) -> Option<f64>| {
        let store = store.clone();
        move || samples(&store, read)
    };
    let counts = Arc::clone(counts);
    let broken = (store.clone(), configs.clone());
    let vouched = broken.clone();
    vec![
        MetricSource::counter(
            "vouchsafe_bundles",
            "Bundles that were looked at, by what came of it",
            &["result"],
            move || of_counts(&counts),
        ),
        MetricSource::gauge(
            "vouchsafe_bundle_sequence",
            "The number of the latest bundle that was taken in, by series",
            &["bundle"],
            by_bundle(|bundle, _| u32::try_from(bundle.sequence).ok().map(f64::from)),
        ),
        MetricSource::gauge(
            "vouchsafe_bundle_created_timestamp_seconds",
            "When the latest bundle that was taken in was made, by series",
            &["bundle"],
            by_bundle(|bundle, _| Some(seconds(bundle.created_at))),
        ),
        MetricSource::gauge(
            "vouchsafe_bundle_refresh_seconds_left",
            "How long whoever signed the latest bundle vouches for it; negative when that is over, missing \
             where their word does not count",
            &["bundle"],
            move || {
                let (store, configs) = &vouched;
                let config = Arc::clone(&configs.borrow());
                samples(store, |bundle, now| refresh_left(bundle, &config, now))
            },
        ),
        MetricSource::gauge(
            "vouchsafe_break_glass_seconds_left",
            "How long the glass stays broken for a repository; missing where it is whole",
            &["gun"],
            move || {
                let (store, configs) = &broken;
                let now = store.observe_time(SystemClock.now()).now;
                let config = configs.borrow();
                // There is one for each repository.
                let broken = config.break_glass().iter().filter(|it| it.holds_at(now));
                let left = broken.map(|entry| {
                    let left = entry.until.duration_since(now).as_secs_f64();
                    (vec![entry.gun.to_string()], left)
                });
                left.collect()
            },
        ),
    ]
}

fn refresh_left(bundle: &ImportedBundle, config: &Config, now: Timestamp) -> Option<f64> {
    let until = bundle.refresh_by;
    let until = until.filter(|_| config.bundles().is_vouched(&bundle.signers))?;
    Some(until.duration_since(now).as_secs_f64())
}

fn samples(store: &Store, read: impl Fn(&ImportedBundle, Timestamp) -> Option<f64>) -> Vec<Sample> {
    let now = store.observe_time(SystemClock.now()).now;
    // That the store cannot be read is a metric of its own.
    let bundles = store.bundles().unwrap_or_default();
    let sample = |bundle: &ImportedBundle| Some((vec![bundle.name.clone()], read(bundle, now)?));
    bundles.iter().filter_map(sample).collect()
}

fn of_counts(counts: &Counts) -> Vec<Sample> {
    let counts = counts.all().into_iter();
    counts
        .map(|(label, count)| (vec![label], f64::from(count)))
        .collect()
}
