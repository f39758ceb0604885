//! Clients that ask as an API server does.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Target;

/// Clients that ask until they are told to stop: one over one connection of HTTP/2, as an API server does, one over a new
/// connection each time.
#[derive(Debug)]
pub struct Honest {
    stopped: Arc<AtomicBool>,
    clients: [JoinHandle<Answers>; 2],
}

/// What honest clients were answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// How long each right answer took.
    pub times: Vec<Duration>,
    /// Why each of the others was none: an error, or the answer.
    pub failures: Vec<String>,
}

impl Honest {
    /// Begins to ask.
    pub fn start(target: &Arc<Target>) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let client = |keeps| tokio::spawn(ask(Arc::clone(target), Arc::clone(&stopped), keeps));
        let clients = [client(true), client(false)];
        Self { stopped, clients }
    }

    /// Ends, and tells the answers of both: over one connection, and over a new one each time.
    pub async fn stop(self) -> [Answers; 2] {
        self.stopped.store(true, Ordering::Relaxed);
        let [kept, new] = self.clients;
        [
            kept.await.unwrap_or_default(),
            new.await.unwrap_or_default(),
        ]
    }
}

impl Answers {
    /// The time within which this share of the answers came; nothing where there were none.
    pub fn within(&self, percent: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = times.len().saturating_sub(1) * percent / 100;
        times.get(at).copied().unwrap_or_default()
    }
}

async fn ask(target: Arc<Target>, stopped: Arc<AtomicBool>, keeps: bool) -> Answers {
    let mut answers = Answers::default();
    let mut connection = None;
    while !stopped.load(Ordering::Relaxed) {
        let started = Instant::now();
        let asked = timeout(PATIENCE, once(&target, connection.take())).await;
        match asked.map_err(|_elapsed| "no answer".to_owned()).flatten() {
            Ok(open) => {
                answers.times.push(started.elapsed());
                connection = open.filter(|_| keeps);
            }
            Err(error) => answers
                .failures
                .push(format!("after {:?}: {error}", started.elapsed())),
        }
        sleep(PAUSE).await;
    }
    answers
}

/// Asks once, over the connection or a new one; returns it where it can be used again.
async fn once(
    target: &Target,
    connection: Option<SendRequest<Body>>,
) -> Result<Option<SendRequest<Body>>, String> {
    let mut sender = match connection.filter(|sender| !sender.is_closed()) {
        Some(sender) => sender,
        None => connect(target)
            .await
            .map_err(|error| format!("cannot connect: {error}"))?,
    };
    let said = |error: hyper::Error| format!("{error:?}");
    sender.ready().await.map_err(said)?;
    let request =
        Request::post("https://localhost/validate").body(Body::from(target.review.clone()));
    let request = request.map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(said)?;
    let status = answer.status();
    let body = axum::body::to_bytes(Body::new(answer.into_body()), MAX_ANSWER).await;
    let body = body.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status == StatusCode::OK && answer.pointer("/response/allowed") == Some(&Value::Bool(true)) {
        return Ok(Some(sender));
    }
    Err(format!("{status}: {}", String::from_utf8_lossy(&body)))
}

async fn connect(target: &Target) -> io::Result<SendRequest<Body>> {
    let stream = target.tls(Ipv4Addr::LOCALHOST, b"h2").await?;
    let shaken =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(io::Error::other)?;
    // Its errors are those of the requests.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// An API server waits ten seconds by default.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);
const MAX_ANSWER: usize = 1 << 20;
