//! Statuses, and contents, that no file has.

use std::io::Write as _;
use std::process::{Command, Stdio};

use vouchsafe_tests::harness::scripted_server::{Answer, Reply};

use super::catalogue::{Misdeed, status, unstated};

/// Every status there is besides 200.
pub(crate) fn statuses() -> Vec<Misdeed> {
    let all = (100..=999).filter(|status| *status != 200);
    // Those that are no status of HTTP are a few at the end of their hundred.
    let all = all.filter(|status| *status < 600 || status % 100 > 96);
    all.map(|number| {
        let answer = match number {
            // What follows would be read as the next answer.
            100..200 | 204 | 304 => {
                let head = format!("HTTP/1.1 {number} X\r\nConnection: close\r\n\r\n");
                Answer::Raw(head.into_bytes())
            }
            _ => status(number).into(),
        };
        Misdeed::new(format!("status {number}"), answer, labels(number))
    })
    .collect()
}

fn labels(status: u16) -> [&'static str; 6] {
    match status {
        // What follows is no answer.
        100 | 102..200 => ["connect"; 6],
        401 => ["unauthorized"; 6],
        404 => absent(),
        500 => failing(),
        _ => ["status"; 6],
    }
}

/// First lines that are none.
pub(crate) fn no_statuses() -> Vec<Misdeed> {
    let lines = [
        "HTTP/1.1 000 X",
        "HTTP/1.1 099 X",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 abc OK",
        "HTTP/1.1 -200 OK",
        "HTTP/1.1 2OO OK",
        "HTTP/1.1",
        "HTTP/3.0 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/1.10 200 OK",
        "ICY 200 OK",
        "200 OK",
        "\0\0\0\0",
        "GET / HTTP/1.1",
    ];
    lines
        .map(|line| {
            let answer = format!("{line}\r\nContent-Length: 9\r\n\r\nIt works!");
            Misdeed::new(
                format!("{line:?}"),
                Answer::Raw(answer.into_bytes()),
                ["connect"; 6],
            )
        })
        .into()
}

/// Proper answers that are none.
pub(crate) fn contents() -> Vec<Misdeed> {
    // Nothing may follow it: what did would be read as the answer to whatever the connection is used for next.
    let no_content = Reply {
        status: 204,
        ..Reply::ok("")
    };
    let not_json = unstated("malformed_json", "wrong_length");
    let not_metadata = unstated("missing_member", "wrong_length");
    let bomb = |name: &str| Reply::ok(compressed(name)).with_header("Content-Encoding", name);
    vec![
        Misdeed::new("empty", Reply::ok(""), not_json),
        Misdeed::new("a web page", Reply::ok("<html>"), not_json),
        Misdeed::new("an empty object", Reply::ok("{}"), not_metadata),
        Misdeed::new("no content", no_content, ["status"; 6]),
        Misdeed::new(
            "not found, said by Notary",
            Reply::error(404, "METADATA_NOT_FOUND"),
            absent(),
        ),
        Misdeed::new(
            "server error, said by Notary",
            Reply::error(500, "UNKNOWN"),
            failing(),
        ),
        Misdeed::new(
            "to be tried again in a year",
            status(503).with_header("Retry-After", "31536000"),
            ["status"; 6],
        ),
        Misdeed::new("64 MiB in a small gzip", bomb("gzip"), not_json),
        Misdeed::new(
            "lists in lists",
            Reply::ok("[".repeat(60_000)),
            unstated("too_deep", "wrong_length"),
        ),
    ]
}

/// 64 MiB of blanks, compressed by a program of this name.
fn compressed(program: &str) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(["-9", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        for _ in 0..64 {
            input.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output.stdout
}

fn absent() -> [&'static str; 6] {
    let mut labels = unstated("not_found", "file_missing");
    labels[1] = "root_mismatch";
    labels
}

/// Notary says 500 where it has no file of a delegation.
fn failing() -> [&'static str; 6] {
    let mut labels = ["status"; 6];
    labels[4..].fill("file_missing");
    labels
}
