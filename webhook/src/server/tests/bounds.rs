//! What some clients take does not keep others from being answered.

use std::convert::Infallible;

use futures_util::stream;
use hyper::client::conn::http2::{Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::client::TlsStream;

use super::*;

type Http2 = (
    SendRequest<Body>,
    Connection<TokioIo<TlsStream<TcpStream>>, Body, TokioExecutor>,
);

async fn http2(running: &Running) -> Http2 {
    let stream = running.connect(b"h2").await.unwrap();
    hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap()
}

/// A body that begins and does not end.
fn stalled() -> Body {
    let begun = format!(r#"{{"request":{{"uid":"{UID}","#);
    let begun = stream::iter([Ok::<_, Infallible>(begun)]);
    Body::from_stream(stream::StreamExt::chain(begun, stream::pending()))
}

fn post_http2(body: impl Into<Body>) -> Request<Body> {
    Request::post("https://localhost/mutate")
        .body(body.into())
        .unwrap()
}

async fn is_answered(running: &Running) -> bool {
    let Ok(stream) = running.connect(b"h2").await else {
        return false;
    };
    let (status, body) = over_http2(stream, post_http2(review())).await;
    response(status, &body)["allowed"] == true
}

#[tokio::test]
async fn requests_that_bring_no_body_keep_nobody_from_being_judged() {
    let limits = Limits {
        concurrent: 2,
        ..Limits::default()
    };
    let running = Running::start(limits);
    let (mut sender, connection) = http2(&running).await;
    tokio::spawn(connection);
    let mut waiting = Vec::new();
    for _ in 0..limits.streams {
        sender.ready().await.unwrap();
        waiting.push(tokio::spawn(sender.send_request(post_http2(stalled()))));
    }
    tokio::time::sleep(QUICK / 3).await;
    assert!(is_answered(&running).await);
    // They are answered as well, long before the deadline.
    for denied in waiting {
        let answer = within(denied).await.unwrap().unwrap();
        let (status, body) = read(answer.map(Body::new)).await;
        let response = response(status, &body);
        assert_eq!(response["uid"], UID);
        assert!(message(&response).contains("in time"), "{response}");
    }
}

#[tokio::test]
async fn an_http2_connection_has_no_more_streams_than_it_may() {
    let limits = Limits {
        streams: 3,
        arrival: QUICK,
        ..Limits::default()
    };
    let running = Running::start(limits);
    let (mut sender, connection) = http2(&running).await;
    tokio::spawn(connection);
    // The settings of the server have come with its first answer.
    let answer = within(sender.send_request(post_http2(review()))).await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    let started = Instant::now();
    let mut waiting = Vec::new();
    for _ in 0..limits.streams {
        waiting.push(tokio::spawn(sender.send_request(post_http2(stalled()))));
    }
    // The client keeps it back until one of the others is answered.
    let answer = within(sender.send_request(post_http2(review()))).await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert!(started.elapsed() >= QUICK);
}

#[tokio::test]
async fn what_bodies_take_together_is_bounded() {
    const KIB: usize = 1024;
    for (bodies, bodies_per_peer) in [(128 * KIB, 1024 * KIB), (1024 * KIB, 64 * KIB)] {
        let limits = Limits {
            bodies,
            bodies_per_peer,
            ..Limits::default()
        };
        let server = server(limits);
        let paths = paths(&server);
        let padding = "x".repeat(40 * KIB);
        let stalling = || {
            let begun = format!(r#"{{"request":{{"uid":"{UID}","name":"{padding}"#);
            let begun = stream::iter([Ok::<_, Infallible>(begun)]);
            Body::from_stream(stream::StreamExt::chain(begun, stream::pending()))
        };
        let first = tokio::spawn(paths.call(post("/mutate", stalling())));
        tokio::time::sleep(QUICK / 3).await;
        // There is no room for as much again, and none is waited for.
        let started = Instant::now();
        let (status, body) = read(paths.call(post("/mutate", stalling())).await.unwrap()).await;
        let denied = response(status, &body);
        assert!(started.elapsed() < limits.arrival / 2);
        assert!(message(&denied).contains("too many"), "{denied}");
        drop(body);
        // Small ones fit beside it, and all is given back.
        let (status, body) = read(paths.call(post("/mutate", review())).await.unwrap()).await;
        assert_eq!(response(status, &body)["allowed"], true);
        read(within(first).await.unwrap().unwrap()).await;
        let large = format!(r#"{{"request":{{"uid":"{UID}","name":"{padding}"}}}}"#);
        let (status, body) = read(paths.call(post("/mutate", large)).await.unwrap()).await;
        let denied = response(status, &body);
        assert!(!message(&denied).contains("too many"), "{denied}");
    }
}

#[tokio::test]
async fn peers_that_take_what_they_can_leave_a_share_to_the_next() {
    const KIB: usize = 1024;
    let limits = Limits {
        bodies: 1024 * KIB,
        bodies_per_peer: 512 * KIB,
        arrival: Duration::from_mins(1),
        deadline: Duration::from_mins(1),
        ..Limits::default()
    };
    let server = server(limits);
    let padding = "x".repeat(15 * KIB);
    let stalling = || {
        let begun = format!(r#"{{"request":{{"uid":"{UID}","name":"{padding}"#);
        let begun = stream::iter([Ok::<_, Infallible>(begun)]);
        Body::from_stream(stream::StreamExt::chain(begun, stream::pending()))
    };
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let greedy = paths(&server);
        for _ in 0..64 {
            waiting.push(tokio::spawn(greedy.call(post("/mutate", stalling()))));
        }
    }
    tokio::time::sleep(QUICK / 3).await;
    let (status, body) = read(
        paths(&server)
            .call(post("/mutate", review()))
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(response(status, &body)["allowed"], true);
    // Most of the others were denied at once, and none had more than its share.
    let denied = waiting.iter().filter(|asked| asked.is_finished()).count();
    assert!(denied > 400, "{denied}");
}

#[tokio::test]
async fn what_is_not_read_of_answers_is_bounded() {
    const KIB: usize = 1024;
    let limits = Limits {
        bodies: 1024 * KIB,
        bodies_per_peer: 256 * KIB,
        ..Limits::default()
    };
    let server = server(limits);
    let paths = paths(&server);
    let mut unread = Vec::new();
    for path in ["/metrics", "/mutate"].repeat(8) {
        let request = match path {
            "/metrics" => Request::get(path).body(Body::empty()).unwrap(),
            _ => post(path, review()),
        };
        unread.push(paths.call(request).await.unwrap());
    }
    let (status, body) = read(paths.call(post("/mutate", review())).await.unwrap()).await;
    let denied = response(status, &body);
    assert!(message(&denied).contains("too many"), "{denied}");
    let metrics = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = paths.call(metrics).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    // A part of one that was begun counts as well.
    let mut begun = unread.pop().unwrap().into_body().into_data_stream();
    let piece = futures_util::StreamExt::next(&mut begun).await.unwrap();
    let piece = piece.unwrap().slice(..1);
    drop((begun, body));
    let (status, body) = read(paths.call(post("/mutate", review())).await.unwrap()).await;
    let denied = response(status, &body);
    assert!(message(&denied).contains("too many"), "{denied}");
    drop((piece, body, unread));
    let (status, body) = read(paths.call(post("/mutate", review())).await.unwrap()).await;
    assert_eq!(response(status, &body)["allowed"], true);
}

#[tokio::test]
async fn idle_connections_make_room_for_new_ones() {
    let limits = Limits {
        connections: 8,
        connections_per_network: 8,
        deadline: QUICK,
        arrival: QUICK,
        ..Limits::default()
    };
    let running = Running::start(limits);
    let mut idle = Vec::new();
    for _ in 0..limits.connections {
        let (mut sender, connection) = http2(&running).await;
        tokio::spawn(connection);
        let answer = within(sender.send_request(post_http2(review()))).await;
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
        idle.push(sender);
    }
    // Who just asked has a right to stay.
    assert!(running.connect(b"h2").await.is_err());
    tokio::time::sleep(2 * QUICK).await;
    for _ in 0..3 {
        assert!(is_answered(&running).await);
    }
    assert!(idle[0].is_closed());
}

#[tokio::test]
async fn connections_that_never_ask_make_room_at_once() {
    let limits = Limits {
        connections: 4,
        connections_per_network: 4,
        ..Limits::default()
    };
    let running = Running::start(limits);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    assert!(is_answered(&running).await);
}

/// How an HTTP/2 connection ends that was used once and answers every ping.
async fn ends_in_good_order(limits: Limits) -> (Duration, hyper::Result<()>) {
    let running = Running::start(limits);
    let (mut sender, connection) = http2(&running).await;
    let started = Instant::now();
    let connection = tokio::spawn(connection);
    let answer = within(sender.send_request(post_http2(review()))).await;
    let (status, body) = read(answer.unwrap().map(Body::new)).await;
    assert_eq!(response(status, &body)["allowed"], true);
    let ended = within(connection).await.unwrap();
    assert!(sender.is_closed());
    (started.elapsed(), ended)
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_to_go() {
    let idle = Limits {
        idle: QUICK,
        ..Limits::default()
    };
    let (after, ended) = ends_in_good_order(idle).await;
    assert!(after >= QUICK && ended.is_ok(), "{after:?} {ended:?}");
}

#[tokio::test]
async fn an_old_http2_connection_is_told_to_go_and_loses_no_request() {
    let limits = Limits {
        age: QUICK,
        ..Limits::default()
    };
    let (after, ended) = ends_in_good_order(limits).await;
    assert!(after >= QUICK && ended.is_ok(), "{after:?} {ended:?}");
    // Whatever is asked before the connection ends is answered.
    let running = Running::start(limits);
    let (mut sender, connection) = http2(&running).await;
    let connection = tokio::spawn(connection);
    let mut answered = 0;
    while sender.ready().await.is_ok() {
        match within(sender.send_request(post_http2(review()))).await {
            Ok(answer) => assert_eq!(answer.status(), StatusCode::OK),
            Err(error) => assert!(error.is_canceled() || error.is_closed(), "{error:?}"),
        }
        answered += 1;
    }
    assert!(answered > 1);
    within(connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failed_store_is_neither_healthy_nor_ready() {
    let server = server(Limits::default());
    let paths = paths(&server);
    let broken = pod(&["registry.example.com/team/broken:1"]);
    let body = serde_json::to_vec(&broken).unwrap();
    let (status, answer) = read(paths.call(post("/mutate", body)).await.unwrap()).await;
    message(&response(status, &answer));
    for path in ["/health", "/ready"] {
        let get = Request::get(path).body(Body::empty()).unwrap();
        let (status, _) = read(paths.call(get).await.unwrap()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}
