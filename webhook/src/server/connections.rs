//! Connections: accepted, bounded, and ended when they are too old, idle, or in the way.

use std::io;
use std::net;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::State;
use super::client::{Activity, Client, Version};
use super::limits::Limits;
use super::paths::Paths;
use super::places::{Bounds, Ending, Place, Places};
use super::stream::Stream;

/// A port that is served.
#[derive(Debug)]
pub(super) struct Port {
    listener: TcpListener,
    places: Arc<Places>,
    shared: Arc<Shared>,
}

/// What is the same for all connections of a port.
struct Shared {
    state: Arc<State>,
    tls: Option<TlsAcceptor>,
    operations: Option<TowerToHyperService<Router>>,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
}

impl Port {
    /// A port for admission reviews over TLS, and for `operations` where they have no port of their
    /// own.
    ///
    /// # Errors
    ///
    /// [`io::Error`] where the listener is of no use.
    pub(super) fn admission(
        listener: net::TcpListener,
        state: &Arc<State>,
        tls: TlsAcceptor,
        operations: Option<Router>,
    ) -> io::Result<Self> {
        let connections = state.limits.connections;
        let per_network = state.limits.connections_per_network;
        Self::open(
            listener,
            state,
            Some(tls),
            operations,
            (connections, per_network),
        )
    }

    /// A port for `operations` in plain HTTP.
    ///
    /// # Errors
    ///
    /// [`io::Error`] where the listener is of no use.
    pub(super) fn operations(
        listener: net::TcpListener,
        state: &Arc<State>,
        operations: Router,
    ) -> io::Result<Self> {
        let bounds = (OPERATIONS_CONNECTIONS, OPERATIONS_PER_NETWORK);
        Self::open(listener, state, None, Some(operations), bounds)
    }

