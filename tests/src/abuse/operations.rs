//! Abuse of what operators ask: the plain port for metrics and probes, and the socket beside the store.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::sleep;

use super::field::connect;
use super::wire::{drain, send};
use super::{Attack, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "metrics port: headers, a byte at a time",
            run: |field| Box::pin(async move { field.swarm(MANY, slow).await }),
        },
        Attack {
            name: "metrics port: connections that say nothing",
            run: |field| Box::pin(async move { field.swarm(MANY, silent).await }),
        },
        Attack {
            name: "metrics port: metrics that are not read",
            run: |field| Box::pin(async move { field.swarm(MANY, deaf).await }),
        },
        Attack {
            name: "metrics port: bodies without an end, garbage",
            run: |field| Box::pin(async move { field.swarm(MANY, endless).await }),
        },
        Attack {
            name: "admin socket: garbage, huge lengths, silence",
            run: |field| Box::pin(async move { field.swarm(MANY, socket).await }),
        },
    ]
}

async fn slow(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = open(&field, from).await?;
    for byte in "GET /metrics HTTP/1.1\r\nX: "
        .bytes()
        .chain(std::iter::repeat(b'y'))
    {
        send(&mut stream, &[byte]).await?;
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn silent(field: Field, from: Ipv4Addr) -> io::Result<()> {
    drain(&mut open(&field, from).await?).await
}

async fn deaf(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = open(&field, from).await?;
    loop {
        send(&mut stream, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await?;
    }
}

async fn endless(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = open(&field, from).await?;
    let begun = "POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    send(&mut stream, begun.as_bytes()).await?;
    for _ in 0..1000 {
        send(
            &mut stream,
            &[b"1000\r\n".as_slice(), &[0; 4096], b"\r\n"].concat(),
        )
        .await?;
    }
    send(&mut stream, &[0xff; 4096]).await?;
    drain(&mut stream).await
}

async fn socket(field: Field, _from: Ipv4Addr) -> io::Result<()> {
    let said: [&[u8]; 5] = [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0, 0, 0, 4, b'n', b'u', b'l', b'l'],
        &[0, 0, 0, 200, b'['],
    ];
    for bytes in said {
        let mut stream = UnixStream::connect(&field.target.socket).await?;
        stream.write_all(bytes).await?;
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn open(field: &Field, from: Ipv4Addr) -> io::Result<TcpStream> {
    connect(from, field.target.operations).await
}

/// More than the port keeps.
const MANY: usize = 100;
