//! Which connections are open, and which of them has to go when there are too many.

mod network;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::budget::Budget;
use super::client::Activity;
use network::{Claim, Network, Open, network_of};

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
    /// Of one network: an IPv4 address, or the first half of an IPv6 address.
    pub(super) per_network: usize,
    /// Bytes of bodies of one address.
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
    address: IpAddr,
    number: u64,
    places: Arc<Places>,
    /// What the connection is used for.
    pub(super) activity: Arc<Activity>,
    /// What its address may still send.
    pub(super) bodies: Arc<Budget>,
    /// Tells when it has to end; once.
    pub(super) ending: oneshot::Receiver<Ending>,
    /// Whether it has told that the server stops.
    pub(super) is_stopping: bool,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    connections: usize,
    networks: BTreeMap<IpAddr, Network>,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            table: Mutex::default(),
        })
    }

    /// A place for a connection from this address. Where there is none, another connection loses its
    /// own: one of the network's where the network has too many, otherwise whichever [`Claim`] finds.
    /// Nobody keeps others out by asking, or by connecting, all the time.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut table = self.table();
        table.make_room(address, &self.bounds)?;
        let number = table.next;
        table.next = number.wrapping_add(1);
        table.connections = table.connections.saturating_add(1);
        let network = table.networks.entry(network_of(address)).or_default();
        let activity = Arc::new(Activity::new());
        let (end, ending) = oneshot::channel();
        let open = Open {
            activity: Arc::clone(&activity),
            end,
        };
        let bodies = network.enter(address, number, open, self.bounds.bodies);
        Some(Place {
            address,
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
        table.connections = 0;
        for network in std::mem::take(&mut table.networks).into_values() {
            network.stop();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing below panics half way through a change.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Makes sure that one more connection may be opened from this address. Nothing if it may not.
    fn make_room(&mut self, address: IpAddr, bounds: &Bounds) -> Option<()> {
        let network = network_of(address);
        let claim = Claim::of(address, self.networks.get(&network), bounds);
        let found = if claim.of_network >= bounds.per_network {
            let network = self.networks.get(&network)?;
            network.first_to_go(&claim, true)
        } else if self.connections >= bounds.connections {
            let networks = self.networks.iter();
            let first = networks.filter_map(|(name, it)| it.first_to_go(&claim, *name == network));
            first.max_by_key(|found| found.reason)
        } else {
            return Some(());
        };
        let found = found?;
        self.leave(found.address, found.number)?
            .tell(Ending::Evicted);
        Some(())
    }

    fn leave(&mut self, address: IpAddr, number: u64) -> Option<Open> {
        let name = network_of(address);
        let network = self.networks.get_mut(&name)?;
        let open = network.leave(address, number)?;
        if network.is_empty() {
            self.networks.remove(&name);
        }
        self.connections = self.connections.saturating_sub(1);
        Some(open)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table().leave(self.address, self.number);
    }
}

#[cfg(test)]
mod tests;
