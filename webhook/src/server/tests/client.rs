//! A server on loopback, and a client that speaks TLS, HTTP/1.1 and HTTP/2 step by step.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::budget::Budget;
use super::super::client::{Activity, Client, Version};
use super::super::paths::Paths;
use super::super::{Limits, Listeners, Server};
use crate::readiness::{Condition, Readiness};
use crate::testing::{admission, now};
use crate::tls::{Certificate, Serving};

/// A server that runs.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) operations: SocketAddr,
    pub(super) serving: Arc<Serving>,
    pub(super) leaf: CertificateDer<'static>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(super) fn start(limits: Limits) -> Self {
        let certificate = Certificate::self_signed(now()).unwrap();
        let leaf = certificate.leaf();
        let serving = Serving::new(certificate);
        let tls = serving.server_config().unwrap();
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = Listeners {
            admission: listener(),
            operations: Some(listener()),
        };
        let address = listeners.admission.local_addr().unwrap();
        let operations = listeners.operations.as_ref().unwrap().local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap() };
        let task = tokio::spawn(server(limits).run(listeners, tls, shutdown));
        Self {
            address,
            operations,
            serving,
            leaf,
            stop: Some(stop),
            task,
        }
    }

    /// Asks the server to stop.
    pub(super) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has.
    pub(super) async fn ended(self) {
        within(self.task).await.unwrap().unwrap();
    }

    /// A connection that trusts `leaf` alone.
    pub(super) async fn connect(&self, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.leaf.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    /// Connects as soon as the server shows `leaf`.
    pub(super) async fn eventually_connects(&self) {
        let started = Instant::now();
        while self.connect(b"h2").await.is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "the certificate is not served"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The answer to a request in plain HTTP, status line and all.
pub(super) async fn plain_get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

/// A server that is ready.
pub(super) fn server(limits: Limits) -> Server {
    let (admission, metrics) = admission();
    let readiness = Readiness::new();
    for condition in Condition::ALL {
        readiness.set(condition, true);
    }
    Server::new(admission, Arc::new(readiness), metrics, limits)
}

/// What a connection to a server is answered.
pub(super) fn paths(server: &Server) -> Paths {
    let client = Client {
        state: Arc::clone(&server.state),
        bodies: Arc::new(Budget::new(server.state.limits.bodies_per_peer)),
        activity: Arc::new(Activity::new()),
        version: Version::Http2,
    };
    Paths {
        client: Arc::new(client),
        reviews: true,
        operations: Some(TowerToHyperService::new(server.operations())),
    }
}

/// One request over HTTP/2.
pub(super) async fn over_http2(
    stream: TlsStream<TcpStream>,
    request: Request<Body>,
) -> (StatusCode, Bytes) {
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = within(sender.send_request(request)).await.unwrap();
    read(response.map(Body::new)).await
}

/// One request over HTTP/1.1.
pub(super) async fn over_http1(
    stream: TlsStream<TcpStream>,
    request: Request<Body>,
) -> (StatusCode, Bytes) {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = within(sender.send_request(request)).await.unwrap();
    read(response.map(Body::new)).await
}

pub(super) async fn read(response: axum::http::Response<Body>) -> (StatusCode, Bytes) {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, body)
}

/// The future's outcome, which has to come soon.
pub(super) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("too slow")
}
