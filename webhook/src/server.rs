//! The HTTP server: TLS in front of [`Admission`], and what operators ask of it.

mod body;
mod budget;
mod client;
mod connections;
mod handler;
mod limits;
mod paths;
mod places;
mod stream;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::get;
use rustls::ServerConfig;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::admission::Admission;
use crate::metrics::Metrics;
use crate::readiness::{Condition, Readiness};
use budget::Budget;
use connections::Port;

pub use limits::Limits;

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
    /// Reviews that may be judged, besides those that are.
    judging: Budget,
    /// Bytes that bodies and answers may have, besides those that they have.
    bodies: Budget,
    /// Whether it has been asked to stop.
    stopping: AtomicBool,
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
    /// A server that answers by `admission`, and whose `readiness` ends when the store fails.
    pub fn new(
        admission: Arc<Admission>,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
        limits: Limits,
    ) -> Self {
        admission.report_to(Arc::clone(&readiness));
        Self {
            state: Arc::new(State {
                admission,
                readiness,
                metrics,
                limits,
                judging: Budget::new(limits.concurrent),
                bodies: Budget::new(limits.bodies),
                stopping: AtomicBool::new(false),
            }),
        }
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
        let state = &self.state;
        let (with_reviews, operations) = match listeners.operations {
            None => (Some(self.operations()), None),
            Some(listener) => {
                let port = Port::operations(listener, state, self.operations())?;
                (None, Some(port))
            }
        };
        let tls = TlsAcceptor::from(tls);
        let admission = Port::admission(listeners.admission, state, tls, with_reviews)?;
        let stopping = async {
            shutdown.await;
            state.stopping.store(true, Ordering::Relaxed);
            state.readiness.set(Condition::Running, false);
            tracing::info!("stopping: not ready any more");
            tokio::time::sleep(state.limits.drain_delay).await;
        };
        // Until the last review is answered, metrics and readiness can be asked for.
        let (reviewed, all_reviewed) = oneshot::channel::<()>();
        let reviewing = async {
            admission.serve(stopping).await;
            drop(reviewed);
        };
        let operating = async {
            if let Some(port) = operations {
                let ended = async {
                    let (Ok(()) | Err(_)) = all_reviewed.await;
                };
                port.serve(ended).await;
            }
        };
        tokio::join!(reviewing, operating);
        Ok(())
    }

    /// What operators are answered.
    fn operations(&self) -> Router {
        Router::new()
            .route("/health", get(handler::health))
            .route("/ready", get(handler::ready))
            .route("/metrics", get(handler::metrics))
            .with_state(Arc::clone(&self.state))
    }
}

#[cfg(test)]
mod tests;
