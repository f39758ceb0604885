//! The built-in syncer: keeps the store up to date while the webhook answers from it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch as channel};
use vouchsafe_cluster::feed::Progress;
use vouchsafe_policy::Config;
use vouchsafe_store::{Store, StoreError};
use vouchsafe_syncer::{Options, ServerReport};
use vouchsafe_trust::Server;
use vouchsafe_webhook::{Condition, Metrics, Readiness};

use super::running::Running;
use crate::command::sync;

/// Syncs as the configuration says, with the credentials in the folder `secrets`, and anew whenever it
/// changes.
pub(super) async fn run(
    store: Store,
    secrets: PathBuf,
    mut configs: channel::Receiver<Arc<Config>>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    (fed, mut objects, cluster): (Arc<Notify>, Option<FromObjects>, Running),
) {
    let first = FirstFeed::new(&store, &readiness);
    loop {
        let config = Arc::clone(&configs.borrow_and_update());
        if config.sync().is_off || objects.is_some() {
            // Bundles and objects bring what there is.
            if !first
                .wait_for_others(&fed, objects.as_mut(), &mut configs)
                .await
            {
                return;
            }
            continue;
        }
        let Ok(schedule) = config.sync().schedule.parse() else {
            // A configuration without a schedule is refused before it gets here.
            return;
        };
        let options = Options::from(config.sync());
        let sightings = cluster.sightings(&config).await;
        let syncer = sync::syncer_of(&store, (*config).clone(), &secrets, options, sightings);
        let servers: Vec<Server> = syncer.servers().cloned().collect();
        first.publish(&servers);
        let progress: Arc<dyn vouchsafe_syncer::Progress> = Arc::new(());
        let report = |report: ServerReport| {
            count(&metrics, &report);
            first.take(&report, &servers);
        };
        let changed = async {
            if configs.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        vouchsafe_syncer::watch(&syncer, &schedule, &progress, report, changed).await;
    }
}

/// `TrustRepository` objects that feed the store, in the place of Notary servers.
pub(super) struct FromObjects {
    pub(super) progress: channel::Receiver<Progress>,
    /// Whether anything was stored before they were followed.
    pub(super) held_before: bool,
}

impl FromObjects {
    /// Whether all of them were looked at: half of them would have the images of the other half denied. While the API server
    /// cannot be asked, what was stored before has to do.
    fn is_done(&mut self) -> bool {
        let progress = self.progress.borrow_and_update();
        progress.listed || (self.held_before && progress.reachable == Some(false))
    }

    /// Whether there are objects, and of repositories that their servers no longer have.
    fn are_withdrawn(&self) -> bool {
        self.progress.borrow().objects.contains_key("withdrawn")
    }
}

fn count(metrics: &Metrics, report: &ServerReport) {
    let server = report.server.as_str();
    for (result, count) in [
        ("updated", report.updated),
        ("unchanged", report.unchanged),
        ("withdrawn", report.withdrawn),
        ("failed", report.failed),
        ("skipped", report.skipped),
    ] {
        metrics.synced(server, result, count);
    }
    let pass = if report.error.is_none() {
        "reached"
    } else {
        "failed"
    };
    metrics.passed(server, pass);
}

/// Whether everything that can be had at the start is there.
///
/// A server has had its chance when it was reached once, in whatever process, or when the first
/// attempt ended: one that is down must not keep the images of the others out. As long as nothing
/// at all is stored, a server has to be reached, since everything signed would be denied. What
/// came once is there: a server that a later configuration adds takes nothing away.
struct FirstFeed<'a> {
    store: &'a Store,
    readiness: &'a Readiness,
    tried: Mutex<Tried>,
}

/// The servers that were tried in this process.
#[derive(Default)]
struct Tried {
    all: BTreeSet<Server>,
    reached: BTreeSet<Server>,
}

impl<'a> FirstFeed<'a> {
    fn new(store: &'a Store, readiness: &'a Readiness) -> Self {
        Self {
            store,
            readiness,
            tried: Mutex::default(),
        }
    }

    /// Waits for what others bring until the configuration changes; false if it never will again.
    async fn wait_for_others(
        &self,
        fed: &Notify,
        mut objects: Option<&mut FromObjects>,
        configs: &mut channel::Receiver<Arc<Config>>,
    ) -> bool {
        loop {
            let notified = fed.notified();
            let looked_at = objects.as_deref_mut().is_none_or(FromObjects::is_done);
            // Where nothing has to be signed, or everything is withdrawn, nothing is there to be had.
            let is_all = |objects: &FromObjects| {
                configs.borrow().notary_servers().is_empty() || objects.are_withdrawn()
            };
            let is_all = objects.as_deref().is_some_and(is_all);
            match self.store.holds_any() {
                Ok(holds) if looked_at && (holds || is_all) => {
                    self.readiness.set(Condition::FirstFeed, true);
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "cannot tell what is stored"),
            }
            let progressed = async {
                let Some(objects) = objects.as_deref_mut() else {
                    return std::future::pending().await;
                };
                if objects.progress.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = notified => {}
                () = progressed => {}
                changed = configs.changed() => return changed.is_ok(),
            }
        }
    }

    fn take(&self, report: &ServerReport, servers: &[Server]) {
        {
            let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
            tried.all.insert(report.server.clone());
            if report.error.is_none() {
                tried.reached.insert(report.server.clone());
            }
        }
        self.publish(servers);
    }

    fn publish(&self, servers: &[Server]) {
        if self.readiness.holds(Condition::FirstFeed) {
            return;
        }
        let done = self.is_done(servers).unwrap_or_else(|error| {
            tracing::error!(%error, "cannot tell what is stored");
            false
        });
        if done {
            self.readiness.set(Condition::FirstFeed, true);
        }
    }

    fn is_done(&self, servers: &[Server]) -> Result<bool, StoreError> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reached = servers.is_empty();
        for server in servers {
            let state = self.store.server_state(server)?;
            let was_reached = tried.reached.contains(server)
                || state.is_some_and(|state| state.last_pass.is_some());
            if !was_reached && !tried.all.contains(server) {
                return Ok(false);
            }
            reached |= was_reached;
        }
        Ok(reached || self.holds_any(servers)?)
    }

    /// Whether a repository of one of these servers is stored.
    fn holds_any(&self, servers: &[Server]) -> Result<bool, StoreError> {
        for (server, gun) in self.store.repositories()? {
            if servers.contains(&server) && self.store.facts(&server, &gun)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests;
