//! A Lease for a piece of work: whoever comes while another one is at it waits.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use vouchsafe_trust::Clock;

use super::record::Observed;
use super::{Beside, Lease};
use crate::Connection;
use crate::failure::is_status;

/// The right to do what only one may do at a time; kept up in the background until it is given back. Dropped without that, it
/// is handed back as well if the runtime goes on, and runs out by itself otherwise.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    leads: watch::Receiver<bool>,
    holding: Beside,
}

/// Why a turn cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TurnError {
    /// The API server does not let the account have it.
    #[error("{0}")]
    Forbidden(#[source] kube::Error),
    /// The API server does not know of it, or fails.
    #[error("{0}")]
    Api(#[source] kube::Error),
    /// The API server does not answer.
    #[error("the API server does not answer")]
    Unanswered,
}

impl Turn {
    /// Waits until nobody else has the Lease `name` in the namespace of `connection`, for as long as that takes, and has it then.
    /// `holder` tells people who it is; `waits` is told once, as far as that is known, who has it, where another one does.
    ///
    /// # Errors
    ///
    /// [`TurnError`] where that does not work at first, or not any more for as long as a Lease holds.
    pub async fn take(
        connection: &Connection,
        name: &str,
        holder: &str,
        clock: Arc<dyn Clock>,
        waits: impl FnOnce(Option<&str>),
    ) -> Result<Self, TurnError> {
        let (lease, mut leads) = Lease::new(connection, name, holder, clock);
        let (mut waits, mut observed, mut fails) = (Some(waits), None, None);
        let until = loop {
            let sent = Instant::now();
            match lease.attempt_in_time(&mut observed).await {
                Ok(true) => break sent + lease.timing.renew_deadline,
                Ok(false) => {
                    fails = None;
                    if let Some(waits) = waits.take() {
                        waits(observed.as_ref().and_then(Observed::holder));
                    }
                }
                Err(error) => {
                    // What works once may fail for a moment, and an API server that has just begun refuses everything.
                    let (is_first, since) = (waits.is_some(), *fails.get_or_insert(sent));
                    if is_first || since.elapsed() >= lease.timing.duration {
                        return Err(error);
                    }
                }
            }
            sleep(lease.timing.retry).await;
        };
        lease.lead(true, observed.as_ref());
        leads.mark_unchanged();
        let holding = lease.go_on_beside(observed, Some(until));
        Ok(Self { leads, holding })
    }

    /// Lets the next one begin. Returns whether it was had all the time, as far as was noticed.
    pub async fn give_back(self) -> bool {
        // Whoever lost it has said so, even if it was had again.
        let is_held = matches!(self.leads.has_changed(), Ok(false));
        self.holding.stop().await;
        is_held
    }
}

impl Lease {
    async fn attempt_in_time(&self, observed: &mut Option<Observed>) -> Result<bool, TurnError> {
        let attempt = self.attempt(observed);
        let Ok(attempted) = timeout(self.timing.renew_deadline, attempt).await else {
            return Err(TurnError::Unanswered);
        };
        attempted.map_err(|error| {
            let is_forbidden = is_status(&error, 401) || is_status(&error, 403);
            if is_forbidden {
                TurnError::Forbidden(error)
            } else {
                TurnError::Api(error)
            }
        })
    }
}
