//! Looking at one object.

use std::sync::Arc;

use tokio::task::spawn_blocking;
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_trust::Clock;

use super::known::Entry;
use super::object::{self, Object, Objects};
use crate::intake::{self, Refused, Taken};

/// What objects are looked at with, under one configuration.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) objects: Objects,
    pub(super) store: Store,
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<dyn Clock>,
    /// Which configuration this is.
    pub(super) epoch: u64,
}

impl Look {
    /// Looks at an object, of which `before` is known, and takes in what it carries.
    pub(super) async fn at(&self, object: Object, before: Option<Entry>) -> Entry {
        let mut entry = Entry::new(&object, self.epoch);
        let before = before.filter(|before| before.uid == entry.uid);
        if let Some(before) = &before
            && before.is_as_seen_in(&entry)
        {
            // Only its status changed, which nothing goes by.
            return Entry {
                status: entry.status,
                ..before.clone()
            };
        }
        entry.synced_at = before.and_then(|before| before.synced_at);
        entry.taken = self.take(&object, &mut entry).await;
        entry
    }

    async fn take(&self, object: &Object, entry: &mut Entry) -> Taken {
        let claim = match object::read(object) {
            Ok(claim) => claim,
            Err(error) => return Taken::Refused(error.into()),
        };
        entry.repository = Some((claim.server.clone(), claim.gun.clone()));
        if self.config.pins(&claim.server, &claim.gun).is_none() {
            return Taken::NotAsked;
        }
        let parts = match self.objects.parts(&claim).await {
            Ok(parts) => parts,
            Err(refused) => return Taken::Refused(refused),
        };
        let (synced_at, last_synced) = (claim.synced_at, entry.synced_at);
        let (store, config, now) = (
            self.store.clone(),
            Arc::clone(&self.config),
            self.clock.now(),
        );
        let work = move || intake::take(&store, &config, (&claim, &parts), last_synced, now);
        match spawn_blocking(work).await {
            Ok(Ok(taken)) => {
                if !matches!(taken, Taken::Refused(_)) {
                    entry.synced_at = Some(synced_at);
                }
                taken
            }
            Ok(Err(error)) => Taken::Refused(Refused::for_now(error.label(), &error)),
            Err(error) => Taken::Refused(Refused::for_now("panicked", &error)),
        }
    }
}
