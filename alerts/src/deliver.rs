//! Delivery: one task a receiver, each at its own pace.

mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use vouchsafe_store::Store;
use vouchsafe_trust::{Clock, Sha256};

use crate::{Counters, Pace, Plan};

/// What takes alerts from the store to their receivers.
pub struct Delivery {
    /// Where alerts wait.
    pub store: Store,
    /// Who the receivers are, now and after every change of the configuration.
    pub plans: watch::Receiver<Arc<Plan>>,
    /// What alerts call the process that answered.
    pub pod_id: String,
    /// What becomes of alerts.
    pub counters: Arc<Counters>,
    /// Tells how old an alert is.
    pub clock: Arc<dyn Clock>,
    /// How patient delivery is.
    pub pace: Pace,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").finish_non_exhaustive()
    }
}

impl Delivery {
    /// Delivers what waits and what is queued, until `stop`.
    ///
    /// An attempt that is under way then is given up: the alert still waits, and is delivered by
    /// whoever opens the store next.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut couriers = Couriers {
            delivery: Arc::new(self),
            tasks: JoinSet::new(),
            receivers: BTreeMap::new(),
            broken: Vec::new(),
            unknown: BTreeSet::new(),
        };
        tokio::select! {
            () = couriers.run() => {}
            () = stop => {}
        }
        couriers.tasks.shutdown().await;
    }
}

/// The tasks, and for whom each is.
struct Couriers {
    delivery: Arc<Delivery>,
    tasks: JoinSet<()>,
    receivers: BTreeMap<Sha256, task::Id>,
    /// Receivers whose task broke down. It starts again after a while.
    broken: Vec<Sha256>,
    /// Receivers of the store that the configuration did not know at the last look.
    unknown: BTreeSet<Sha256>,
}

impl Couriers {
    async fn run(&mut self) {
        let mut plans = self.delivery.plans.clone();
        let mut sweep = interval(self.delivery.pace.sweep);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let plan = Arc::clone(&plans.borrow_and_update());
            self.start(&plan);
            tokio::select! {
                () = changed(&mut plans) => {}
                _ = sweep.tick() => self.sweep(&plan),
                Some(ended) = self.tasks.join_next_with_id() => self.ended(ended),
            }
        }
    }

    /// Starts a task for each receiver that has none. Those of receivers that are gone end by
    /// themselves.
    fn start(&mut self, plan: &Plan) {
        let receivers = plan.receivers();
        let names = receivers.values().map(|planned| &*planned.receiver.name);
        self.delivery.counters.keep(&names.collect());
        for id in receivers.keys() {
            if !self.receivers.contains_key(id) {
                let task = queue::run(Arc::clone(&self.delivery), *id);
                self.receivers.insert(*id, self.tasks.spawn(task).id());
            }
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        match ended {
            Ok((id, ())) => self.receivers.retain(|_, running| *running != id),
            Err(error) => {
                tracing::error!(%error, "the delivery to a receiver of alerts broke down");
                let broken = self.receivers.iter().filter(|(_, id)| **id == error.id());
                self.broken.extend(broken.map(|(receiver, _)| *receiver));
            }
        }
    }

    /// Drops what waits for receivers that no configuration has known for a while. Not at once:
    /// admission may know of a new one a moment earlier than delivery does.
    fn sweep(&mut self, plan: &Plan) {
        for receiver in self.broken.drain(..) {
            self.receivers.remove(&receiver);
        }
        let delivery = &self.delivery;
        let waiting = delivery.store.outbox_receivers().into_iter();
        let unknown: BTreeSet<Sha256> = waiting
            .filter(|receiver| !plan.receivers().contains_key(receiver))
            .collect();
        for receiver in self.unknown.intersection(&unknown) {
            match delivery.store.outbox_drop_receiver(receiver) {
                Ok(count) => {
                    delivery.counters.orphan(count);
                    tracing::warn!(
                        count,
                        "dropped alerts for a receiver that is no longer configured"
                    );
                }
                Err(error) => {
                    tracing::error!(%error, "alerts that nobody waits for cannot be dropped");
                }
            }
        }
        self.unknown = unknown;
    }
}

/// Returns at the next change; never if there will be none.
async fn changed<T>(values: &mut watch::Receiver<T>) {
    if values.changed().await.is_err() {
        future::pending::<()>().await;
    }
}
