//! What no server should do on the wire.

use std::time::Duration;

use vouchsafe_tests::harness::scripted_server::Answer;

use super::catalogue::{Misdeed, unstated};

/// Lengths that are wrong, or that contradict each other.
pub(crate) fn lengths() -> Vec<Misdeed> {
    let announced = Answer::Announced {
        length: 1 << 40,
        bytes: vec![b' '; 1024],
    };
    let (connect, interrupted) = (["connect"; 6], ["interrupted"; 6]);
    let cut_short = unstated("malformed_json", "wrong_length");
    vec![
        Misdeed::new(
            "announced too large",
            announced,
            unstated("too_large", "wrong_length"),
        ),
        Misdeed::new(
            "longer than announced",
            raw("Content-Length: 1", "{}"),
            cut_short,
        ),
        Misdeed::new(
            "shorter than announced",
            raw("Content-Length: 3", "{}"),
            interrupted,
        ),
        Misdeed::new("no length", raw("X: y", "{"), cut_short),
        Misdeed::new(
            "a negative length",
            raw("Content-Length: -1", "{}"),
            connect,
        ),
        Misdeed::new(
            "a length beyond all numbers",
            raw("Content-Length: 99999999999999999999", "{}"),
            connect,
        ),
        Misdeed::new(
            "a length that is no number",
            raw("Content-Length: 0x2", "{}"),
            connect,
        ),
        Misdeed::new(
            "two lengths",
            raw("Content-Length: 2\r\nContent-Length: 3", "{}"),
            connect,
        ),
    ]
}

/// Encodings and headers that are wrong.
pub(crate) fn encodings() -> Vec<Misdeed> {
    let (connect, interrupted) = (["connect"; 6], ["interrupted"; 6]);
    let cut_short = unstated("malformed_json", "wrong_length");
    let chunked = "Transfer-Encoding: chunked";
    vec![
        Misdeed::new(
            "a length and chunks",
            raw(
                &format!("Content-Length: 1\r\n{chunked}"),
                "1\r\n{\r\n0\r\n\r\n",
            ),
            cut_short,
        ),
        Misdeed::new("chunks that are none", raw(chunked, "{}"), interrupted),
        Misdeed::new(
            "a chunk beyond all numbers",
            raw(chunked, "fffffffffffffffff\r\n{}"),
            interrupted,
        ),
        Misdeed::new(
            "a chunk without its end",
            raw(chunked, "1\r\n{}\r\n0\r\n\r\n"),
            interrupted,
        ),
        Misdeed::new("no last chunk", raw(chunked, "1\r\n{\r\n"), interrupted),
        Misdeed::new(
            "an encoding that is none",
            raw("Transfer-Encoding: rot13", "{"),
            cut_short,
        ),
        Misdeed::new("a header that is none", raw("No colon", "{}"), connect),
        Misdeed::new("a header with a NUL", raw("X: a\0b", "{}"), connect),
    ]
}

/// What never ends, or ends too late.
pub(crate) fn endless() -> Vec<Misdeed> {
    let large = unstated("too_large", "wrong_length");
    let (interrupted, too_slow) = (["interrupted"; 6], ["too_slow"; 6]);
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let at_once = Duration::ZERO;
    let body = Answer::Endless {
        piece: vec![b' '; 64 << 10],
        pause: at_once,
    };
    let trickled = Answer::Trickled {
        size: 1,
        pause: SLOW,
    };
    let many: Vec<u8> = b"X: y\r\n".repeat(1000);
    vec![
        Misdeed::new("a body without an end", body, large),
        Misdeed::new(
            "a body without an end or chunks",
            forever(&format!("{HEAD}\r\n"), &[b' '; 4096], at_once),
            large,
        ),
        Misdeed::new("a body, a byte at a time", trickled, too_slow),
        Misdeed::new(
            "a chunk's length without an end",
            forever(&chunked, b"0000", at_once),
            too_slow,
        ),
        Misdeed::new(
            "a chunk's extension without an end",
            forever(&format!("{chunked}1;"), &[b'x'; 4096], at_once),
            interrupted,
        ),
        Misdeed::new(
            "trailers without an end",
            forever(&format!("{chunked}1\r\n{{\r\n0\r\n"), &many, at_once),
            interrupted,
        ),
    ]
}

/// What comes before an answer and never ends, or nothing.
pub(crate) fn endless_heads() -> Vec<Misdeed> {
    let (connect, timeout) = (["connect"; 6], ["timeout"; 6]);
    let many: Vec<u8> = b"X: y\r\n".repeat(1000);
    let hints: Vec<u8> = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(100);
    let at_once = Duration::ZERO;
    vec![
        Misdeed::new(
            "a first line without an end",
            forever("HTTP/1.1 200 ", &[b'x'; 4096], at_once),
            connect,
        ),
        Misdeed::new(
            "a header without an end",
            forever(&format!("{HEAD}X: "), &[b'x'; 4096], at_once),
            connect,
        ),
        Misdeed::new(
            "headers without an end",
            forever(HEAD, &many, at_once),
            connect,
        ),
        Misdeed::new(
            "headers, a byte at a time",
            forever(HEAD, b"X", SLOW),
            timeout,
        ),
        Misdeed::new(
            "interim answers without an end",
            forever("", &hints, Duration::from_millis(1)),
            timeout,
        ),
        Misdeed::new(
            "empty lines without an end",
            forever("", &b"\r\n".repeat(1000), Duration::from_millis(1)),
            connect,
        ),
        Misdeed::new("silence", Answer::Silent, timeout),
    ]
}

/// What breaks off.
pub(crate) fn broken_off() -> Vec<Misdeed> {
    let greeting = b"220 mail.example.com ESMTP\r\n".to_vec();
    let begun = |text: &str| Answer::Raw(text.as_bytes().to_vec());
    vec![
        Misdeed::new(
            "closed after 100 bytes",
            Answer::Truncated(100),
            ["interrupted"; 6],
        ),
        Misdeed::new(
            "closed before the body",
            Answer::Truncated(0),
            ["interrupted"; 6],
        ),
        Misdeed::new(
            "closed in the first line",
            begun("HTTP/1.1 2"),
            ["connect"; 6],
        ),
        Misdeed::new(
            "closed in the headers",
            begun("HTTP/1.1 200 OK\r\nX: "),
            ["connect"; 6],
        ),
        Misdeed::new("closed", Answer::Closed, ["connect"; 6]),
        Misdeed::new("not HTTP", Answer::Raw(greeting), ["connect"; 6]),
        Misdeed::new(
            "HTTP/2 that nobody asked for",
            Answer::Raw(vec![0, 0, 0, 4, 0, 0, 0, 0, 0]),
            ["connect"; 6],
        ),
    ]
}

/// An answer in raw bytes, after which the connection closes.
fn raw(headers: &str, body: &str) -> Answer {
    let answer = format!("{HEAD}Connection: close\r\n{headers}\r\n\r\n{body}");
    Answer::Raw(answer.into_bytes())
}

fn forever(first: &str, again: &[u8], pause: Duration) -> Answer {
    Answer::Forever {
        first: first.as_bytes().to_vec(),
        again: again.to_vec(),
        pause,
    }
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const SLOW: Duration = Duration::from_millis(50);
