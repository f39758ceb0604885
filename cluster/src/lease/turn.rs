//! A Lease for a piece of work: whoever comes while another one is at it waits.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vouchsafe_trust::Clock;

use super::Lease;
use super::record::Observed;
use crate::Connection;

/// The right to do what only one may do at a time; kept up in the background until it is given back. Dropped without that, it
/// is handed back as well if the runtime goes on, and runs out by itself otherwise.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    stop: oneshot::Sender<()>,
    holding: JoinHandle<()>,
}

impl Turn {
    /// Waits until nobody else has the Lease `name` in the namespace of `connection`, for as long as that takes, and has it then.
    /// `holder` tells people who it is; `waits` is told, as far as that is known, who has it, where another one does.
    ///
    /// # Errors
    ///
    /// [`kube::Error`] where the API server does not answer, or does not let the caller have it. Once it did, what fails is tried
    /// again.
    pub async fn take(
        connection: &Connection,
        name: &str,
        holder: &str,
        clock: Arc<dyn Clock>,
        waits: impl FnOnce(Option<&str>),
    ) -> Result<Self, kube::Error> {
        let (lease, mut leads) = Lease::new(connection, name, holder, clock);
        let mut observed = None;
        if !lease.attempt(&mut observed).await? {
            waits(observed.as_ref().and_then(Observed::holder));
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let holding = tokio::spawn(lease.run(async { drop(stopped.await) }));
        // It goes on until it is told to stop, which it is not meanwhile.
        drop(leads.wait_for(|leads| *leads).await);
        Ok(Self { stop, holding })
    }

    /// Lets the next one begin.
    pub async fn give_back(self) {
        drop(self.stop);
        if let Err(error) = self.holding.await {
            tracing::error!(%error, "the lease could not be handed back");
        }
    }
}