    fn open(
        listener: net::TcpListener,
        state: &Arc<State>,
        tls: Option<TlsAcceptor>,
        operations: Option<Router>,
        (connections, per_network): (usize, usize),
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        // What the standard library asks for is short: who does not fit in has to try again after a
        // second. The kernel takes no more than `net.core.somaxconn`.
        rustix::net::listen(&listener, QUEUE)?;
        let limits = state.limits;
        let builder = builder(&limits);
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            places: Places::new(Bounds {
                connections,
                per_network,
                bodies: limits.bodies_per_peer,
                protection: limits.deadline,
                newness: limits.arrival,
            }),
            shared: Arc::new(Shared {
                state: Arc::clone(state),
                tls,
                operations: operations.map(TowerToHyperService::new),
                http1: builder.clone().http1_only(),
                http2: builder.http2_only(),
            }),
        })
    }

    /// Serves until `stop` is done, and then what is in flight.
    pub(super) async fn serve(self, stop: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer.ip(), &mut connections),
                    Err(error) => {
                        tracing::debug!(%error, "connection not accepted");
                        // Without a file descriptor left, the next attempt fails as well.
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        let drain = self.shared.state.limits.drain;
        // Who connects from now on is refused and not kept waiting.
        drop(self.listener);
        self.places.stop();
        let ended = async { while connections.join_next().await.is_some() {} };
        let (Ok(()) | Err(_)) = timeout(drain, ended).await;
        connections.shutdown().await;
    }

    fn accept(&self, stream: TcpStream, peer: net::IpAddr, connections: &mut JoinSet<()>) {
        let Some(place) = self.places.enter(peer) else {
            tracing::debug!(%peer, "connection refused: there are too many");
            return;
        };
        let shared = Arc::clone(&self.shared);
        connections.spawn(async move {
            if let Err(error) = shared.serve(stream, place).await {
                tracing::debug!(%peer, %error, "connection failed");
            }
        });
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream, mut place: Place) -> io::Result<()> {
        // Answers are single small writes: waiting to fill a segment would only delay them.
        stream.set_nodelay(true)?;
        let stream = Stream::new(stream, &self.state.limits);
        let Some(tls) = &self.tls else {
            self.speak(stream, Version::Http1, place).await;
            return Ok(());
        };
        let mut shaking = pin!(timeout(self.state.limits.handshake, tls.accept(stream)));
        let stream = tokio::select! {
            biased;
            ending = &mut place.ending => match ending {
                // To the client, the handshake may be over already, and its request on its way.
                Ok(Ending::Stopping) => {
                    place.is_stopping = true;
                    shaking.await??
                }
                Ok(Ending::Evicted) | Err(_) => return Ok(()),
            },
            shaken = &mut shaking => shaken??,
        };
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Version::Http2,
            _ => Version::Http1,
        };
        self.speak(stream, version, place).await;
        Ok(())
    }

    async fn speak<S>(&self, stream: S, version: Version, mut place: Place)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let limits = &self.state.limits;
        let client = Client {
            state: Arc::clone(&self.state),
            bodies: Arc::clone(&place.bodies),
            activity: Arc::clone(&place.activity),
            version,
        };
        let paths = Paths {
            client: Arc::new(client),
            reviews: self.tls.is_some(),
            operations: self.operations.clone(),
        };
        let builder = match version {
            Version::Http1 => &self.http1,
            Version::Http2 => &self.http2,
        };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), paths));
        let now = Instant::now();
        let first = now + limits.handshake;
        let soonest = limits.handshake.min(limits.idle).min(limits.age);
        let mut timer = pin!(sleep_until((now + soonest).into()));
        let grace = loop {
            if place.is_stopping {
                break limits.drain;
            }
            tokio::select! {
                biased;
                // How a connection ends is the peer's affair.
                _ = connection.as_mut() => return,
                ending = &mut place.ending => break match ending {
                    Ok(Ending::Stopping) => limits.drain,
                    Ok(Ending::Evicted) | Err(_) => Duration::ZERO,
                },
                () = timer.as_mut() => match next_check(&place.activity, version, first, limits) {
                    Some(next) => timer.as_mut().reset(next.into()),
                    None if place.activity.has_asked() => break limits.drain,
                    None => return,
                },
            }
        };
        if version == Version::Http1 && grace > Duration::ZERO {
            // Idle as it is, a request may be on its way, and nothing tells the client that it was not
            // looked at. It is answered, and so is the connection's end announced.
            let answered = timeout(limits.linger, connection.as_mut()).await;
            if answered.is_ok() {
                return;
            }
        }
        connection.as_mut().graceful_shutdown();
        let (Ok(_) | Err(_)) = timeout(grace, connection).await;
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// When to look at a connection again, and nothing where its time is over. hyper itself ends idle
/// connections of HTTP/1.1; those in use are not aged, since a request that is on its way to a
/// closed one is lost, while GOAWAY tells which ones were not looked at.
fn next_check(
    activity: &Activity,
    version: Version,
    first: Instant,
    limits: &Limits,
) -> Option<Instant> {
    let now = Instant::now();
    if !activity.has_asked() {
        return Some(first).filter(|first| *first > now);
    }
    if version == Version::Http1 {
        return Some(now + limits.age);
    }
    let idle = activity.last() + limits.idle;
    let next = idle.min(activity.opened() + limits.age);
    Some(next).filter(|next| *next > now)
}

/// Bounds what a connection may take.
fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(MAX_BUFFER);
    // HTTP/2 has no timeout on headers; a peer that is gone is noticed by pings.
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.headers)
        .keep_alive_timeout(limits.handshake)
        .max_concurrent_streams(limits.streams);
    builder
}

/// What few probes and scrapers need.
const OPERATIONS_CONNECTIONS: usize = 64;

const OPERATIONS_PER_NETWORK: usize = 16;

/// Connections that wait to be accepted.
const QUEUE: i32 = 4096;

/// How long not to accept after that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes that HTTP/1.1 reads ahead, and so of a request's headers.
const MAX_BUFFER: usize = 64 * 1024;
