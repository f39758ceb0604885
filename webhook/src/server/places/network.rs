//! The connections of one network, and which of them has to go for another.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Bounds, Ending};
use crate::server::budget::Budget;
use crate::server::client::Activity;

/// The network of an address, by its first address. A host of IPv6 usually has all of a /64 to choose
/// its addresses from, so they count together; one of IPv4 has the address that it was given.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !HOST).into(),
    }
}

/// The connections of one network, by address.
#[derive(Debug, Default)]
pub(super) struct Network(BTreeMap<IpAddr, Peer>);

/// The connections of one address.
#[derive(Debug)]
struct Peer {
    bodies: Arc<Budget>,
    open: BTreeMap<u64, Open>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) activity: Arc<Activity>,
    pub(super) end: oneshot::Sender<Ending>,
}

/// A new connection that needs a place where there is none.
///
/// Connections of other networks are compared by what their networks have; those of the own one by
/// what addresses have, so that an API server gets in beside an attacker on its own link.
///
/// A connection in use goes if even without it there are no fewer there than here with the new one: so
/// whoever has nothing gets in as long as anybody has two, and nobody is pushed aside by who has as
/// many. An idle one goes before any that is in use, whoever has it: its client just connects again. But
/// who has more than a few may not even push aside idle ones of who has less.
#[derive(Debug)]
pub(super) struct Claim {
    /// How many connections its network has.
    pub(super) of_network: usize,
    /// How many its address has.
    of_address: usize,
    protection: Duration,
    newness: Duration,
}

/// A connection that may go.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) address: IpAddr,
    pub(super) number: u64,
    pub(super) reason: Reason,
}

/// Why a connection may go: the greatest reason comes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Reason {
    /// Whether it has not asked for a while, and had time to.
    is_idle: bool,
    of_network: usize,
    of_address: usize,
    unused: Duration,
}

impl Claim {
    /// The claim of an address in `network`, if that has any connection.
    pub(super) fn of(address: IpAddr, network: Option<&Network>, bounds: &Bounds) -> Self {
        let peer = network.and_then(|network| network.0.get(&address));
        Self {
            of_network: network.map_or(0, Network::connections),
            of_address: peer.map_or(0, |peer| peer.open.len()),
            protection: bounds.protection,
            newness: bounds.newness,
        }
    }

    /// Whether a connection may go for it as an idle one; nothing if it may not go at all. There are
    /// `own` connections here, and `theirs` there.
    fn may_have(&self, open: &Open, own: usize, theirs: usize) -> Option<bool> {
        let is_idle = !open.activity.is_recent(self.protection);
        // Just opened, it may be about to ask.
        let is_new = is_idle && open.activity.opened().elapsed() < self.newness;
        if is_idle && !is_new && (theirs >= own || own < FEW) {
            return Some(true);
        }
        let has_more = theirs > own.saturating_add(1);
        (has_more || (is_idle && theirs >= own)).then_some(false)
    }
}

impl Network {
    /// Takes in a connection. Returns what its address may still send.
    pub(super) fn enter(
        &mut self,
        address: IpAddr,
        number: u64,
        open: Open,
        bodies: usize,
    ) -> Arc<Budget> {
        let peer = self.0.entry(address).or_insert_with(|| Peer {
            bodies: Arc::new(Budget::new(bodies)),
            open: BTreeMap::new(),
        });
        peer.open.insert(number, open);
        Arc::clone(&peer.bodies)
    }

    pub(super) fn leave(&mut self, address: IpAddr, number: u64) -> Option<Open> {
        let peer = self.0.get_mut(&address)?;
        let open = peer.open.remove(&number)?;
        if peer.open.is_empty() {
            self.0.remove(&address);
        }
        Some(open)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn connections(&self) -> usize {
        self.0.values().map(|peer| peer.open.len()).sum()
    }

    /// The connection that has to go first for this claim, if one may; `is_own` where the claim is of
    /// this very network.
    pub(super) fn first_to_go(&self, claim: &Claim, is_own: bool) -> Option<Found> {
        let of_network = self.connections();
        let peers = self.0.iter();
        let found = peers.flat_map(|(address, peer)| {
            let of_address = peer.open.len();
            let (own, theirs) = if is_own {
                (claim.of_address, of_address)
            } else {
                (claim.of_network, of_network)
            };
            peer.open.iter().filter_map(move |(number, open)| {
                let is_idle = claim.may_have(open, own, theirs)?;
                let unused = open.activity.last().elapsed();
                Some(Found {
                    address: *address,
                    number: *number,
                    reason: Reason {
                        is_idle,
                        of_network,
                        of_address,
                        unused,
                    },
                })
            })
        });
        found.max_by_key(|found| found.reason)
    }

    /// Has every connection end in good order.
    pub(super) fn stop(self) {
        let peers = self.0.into_values();
        for open in peers.flat_map(|peer| peer.open.into_values()) {
            open.tell(Ending::Stopping);
        }
    }
}

impl Open {
    pub(super) fn tell(self, ending: Ending) {
        // A connection that does not listen any more is ending.
        let (Ok(()) | Err(_)) = self.end.send(ending);
    }
}

/// What an API server needs under load and more, at 64 requests on each connection.
const FEW: usize = 8;

/// The bits of an IPv6 address that name a host within its network.
const HOST: u128 = (1 << 64) - 1;
