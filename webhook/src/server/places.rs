//! Which connections are open, and which of them has to go when there are too many.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::budget::Budget;
use super::client::Activity;

/// The places that connections take.
#[derive(Debug)]
pub(super) struct Places {
    bounds: Bounds,
    table: Mutex<Table>,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// In all.
    pub(super) connections: usize,
    /// Of one peer.
    pub(super) per_peer: usize,
    /// Bytes of bodies of one peer.
    pub(super) bodies: usize,
    /// How long after its last request a connection keeps its place whatever happens.
    pub(super) protection: Duration,
    /// How long a connection is new: long enough for a handshake and a first request.
    pub(super) newness: Duration,
}

/// Why a connection has to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// Another one needs its place.
    Evicted,
    /// The server stops.
    Stopping,
}

/// One connection's place, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    places: Arc<Places>,
    /// What the connection is used for.
    pub(super) activity: Arc<Activity>,
    /// What its peer may still send.
    pub(super) bodies: Arc<Budget>,
    /// Tells when it has to end; once.
    pub(super) ending: oneshot::Receiver<Ending>,
    /// Whether it has told that the server stops.
    pub(super) is_stopping: bool,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Open>,
    peers: BTreeMap<IpAddr, Peer>,
}

#[derive(Debug)]
struct Open {
    peer: IpAddr,
    activity: Arc<Activity>,
    end: oneshot::Sender<Ending>,
}

#[derive(Debug)]
struct Peer {
    connections: usize,
    bodies: Arc<Budget>,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            table: Mutex::default(),
        })
    }

    /// A place for a connection of this peer. Where there is none, the connection that has been
    /// idle longest loses its own: among the peer's where the peer has too many, otherwise among
    /// those of the peer that has most. Where none is idle but those that were just opened, a peer that
    /// has more than a few connections, and more than this one, loses one: nobody keeps others out by
    /// asking, or by connecting, all the time.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let Bounds {
            connections,
            per_peer,
            bodies,
            protection,
            newness,
        } = self.bounds;
        let peer = peer.to_canonical();
        let is_idle = |open: &Open| !open.activity.is_recent(protection);
        let mut table = self.table();
        let own = table.peers.get(&peer).map_or(0, |peer| peer.connections);
        if own >= per_peer {
            table.evict(|_, open| open.peer == peer && is_idle(open))?;
        } else if table.open.len() >= connections {
            let is_new = |open: &Open| open.activity.opened().elapsed() < newness;
            let fair = own.saturating_add(1).max(connections / PEERS);
            table
                .evict(|_, open| is_idle(open) && !is_new(open))
                .or_else(|| {
                    table.evict(|connections, open| {
                        connections > fair || (connections >= own && is_idle(open))
                    })
                })?;
        }
        let number = table.next;
        table.next = number.wrapping_add(1);
        let entry = table.peers.entry(peer).or_insert_with(|| Peer {
            connections: 0,
            bodies: Arc::new(Budget::new(bodies)),
        });
        entry.connections = entry.connections.saturating_add(1);
        let bodies = Arc::clone(&entry.bodies);
        let activity = Arc::new(Activity::new());
        let (end, ending) = oneshot::channel();
        let open = Open {
            peer,
            activity: Arc::clone(&activity),
            end,
        };
        table.open.insert(number, open);
        Some(Place {
            number,
            places: Arc::clone(self),
            activity,
            bodies,
            ending,
            is_stopping: false,
        })
    }

    /// Has every connection end in good order.
    pub(super) fn stop(&self) {
        let mut table = self.table();
        for (_, open) in std::mem::take(&mut table.open) {
            open.tell(Ending::Stopping);
        }
        table.peers.clear();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing below panics half way through a change.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Ends one of the connections that `may_go`, which is told how many its peer has.
    fn evict(&mut self, may_go: impl Fn(usize, &Open) -> bool) -> Option<()> {
        let all = self.open.iter().map(|(number, open)| {
            let peer = self.peers.get(&open.peer);
            (*number, peer.map_or(0, |peer| peer.connections), open)
        });
        let longest = all
            .filter(|(_, connections, open)| may_go(*connections, open))
            .max_by_key(|(_, connections, open)| (*connections, open.activity.last().elapsed()));
        let (number, _, _) = longest?;
        self.leave(number)?.tell(Ending::Evicted);
        Some(())
    }

    fn leave(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        if let Some(peer) = self.peers.get_mut(&open.peer) {
            peer.connections = peer.connections.saturating_sub(1);
            if peer.connections == 0 {
                self.peers.remove(&open.peer);
            }
        }
        Some(open)
    }
}

impl Open {
    fn tell(self, ending: Ending) {
        // A connection that does not listen any more is ending.
        let (Ok(()) | Err(_)) = self.end.send(ending);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table().leave(self.number);
    }
}

/// Among so many peers, connections are divided: what one has within its part, it may keep in use whoever
/// else wants to connect.
const PEERS: usize = 64;

#[cfg(test)]
mod tests;
