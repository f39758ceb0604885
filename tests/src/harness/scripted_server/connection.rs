//! One connection: requests in, scripted bytes out.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::answer::{Answer, Reply};
use super::state::State;
use crate::harness::http::read_request;

/// Answers a connection's requests until either side has enough.
pub(super) fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, state: &State, number: u64) {
    // Errors end the connection; the client's view of it is what the tests look at.
    drop(stream.set_nodelay(true).and_then(|()| match tls {
        None => answer_requests(stream, state, number),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            answer_requests(&mut stream, state, number)?;
            stream.conn.send_close_notify();
            stream.flush()
        }
    }));
}

fn answer_requests(mut stream: impl Read + Write, state: &State, number: u64) -> io::Result<()> {
    while !state.stopped() {
        let Some(request) = read_request(&mut stream)? else {
            return Ok(());
        };
        let _in_flight = state.log(&request, number);
        let is_head = request.method == "HEAD";
        let go_on = match state.scripted(request.path()) {
            Some(Answer::Reply(reply)) if is_head => send_head(&mut stream, &reply)?,
            None if is_head => send_head(&mut stream, &state.served(&request))?,
            None => send(&mut stream, &state.served(&request)).map(|()| true)?,
            Some(answer) => scripted(&mut stream, state, answer, || state.served(&request))?,
        };
        if !go_on
            || request
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"))
        {
            return Ok(());
        }
    }
    Ok(())
}

/// Follows an instruction; says whether the connection can be used again.
fn scripted(
    stream: &mut impl Write,
    state: &State,
    answer: Answer,
    served: impl Fn() -> Reply,
) -> io::Result<bool> {
    match answer {
        Answer::Reply(reply) => send(stream, &reply).map(|()| true),
        Answer::Delayed(time) => {
            if !state.sleep(time) {
                return Ok(false);
            }
            send(stream, &served()).map(|()| true)
        }
        Answer::Trickled { size, pause } => trickle(stream, state, &served(), size, pause),
        Answer::Truncated(bytes) => {
            let reply = served();
            stream.write_all(head(&reply, reply.body.len()).as_bytes())?;
            stream.write_all(reply.body.get(..bytes).unwrap_or(&reply.body))?;
            stream.flush().map(|()| false)
        }
        Answer::Endless { piece, pause } => endless(stream, state, &piece, pause),
        Answer::Announced { length, bytes } => {
            stream.write_all(head(&Reply::ok(""), length).as_bytes())?;
            stream.write_all(&bytes)?;
            stream.flush().map(|()| false)
        }
        Answer::Raw(bytes) => {
            stream.write_all(&bytes)?;
            stream.flush().map(|()| false)
        }
        Answer::Forever {
            first,
            again,
            pause,
        } => {
            stream.write_all(&first)?;
            loop {
                stream.write_all(&again)?;
                stream.flush()?;
                if !state.sleep(pause) {
                    return Ok(false);
                }
            }
        }
        Answer::Closed => Ok(false),
        Answer::Silent => {
            while state.sleep(Duration::from_secs(1)) {}
            Ok(false)
        }
    }
}

/// Answers a `HEAD`: there is no body, whatever the length says. The connection can be used again.
fn send_head(stream: &mut impl Write, reply: &Reply) -> io::Result<bool> {
    stream.write_all(head(reply, reply.body.len()).as_bytes())?;
    stream.flush().map(|()| true)
}

/// Sends a response as Notary does: with a length up to 2048 bytes, in chunks beyond.
fn send(stream: &mut impl Write, reply: &Reply) -> io::Result<()> {
    if reply.body.len() <= LONGEST_WITH_LENGTH {
        stream.write_all(head(reply, reply.body.len()).as_bytes())?;
        stream.write_all(&reply.body)?;
    } else {
        stream.write_all(chunked_head(reply).as_bytes())?;
        for piece in reply.body.chunks(CHUNK) {
            write_chunk(stream, piece)?;
        }
        stream.write_all(b"0\r\n\r\n")?;
    }
    stream.flush()
}

fn trickle(
    stream: &mut impl Write,
    state: &State,
    reply: &Reply,
    size: usize,
    pause: Duration,
) -> io::Result<bool> {
    stream.write_all(head(reply, reply.body.len()).as_bytes())?;
    for piece in reply.body.chunks(size.max(1)) {
        stream.write_all(piece)?;
        stream.flush()?;
        if !state.sleep(pause) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn endless(
    stream: &mut impl Write,
    state: &State,
    piece: &[u8],
    pause: Duration,
) -> io::Result<bool> {
    stream.write_all(chunked_head(&Reply::ok("")).as_bytes())?;
    loop {
        write_chunk(stream, piece)?;
        stream.flush()?;
        if !state.sleep(pause) {
            return Ok(false);
        }
    }
}

fn write_chunk(stream: &mut impl Write, piece: &[u8]) -> io::Result<()> {
    stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
    stream.write_all(piece)?;
    stream.write_all(b"\r\n")
}

fn head(reply: &Reply, length: impl std::fmt::Display) -> String {
    format!("{}Content-Length: {length}\r\n\r\n", head_start(reply))
}

fn chunked_head(reply: &Reply) -> String {
    format!("{}Transfer-Encoding: chunked\r\n\r\n", head_start(reply))
}

fn head_start(reply: &Reply) -> String {
    let headers: String = reply
        .headers
        .iter()
        .flat_map(|(name, value)| [name.as_str(), ": ", value.as_str(), "\r\n"])
        .collect();
    format!("HTTP/1.1 {} Scripted\r\n{headers}", reply.status)
}

const LONGEST_WITH_LENGTH: usize = 2048;
const CHUNK: usize = 4096;
