//! What clients may take.

use std::time::Duration;

/// What one client may take from all others, and how long the end may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes of all bodies that have arrived, as a whole or in part, and of all answers until they
    /// are sent; the request whose body or answer is beyond is denied at once. Every request counts
    /// for 16 KiB at least. No peer may have more of it than is left, but each may have 64 KiB.
    pub bodies: usize,
    /// How many of these bytes one peer's address may have.
    pub bodies_per_peer: usize,
    /// Reviews that are judged at a time; what is beyond is denied at once.
    pub concurrent: usize,
    /// Requests at a time on one HTTP/2 connection: well below `concurrent`, while an API server
    /// opens another connection when one is full.
    pub streams: u32,
    /// Open connections. What is beyond takes the place of the one that has been idle longest, or of
    /// one of who has most, and is closed at once where nobody has more than it would.
    pub connections: usize,
    /// How many of these connections one network may have: one IPv4 address, or one /64 of IPv6,
    /// all of which one host can take its addresses from.
    pub connections_per_network: usize,
    /// Time for a request's body to arrive.
    pub arrival: Duration,
    /// Time for a request, from its headers to its answer.
    pub deadline: Duration,
    /// Time for a TLS handshake, and again for the first request after it.
    pub handshake: Duration,
    /// Time for the headers of each further request of HTTP/1.1; it runs from the answer before, so
    /// that it is also how long such a connection may be idle. And how long a peer may take nothing
    /// of what is sent to it.
    pub headers: Duration,
    /// How long an HTTP/2 connection may bring no whole request before it is asked to go (GOAWAY,
    /// RFC 9113 6.8).
    pub idle: Duration,
    /// How old an HTTP/2 connection may get before it is asked to go.
    pub age: Duration,
    /// How long, once asked to stop, to be not ready before connections are refused: until then
    /// those who watch readiness have stopped sending, and those who keep a connection of HTTP/1.1
    /// in use have been told to close it.
    pub drain_delay: Duration,
    /// How long what is in flight may take to end thereafter, and on any connection that is asked
    /// to go.
    pub drain: Duration,
    /// How long a connection that has ended waits for its peer to end it, too; and how long an idle one
    /// of HTTP/1.1 waits for a request that is on its way when the server stops.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 8 * MIB,
            bodies: 64 * MIB,
            bodies_per_peer: 32 * MIB,
            concurrent: 128,
            streams: 64,
            connections: 1024,
            connections_per_network: 256,
            arrival: Duration::from_secs(1),
            deadline: Duration::from_secs(2),
            handshake: Duration::from_secs(5),
            headers: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            age: Duration::from_mins(10),
            drain_delay: Duration::from_secs(2),
            drain: Duration::from_secs(5),
            linger: Duration::from_secs(2),
        }
    }
}

const MIB: usize = 1024 * 1024;
