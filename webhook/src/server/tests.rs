mod bounds;
mod client;
mod ending;

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use hyper::service::Service as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::reload;
use crate::testing::{Mount, Standing, fixture, message, pod};
use crate::watch::Watch;
use client::{Running, over_http1, over_http2, paths, plain_get, read, server, within};

const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

const QUICK: Duration = Duration::from_millis(300);

fn review() -> Vec<u8> {
    serde_json::to_vec(&fixture("pod-create")).unwrap()
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header("host", "localhost")
        .body(body.into())
        .unwrap()
}

/// The response of an answer that came with status 200, whatever it says.
fn response(status: StatusCode, body: &[u8]) -> Value {
    assert_eq!(status, StatusCode::OK);
    let review: Value = serde_json::from_slice(body).unwrap();
    review["response"].clone()
}

async fn oneshot(limits: Limits, request: Request<Body>) -> (StatusCode, Bytes) {
    read(paths(&server(limits)).call(request).await.unwrap()).await
}

async fn denied(limits: Limits, body: impl Into<Body>) -> (String, String) {
    let (status, body) = oneshot(limits, post("/validate", body)).await;
    let response = response(status, &body);
    (
        response["uid"].as_str().unwrap().to_owned(),
        message(&response).to_owned(),
    )
}

#[tokio::test]
async fn reviews_are_answered_on_their_paths() {
    let (status, body) = oneshot(Limits::default(), post("/mutate", review())).await;
    let mutated = response(status, &body);
    assert!(mutated["patch"].is_string(), "{mutated}");
    let (uid, why) = denied(Limits::default(), review()).await;
    assert_eq!(uid, UID);
    assert!(why.contains("not pinned"), "{why}");
    let get = Request::get("/mutate").body(Body::empty()).unwrap();
    let (status, _) = oneshot(Limits::default(), get).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn operators_are_answered_beside_them() {
    let server = server(Limits::default());
    let get = |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let paths = paths(&server);
        async move { read(paths.call(request).await.unwrap()).await }
    };
    assert_eq!(get("/health").await.0, StatusCode::OK);
    assert_eq!(get("/ready").await.0, StatusCode::OK);
    server.state.readiness.set(Condition::FirstFeed, false);
    let (status, body) = get("/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        String::from_utf8_lossy(&body).contains("[-] first-feed"),
        "{body:?}"
    );
    let mutate = paths(&server).call(post("/mutate", review()));
    read(mutate.await.unwrap()).await;
    let (status, body) = get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    let text = String::from_utf8_lossy(&body);
    assert!(
        text.contains(r#"{webhook="mutate",decision="allow",reason="judged"} 1"#),
        "{text}"
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_denied_by_its_uid() {
    let limits = Limits {
        body: 1024 * 1024,
        ..Limits::default()
    };
    let mut padded = fixture("pod-create");
    padded["request"]["userInfo"]["username"] = "x".repeat(2 * 1024 * 1024).into();
    let body = serde_json::to_string(&padded).unwrap();
    // An API server writes the uid first.
    let body = body.replacen(
        r#""request":{"#,
        &format!(r#""request":{{"uid":"{UID}","#),
        1,
    );
    let running = Running::start(limits);
    for protocol in [&b"http/1.1"[..], b"h2"] {
        let stream = running.connect(protocol).await.unwrap();
        let request = post("/validate", body.clone());
        let (status, answer) = if protocol == b"h2" {
            over_http2(stream, request).await
        } else {
            over_http1(stream, request).await
        };
        let response = response(status, &answer);
        assert_eq!(response["uid"], UID);
        assert!(
            message(&response).contains("larger than 1 MiB"),
            "{response}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_review_is_judged_elsewhere() {
    let images: Vec<String> = (0..1000)
        .map(|n| format!("registry.example.com/shop/app{n}:unsigned"))
        .collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let mut review = pod(&images);
    review["request"]["userInfo"]["username"] = "x".repeat(256 * 1024).into();
    let body = serde_json::to_vec(&review).unwrap();
    let (uid, why) = denied(Limits::default(), body).await;
    assert_eq!(uid, UID);
    assert!(why.contains(" more") && why.len() < 8 * 1024, "{why}");
}

#[tokio::test]
async fn a_body_that_does_not_end_is_denied_by_its_uid_at_the_deadline() {
    let limits = Limits {
        deadline: QUICK,
        ..Limits::default()
    };
    let beginning = format!(r#"{{"request":{{"uid":"{UID}","object":"#);
    let first = futures_util::stream::iter([Ok::<_, io::Error>(beginning)]);
    let endless = futures_util::StreamExt::chain(first, futures_util::stream::pending());
    let (uid, why) = denied(limits, Body::from_stream(endless)).await;
    assert_eq!(uid, UID);
    assert!(why.contains("in time"), "{why}");
}

#[tokio::test]
async fn what_there_is_no_room_for_is_denied_by_its_uid_at_once() {
    let limits = Limits {
        concurrent: 0,
        ..Limits::default()
    };
    let (uid, why) = denied(limits, review()).await;
    assert_eq!(uid, UID);
    assert!(why.contains("too many"), "{why}");
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let running = Running::start(Limits::default());
    let stream = running.connect(b"h2").await.unwrap();
    let request = Request::post("https://localhost/mutate")
        .body(Body::from(review()))
        .unwrap();
    let (status, body) = over_http2(stream, request).await;
    assert_eq!(response(status, &body)["allowed"], true);
    let stream = running.connect(b"http/1.1").await.unwrap();
    let (status, body) = over_http1(stream, post("/mutate", review())).await;
    assert_eq!(response(status, &body)["allowed"], true);
}

#[tokio::test]
async fn a_peer_that_is_slow_to_ask_is_disconnected() {
    let limits = Limits {
        handshake: QUICK,
        headers: QUICK,
        ..Limits::default()
    };
    let running = Running::start(limits);
    let mut rest = Vec::new();
    // Nothing at all, not even a handshake.
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    within(silent.read_to_end(&mut rest)).await.unwrap();
    // Headers that never end, byte by byte.
    let mut slow = running.connect(b"http/1.1").await.unwrap();
    let started = Instant::now();
    while slow.write_all(b"P").await.is_ok() && slow.flush().await.is_ok() {
        tokio::time::sleep(QUICK / 10).await;
        assert!(started.elapsed() < 20 * QUICK, "still connected");
    }
    // The same after a first request.
    let mut second = running.connect(b"http/1.1").await.unwrap();
    second
        .write_all(b"GET /none HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut status = [0; 12];
    within(second.read_exact(&mut status)).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 404");
    second
        .write_all(b"POST /mutate HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    // How the connection ends is of no interest, only that it does.
    let (Ok(_) | Err(_)) = within(second.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let running = Running::start(limits);
    let mut first = running.connect(b"http/1.1").await.unwrap();
    first
        .write_all(b"GET /none HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut status = [0; 12];
    within(first.read_exact(&mut status)).await.unwrap();
    assert!(within(running.connect(b"http/1.1")).await.is_err());
    drop(first);
    // The place is given back.
    let started = Instant::now();
    while running.connect(b"http/1.1").await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

#[tokio::test]
async fn what_is_in_flight_ends_before_the_server_does() {
    let limits = Limits {
        drain_delay: QUICK,
        arrival: Duration::from_mins(1),
        deadline: Duration::from_mins(1),
        ..Limits::default()
    };
    let mut running = Running::start(limits);
    let mut stream = running.connect(b"http/1.1").await.unwrap();
    let body = review();
    let head = format!(
        "POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..100]).await.unwrap();
    tokio::time::sleep(QUICK).await;
    running.stop();
    tokio::time::sleep(QUICK / 3).await;
    assert!(
        plain_get(running.operations, "/ready")
            .await
            .starts_with("HTTP/1.1 503")
    );
    // Whoever has not noticed is still served.
    assert!(running.connect(b"http/1.1").await.is_ok());
    tokio::time::sleep(2 * QUICK).await;
    assert!(
        TcpStream::connect(running.address).await.is_err(),
        "still accepting"
    );
    stream.write_all(&body[100..]).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(UID),
        "{answer}"
    );
    running.ended().await;
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_the_end_up() {
    let limits = Limits {
        drain_delay: Duration::ZERO,
        drain: QUICK,
        deadline: Duration::from_mins(1),
        arrival: Duration::from_mins(1),
        ..Limits::default()
    };
    let mut running = Running::start(limits);
    let mut stream = running.connect(b"http/1.1").await.unwrap();
    stream
        .write_all(b"POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        .await
        .unwrap();
    tokio::time::sleep(QUICK).await;
    running.stop();
    running.ended().await;
}

#[tokio::test]
async fn a_new_certificate_is_served_after_the_link_is_swapped() {
    let mut running = Running::start(Limits::default());
    let pair = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (
            made.cert.pem(),
            made.signing_key.serialize_pem(),
            made.cert.der().clone(),
        )
    };
    let (chain, key, leaf) = pair();
    let mount = Mount::new(&[("tls.crt", &chain), ("tls.key", &key)]);
    let metrics = Metrics::new(Vec::new());
    let following = tokio::spawn(reload::certificate(
        Watch::new(vec![mount.path("tls.crt"), mount.path("tls.key")]),
        Duration::from_millis(20),
        Arc::clone(&running.serving),
        Arc::clone(&metrics),
        Arc::new(Standing),
    ));
    let old = std::mem::replace(&mut running.leaf, leaf);
    running.eventually_connects().await;
    // A pair that does not fit changes nothing.
    let (other_chain, other_key, other_leaf) = pair();
    mount.replace(&[("tls.crt", &other_chain), ("tls.key", &key)]);
    let started = Instant::now();
    while !metrics
        .encode()
        .unwrap()
        .contains(r#"loads_total{result="refused"} 1"#)
    {
        assert!(started.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.connect(b"h2").await.unwrap();
    mount.replace(&[("tls.crt", &other_chain), ("tls.key", &other_key)]);
    running.leaf = other_leaf;
    running.eventually_connects().await;
    running.leaf = old;
    assert!(running.connect(b"h2").await.is_err());
    following.abort();
}
