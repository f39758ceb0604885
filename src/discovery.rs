//! The images that the cluster's objects name, for a syncer that is to mirror what they are made of.

use std::time::Duration;

use tokio::task::JoinSet;
use vouchsafe_cluster::workloads::{self, Kind, ListError, Named, Workloads};
use vouchsafe_cluster::{ConnectError, Connection};
use vouchsafe_policy::Config;
use vouchsafe_syncer::Sightings;

/// Looks once, if the configuration says so. Returns why not everything could be seen.
pub(crate) async fn look(config: &Config, sightings: &Sightings) -> Option<String> {
    if !config.sync().cluster {
        return None;
    }
    let connection = match connect(config).await {
        Ok(connection) => connection,
        Err(error) => return Some(error.to_string()),
    };
    let (named, errors) = workloads::list(&connection.client).await;
    show(named, sightings);
    let errors: Vec<String> = errors.iter().map(ListError::to_string).collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}

/// Looks from now on, if the configuration says so, until what is returned is dropped. What is there at the start is seen
/// already when this returns, if the API server can be asked.
pub(crate) async fn keep_looking(config: &Config, sightings: &Sightings) -> JoinSet<()> {
    let mut looking = JoinSet::new();
    if !config.sync().cluster {
        return looking;
    }
    if let Some(error) = look(config, sightings).await {
        tracing::error!(%error, "not all images of the cluster are known");
    }
    let (config, sightings) = (config.clone(), sightings.clone());
    looking.spawn(async move {
        let connection = loop {
            match connect(&config).await {
                Ok(connection) => break connection,
                Err(error) => tracing::error!(%error, "images of the cluster are not known"),
            }
            tokio::time::sleep(AGAIN).await;
        };
        let workloads = Workloads::default();
        let watching = workloads.run(connection.client, &Kind::ALL);
        tokio::join!(watching, follow(&workloads, &sightings));
    });
    looking
}

/// Keeps `sightings` up to date with what is watched.
pub(crate) async fn follow(workloads: &Workloads, sightings: &Sightings) {
    let mut changes = workloads.changes();
    loop {
        // Before everything was listed, what was known before is more.
        if workloads.are_listed(&Kind::ALL) {
            show(workloads.named(), sightings);
        }
        tokio::time::sleep(PAUSE).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// The API server, for what `config` says.
pub(crate) async fn connect(config: &Config) -> Result<Connection, ConnectError> {
    Connection::new(config.kubernetes().namespace.as_deref()).await
}

fn show(named: Named, sightings: &Sightings) {
    if named.is_cut {
        tracing::warn!("a namespace names more images than are told apart: some are not looked up");
    }
    sightings.set(named.by_namespace);
}

/// How long changes are gathered before they are taken up.
const PAUSE: Duration = Duration::from_secs(5);
/// How soon it is tried again to find the API server.
const AGAIN: Duration = Duration::from_secs(30);
