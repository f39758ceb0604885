//! Which of several replicas leads, or who does what only one may do at a time, by a Lease of `coordination.k8s.io`.
//!
//! A holder that is cut off stops leading [`Timing::renew_deadline`] after its last renewal was sent. Others take the Lease once
//! nothing in it has changed for [`Timing::duration`], counted on their own clock from when they saw that. The first is shorter than
//! the second, and no clock is compared with another one, so that two never lead at once. A process that is stopped and goes on later
//! is late to notice, as a write that it sent may be late: what a leader writes has to be conditioned on what it read.

mod record;
mod turn;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease as Object;
use kube::Api;
use kube::api::PostParams;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use vouchsafe_trust::Clock;

use self::record::{Observed, unique};
pub use self::turn::{Turn, TurnError};
use crate::Connection;
use crate::failure::{Failures, is_conflict, is_status};

/// How long a holder leads, and how often it says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// How long a Lease in which nothing changes stays its holder's; whole seconds, at least one.
    pub duration: Duration,
    /// How long a holder leads after it sent its last renewal; shorter than `duration`.
    pub renew_deadline: Duration,
    /// How long to wait between two looks.
    pub retry: Duration,
}

impl Default for Timing {
    /// What Kubernetes' own components do.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// One who would hold a Lease.
#[derive(Debug)]
pub struct Lease {
    objects: Api<Object>,
    name: String,
    identity: String,
    timing: Timing,
    clock: Arc<dyn Clock>,
    leads: watch::Sender<bool>,
}

impl Lease {
    /// A candidate for the Lease `name` in the namespace of `connection`, and whether it leads, which ends with the
    /// [`Lease`]. `holder` tells people who it is, such as a Pod's name; what is unique is added, so that a process never
    /// takes the Lease of the one before it for its own. `clock` only dates what people read.
    pub fn new(
        connection: &Connection,
        name: &str,
        holder: &str,
        clock: Arc<dyn Clock>,
    ) -> (Self, watch::Receiver<bool>) {
        let (leads, leading) = watch::channel(false);
        let lease = Self {
            objects: Api::namespaced(connection.client.clone(), &connection.namespace),
            name: name.to_owned(),
            identity: unique(holder),
            timing: Timing::default(),
            clock,
            leads,
        };
        (lease, leading)
    }

    /// The same by other times.
    #[must_use]
    pub const fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// What is written as the holder.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Takes part until `stop` is done, then hands the Lease back, so that another one can lead at once. Without an API
    /// server it does not lead, and goes on trying.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        self.go_on(None, None, stop).await;
    }

    /// Has it take part beside other work, until [`Beside::stop`].
    pub fn beside(self) -> Beside {
        self.go_on_beside(None, None)
    }

    fn go_on_beside(self, observed: Option<Observed>, until: Option<Instant>) -> Beside {
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let task = tokio::spawn(self.go_on(observed, until, stopped));
        Beside { stop, task }
    }

    /// As [`Lease::run`], from what was seen, and until when this process leads by that.
    async fn go_on(
        self,
        observed: Option<Observed>,
        until: Option<Instant>,
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = pin!(stop);
        tokio::select! {
            never = self.take_part(observed, until) => match never {},
            () = &mut stop => {}
        }
        if self.leads.send_replace(false) {
            match timeout(RELEASE, self.release()).await {
                Ok(Ok(())) => tracing::info!(lease = self.name, "handed the lease back"),
                Ok(Err(error)) => self.not_released(&error),
                Err(slow) => self.not_released(&slow),
            }
        }
    }

    fn not_released(&self, error: &dyn std::error::Error) {
        tracing::warn!(lease = self.name, %error, "the lease could not be handed back; it will expire");
    }

