//! Stored data under new pins: verified again before a configuration decides, if the disk lets it, and
//! otherwise as soon as it does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch as channel};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use vouchsafe_policy::Config;
use vouchsafe_store::{Store, StoreError};
use vouchsafe_trust::Clock;

use crate::{chain, context};

/// Verifies what is stored under the pins of each new configuration.
///
/// A disk that takes nothing in keeps no configuration from being used, since that may be the one which
/// takes away a trust root that is in wrong hands. Until what is stored is verified again, it names the
/// trust roots that anchored it under the former pins, and the rules deny what does not name theirs.
#[derive(Clone)]
pub(super) struct Repinning {
    store: Store,
    clock: Arc<dyn Clock>,
    due: Arc<Notify>,
}

impl Repinning {
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            due: Arc::default(),
        }
    }

    /// Verifies under the pins of two configurations, one of which is about to take the other's place.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot, for another reason than the disk.
    pub(super) fn for_both(&self, before: &Config, after: &Config) -> Result<(), StoreError> {
        // What failed once may not even return.
        if let Some(cause) = self.store.failure() {
            put_off(&cause);
            return Ok(());
        }
        match context::reverify_for_both(&self.store, before, after, self.clock.now()) {
            Err(error) if error.is_of_disk() => {
                put_off(&chain(&error));
                Ok(())
            }
            result => result,
        }
    }

    /// Verifies under the pins of the configuration that is in use by now.
    pub(super) fn alone(&self, config: &Config) {
        if self.store.failure().is_some() {
            self.due.notify_one();
        } else if let Err(error) = self.reverify(config) {
            say(&error);
            self.due.notify_one();
        }
    }

    fn reverify(&self, config: &Config) -> Result<(), StoreError> {
        context::reverify(&self.store, config, self.clock.now())
    }

    /// Makes up for what was put off, as soon as the disk can be written.
    pub(super) async fn run(self, configs: channel::Receiver<Arc<Config>>) {
        loop {
            self.due.notified().await;
            while !self.is_made_up(&configs).await {
                sleep(INTERVAL).await;
            }
        }
    }

    /// Whether there is nothing left to do under the pins of the configuration that is in use, but what
    /// only a restart does.
    async fn is_made_up(&self, configs: &channel::Receiver<Arc<Config>>) -> bool {
        let config = Arc::clone(&configs.borrow());
        let (this, using) = (self.clone(), Arc::clone(&config));
        let done = spawn_blocking(move || {
            let is_at_fault = |error: StoreError| error.is_of_disk();
            this.store.takes_in() && !this.reverify(&using).is_err_and(is_at_fault)
        });
        // Another configuration may have been taken up meanwhile, and what was verified under its pins
        // verified under these.
        done.await.unwrap_or(false) && Arc::ptr_eq(&config, &configs.borrow())
    }
}

/// The rules find what they demand, whatever else is there.
fn say(error: &StoreError) {
    let error = chain(error);
    tracing::error!(%error, "what is stored could not be verified under the new pins alone");
}

fn put_off(cause: &str) {
    tracing::warn!(
        cause,
        "what is stored could not be verified under the new pins, which are used all the same: what only they \
         anchor is denied until the disk can be written"
    );
}

const INTERVAL: Duration = Duration::from_secs(2);
