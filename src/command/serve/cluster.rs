//! The API server of the cluster, as far as `serve` speaks to it beside answering it.

use std::sync::Arc;

use tokio::sync::watch;
use vouchsafe_cluster::lease::Beside;
use vouchsafe_cluster::{Connection, Lease};
use vouchsafe_policy::Config;
use vouchsafe_policy::config::KubernetesSettings;
use vouchsafe_trust::Clock;

use crate::args::ServeArgs;
use crate::exit::Error;

/// The API server, and whether this replica leads: the one that leads writes what all of them would write.
pub(super) struct Cluster {
    pub(super) connection: Connection,
    pub(super) leads: watch::Receiver<bool>,
    leading: Beside,
}

impl Cluster {
    /// Begins to speak to the API server, where the configuration has `serve` do so.
    pub(super) async fn start(
        config: &Config,
        args: &ServeArgs,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, Error> {
        let settings = config.kubernetes();
        if !settings.is_used() {
            return Ok(None);
        }
        let connection = Connection::new(settings.namespace.as_deref()).await?;
        let holder = args.pod_name.as_deref().unwrap_or("vouchsafe");
        let (lease, leads) = Lease::new(&connection, LEASE, holder, Arc::clone(clock));
        Ok(Some(Self {
            connection,
            leads,
            leading: lease.beside(),
        }))
    }

    /// Hands leadership on.
    pub(super) async fn stop(self) {
        self.leading.stop().await;
    }
}

/// Whether this replica leads. Without the API server at the start, none does.
pub(super) fn leads(cluster: Option<&Cluster>) -> watch::Receiver<bool> {
    cluster.map_or_else(
        // A channel that is closed keeps its value.
        || watch::channel(false).1,
        |cluster| cluster.leads.clone(),
    )
}

/// Says that what a new configuration has under `kubernetes` counts from the next start on, but for what is watched and
/// reported: that goes by the configuration in use, once the API server is spoken to at all.
pub(super) fn warn_of_change(settings: KubernetesSettings, configs: &watch::Receiver<Arc<Config>>) {
    let mut configs = configs.clone();
    let was_used = settings.is_used();
    tokio::spawn(async move {
        let mut known = settings;
        while configs.changed().await.is_ok() {
            let settings = configs.borrow_and_update().kubernetes().clone();
            let begins = !was_used && settings.is_used() && settings != known;
            if begins || fixed(&settings) != fixed(&known) {
                tracing::warn!("what is changed under `kubernetes` counts from the next start on");
            }
            known = settings;
        }
    });
}

/// What counts from a start on.
fn fixed(settings: &KubernetesSettings) -> KubernetesSettings {
    KubernetesSettings {
        owners: false,
        reports: false,
        ..settings.clone()
    }
}

/// The Lease of whoever leads.
const LEASE: &str = "vouchsafe-leader";
