//! Following the `TrustRepository` objects: each is taken in as it appears, beside admission.

mod known;
mod look;
pub(crate) mod object;
mod writer;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;
use vouchsafe_policy::Config;
use vouchsafe_store::{RepositoryStatus, Store};
use vouchsafe_trust::Clock;

use self::known::{Entry, Known};
use self::look::{Look, Room};
use self::object::{Object, Objects};
use self::writer::StatusWriter;
use crate::Connection;
use crate::status::Standing;

/// Keeps a store up to date from `TrustRepository` objects.
#[derive(Clone)]
#[expect(
    missing_debug_implementations,
    reason = "the client holds credentials and has no Debug"
)]
pub struct Feed {
    /// The API server, and the namespace that the objects are in.
    pub connection: Connection,
    /// The store to fill.
    pub store: Store,
    /// The configuration in use, and what follows it.
    pub configs: watch::Receiver<Arc<Config>>,
    /// The time to judge by.
    pub clock: Arc<dyn Clock>,
    /// What a stored repository is good for.
    pub judge: Arc<Judge>,
    /// Whether this process writes what the objects' status says.
    pub leads: watch::Receiver<bool>,
}

/// Tells what a stored repository is good for at a time.
pub type Judge = dyn Fn(&RepositoryStatus, &Config, Timestamp) -> Standing + Send + Sync;

/// How far a feed has got.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Whether every object was looked at once.
    pub listed: bool,
    /// Whether the API server could be asked at the last attempt; nothing before the first.
    pub reachable: Option<bool>,
    /// How many objects there are, by what became of them.
    pub objects: BTreeMap<&'static str, u64>,
}

impl Feed {
    /// Follows the objects until dropped, and tells in `progress` how far it has got.
    pub async fn run(mut self, progress: watch::Sender<Progress>) {
        let writer = Arc::new(StatusWriter::new(self.clone()));
        let mut writing = JoinSet::new();
        writing.spawn(Arc::clone(&writer).run());
        let mut known = Known::new(progress, writer);
        let room = Room::new();
        // Other keys may be pinned, other repositories asked about: everything is looked at again.
        for epoch in 0.. {
            self.configs.mark_unchanged();
            let look = Look {
                objects: Objects::new(&self.connection),
                store: self.store.clone(),
                config: Arc::clone(&self.configs.borrow()),
                clock: Arc::clone(&self.clock),
                epoch,
                room: room.clone(),
            };
            if !self.follow(&look, &mut known).await {
                return;
            }
        }
    }

    /// Follows the objects under one configuration; false if there will be no other.
    async fn follow(&mut self, look: &Look, known: &mut Known) -> bool {
        let config = watcher::Config::default().page_size(object::PAGE);
        let mut events = pin!(watcher(look.objects.api(), config).default_backoff());
        let mut looking = JoinSet::new();
        let mut again = tokio::time::interval(AGAIN);
        loop {
            let event = tokio::select! {
                changed = self.configs.changed() => return changed.is_ok(),
                _ = again.tick() => {
                    try_again(look, known).await;
                    known.show_all();
                    continue;
                }
                event = events.next() => event,
            };
            match event {
                None => return true,
                Some(Err(error)) => known.unreachable(&error),
                Some(Ok(event)) => {
                    known.reachable();
                    react(event, look, &mut looking, known).await;
                }
            }
        }
    }
}

async fn react(event: Event<Object>, look: &Look, looking: &mut JoinSet<Entry>, known: &mut Known) {
    match event {
        Event::Init => {
            looking.shutdown().await;
            known.begin_list();
        }
        Event::InitApply(object) => {
            known.list(&object);
            if looking.len() >= AT_ONCE {
                learn_next(looking, known).await;
            }
            let (look, before) = (look.clone(), known.of(&object));
            looking.spawn(async move { look.at(object, before).await });
        }
        Event::InitDone => {
            while learn_next(looking, known).await {}
            known.end_list();
        }
        Event::Apply(object) => {
            let entry = look.at(object.clone(), known.of(&object)).await;
            known.learn(entry);
        }
        Event::Delete(object) => known.deleted(&object),
    }
}

/// Learns what came of the next object that is looked at; false if none is.
async fn learn_next(looking: &mut JoinSet<Entry>, known: &mut Known) -> bool {
    match looking.join_next().await {
        None => return false,
        Some(Ok(entry)) => known.learn(entry),
        Some(Err(error)) => tracing::error!(%error, "an object could not be looked at"),
    }
    true
}

/// Looks again at what may well be taken in by now.
async fn try_again(look: &Look, known: &mut Known) {
    for name in known.next_to_try_again(RETRIES) {
        if let Ok(Some(object)) = look.objects.get(&name).await {
            let before = known.of(&object);
            known.learn(look.at(object, before).await);
        }
    }
}

/// How many objects of a list are looked at at once. They wait for the disk together.
const AT_ONCE: usize = 8;
/// How often what failed for the moment is looked at again, and what ages is shown anew.
const AGAIN: Duration = Duration::from_secs(20);
/// How many objects are looked at again at a time: nobody's news waits for more.
const RETRIES: usize = 8;
