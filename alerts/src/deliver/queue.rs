//! The queue of one receiver, from its head on.

use std::sync::Arc;

use reqwest::Client;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use vouchsafe_store::{StoreError, Waiting};
use vouchsafe_trust::Sha256;

use super::{Delivery, changed};
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
    /// How many alerts were taken out that a crash would bring back.
    unsettled: u32,
}

impl Queue {
    /// Tries to deliver what is next, or waits for something.
    async fn step(&mut self, plan: &Plan, planned: &Planned) -> Result<(), StoreError> {
        let Some(waiting) = self.delivery.store.outbox_next(&self.receiver)? else {
            self.settle().await;
            tokio::select! {
                () = changed(&mut self.queued) => {}
                () = changed(&mut self.plans) => {}
            }
            return Ok(());
        };
        let pod_id = &self.delivery.pod_id;
        let name = &*planned.receiver.name;
        let body = match planned.body(&waiting.alert, plan.cluster(), pod_id) {
            Ok(Some(body)) => body,
            Ok(None) => {
                tracing::warn!(
                    receiver = name,
                    "skipped an alert: the template writes nothing"
                );
                self.delivery
                    .counters
                    .count(name, |counts| counts.unwritten += 1);
                return self.take_out(&waiting).await;
            }
            Err(error) => {
                tracing::error!(receiver = name, %error, "dropped an alert that cannot be written");
                self.delivery
                    .counters
                    .count(name, |counts| counts.unwritten += 1);
                return self.take_out(&waiting).await;
            }
        };
        match self.attempt(planned, body).await {
            Ok(Answer::Taken) => {
                self.delivery
                    .counters
                    .count(name, |counts| counts.delivered += 1);
                if self.failures > 0 {
                    tracing::info!(receiver = name, "alerts are delivered again");
                }
            }
            Ok(Answer::Refused { status, origin }) => {
                self.delivery
                    .counters
                    .count(name, |counts| counts.refused += 1);
                tracing::error!(
                    receiver = name,
                    uid = waiting.alert.uid,
                    status,
                    origin,
                    "dropped an alert that its receiver will not take"
                );
            }
            Err(failure) => return self.failed(name, &failure).await,
        }
        self.failures = 0;
        self.take_out(&waiting).await
    }

    async fn attempt(&mut self, planned: &Planned, body: Vec<u8>) -> Result<Answer, Failure> {
        let answer = self.delivery.pace.answer;
        let client = match &self.client {
            Some(client) => client,
            None => self.client.insert(client(answer)?),
        };
        post(client, &planned.receiver, body, answer).await
    }

    /// Gives up what is too old, and pauses: until it is time, or the configuration changes.
    async fn failed(&mut self, name: &str, failure: &Failure) -> Result<(), StoreError> {
        let pace = self.delivery.pace;
        self.failures = self.failures.saturating_add(1);
        self.delivery
            .counters
            .count(name, |counts| counts.failed_attempts += 1);
        let pause = pace.pause(self.failures, failure.retry_after());
        if self.failures == 1 {
            tracing::warn!(receiver = name, %failure, "an alert is not delivered yet");
        } else {
            tracing::debug!(receiver = name, %failure, ?pause, "an alert is still not delivered");
        }
        let dropped = self.drop_expired().await?;
        if dropped > 0 {
            self.delivery
                .counters
                .count(name, |counts| counts.expired += dropped);
            tracing::error!(
                receiver = name, %failure, count = dropped,
                "dropped alerts that could not be delivered for too long"
            );
        }
        // A new configuration may be what the receiver needs.
        drop(timeout(pause, changed(&mut self.plans)).await);
        Ok(())
    }

    async fn drop_expired(&mut self) -> Result<u64, StoreError> {
        let now = self.delivery.clock.now();
        let mut dropped = 0;
        while let Some(waiting) = self.delivery.store.outbox_next(&self.receiver)? {
            if now.duration_since(waiting.alert.at) < self.delivery.pace.keep {
                break;
            }
            self.take_out(&waiting).await?;
            dropped += 1;
        }
        Ok(dropped)
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
