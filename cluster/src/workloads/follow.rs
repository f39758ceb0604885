//! A watch of one kind, for as long as it is wanted.

use std::pin::pin;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client};

use super::entry::Entry;
use super::kind::Kind;
use super::table::Table;
use super::wire::Object;
use super::{PAGE, Workloads};

/// One kind, and who watches it.
pub(super) struct Follower<'w> {
    pub(super) workloads: &'w Workloads,
    pub(super) kind: Kind,
    pub(super) client: Client,
}

impl Follower<'_> {
    /// Watches until dropped.
    pub(super) async fn run(self) {
        loop {
            self.watch().await;
            tracing::info!(kind = self.kind.name(), "lists objects anew");
        }
    }

    /// Watches until nothing says that an interrupted watch goes on: then only a list can tell.
    async fn watch(&self) {
        let api = Api::<Object>::all_with(self.client.clone(), &self.kind.resource());
        let config = watcher::Config::default().page_size(PAGE);
        let mut events = pin!(watch(api, config).default_backoff());
        let mut listed = Table::default();
        loop {
            let next = if self.is_failing() {
                match tokio::time::timeout(SILENCE, events.next()).await {
                    Ok(next) => next,
                    Err(_silence) => return,
                }
            } else {
                events.next().await
            };
            match next {
                Some(Ok(event)) => self.take(event, &mut listed),
                Some(Err(error)) => self.fail(&error),
                None => return,
            }
        }
    }

    fn take(&self, event: Event<Object>, listed: &mut Table) {
        match event {
            Event::Init => *listed = Table::default(),
            Event::InitApply(object) => {
                let _is_new = self.insert(listed, &object);
            }
            Event::InitDone => {
                listed.is_listed = true;
                self.replace(std::mem::take(listed));
            }
            Event::Apply(object) => {
                let is_new = self.change(|table| self.insert(table, &object));
                if is_new {
                    self.workloads.tell();
                }
            }
            Event::Delete(object) => {
                let metadata = &object.wire.metadata;
                let was_known =
                    self.change(|table| table.remove(&metadata.namespace, &metadata.name));
                if was_known {
                    self.workloads.tell();
                }
            }
        }
    }

    fn insert(&self, table: &mut Table, object: &Object) -> bool {
        let pools = &self.workloads.0.pools;
        let metadata = &object.wire.metadata;
        let entry = Entry::of(self.kind, &object.wire, pools);
        table.insert(
            pools.texts.share(&metadata.namespace),
            &metadata.name,
            entry,
        )
    }

    fn replace(&self, table: Table) {
        if table.left_out > 0 {
            let (kind, left_out) = (self.kind.name(), table.left_out);
            tracing::error!(kind, left_out, "there are more objects than are kept");
        }
        tracing::debug!(kind = self.kind.name(), objects = table.len(), "listed");
        let before = {
            let known = self.workloads.table(self.kind);
            let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, table)
        };
        self.workloads.tell();
        // Taken apart without the lock, which admission may wait for.
        drop(before);
    }

    /// Changes what is known; the watch is well.
    fn change(&self, change: impl FnOnce(&mut Table) -> bool) -> bool {
        let table = self.workloads.table(self.kind);
        let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
        table.failing_since = None;
        change(&mut table)
    }

    fn is_failing(&self) -> bool {
        self.workloads.read(self.kind).failing_since.is_some()
    }

    fn fail(&self, error: &watcher::Error) {
        let kind = self.kind.name();
        let table = self.workloads.table(self.kind);
        let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
        if table.failing_since.is_none() {
            table.failing_since = Some(Instant::now());
            tracing::warn!(kind, %error, "objects cannot be watched");
        } else {
            tracing::debug!(kind, %error, "objects can still not be watched");
        }
    }
}

/// A watch that was interrupted says nothing when it goes on. After so long without another fault or any news, a list
/// shows that it does.
const SILENCE: Duration = Duration::from_mins(1);
