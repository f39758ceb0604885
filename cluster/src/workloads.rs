//! What the objects of the cluster run: watched, and kept in memory as far as anybody asks about it.

mod entry;
mod follow;
mod kind;
mod list;
mod pool;
mod table;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use futures_util::future::join_all;
use kube::Client;
use tokio::sync::watch;

pub use entry::{Entry, OwnedBy, Running};
pub use kind::Kind;
pub use list::{ListError, ListFailure, list};

use self::follow::Follower;
use self::pool::Pools;
use self::table::Table;

/// The objects that run images, as far as they are watched. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Workloads(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// In the order of [`Kind::ALL`].
    tables: [RwLock<Table>; Kind::ALL.len()],
    pools: Pools,
    changes: watch::Sender<()>,
}

/// A Pod that runs something.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Box<str>,
    /// What is known of it.
    pub entry: Arc<Entry>,
}

/// The images that objects name, as they are written, by the objects' namespace.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Named {
    /// The images of each namespace.
    pub by_namespace: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Whether a namespace names more than are kept of one.
    pub is_cut: bool,
}

impl Default for Workloads {
    fn default() -> Self {
        Self(Arc::new(Inner {
            tables: Default::default(),
            pools: Pools::default(),
            changes: watch::Sender::new(()),
        }))
    }
}

impl Workloads {
    /// Watches objects of these kinds in all namespaces until dropped. What is known of other kinds is forgotten.
    ///
    /// Nothing ends it: what cannot be watched is tried again, ever more rarely. Each list comes in pages.
    pub async fn run(&self, client: Client, kinds: &[Kind]) {
        for kind in Kind::ALL {
            if !kinds.contains(&kind) {
                self.forget(kind);
            }
        }
        let followers = kinds.iter().map(|kind| {
            let follower = Follower {
                workloads: self,
                kind: *kind,
                client: client.clone(),
            };
            follower.run()
        });
        join_all(followers).await;
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for kind in Kind::ALL {
            self.forget(kind);
        }
    }

    fn forget(&self, kind: Kind) {
        let mut table = self
            .table(kind)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *table = Table::default();
    }

    /// An object that may own others, if it is known, not on its way out, and news of its kind came lately.
    ///
    /// One that is being deleted is no owner: it can be changed without being judged, and no controller makes anything
    /// for it.
    pub fn owner(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        let table = self.read(kind);
        let entry = table.get(namespace, name)?;
        (!entry.is_deleting && table.is_current(Instant::now())).then(|| Arc::clone(entry))
    }

    /// Whether all objects of these kinds are known, as of lately.
    pub fn are_current(&self, kinds: &[Kind]) -> bool {
        let now = Instant::now();
        kinds.iter().all(|kind| self.read(*kind).is_current(now))
    }

    /// Whether all objects of these kinds were listed once.
    pub fn are_listed(&self, kinds: &[Kind]) -> bool {
        kinds.iter().all(|kind| self.read(*kind).is_listed)
    }

    /// How many objects of a kind are known; `None` where they were not listed yet.
    pub fn count(&self, kind: Kind) -> Option<usize> {
        let table = self.read(kind);
        table.is_listed.then(|| table.len())
    }

    /// The Pods that run something, by namespace and name.
    pub fn pods(&self) -> Vec<Pod> {
        let table = self.read(Kind::Pod);
        let running = table.iter().filter(|(_, _, entry)| !entry.runs.is_empty());
        let pod = |(namespace, name, entry): (&Arc<str>, &str, &Arc<Entry>)| Pod {
            namespace: Arc::clone(namespace),
            name: name.into(),
            entry: Arc::clone(entry),
        };
        running.map(pod).collect()
    }

    /// The images that objects name, of whatever kinds are watched.
    pub fn named(&self) -> Named {
        let mut named = Named::default();
        for kind in Kind::ALL {
            for (namespace, _, entry) in self.read(kind).iter() {
                named.add(namespace, &entry.images);
            }
        }
        named
    }

    /// Told when anything changes that is kept.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changes.subscribe()
    }

    fn tell(&self) {
        self.0.changes.send_replace(());
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::as_conversions,
        reason = "there is a table for each kind"
    )]
    fn table(&self, kind: Kind) -> &RwLock<Table> {
        &self.0.tables[kind as usize]
    }

    fn read(&self, kind: Kind) -> RwLockReadGuard<'_, Table> {
        self.table(kind)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Named {
    /// Adds images of an object, as far as there is room.
    pub(crate) fn add(&mut self, namespace: &Arc<str>, images: &[Arc<str>]) {
        let known = self.by_namespace.entry(Arc::clone(namespace)).or_default();
        for image in images {
            if known.len() < MAX_NAMED {
                known.insert(Arc::clone(image));
            } else {
                self.is_cut |= !known.contains(image);
            }
        }
    }
}

/// How many objects a page of a list has: one may be as large as 1.5 MiB, and nine lists are read at once.
const PAGE: u32 = 100;
/// How many images of one namespace are told apart.
const MAX_NAMED: usize = 10_000;
