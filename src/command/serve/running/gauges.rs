//! Metrics of what runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use vouchsafe_cluster::workloads::{Kind, Workloads};
use vouchsafe_policy::Config;
use vouchsafe_webhook::{MetricSource, Sample};

use super::Wanted;
use super::judge::Verdict;
use super::report::Findings;

/// What was found last.
#[derive(Debug, Default)]
pub(super) struct Gauges(Mutex<Option<Last>>);

#[derive(Debug)]
struct Last {
    at: Timestamp,
    images: BTreeMap<Verdict, u64>,
    pods: BTreeMap<Verdict, u64>,
}

impl Gauges {
    /// Shows these findings of `at`.
    pub(super) fn set(&self, findings: &Findings, at: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Last {
            at,
            images: findings.images.clone(),
            pods: findings.pods.clone(),
        });
    }

    /// Shows nothing any more.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A sample for each verdict, those that nothing came to included.
    fn samples(&self, counts: impl Fn(&Last) -> &BTreeMap<Verdict, u64>) -> Vec<Sample> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = &*last else {
            return Vec::new();
        };
        let counts = counts(last);
        let sample = |verdict: Verdict| {
            let count = counts.get(&verdict).copied().unwrap_or_default();
            (vec![verdict.label().to_owned()], number(count))
        };
        Verdict::ALL.into_iter().map(sample).collect()
    }

    fn at(&self) -> Option<Timestamp> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|last| last.at)
    }
}

/// The gauges of what runs, and of how well it is known.
pub(super) fn all(
    gauges: &Arc<Gauges>,
    workloads: &Workloads,
    configs: &watch::Receiver<Arc<Config>>,
) -> Vec<MetricSource> {
    let [images, pods, at] = std::array::from_fn(|_| Arc::clone(gauges));
    let (counted, watched, configs) = (workloads.clone(), workloads.clone(), configs.clone());
    vec![
        MetricSource::gauge(
            "vouchsafe_running_images",
            "Images of running Pods, counted for each Pod, by what they come to when they are judged now",
            &["verdict"],
            move || images.samples(|last| &last.images),
        ),
        MetricSource::gauge(
            "vouchsafe_running_pods",
            "Running Pods by the worst that one of their images comes to when it is judged now",
            &["verdict"],
            move || pods.samples(|last| &last.pods),
        ),
        MetricSource::gauge(
            "vouchsafe_running_checked_timestamp_seconds",
            "When everything that runs was last judged; 0 if it never was",
            &[],
            move || {
                let at = at.at().unwrap_or(Timestamp::UNIX_EPOCH);
                vec![(Vec::new(), at.as_duration().as_secs_f64())]
            },
        ),
        MetricSource::gauge(
            "vouchsafe_watched_objects",
            "Objects of the cluster that are watched, by kind",
            &["kind"],
            move || {
                let count = |kind: Kind| {
                    let count = u64::try_from(counted.count(kind)?).unwrap_or(u64::MAX);
                    Some((vec![kind.name().to_owned()], number(count)))
                };
                Kind::ALL.into_iter().filter_map(count).collect()
            },
        ),
        MetricSource::gauge(
            "vouchsafe_watch_up",
            "Whether the objects of a kind that are to be watched are known as of lately",
            &["kind"],
            move || {
                let wanted = Wanted::of(&configs.borrow());
                let up = |kind: &Kind| {
                    let is_up = watched.are_current(&[*kind]);
                    (vec![kind.name().to_owned()], if is_up { 1.0 } else { 0.0 })
                };
                wanted.kinds().iter().map(up).collect()
            },
        ),
    ]
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
