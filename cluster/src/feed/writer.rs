//! Writing the objects' status, one after the other, beside everything else.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use vouchsafe_store::StoreError;

use super::Feed;
use super::known::Entry;
use super::object::Objects;
use crate::status::{Standing, status};
use crate::trust_repository::TrustRepositoryStatus;

/// Writes the status of objects, while this process leads.
pub(super) struct StatusWriter {
    feed: Feed,
    objects: Objects,
    /// The newest of each object that has yet to be shown.
    waiting: Mutex<BTreeMap<String, Entry>>,
    more: Notify,
}

impl StatusWriter {
    pub(super) fn new(feed: Feed) -> Self {
        Self {
            objects: Objects::new(&feed.connection),
            feed,
            waiting: Mutex::default(),
            more: Notify::new(),
        }
    }

    /// Has the status of an object written, if it is not what is to be said.
    pub(super) fn show(&self, entry: &Entry) {
        if *self.feed.leads.borrow() {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(entry.name.clone(), entry.clone());
            self.more.notify_one();
        }
    }

    /// Writes until dropped.
    pub(super) async fn run(self: std::sync::Arc<Self>) {
        loop {
            let next = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.pop_first()
            };
            let Some((name, entry)) = next else {
                self.more.notified().await;
                continue;
            };
            if !*self.feed.leads.borrow() {
                continue;
            }
            let written = match self.wanted(&entry) {
                Ok(Some(status)) => self.objects.write_status(&name, &status).await,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(%error, %name, "cannot tell the status of a TrustRepository");
                    continue;
                }
            };
            if let Err(error) = written {
                tracing::warn!(%error, %name, "cannot write the status of a TrustRepository");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// What the status of an object is to say, if it does not say that already.
    fn wanted(&self, entry: &Entry) -> Result<Option<TrustRepositoryStatus>, StoreError> {
        let now = self.feed.clock.now();
        let standing = match &entry.repository {
            Some((server, gun)) => {
                let stored = self.feed.store.status_of(server.clone(), gun.clone())?;
                (self.feed.judge)(&stored, &self.feed.configs.borrow(), now)
            }
            None => Standing {
                word: "unknown",
                tags: None,
                until: None,
            },
        };
        let before = entry.status.as_ref();
        let wanted = status(&entry.taken, &standing, entry.generation, before, now);
        Ok((before != Some(&wanted)).then_some(wanted))
    }
}

/// How long is waited after an attempt that failed.
const PAUSE: Duration = Duration::from_secs(2);
