//! TLS that is none, too old, broken off, or begun again and again.

use std::io;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::wire::{drain, send};
use super::{Attack, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "bytes that are no TLS",
            run: |field| Box::pin(async move { field.swarm(MANY, garbage).await }),
        },
        Attack {
            name: "handshakes broken off at every byte",
            run: |field| Box::pin(async move { field.swarm(MANY, truncated).await }),
        },
        Attack {
            name: "handshakes with a byte changed",
            run: |field| Box::pin(async move { field.swarm(MANY, flipped).await }),
        },
        Attack {
            name: "whole handshakes, and nothing after",
            run: |field| Box::pin(async move { field.swarm(MANY, whole).await }),
        },
        Attack {
            name: "TLS 1.0 and 1.1, unknown ciphers (openssl)",
            run: |field| Box::pin(async move { field.swarm(FEW, outdated).await }),
        },
        Attack {
            name: "renegotiation in TLS 1.2 (openssl)",
            run: |field| Box::pin(async move { field.swarm(FEW, renegotiate).await }),
        },
        Attack {
            name: "new keys in TLS 1.3, again and again",
            run: |field| Box::pin(async move { field.swarm(FEW, update_keys).await }),
        },
        Attack {
            name: "alerts, and garbage after the handshake",
            run: |field| Box::pin(async move { field.swarm(MANY, alerts).await }),
        },
    ]
}

/// The first message of a handshake with the server.
pub(super) fn client_hello(field: &Field) -> io::Result<Vec<u8>> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let config = Arc::new(field.target.tls.clone());
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}

async fn garbage(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let said: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",
        b"\x16\x03\x01\xff\xff\x01\x00\xff\xff",
        b"\x16\x03\x01\x00\x00\x16\x03\x01\x00\x00\x16\x03\x01\x00\x00",
        b"\x17\x03\x03\x00\x05hello",
        &[0; 4096],
    ];
    for bytes in said {
        let mut stream = field.tcp(from).await?;
        send(&mut stream, bytes).await?;
        stream.shutdown().await?;
        let (Ok(()) | Err(_)) = drain(&mut stream).await;
    }
    Ok(())
}

async fn truncated(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let hello = client_hello(&field)?;
    for length in (1..hello.len()).step_by(hello.len() / 8 + 1) {
        let mut stream = field.tcp(from).await?;
        send(&mut stream, hello.get(..length).unwrap_or_default()).await?;
    }
    Ok(())
}

async fn flipped(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let hello = client_hello(&field)?;
    for at in (0..hello.len()).step_by(hello.len() / 8 + 1) {
        let mut changed = hello.clone();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 0xff;
        }
        let mut stream = field.tcp(from).await?;
        send(&mut stream, &changed).await?;
        stream.shutdown().await?;
        let (Ok(()) | Err(_)) = drain(&mut stream).await;
    }
    Ok(())
}

async fn whole(field: Field, from: Ipv4Addr) -> io::Result<()> {
    field.tls(from, b"h2").await.map(drop)
}

async fn alerts(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let stream = field.tls(from, b"h2").await?;
    let (mut tcp, _) = stream.into_inner();
    let warning: &[u8] = b"\x15\x03\x03\x00\x02\x01\x00";
    send(&mut tcp, &warning.repeat(1000)).await?;
    drain(&mut tcp).await
}

async fn update_keys(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    loop {
        stream
            .get_mut()
            .1
            .refresh_traffic_keys()
            .map_err(io::Error::other)?;
        send(&mut stream, b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        let mut answer = [0; 4096];
        tokio::io::AsyncReadExt::read(&mut stream, &mut answer).await?;
    }
}

async fn outdated(field: Field, _from: Ipv4Addr) -> io::Result<()> {
    let weak = "DEFAULT@SECLEVEL=0";
    for arguments in [
        ["-tls1", "-cipher", weak],
        ["-tls1_1", "-cipher", weak],
        ["-tls1_2", "-cipher", "NULL-SHA256:AES128-SHA@SECLEVEL=0"],
    ] {
        openssl(&field, &arguments, b"").await?;
    }
    Ok(())
}

async fn renegotiate(field: Field, _from: Ipv4Addr) -> io::Result<()> {
    // A line that says R has the client begin a new handshake.
    openssl(&field, &["-tls1_2"], b"R\nR\nR\n").await
}

/// Runs `openssl s_client` against the server, with this to say.
async fn openssl(field: &Field, arguments: &[&str], said: &[u8]) -> io::Result<()> {
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &field.target.admission.to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = client.stdin.take() {
        input.write_all(said).await?;
        drop(input);
    }
    client.wait().await.map(drop)
}

const MANY: usize = 32;
/// Each runs a program.
const FEW: usize = 2;
