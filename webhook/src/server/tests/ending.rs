//! Connections end so that nothing is lost that was asked or answered.

use super::*;

/// Bytes of an HTTP/1.1 request for a review.
fn http1_review() -> Vec<u8> {
    let body = review();
    let length = body.len();
    let head = format!("POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), &body].concat()
}

#[tokio::test]
async fn a_client_that_reads_only_after_it_has_sent_all_gets_its_denial() {
    let limits = Limits {
        arrival: Duration::from_mins(1),
        deadline: Duration::from_mins(1),
        linger: Duration::from_mins(1),
        ..Limits::default()
    };
    let running = Running::start(limits);
    let mut stream = running.connect(b"http/1.1").await.unwrap();
    let length = 3 * Limits::default().body;
    let head = format!("POST /validate HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    let begun = format!(r#"{{"request":{{"uid":"{UID}","name":""#);
    let rest = vec![b'x'; length - begun.len()];
    let all = [head.as_bytes(), begun.as_bytes(), &rest].concat();
    within(stream.write_all(&all)).await.unwrap();
    within(stream.flush()).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.contains(UID) && answer.contains("larger than 8 MiB"),
        "{answer}"
    );
}

#[tokio::test]
async fn http1_clients_are_told_to_go_before_connections_are_closed() {
    let limits = Limits {
        drain_delay: Duration::from_secs(15),
        ..Limits::default()
    };
    let mut running = Running::start(limits);
    let mut stream = running.connect(b"http/1.1").await.unwrap();
    let mut answer = vec![0; 64 * 1024];
    stream.write_all(&http1_review()).await.unwrap();
    let read = within(stream.read(&mut answer)).await.unwrap();
    let before = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(
        before.starts_with("HTTP/1.1 200") && !before.contains("connection: close"),
        "{before}"
    );
    running.stop();
    while !plain_get(running.operations, "/ready")
        .await
        .starts_with("HTTP/1.1 503")
    {}
    stream.write_all(&http1_review()).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    let after = String::from_utf8_lossy(&answer);
    assert!(
        after.starts_with("HTTP/1.1 200") && after.contains("connection: close"),
        "{after}"
    );
}

#[tokio::test]
async fn a_request_that_comes_just_when_the_server_stops_is_answered() {
    let limits = Limits {
        drain_delay: Duration::ZERO,
        ..Limits::default()
    };
    for asks_before in [false, true] {
        let mut running = Running::start(limits);
        let mut stream = running.connect(b"http/1.1").await.unwrap();
        if asks_before {
            stream.write_all(&http1_review()).await.unwrap();
            let mut answer = vec![0; 64 * 1024];
            assert_ne!(within(stream.read(&mut answer)).await.unwrap(), 0);
        }
        running.stop();
        while TcpStream::connect(running.address).await.is_ok() {
            tokio::time::sleep(QUICK / 30).await;
        }
        stream.write_all(&http1_review()).await.unwrap();
        let mut answer = Vec::new();
        within(stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"),
            "{answer}"
        );
        drop(stream);
        running.ended().await;
    }
}

/// What crosses the end of a connection resets nothing: no reset takes away what the server said.
#[tokio::test]
async fn what_is_sent_after_the_end_takes_no_goaway_away() {
    let limits = Limits {
        drain_delay: Duration::ZERO,
        drain: Duration::from_mins(1),
        linger: Duration::from_mins(1),
        ..Limits::default()
    };
    let mut running = Running::start(limits);
    let mut stream = running.connect(b"h2").await.unwrap();
    // The preface and empty settings (RFC 9113 3.4).
    let begun = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(begun).await.unwrap();
    let mut said = vec![0; 64 * 1024];
    assert_ne!(within(stream.read(&mut said)).await.unwrap(), 0);
    running.stop();
    // What it says at the end is not read yet while more is sent, again and again.
    for _ in 0..5 {
        tokio::time::sleep(QUICK / 3).await;
        stream.write_all(&[0; 17]).await.unwrap();
        stream.flush().await.unwrap();
    }
    let mut last = Vec::new();
    within(stream.read_to_end(&mut last)).await.unwrap();
    let goaway = last.windows(5).any(|bytes| bytes == [7, 0, 0, 0, 0]);
    assert!(goaway, "{last:?}");
    drop(stream);
    running.ended().await;
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_given_up() {
    let limits = Limits {
        headers: QUICK,
        ..Limits::default()
    };
    let running = Running::start(limits);
    let mut stream = running.connect(b"http/1.1").await.unwrap();
    let request = http1_review();
    let started = Instant::now();
    let asking = async { while stream.write_all(&request).await.is_ok() {} };
    let patience = Duration::from_mins(2);
    tokio::time::timeout(patience, asking).await.unwrap();
    assert!(started.elapsed() >= QUICK);
}
