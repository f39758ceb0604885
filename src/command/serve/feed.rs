//! The built-in syncer: keeps the store up to date while the webhook answers from it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_syncer::{Options, Progress, ServerReport};
use vouchsafe_trust::Server;
use vouchsafe_webhook::{Condition, Readiness};

use crate::command::sync;

/// Syncs as the configuration says, and anew whenever it changes.
pub(super) async fn run(
    store: Store,
    mut configs: watch::Receiver<Arc<Config>>,
    readiness: Arc<Readiness>,
) {
    loop {
        let config = Arc::clone(&configs.borrow_and_update());
        let Ok(schedule) = config.sync().schedule.parse() else {
            // A configuration without a schedule is refused before it gets here.
            return;
        };
        let options = Options::from(config.sync());
        let syncer = sync::syncer(&store, (*config).clone(), options);
        let servers: Vec<Server> = syncer.servers().cloned().collect();
        let first = FirstFeed::new(&store, &servers, &readiness);
        let progress: Arc<dyn Progress> = Arc::new(());
        let report = |report: ServerReport| first.take(&report);
        let changed = async {
            if configs.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        vouchsafe_syncer::watch(&syncer, &schedule, &progress, report, changed).await;
    }
}

/// The servers from which nothing has come yet.
///
/// A server that was reached once, in whatever process, has fed the store: after a restart during
/// its outage the store still answers.
struct FirstFeed<'a> {
    missing: Mutex<BTreeSet<Server>>,
    readiness: &'a Readiness,
}

impl<'a> FirstFeed<'a> {
    fn new(store: &Store, servers: &[Server], readiness: &'a Readiness) -> Self {
        let was_reached = |server: &&Server| {
            let state = store.server_state(server).ok().flatten();
            state.is_some_and(|state| state.last_pass.is_some())
        };
        let missing: BTreeSet<Server> = servers
            .iter()
            .filter(|server| !was_reached(server))
            .cloned()
            .collect();
        let first = Self {
            missing: Mutex::new(missing),
            readiness,
        };
        first.publish();
        first
    }

    fn take(&self, report: &ServerReport) {
        if report.error.is_none() {
            self.missing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&report.server);
            self.publish();
        }
    }

    fn publish(&self) {
        let done = self
            .missing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty();
        self.readiness.set(Condition::FirstFeed, done);
    }
}
