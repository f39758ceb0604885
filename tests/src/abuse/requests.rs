//! Requests, as many as there can be.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

use super::field::address;
use super::wire::{post, send};
use super::{Attack, Doing, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "tiny requests, eight clients over kept connections",
            run: |field| counted(field, b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        },
        Attack {
            name: "empty reviews, eight clients over kept connections",
            run: |field| counted(field, post("/validate", 0).into_bytes()),
        },
    ]
}

/// Sends the request as often as the scale says.
fn counted(field: Field, request: Vec<u8>) -> Doing {
    Box::pin(async move {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (field, batch) = (field.clone(), request.repeat(BATCH));
            clients.spawn(async move {
                let wanted = field.scale.requests / 2 / u64::try_from(CLIENTS).unwrap_or(1);
                let mut done = 0;
                while done < wanted {
                    match repeat(&field, address(client), &batch, wanted - done).await {
                        Ok(more) => done += more,
                        Err(_) => return done,
                    }
                }
                done
            });
        }
        clients.join_all().await.into_iter().sum()
    })
}

/// Sends a batch of requests again and again over one connection and counts the answers.
async fn repeat(field: &Field, from: Ipv4Addr, batch: &[u8], most: u64) -> io::Result<u64> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    let (mut done, mut waiting) = (0, 0);
    let mut answers = vec![0; 64 << 10];
    let mut seen: Vec<u8> = Vec::new();
    while done < most {
        if waiting == 0 {
            send(&mut stream, batch).await?;
            waiting = BATCH;
        }
        let read = stream.read(&mut answers).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        seen.extend(answers.get(..read).unwrap_or_default());
        let found = seen
            .windows(START.len())
            .filter(|text| *text == START)
            .count();
        // What may be the beginning of the next one.
        seen.drain(..seen.len().saturating_sub(START.len() - 1));
        waiting = waiting.saturating_sub(found);
        done += u64::try_from(found).unwrap_or_default();
    }
    Ok(done)
}

/// How an answer begins.
const START: &[u8] = b"HTTP/1.1 ";
const CLIENTS: usize = 8;
/// Requests that are sent before the first answer is waited for.
const BATCH: usize = 16;
