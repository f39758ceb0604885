//! What the cluster runs: watched for owners, for discovery, and to judge it again.

mod gauges;
mod judge;
mod recheck;
mod report;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use vouchsafe_cluster::workloads::{Kind, Workloads};
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_syncer::Sightings;
use vouchsafe_webhook::{Admission, MetricSource, Owners};

use self::gauges::Gauges;
use self::recheck::Recheck;
use super::owners::Watched;
use crate::discovery;

/// What is known of the cluster's objects, and who uses it. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Running {
    store: Store,
    /// The configuration in use, and what follows it.
    configs: watch::Receiver<Arc<Config>>,
    workloads: Workloads,
    sightings: Sightings,
    gauges: Arc<Gauges>,
}

impl Running {
    /// Nothing is known yet.
    pub(super) fn new(store: &Store, configs: &watch::Receiver<Arc<Config>>) -> Self {
        Self {
            store: store.clone(),
            configs: configs.clone(),
            workloads: Workloads::default(),
            sightings: Sightings::default(),
            gauges: Arc::default(),
        }
    }

    /// The metrics of what runs.
    pub(super) fn metrics(&self) -> Vec<MetricSource> {
        gauges::all(&self.gauges, &self.workloads, &self.configs)
    }

    /// The owners that are known.
    pub(super) fn owners(&self) -> Box<dyn Owners> {
        Box::new(Watched {
            workloads: self.workloads.clone(),
            configs: self.configs.clone(),
        })
    }

    /// The images of the cluster, for a syncer. Waits for them for a while where `config` has that they count, so that
    /// the first pass has them.
    pub(super) async fn sightings(&self, config: &Config) -> Sightings {
        if Wanted::of(config).sightings {
            let listed = async {
                while !self.workloads.are_listed(&Kind::ALL) {
                    tokio::time::sleep(POLL).await;
                }
            };
            match tokio::time::timeout(FIRST_LIST, listed).await {
                Ok(()) => self.sightings.set(self.workloads.named().by_namespace),
                Err(_elapsed) => tracing::error!(
                    "the images of the cluster are not known yet: repositories are not discovered from them"
                ),
            }
        }
        self.sightings.clone()
    }

    /// Watches and judges as the configuration says, until dropped. `admission` has what bundles deny besides; reports
    /// are written while `leads`.
    pub(super) async fn run(self, admission: Arc<Admission>, leads: watch::Receiver<bool>) {
        let mut configs = self.configs.clone();
        loop {
            let wanted = Wanted::of(&configs.borrow_and_update());
            let mut tasks = JoinSet::new();
            tasks.spawn(self.clone().watch(wanted));
            if wanted.sightings {
                let this = self.clone();
                tasks.spawn(
                    async move { discovery::follow(&this.workloads, &this.sightings).await },
                );
            }
            if wanted.reports {
                let recheck = Recheck {
                    store: self.store.clone(),
                    configs: self.configs.clone(),
                    workloads: self.workloads.clone(),
                    gauges: Arc::clone(&self.gauges),
                    admission: Arc::clone(&admission),
                };
                tasks.spawn(recheck.run(leads.clone()));
            }
            let changed = configs.wait_for(|config| Wanted::of(config) != wanted);
            let next = match changed.await {
                Ok(config) => Wanted::of(&config),
                Err(_closed) => return,
            };
            tasks.shutdown().await;
            if wanted.reports && !next.reports {
                self.gauges.clear();
                recheck::withdraw(&self.configs, &leads).await;
            }
        }
    }

    /// Watches what is wanted.
    async fn watch(self, wanted: Wanted) {
        let kinds = wanted.kinds();
        if kinds.is_empty() {
            self.workloads.clear();
            return;
        }
        loop {
            let config = Arc::clone(&self.configs.borrow());
            match discovery::connect(&config).await {
                Ok(connection) => self.workloads.run(connection.client, kinds).await,
                Err(error) => tracing::error!(%error, "the objects of the cluster are not watched"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// What a configuration wants to know of the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Wanted {
    owners: bool,
    reports: bool,
    sightings: bool,
}

impl Wanted {
    fn of(config: &Config) -> Self {
        let kubernetes = config.kubernetes();
        Self {
            owners: kubernetes.owners && config.features().child_approval,
            reports: kubernetes.reports,
            // Whoever takes trust data from the cluster does not sync itself.
            sightings: config.sync().cluster && !config.sync().is_off && !kubernetes.feed,
        }
    }

    const fn kinds(self) -> &'static [Kind] {
        if self.owners || self.sightings {
            &Kind::ALL
        } else if self.reports {
            &[Kind::Pod]
        } else {
            &[]
        }
    }
}

/// How long the first pass waits for the images of the cluster.
const FIRST_LIST: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// How soon it is tried again to find the API server.
const AGAIN: Duration = Duration::from_secs(30);
