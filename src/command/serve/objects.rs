//! The `TrustRepository` objects of the cluster, where they feed the store.

use std::sync::Arc;

use tokio::sync::watch;
use vouchsafe_cluster::feed::{Feed, Progress};
use vouchsafe_cluster::status::Standing;
use vouchsafe_policy::Config;
use vouchsafe_store::{RepositoryState, RepositoryStatus, Store, StoreError};
use vouchsafe_trust::{Clock, Timestamp};
use vouchsafe_webhook::MetricSource;

use super::cluster::Cluster;
use super::feed::FromObjects;
use crate::freshness;

/// Follows the objects, beside everything else; `sources` shows how far that has got.
pub(super) fn follow(
    cluster: &Cluster,
    store: &Store,
    configs: &watch::Receiver<Arc<Config>>,
    clock: &Arc<dyn Clock>,
    sources: &mut Vec<MetricSource>,
) -> Result<FromObjects, StoreError> {
    let held_before = store.holds_any()?;
    let (progress, progressing) = watch::channel(Progress::default());
    sources.extend(metrics(&progressing));
    let feed = Feed {
        connection: cluster.connection.clone(),
        store: store.clone(),
        configs: configs.clone(),
        clock: Arc::clone(clock),
        judge: Arc::new(judge),
        leads: cluster.leads.clone(),
    };
    tokio::spawn(feed.run(progress));
    Ok(FromObjects {
        progress: progressing,
        held_before,
    })
}

/// What a stored repository is good for.
fn judge(status: &RepositoryStatus, config: &Config, now: Timestamp) -> Standing {
    let word = freshness::word(status, config, now);
    let tags = match &status.state {
        RepositoryState::Active(active) => Some(active.tags),
        RepositoryState::Unknown | RepositoryState::Withdrawn { .. } => None,
    };
    Standing {
        word,
        tags,
        until: freshness::admissible_until(status, config, word, now),
    }
}

/// What is counted of the objects.
fn metrics(progress: &watch::Receiver<Progress>) -> Vec<MetricSource> {
    let (objects, reachable) = (progress.clone(), progress.clone());
    vec![
        MetricSource::gauge(
            "vouchsafe_trust_repository_objects",
            "TrustRepository objects by what became of them: stored, or why they change nothing",
            &["result"],
            move || {
                let progress = objects.borrow();
                let counts = progress.objects.iter();
                counts
                    .map(|(result, count)| {
                        let count = u32::try_from(*count).unwrap_or(u32::MAX);
                        (vec![(*result).to_owned()], f64::from(count))
                    })
                    .collect()
            },
        ),
        MetricSource::gauge(
            "vouchsafe_api_server_up",
            "Whether the TrustRepository objects could be followed at the last attempt",
            &[],
            move || {
                let reachable = reachable.borrow().reachable;
                reachable
                    .map(|up| (Vec::new(), if up { 1.0 } else { 0.0 }))
                    .into_iter()
                    .collect()
            },
        ),
    ]
}
