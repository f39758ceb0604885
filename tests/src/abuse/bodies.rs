//! Requests that are larger than any should be, or of no size at all.

use std::io;
use std::net::Ipv4Addr;

use super::wire::{DATA, END_HEADERS, HEADERS, PREFACE, drain, frame, head, post, send, settings};
use super::{Attack, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "64 MiB, declared",
            run: |field| Box::pin(async move { field.swarm(MANY, declared).await }),
        },
        Attack {
            name: "chunks without an end",
            run: |field| Box::pin(async move { field.swarm(MANY, chunked).await }),
        },
        Attack {
            name: "8 MiB less a byte, which never comes",
            run: |field| Box::pin(async move { field.swarm(MANY, unfinished).await }),
        },
        Attack {
            name: "HTTP/2 data beyond every window",
            run: |field| Box::pin(async move { field.swarm(MANY, beyond_window).await }),
        },
        Attack {
            name: "10,000 headers",
            run: |field| Box::pin(async move { field.swarm(MANY, headers).await }),
        },
        Attack {
            name: "a header of 16 MiB",
            run: |field| Box::pin(async move { field.swarm(MANY, long_header).await }),
        },
        Attack {
            name: "lengths and chunks that contradict each other",
            run: |field| Box::pin(async move { field.swarm(MANY, contradictions).await }),
        },
    ]
}

async fn declared(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    send(&mut stream, post("/validate", 64 << 20).as_bytes()).await?;
    for _ in 0..1024 {
        send(&mut stream, &PIECE).await?;
    }
    drain(&mut stream).await
}

async fn chunked(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    let begun = "POST /validate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    send(&mut stream, begun.as_bytes()).await?;
    let chunk = [b"10000\r\n".as_slice(), &PIECE, b"\r\n"].concat();
    loop {
        send(&mut stream, &chunk).await?;
    }
}

async fn unfinished(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    send(&mut stream, post("/validate", 8 << 20).as_bytes()).await?;
    for _ in 0..127 {
        send(&mut stream, &PIECE).await?;
    }
    send(&mut stream, PIECE.get(1..).unwrap_or_default()).await?;
    drain(&mut stream).await
}

async fn beyond_window(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"h2").await?;
    let begun = frame(HEADERS, END_HEADERS, 1, &head("POST", "/validate"));
    send(&mut stream, &[PREFACE, &settings(&[]), &begun].concat()).await?;
    let data = frame(DATA, 0, 1, PIECE.get(..16 << 10).unwrap_or_default());
    for _ in 0..1024 {
        send(&mut stream, &data).await?;
    }
    drain(&mut stream).await
}

async fn headers(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    let many = "X-Y: z\r\n".repeat(10_000);
    send(
        &mut stream,
        format!("POST /validate HTTP/1.1\r\n{many}\r\n").as_bytes(),
    )
    .await?;
    drain(&mut stream).await
}

async fn long_header(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    send(&mut stream, b"POST /validate HTTP/1.1\r\nX: ").await?;
    for _ in 0..256 {
        send(&mut stream, &PIECE).await?;
    }
    drain(&mut stream).await
}

async fn contradictions(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let heads = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -1",
        "Content-Length: 18446744073709551616",
        "Transfer-Encoding: identity, chunked, chunked",
        "Transfer-Encoding: chunked",
        "Content-Encoding: gzip\r\nContent-Length: 12",
    ];
    for text in heads {
        let mut stream = field.tls(from, b"http/1.1").await?;
        let request = format!(
            "POST /validate HTTP/1.1\r\nHost: x\r\n{text}\r\n\r\nFFFFFFFFFFFFFFFFF\r\nzz\r\n0\r\n\r\n"
        );
        send(&mut stream, request.as_bytes()).await?;
        // What it answers is as good as that it closes.
        let (Ok(()) | Err(_)) = drain(&mut stream).await;
    }
    Ok(())
}

const MANY: usize = 40;
static PIECE: [u8; 64 << 10] = [b' '; 64 << 10];
