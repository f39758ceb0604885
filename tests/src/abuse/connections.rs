//! More connections than there is room for.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::field::address;
use super::wire::send;
use super::{Attack, Doing, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "thousands of connections that say nothing",
            run: |field| held(field, Vec::new()),
        },
        Attack {
            name: "thousands of connections half way through the first message",
            run: |field| {
                let hello = super::handshakes::client_hello(&field).unwrap_or_default();
                let half = hello.get(..hello.len() / 2).unwrap_or_default().to_vec();
                held(field, half)
            },
        },
        Attack {
            name: "thousands of connections half way through the handshake",
            run: |field| {
                let hello = super::handshakes::client_hello(&field).unwrap_or_default();
                held(field, hello)
            },
        },
        Attack {
            name: "connections that ask just often enough to be kept",
            run: |field| Box::pin(async move { field.swarm(BUSY, just_enough).await }),
        },
        Attack {
            name: "connections opened and closed",
            run: |field| Box::pin(async move { field.swarm(FLICKER, open_and_close).await }),
        },
        Attack {
            name: "connections opened and reset",
            run: |field| Box::pin(async move { field.swarm(FLICKER, open_and_reset).await }),
        },
    ]
}

/// Opens as many connections as the scale says, writes the same on each, and holds them until the time is over.
fn held(field: Field, said: Vec<u8>) -> Doing {
    Box::pin(async move {
        let said: Arc<[u8]> = said.into();
        let mut opening = JoinSet::new();
        for opener in 0..OPENERS {
            let (field, said) = (field.clone(), Arc::clone(&said));
            opening.spawn(hold(field, said, opener));
        }
        opening.join_all().await.into_iter().sum()
    })
}

/// Opens one opener's share of the connections, and holds them.
async fn hold(field: Field, said: Arc<[u8]>, opener: usize) -> u64 {
    let mut open: Vec<TcpStream> = Vec::new();
    for number in 0..field.scale.connections / OPENERS {
        let Ok(mut stream) = field.tcp(address(number * OPENERS + opener)).await else {
            continue;
        };
        // Most are closed by now: there are too many.
        let (Ok(()) | Err(_)) = stream.write_all(&said).await;
        open.push(stream);
    }
    let number = u64::try_from(open.len()).unwrap_or_default();
    sleep(field.left()).await;
    drop(open);
    number
}

/// Every place is taken by one that has a right to keep it.
async fn just_enough(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    loop {
        send(&mut stream, b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        sleep(Duration::from_millis(1500)).await;
    }
}

async fn open_and_close(field: Field, from: Ipv4Addr) -> io::Result<()> {
    field.tcp(from).await.map(drop)
}

async fn open_and_reset(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let stream = field.tcp(from).await?;
    // Closed with something unread, or it would be no reset.
    stream.set_zero_linger()
}

const OPENERS: usize = 8;
/// More than the server keeps, from addresses that have a few each.
const BUSY: usize = 1200;
const FLICKER: usize = 64;
