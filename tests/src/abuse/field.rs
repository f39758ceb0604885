//! Where abuse takes place: the server, and how much of it there is.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server to be abused.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it answers reviews, over TLS.
    pub admission: SocketAddr,
    /// Where it answers operators, in plain HTTP.
    pub operations: SocketAddr,
    /// The socket beside its store.
    pub socket: PathBuf,
    /// Trusts its certificate; without a protocol (ALPN).
    pub tls: ClientConfig,
    /// An AdmissionReview that it allows.
    pub review: Vec<u8>,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// How long what has no number goes on.
    pub time: Duration,
    /// How many of the attackers there are, in percent.
    pub share: usize,
    /// How many requests or handshakes, where they are counted.
    pub requests: u64,
    /// How many connections, where they are counted.
    pub connections: usize,
}

/// One attack's view of both.
#[derive(Clone, Debug)]
pub struct Field {
    /// The server.
    pub target: Arc<Target>,
    /// How much.
    pub scale: Scale,
    end: Instant,
}

impl Field {
    /// A field on which an attack begins now.
    pub fn new(target: &Arc<Target>, scale: Scale) -> Self {
        Self {
            target: Arc::clone(target),
            scale,
            end: Instant::now() + scale.time,
        }
    }

    /// The same field, on which the attack begins only now.
    pub(super) fn anew(&self) -> Self {
        Self::new(&self.target, self.scale)
    }

    /// How much time is left.
    pub(super) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether there is time left.
    pub(super) fn goes_on(&self) -> bool {
        !self.left().is_zero()
    }

    /// Has `number` attackers, or what is the scale's share of them, do `task` again and again until the time is over, each from one of several addresses; returns
    /// how often it was done in all.
    pub(super) async fn swarm<T>(&self, number: usize, task: fn(Self, Ipv4Addr) -> T) -> u64
    where
        T: Future<Output = io::Result<()>> + Send + 'static,
    {
        let mut attackers = JoinSet::new();
        for attacker in 0..(number * self.scale.share).div_ceil(100) {
            let field = self.clone();
            attackers.spawn(async move {
                let mut done = 0_u64;
                while field.goes_on() {
                    // What the server makes of it is the honest clients' to tell.
                    let (Ok(_) | Err(_)) =
                        timeout(field.left(), task(field.clone(), address(attacker))).await;
                    done += 1;
                    sleep(BREATH).await;
                }
                done
            });
        }
        attackers.join_all().await.into_iter().sum()
    }

    /// A connection to the admission port.
    pub(super) async fn tcp(&self, from: Ipv4Addr) -> io::Result<TcpStream> {
        connect(from, self.target.admission).await
    }

    /// A TLS connection to the admission port that speaks `protocol`.
    pub(super) async fn tls(
        &self,
        from: Ipv4Addr,
        protocol: &[u8],
    ) -> io::Result<TlsStream<TcpStream>> {
        self.target.tls(from, protocol).await
    }
}

impl Target {
    /// A TLS connection to the admission port that speaks `protocol`.
    ///
    /// # Errors
    ///
    /// [`io::Error`] if there is no connection, or no TLS.
    pub async fn tls(&self, from: Ipv4Addr, protocol: &[u8]) -> io::Result<TlsStream<TcpStream>> {
        let stream = connect(from, self.admission).await?;
        let mut config = self.tls.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

/// Connects from one of the addresses of loopback.
pub(super) async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The address of an attacker; honest clients have another one.
pub(super) fn address(attacker: usize) -> Ipv4Addr {
    let last = u8::try_from(attacker % ADDRESSES).unwrap_or_default();
    Ipv4Addr::new(127, 0, 1, last + 1)
}

/// How many addresses attackers have.
const ADDRESSES: usize = 40;
/// The machine is the attackers' and the server's: attackers that never pause would only show that it has few cores.
const BREATH: Duration = Duration::from_millis(5);
