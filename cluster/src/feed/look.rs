//! Looking at one object.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_trust::Clock;

use super::known::Entry;
use super::object::{self, Object, Objects};
use crate::intake::{self, Refused, Taken};
use crate::trust_repository::{Claim, UnpackError};

/// What objects are looked at with, under one configuration.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) objects: Objects,
    pub(super) store: Store,
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<dyn Clock>,
    /// Which configuration this is.
    pub(super) epoch: u64,
    pub(super) room: Room,
}

/// Room in memory for what is unpacked before anything of it is proven, shared by all looks.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }

    /// Waits for room for what `claim` says that it carries; nothing if that is more than any repository may have.
    async fn take(&self, claim: &Claim) -> Option<OwnedSemaphorePermit> {
        let stated = claim.stated_bytes();
        let mib = u32::try_from(stated.div_ceil(MIB).max(1)).ok()?;
        let fits = stated <= intake::MAX_REPOSITORY;
        let taken = fits.then(|| Arc::clone(&self.0).acquire_many_owned(mib))?;
        // Never closed.
        taken.await.ok()
    }
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
        entry.taken = match timeout(PATIENCE, self.take(&object, &mut entry)).await {
            Ok(taken) => taken,
            Err(slow) => Taken::Refused(Refused::for_now("unreachable", &slow)),
        };
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
        let Some(_room) = self.room.take(&claim).await else {
            let what = format!("{} bytes of role files", claim.stated_bytes());
            return Taken::Refused(UnpackError::TooLarge { what }.into());
        };
        let parts = match self.objects.parts(&claim).await {
            Ok(parts) => parts,
            Err(refused) => return Taken::Refused(refused),
        };
        let now = self.clock.now();
        // Nobody has brought it up to date in the future.
        let (synced_at, last_synced) = (claim.synced_at.min(now), entry.synced_at);
        let (store, config) = (self.store.clone(), Arc::clone(&self.config));
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

/// How long a look may take, with all requests that it makes: nobody else's news waits longer for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much is unpacked at once, in MiB.
const ROOM: usize = 32;
const MIB: u64 = 1 << 20;
