//! Publishing what a store holds, and saying what came of it.

use std::sync::Arc;

use vouchsafe_cluster::Connection;
use vouchsafe_cluster::lease::{Turn, TurnError};
use vouchsafe_cluster::publish::{PublishReport, Publisher};
use vouchsafe_policy::Config;
use vouchsafe_store::Store;

use crate::args::PublishTarget;
use crate::context::StoreClock;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, MAX_NAME, note, printable};
use crate::runtime;

/// What is published, from the beginning to the end of a command.
pub(crate) struct Publishing {
    publisher: Publisher,
    config: Arc<Config>,
}

impl Publishing {
    /// Reads what was published before, and takes it in: whoever begins with an empty store must not step back.
    pub(crate) async fn begin(
        target: PublishTarget,
        store: &Store,
        config: &Config,
    ) -> Result<Self, Error> {
        let PublishTarget::Kubernetes = target;
        let connection = Connection::new(config.kubernetes().namespace.as_deref()).await?;
        let (config, clock) = (Arc::new(config.clone()), StoreClock(store.clone()));
        let publisher = Publisher::begin(&connection, store, &config, &clock).await?;
        Ok(Self { publisher, config })
    }

    /// Publishes what `store` holds.
    pub(crate) async fn finish(self, store: &Store) -> Result<PublishReport, Error> {
        let now = vouchsafe_trust::Clock::now(&StoreClock(store.clone()));
        Ok(self.publisher.publish(store, &self.config, now).await?)
    }
}

/// The right to ask Notary servers for a cluster: what a server serves to two at once may end it. Waits while another
/// command has it, and says whether it did; `None` where the API server does not give it to this one.
pub(crate) async fn turn(
    target: PublishTarget,
    store: &Store,
    config: &Config,
) -> Result<(Option<Turn>, bool), Error> {
    let PublishTarget::Kubernetes = target;
    let connection = Connection::new(config.kubernetes().namespace.as_deref()).await?;
    let clock = Arc::new(StoreClock(store.clone()));
    let machine = rustix::system::uname();
    let holder = machine.nodename().to_string_lossy();
    let mut waited = false;
    let waits = |other: Option<&str>| {
        waited = true;
        let other = printable(other.unwrap_or("another one"), MAX_NAME);
        note(&format!("waiting for {other}, which syncs (Lease {LEASE})"));
    };
    let error = match Turn::take(&connection, LEASE, &holder, clock, waits).await {
        Ok(turn) => return Ok((Some(turn), waited)),
        Err(error) => error,
    };
    let reason = printable(&error.to_string(), MAX_MESSAGE);
    note(&format!(
        "warning: another sync may run beside this one, since the Lease {LEASE} cannot be had: {reason}"
    ));
    if let TurnError::Forbidden(_) = error {
        note(&format!(
            "hint: allow the account to create leases, and to get and update {LEASE}"
        ));
    }
    Ok((None, waited))
}

/// Lets the next command begin.
pub(crate) async fn give_back(turn: Turn) {
    if !turn.give_back().await {
        note(&format!(
            "warning: another sync may have run beside this one, since the Lease {LEASE} was lost meanwhile"
        ));
    }
}

/// Does `work`, which fills `store`, and publishes what is stored then.
pub(crate) fn around<T>(
    target: PublishTarget,
    store: &Store,
    config: &Config,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<(T, PublishReport), Error> {
    let runtime = runtime::new()?;
    let publishing = runtime.block_on(Publishing::begin(target, store, config))?;
    let done = work()?;
    let published = runtime.block_on(publishing.finish(store))?;
    Ok((done, published))
}

/// What came of it, on a line.
pub(crate) fn line(report: &PublishReport) -> String {
    let PublishReport {
        written,
        unchanged,
        removed,
        failed,
        ..
    } = report;
    format!(
        "kubernetes: {written} written, {unchanged} unchanged, {removed} removed, {failed} failed\n"
    )
}

pub(crate) fn tell_failures(report: &PublishReport) {
    for failure in &report.failures {
        let message = printable(&failure.message, MAX_MESSAGE);
        note(&format!("{}: not published: {message}", failure.gun));
    }
    if report.foreign > 0 {
        let foreign = report.foreign;
        note(&format!(
            "warning: {foreign} TrustRepository objects are of nobody's making; they change nothing, and their status says why"
        ));
    }
}

/// Whether everything is published.
pub(crate) fn outcome(report: &PublishReport) -> Result<Outcome, Error> {
    match report.failed {
        0 => Ok(Outcome::Yes),
        failed => Err(format!("{failed} repositories could not be published").into()),
    }
}

/// The Lease of whoever syncs for the cluster.
const LEASE: &str = "vouchsafe-sync";
