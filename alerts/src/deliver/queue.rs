//! The queue of one receiver, from its head on.

mod probe;

use std::sync::Arc;

use reqwest::Client;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use vouchsafe_store::{StoreError, Waiting};
use vouchsafe_trust::Sha256;

use self::probe::{Front, Suspect};
use super::{Delivery, changed};
use crate::counters::ReceiverCounts;
use crate::plan::{Plan, Planned};
use crate::post::{Answer, Failure, client, post};

/// Delivers what waits for the receiver, in order, for as long as it is configured.
pub(super) async fn run(delivery: Arc<Delivery>, receiver: Sha256) {
    let mut queue = Queue {
        plans: delivery.plans.clone(),
        queued: delivery.store.outbox_queued(),
        delivery,
        receiver,
        client: None,
        failures: 0,
        suspect: None,
        front: None,
        unsettled: 0,
    };
    loop {
        // Before the look, so that nothing that comes after it is missed.
        queue.queued.mark_unchanged();
        let plan = Arc::clone(&queue.plans.borrow_and_update());
        let Some(planned) = plan.receivers().get(&receiver) else {
            queue.settle().await;
            return;
        };
        if let Err(error) = queue.step(&plan, planned).await {
            let receiver = &planned.receiver.name;
            tracing::error!(receiver, %error, "waiting alerts cannot be read or taken out");
            sleep(queue.delivery.pace.longest).await;
        }
    }
}

struct Queue {
    delivery: Arc<Delivery>,
    receiver: Sha256,
    plans: watch::Receiver<Arc<Plan>>,
    queued: watch::Receiver<u64>,
    client: Option<Client>,
    /// How many attempts in a row failed.
    failures: u32,
    /// The alert that the receiver may have something against.
    suspect: Option<Suspect>,
    /// How far others were tried because of it.
    front: Option<Front>,
    /// How many alerts were taken out that a crash would bring back.
    unsettled: u32,
}

/// What became of an alert.
enum Outcome {
    Delivered,
    Refused,
    Unwritten,
    Waits(Failure),
}

impl Queue {
    /// Tries to deliver what is next, or waits for something.
    async fn step(&mut self, plan: &Plan, planned: &Planned) -> Result<(), StoreError> {
        let Some(first) = self.delivery.store.outbox_next(&self.receiver)? else {
            self.settle().await;
            tokio::select! {
                () = changed(&mut self.queued) => {}
                () = changed(&mut self.plans) => {}
            }
            return Ok(());
        };
        match self.hand_over(plan, planned, &first).await? {
            Outcome::Delivered => {
                self.failures = 0;
                // If it was tried in vain before, that was not about it, nor about its neighbours.
                self.front = None;
            }
            Outcome::Refused => self.failures = 0,
            Outcome::Unwritten => {}
            Outcome::Waits(failure) => self.failed(plan, planned, first, failure).await?,
        }
        Ok(())
    }

    /// Tries to deliver the alert once, and takes it out unless it has to wait.
    async fn hand_over(
        &mut self,
        plan: &Plan,
        planned: &Planned,
        waiting: &Waiting,
    ) -> Result<Outcome, StoreError> {
        let name = &*planned.receiver.name;
        let Some(body) = self.write(plan, planned, waiting) else {
            self.take_out(waiting).await?;
            return Ok(Outcome::Unwritten);
        };
        let outcome = match self.attempt(planned, body).await {
            Ok(Answer::Taken) => {
                self.count(name, |counts| counts.delivered += 1);
                if self.failures > 0 {
                    tracing::info!(receiver = name, "alerts are delivered again");
                }
                Outcome::Delivered
            }
            Ok(Answer::Refused { status, origin }) => {
                self.count(name, |counts| counts.refused += 1);
                tracing::error!(
                    receiver = name,
                    uid = waiting.alert.uid,
                    status,
                    origin,
                    "dropped an alert that its receiver will not take"
                );
                Outcome::Refused
            }
            Err(failure) => {
                self.count(name, |counts| counts.failed_attempts += 1);
                return Ok(Outcome::Waits(failure));
            }
        };
        self.take_out(waiting).await?;
        Ok(outcome)
    }

