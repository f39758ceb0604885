//! `vouchsafe serve` is asked to stop while clients ask all the time: no request is lost.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use vouchsafe_tests::abuse::{Ground, Target};
use vouchsafe_tests::harness::process::Signal;

#[test]
fn no_request_is_lost_while_the_server_stops() {
    let runtime = Runtime::new().unwrap();
    let mut answered = 0;
    for _ in 0..ROUNDS {
        let mut ground = Ground::new(&[]).unwrap();
        let target = ground.target().unwrap();
        let clients = runtime.block_on(async {
            let mut clients = JoinSet::new();
            for number in 0..CLIENTS {
                let target = Arc::clone(&target);
                clients.spawn(async move {
                    match number % 2 {
                        0 => over_http2(&target).await,
                        _ => over_http1(&target).await,
                    }
                });
            }
            sleep(WARM_UP).await;
            clients
        });
        ground.serving().process().signal(Signal::Term).unwrap();
        let asked = runtime.block_on(clients.join_all());
        for client in asked {
            answered += client.unwrap();
        }
        let ended = ground.serving().process().wait_for_exit(PATIENCE).unwrap();
        assert_eq!(ended.code(), Some(0), "{}", ground.serving().log());
    }
    assert!(answered > ENOUGH, "only {answered} requests");
}

/// Asks over HTTP/2, as fast as it is answered, on new connections after GOAWAY, until there is nobody to connect to. Returns how
/// often it was answered.
async fn over_http2(target: &Target) -> Result<u64, String> {
    let mut answered = 0;
    while let Ok(stream) = target.tls(Ipv4Addr::LOCALHOST, b"h2").await {
        let io = TokioIo::new(stream);
        let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
        let Ok((mut sender, connection)) = shaken else {
            continue;
        };
        let connection = tokio::spawn(connection);
        while let Some(Ok(())) = told(sender.ready(), &connection).await? {
            let asked = sender.send_request(request(target, "https://localhost/validate"));
            let Some(asked) = told(asked, &connection).await? else {
                break;
            };
            match asked {
                Ok(answer) => answered += is_right(answer.map(Body::new)).await?,
                // It was not sent: the connection is going.
                Err(error) if error.is_canceled() || was_not_looked_at(&error) => break,
                Err(error) => return Err(format!("HTTP/2, after {answered} answers: {error:?}")),
            }
        }
        drop(sender);
        connection
            .await
            .unwrap()
            .map_err(|error| format!("the connection: {error:?}"))?;
    }
    Ok(answered)
}

/// The same over HTTP/1.1, on new connections after `Connection: close`.
async fn over_http1(target: &Target) -> Result<u64, String> {
    let mut answered = 0;
    while let Ok(stream) = target.tls(Ipv4Addr::LOCALHOST, b"http/1.1").await {
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let Ok((mut sender, connection)) = shaken else {
            continue;
        };
        let connection = tokio::spawn(connection);
        while let Some(Ok(())) = told(sender.ready(), &connection).await? {
            let asked = sender.send_request(request(target, "/validate"));
            let Some(asked) = told(asked, &connection).await? else {
                break;
            };
            match asked {
                Ok(answer) => answered += is_right(answer.map(Body::new)).await?,
                Err(error) if error.is_canceled() => break,
                Err(error) => return Err(format!("HTTP/1.1, after {answered} answers: {error:?}")),
            }
        }
        drop(sender);
        connection
            .await
            .unwrap()
            .map_err(|error| format!("the connection: {error:?}"))?;
    }
    Ok(answered)
}

/// What comes of something that is done over a connection; nothing where the client still waits long after its connection has come to its
/// end, as hyper's was seen to. What was lost on the way is an error that it does tell of.
async fn told<T, C>(
    done: impl Future<Output = T>,
    connection: &JoinHandle<C>,
) -> Result<Option<T>, String> {
    match timeout(FORGOTTEN, done).await {
        Ok(told) => Ok(Some(told)),
        Err(_elapsed) if connection.is_finished() => Ok(None),
        Err(_elapsed) => Err(format!("no answer for {FORGOTTEN:?}")),
    }
}

fn request(target: &Target, uri: &str) -> Request<Body> {
    let request = Request::post(uri).header("host", "localhost");
    request.body(Body::from(target.review.clone())).unwrap()
}

/// Whether the server has said that it did nothing about this request (RFC 9113 8.7).
fn was_not_looked_at(error: &hyper::Error) -> bool {
    let words = format!("{error:?}");
    words.contains("REFUSED_STREAM") || words.contains("GoAway(b\"\", NO_ERROR")
}

/// One, where the answer is the right one.
async fn is_right(answer: axum::http::Response<Body>) -> Result<u64, String> {
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await;
    let body = body.map_err(|error| format!("half an answer: {error}"))?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status == StatusCode::OK && answer.pointer("/response/allowed") == Some(&Value::Bool(true)) {
        return Ok(1);
    }
    Err(format!("{status}: {}", String::from_utf8_lossy(&body)))
}

const ROUNDS: usize = 3;
const CLIENTS: usize = 8;
const WARM_UP: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than the deadline of a request, by far.
const FORGOTTEN: Duration = Duration::from_secs(15);
const ENOUGH: u64 = 1000;
