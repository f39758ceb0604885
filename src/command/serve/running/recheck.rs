//! Judges again what runs whenever the answer may have changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use vouchsafe_cluster::reports::{Published, Publisher, Report, ReportError};
use vouchsafe_cluster::workloads::{Kind, Workloads};
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_trust::Clock as _;
use vouchsafe_webhook::Admission;

use super::gauges::Gauges;
use super::report::Findings;
use crate::clock::SystemClock;
use crate::discovery;

/// What is judged, by what, and who is told.
pub(super) struct Recheck {
    pub(super) store: Store,
    pub(super) configs: watch::Receiver<Arc<Config>>,
    pub(super) workloads: Workloads,
    pub(super) gauges: Arc<Gauges>,
    /// It has the configuration with what bundles deny.
    pub(super) admission: Arc<Admission>,
}

type Reports = Arc<BTreeMap<Arc<str>, Report>>;

impl Recheck {
    /// Judges until dropped, and keeps the reports while `leads`.
    pub(super) async fn run(self, leads: watch::Receiver<bool>) {
        let (found, reports) = watch::channel(None);
        let configs = self.configs.clone();
        tokio::join!(self.judge(found), publish(configs, reports, leads));
    }

    async fn judge(self, found: watch::Sender<Option<Reports>>) {
        let mut changes = self.workloads.changes();
        let mut configs = self.configs.clone();
        loop {
            let generation = self.store.generation();
            let started = Instant::now();
            // What is not current is not said to have been checked.
            if self.workloads.are_current(&[Kind::Pod]) {
                let (store, workloads) = (self.store.clone(), self.workloads.clone());
                let config = self.admission.config();
                let now = store.observe_time(SystemClock.now()).now;
                let judged = spawn_blocking(move || {
                    Findings::of(&workloads, &config, |query| store.evidence(query), now)
                });
                match judged.await {
                    Ok(mut findings) => {
                        self.gauges.set(&findings, now);
                        let reports = std::mem::take(&mut findings.reports);
                        found.send_replace(Some(Arc::new(reports)));
                    }
                    Err(error) => tracing::error!(%error, "what runs could not be judged"),
                }
            }
            // However much changes, it takes a small part of the time.
            let pause = started.elapsed().saturating_mul(SHARE);
            tokio::time::sleep(pause.clamp(PAUSE, EVERY)).await;
            tokio::select! {
                _ = changes.changed() => {}
                _ = configs.changed() => {}
                () = self.store_changes(generation) => {}
                // Time alone makes proof stale.
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Waits until something is written to the store after `generation`.
    async fn store_changes(&self, generation: u64) {
        while self.store.generation() == generation {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Keeps the reports as they were found, while `leads`.
async fn publish(
    configs: watch::Receiver<Arc<Config>>,
    mut reports: watch::Receiver<Option<Reports>>,
    mut leads: watch::Receiver<bool>,
) {
    let mut publisher = None;
    loop {
        let wanted = reports.borrow_and_update().clone();
        if !*leads.borrow_and_update() {
            publisher = None;
        } else if let Some(wanted) = wanted {
            if publisher.is_none() {
                publisher = connect(&configs).await;
            }
            if let Some(publisher) = &mut publisher {
                tell(publisher.publish(&wanted).await);
            }
        }
        let turned = async {
            if leads.changed().await.is_err() {
                // Nobody decides any more who leads.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = reports.changed() => {}
            () = turned => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Removes the reports, if this process `leads`.
pub(super) async fn withdraw(
    configs: &watch::Receiver<Arc<Config>>,
    leads: &watch::Receiver<bool>,
) {
    if *leads.borrow()
        && let Some(mut publisher) = connect(configs).await
    {
        tell(publisher.withdraw().await);
    }
}

async fn connect(configs: &watch::Receiver<Arc<Config>>) -> Option<Publisher> {
    let config = Arc::clone(&configs.borrow());
    let connection = discovery::connect(&config).await;
    let connection =
        connection.inspect_err(|error| tracing::error!(%error, "no report is written"));
    Some(Publisher::new(connection.ok()?.client))
}

fn tell(published: Result<Published, ReportError>) {
    match published {
        Ok(Published {
            written, removed, ..
        }) if written > 0 || removed > 0 => {
            tracing::info!(written, removed, "reports of what runs");
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "not all reports of what runs are up to date"),
    }
}

/// How often everything is judged when nothing happens.
const EVERY: Duration = Duration::from_secs(20);
/// How long changes are gathered at least.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked whether the store changed.
const POLL: Duration = Duration::from_millis(500);
/// How many times as long as it takes to judge is paused afterwards.
const SHARE: u32 = 20;