    /// What the template makes of the alert, if anything.
    fn write(&self, plan: &Plan, planned: &Planned, waiting: &Waiting) -> Option<Vec<u8>> {
        let name = &*planned.receiver.name;
        let written = planned.body(&waiting.alert, plan.cluster(), &self.delivery.pod_id);
        match &written {
            Ok(Some(_)) => {}
            Ok(None) => tracing::warn!(
                receiver = name,
                "skipped an alert: the template writes nothing"
            ),
            Err(error) => {
                tracing::error!(receiver = name, %error, "dropped an alert that cannot be written");
            }
        }
        let body = written.ok().flatten();
        if body.is_none() {
            self.count(name, |counts| counts.unwritten += 1);
        }
        body
    }

    async fn attempt(&mut self, planned: &Planned, body: Vec<u8>) -> Result<Answer, Failure> {
        let answer = self.delivery.pace.answer;
        let client = match &self.client {
            Some(client) => client,
            None => self.client.insert(client(answer)?),
        };
        post(client, &planned.receiver, body, answer).await
    }

    /// Gives up what is too old, or at fault itself, and pauses otherwise.
    async fn failed(
        &mut self,
        plan: &Plan,
        planned: &Planned,
        first: Waiting,
        failure: Failure,
    ) -> Result<(), StoreError> {
        let name = &*planned.receiver.name;
        self.failures = self.failures.saturating_add(1);
        let expired = self.drop_expired(name, &failure).await?;
        let last = if expired == 0 && self.suspects(&first, &failure) {
            self.probe(plan, planned, first, failure).await?
        } else {
            Some(failure)
        };
        if let Some(failure) = last {
            self.pause(name, &failure).await;
        }
        Ok(())
    }

    /// Pauses: until it is time, or the configuration changes, which may be what the receiver needs.
    async fn pause(&mut self, name: &str, failure: &Failure) {
        let pace = self.delivery.pace;
        let pause = pace.pause(self.failures, failure.retry_after());
        if self.failures == 1 {
            tracing::warn!(receiver = name, %failure, "an alert is not delivered yet");
        } else {
            tracing::debug!(receiver = name, %failure, ?pause, "an alert is still not delivered");
        }
        drop(timeout(pause, changed(&mut self.plans)).await);
    }

    async fn drop_expired(&mut self, name: &str, failure: &Failure) -> Result<u64, StoreError> {
        let now = self.delivery.clock.now();
        let mut dropped = 0;
        while let Some(waiting) = self.delivery.store.outbox_next(&self.receiver)? {
            if now.duration_since(waiting.alert.at) < self.delivery.pace.keep {
                break;
            }
            self.take_out(&waiting).await?;
            dropped += 1;
        }
        if dropped > 0 {
            self.count(name, |counts| counts.expired += dropped);
            tracing::error!(
                receiver = name, %failure, count = dropped,
                "dropped alerts that could not be delivered for too long"
            );
        }
        Ok(dropped)
    }

    fn count(&self, name: &str, change: impl FnOnce(&mut ReceiverCounts)) {
        self.delivery.counters.count(name, change);
    }

    async fn take_out(&mut self, waiting: &Waiting) -> Result<(), StoreError> {
        self.delivery.store.outbox_remove(&waiting.key)?;
        self.unsettled += 1;
        if self.unsettled >= SETTLE_AFTER {
            self.settle().await;
        }
        Ok(())
    }

    /// Makes sure that what was taken out stays so. If that fails, a crash brings some of it back,
    /// and it is delivered twice.
    async fn settle(&mut self) {
        if self.unsettled == 0 {
            return;
        }
        let store = self.delivery.store.clone();
        match spawn_blocking(move || store.outbox_settle()).await {
            Ok(Ok(())) => self.unsettled = 0,
            Ok(Err(error)) => tracing::error!(%error, "delivered alerts cannot be taken out"),
            Err(error) => tracing::error!(%error, "delivered alerts cannot be taken out"),
        }
    }
}

/// How many alerts a crash may deliver once more.
const SETTLE_AFTER: u32 = 64;