    /// `until` is when this process ceases to lead, unless it renews.
    async fn take_part(
        &self,
        mut observed: Option<Observed>,
        mut until: Option<Instant>,
    ) -> Infallible {
        let mut failures = Failures::new(self.timing.retry, self.timing.duration);
        if until.is_some() {
            sleep(self.timing.retry).await;
        }
        loop {
            let sent = Instant::now();
            let patience = until.unwrap_or(sent + self.timing.renew_deadline);
            let attempt = timeout_at(patience, self.attempt(&mut observed)).await;
            let mut next = sent + self.timing.retry;
            match attempt {
                Ok(Ok(held)) => {
                    until = held.then(|| sent + self.timing.renew_deadline);
                    self.lead(held, observed.as_ref());
                    if failures.end() {
                        tracing::info!(lease = self.name, "the lease can be looked at again");
                    }
                }
                failed => {
                    let error = match failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => "the API server does not answer".to_owned(),
                    };
                    let (delay, is_news) = failures.add(&error);
                    if is_news {
                        tracing::warn!(lease = self.name, %error, "the lease cannot be looked at");
                    }
                    // A holder has no time to wait longer.
                    next = Instant::now()
                        + if until.is_some() {
                            self.timing.retry
                        } else {
                            delay
                        };
                }
            }
            if let Some(end) = until.filter(|end| *end <= next) {
                sleep_until(end).await;
                until = None;
                self.lead(false, observed.as_ref());
            }
            sleep_until(next).await;
        }
    }

    /// Says whether this process leads, where that is news.
    fn lead(&self, leads: bool, observed: Option<&Observed>) {
        let is_news = self
            .leads
            .send_if_modified(|led| std::mem::replace(led, leads) != leads);
        if !is_news {
            return;
        }
        let lease = self.name.as_str();
        if leads {
            tracing::info!(lease, identity = self.identity, "leading");
        } else {
            let holder = observed.and_then(Observed::holder).unwrap_or_default();
            tracing::warn!(lease, holder, "not leading any more");
        }
    }

    /// Takes or renews the Lease where that is possible; whether it is held now.
    async fn attempt(&self, observed: &mut Option<Observed>) -> Result<bool, kube::Error> {
        // Whoever holds it need not look first: nobody else writes it.
        if let Some(known) = observed.as_ref().filter(|it| it.is_held_by(&self.identity))
            && let Some(renewed) = self.write(known.renewed(self.clock.now())).await?
        {
            *observed = Some(Observed::new(renewed, Instant::now()));
            return Ok(true);
        }
        let taken = match self.objects.get_opt(&self.name).await? {
            None => record::first(&self.name, &self.identity, self.timing, self.clock.now()),
            Some(found) => {
                let seen = Observed::again(observed.take(), found, Instant::now());
                let known = observed.insert(seen);
                if known.is_held_by(&self.identity) {
                    known.renewed(self.clock.now())
                } else if known.is_free(self.timing.duration, Instant::now()) {
                    known.taken(&self.identity, self.timing, self.clock.now())
                } else {
                    return Ok(false);
                }
            }
        };
        let Some(written) = self.write(taken).await? else {
            return Ok(false);
        };
        *observed = Some(Observed::new(written, Instant::now()));
        Ok(true)
    }

    /// Writes the Lease if nobody else did since it was read.
    async fn write(&self, lease: Object) -> Result<Option<Object>, kube::Error> {
        let parameters = PostParams::default();
        let is_new = lease.metadata.resource_version.is_none();
        let written = if is_new {
            self.objects.create(&parameters, &lease).await
        } else {
            self.objects.replace(&self.name, &parameters, &lease).await
        };
        match written {
            Ok(written) => Ok(Some(written)),
            // What cannot be made for want of something else, such as its namespace, nobody else made.
            Err(error) if is_conflict(&error) && !(is_new && is_status(&error, 404)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Empties the holder, if that is still this process. A renewal that was sent before may come in between.
    async fn release(&self) -> Result<(), kube::Error> {
        loop {
            let Some(found) = self.objects.get_opt(&self.name).await? else {
                return Ok(());
            };
            let found = Observed::new(found, Instant::now());
            if !found.is_held_by(&self.identity)
                || self
                    .write(found.released(self.clock.now()))
                    .await?
                    .is_some()
            {
                return Ok(());
            }
        }
    }
}

/// Taking part beside other work. Dropped, it hands the Lease back as well, if the runtime goes on.
#[derive(Debug)]
#[must_use]
pub struct Beside {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Beside {
    /// Hands the Lease back, and returns when that is done.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the lease could not be handed back");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leads.send_replace(false);
    }
}

/// A process that is asked to stop has other things to do.
const RELEASE: Duration = Duration::from_secs(2);
