//! The HTTP server: TLS in front of [`Admission`], and what operators ask of it.

mod body;
mod connections;
mod handler;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::ServerConfig;
use tokio::sync::Semaphore;

use crate::admission::Admission;
use crate::metrics::Metrics;
use crate::readiness::{Condition, Readiness};
use connections::Bounded;

/// The webhook server.
#[derive(Clone, Debug)]
pub struct Server {
    state: Arc<State>,
}

/// What the handlers share.
#[derive(Debug)]
struct State {
    admission: Arc<Admission>,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    limits: Limits,
    in_flight: Semaphore,
}

/// What one client may take from all others, and how long the end may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Requests at a time; what is beyond is denied at once.
    pub concurrent: usize,
    /// Open connections; what is beyond is closed at once.
    pub connections: usize,
    /// Time for a request, from its headers to its answer.
    pub deadline: Duration,
    /// Time for a TLS handshake, and again for the first request after it.
    pub handshake: Duration,
    /// Time for the headers of each further request of HTTP/1.1; it runs from the answer before, so
    /// that it is also how long a connection may be idle.
    pub headers: Duration,
    /// How long, once asked to stop, to be not ready before connections are refused: until then
    /// those who watch readiness have stopped sending.
    pub drain_delay: Duration,
    /// How long what is in flight may take to end thereafter.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 8 * 1024 * 1024,
            concurrent: 128,
            connections: 1024,
            deadline: Duration::from_secs(2),
            handshake: Duration::from_secs(5),
            headers: Duration::from_secs(30),
            drain_delay: Duration::from_secs(2),
            drain: Duration::from_secs(5),
        }
    }
}

/// Where to listen.
#[derive(Debug)]
pub struct Listeners {
    /// For admission reviews, over TLS.
    pub admission: TcpListener,
    /// For health, readiness and metrics in plain HTTP; without it, they are answered over TLS.
    pub operations: Option<TcpListener>,
}

impl Server {
    /// A server that answers by `admission`.
    pub fn new(
        admission: Arc<Admission>,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> Self {
        let in_flight = Semaphore::new(limits.concurrent);
        Self {
            state: Arc::new(State {
                admission,
                readiness,
                metrics,
                limits,
                in_flight,
            }),
        }
    }

    /// Everything on one port.
    pub fn router(&self) -> Router {
        self.admission_router().merge(self.operations_router())
    }

    /// Serves until `shutdown` is done, then ends in good order: not ready, then deaf, then done
    /// with what is in flight.
    ///
    /// # Errors
    ///
    /// [`io::Error`] where a listener is of no use.
    pub async fn run(
        self,
        listeners: Listeners,
        tls: Arc<ServerConfig>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let limits = self.state.limits;
        let (admission, operations) = (Handle::new(), Handle::new());
        let router = if listeners.operations.is_some() {
            self.admission_router()
        } else {
            self.router()
        };
        let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls))
            .handshake_timeout(limits.handshake)
            .acceptor(Bounded::new(limits.connections));
        let serving = bounded(listeners.admission, acceptor, &admission, limits)?
            .serve(router.into_make_service());
        let operating = async {
            let Some(listener) = listeners.operations else {
                return Ok(());
            };
            bounded(
                listener,
                Bounded::new(OPERATIONS_CONNECTIONS),
                &operations,
                limits,
            )?
            .serve(self.operations_router().into_make_service())
            .await
        };
        let stopping = async {
            shutdown.await;
            self.state.readiness.set(Condition::Running, false);
            tracing::info!("stopping: not ready any more");
            tokio::time::sleep(limits.drain_delay).await;
            admission.graceful_shutdown(Some(limits.drain));
        };
        let admission_part = async {
            let served = serving.await;
            // Until the last review is answered, metrics and readiness can be asked for.
            operations.graceful_shutdown(Some(limits.drain));
            served
        };
        let both = async { tokio::try_join!(admission_part, operating).map(|_| ()) };
        tokio::pin!(both);
        tokio::select! {
            ended = &mut both => ended,
            () = stopping => both.await,
        }
    }

    fn admission_router(&self) -> Router {
        Router::new()
            .route("/mutate", post(handler::mutate))
            .route("/validate", post(handler::validate))
            .with_state(Arc::clone(&self.state))
    }

    fn operations_router(&self) -> Router {
        Router::new()
            .route("/health", get(handler::health))
            .route("/ready", get(handler::ready))
            .route("/metrics", get(handler::metrics))
            .with_state(Arc::clone(&self.state))
    }
}

/// Bounds what a connection may take.
fn bounded<A>(
    listener: TcpListener,
    acceptor: A,
    handle: &Handle<SocketAddr>,
    limits: Limits,
) -> io::Result<axum_server::Server<SocketAddr, A>> {
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(acceptor)
        .handle(handle.clone())
        .first_request_timeout(limits.handshake)
        .accept_error_handler(|peer, error| {
            tracing::debug!(peer = peer.map(tracing::field::display), %error, "connection refused");
        });
    let http = server.http_builder();
    http.http1().header_read_timeout(limits.headers);
    // HTTP/2 has no timeout on headers; a peer that is gone is noticed by pings.
    http.http2()
        .keep_alive_interval(limits.headers)
        .keep_alive_timeout(limits.handshake)
        .max_concurrent_streams(MAX_STREAMS);
    Ok(server)
}

/// What few probes and scrapers need.
const OPERATIONS_CONNECTIONS: usize = 64;

/// Requests at a time on one HTTP/2 connection; an API server may have one connection for all.
const MAX_STREAMS: u32 = 250;

#[cfg(test)]
mod tests;
