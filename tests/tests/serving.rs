//! `vouchsafe serve` over its life: not ready, ready, reconfigured, with another certificate, and asked to stop.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::port::PortLease;
use vouchsafe_tests::harness::process::{self, Signal};
use vouchsafe_tests::harness::scripted_server::{Answer, Route};
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{Certificates, TempDir};
use vouchsafe_tests::vector::key::Key;

use published::{GUN, Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn nothing_is_admitted_or_ready_before_the_first_sync_is_done() {
    let published = Published::new();
    published
        .server
        .script(Route::Repository(GUN.to_owned()), Answer::Silent);
    let certificates = Certificates::new().unwrap();
    let vouchsafe = published.unsynced();
    let mut serving = vouchsafe.serve_unready(&certificates).unwrap();
    assert_eq!(serving.page("/health").unwrap().0, 200);
    let (status, report) = serving.page("/ready").unwrap();
    assert_eq!(status, 503, "{report}");
    assert!(report.contains("first-feed"), "{report}");
    let (status, _) = serving.page("/metrics").unwrap();
    assert_eq!(status, 200);
    let message = refused(&serving, &certificates);
    assert!(message.contains("vouchsafe sync"), "{message}");

    // The pass hangs; another process is started with the server well again.
    serving.process().kill().unwrap();
    published.server.clear_script();
    let serving = vouchsafe.serve(&certificates).unwrap();
    let (status, report) = serving.page("/ready").unwrap();
    assert_eq!(status, 200, "{report}");
    assert!(admitted(&serving, &certificates));
}

#[test]
fn a_new_configuration_is_taken_and_an_invalid_one_is_not() {
    let published = Published::new();
    let certificates = Certificates::new().unwrap();
    let vouchsafe = published.synced();
    let mut serving = vouchsafe.serve(&certificates).unwrap();
    assert!(admitted(&serving, &certificates));

    let valid = published.configuration().to_string();
    let invalid = valid.replacen("\"policy\"", "\"polizy\"", 1);
    vouchsafe.configure(&invalid).unwrap();
    counted(
        &serving,
        "vouchsafe_config_loads_total{result=\"refused\"} 1",
    );
    let log = serving.process().log();
    assert!(
        log.contains("unknown key `polizy`; did you mean `policy`?"),
        "{log}"
    );
    assert!(admitted(&serving, &certificates));

    // Another key is pinned: what is stored is judged anew, without a network.
    let key = Key::p256("somebody else").public_key_pem();
    let other = published::configuration(&published.server.url(), None, &key);
    published.server.script(Route::Any, Answer::Closed);
    vouchsafe.configure(&other.to_string()).unwrap();
    counted(
        &serving,
        "vouchsafe_config_loads_total{result=\"loaded\"} 1",
    );
    let message = refused(&serving, &certificates);
    assert!(message.contains("vouchsafe root-key"), "{message}");

    vouchsafe.configure(&valid).unwrap();
    counted(
        &serving,
        "vouchsafe_config_loads_total{result=\"loaded\"} 2",
    );
    assert!(admitted(&serving, &certificates));
}

#[test]
fn a_certificate_that_is_replaced_as_kubernetes_does_it_is_served() {
    let published = Published::new();
    let vouchsafe = published.synced();
    let mounted = TempDir::new("mounted").unwrap();
    let (old, new) = (Certificates::new().unwrap(), Certificates::new().unwrap());
    for (name, certificates) in [("..1", &old), ("..2", &new)] {
        let folder = mounted.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy(certificates.leaf_file(), folder.join("tls.crt")).unwrap();
        std::fs::copy(certificates.leaf_key_file(), folder.join("tls.key")).unwrap();
    }
    let link = |to: &str, name: &str| symlink(to, mounted.path().join(name)).unwrap();
    link("..1", "..data");
    link("..data/tls.crt", "tls.crt");
    link("..data/tls.key", "tls.key");

    let port = PortLease::new().unwrap();
    let address = port.address().to_string();
    let file = |name: &str| mounted.path().join(name).display().to_string();
    let (chain, key) = (file("tls.crt"), file("tls.key"));
    let arguments = [
        "serve",
        "--listen",
        &address,
        "--tls-cert",
        &chain,
        "--tls-key",
        &key,
    ];
    let mut process = vouchsafe.spawn(&arguments).unwrap();
    let url = format!("https://localhost:{}/health", port.number());
    process.wait_until(PATIENCE, || trusts(&old, &url)).unwrap();
    assert!(!trusts(&new, &url));
    link("..2", "..data_tmp");
    std::fs::rename(
        mounted.path().join("..data_tmp"),
        mounted.path().join("..data"),
    )
    .unwrap();
    process.wait_until(PATIENCE, || trusts(&new, &url)).unwrap();
    assert!(!trusts(&old, &url));
}

#[test]
fn a_request_in_flight_is_answered_before_the_process_ends() {
    let published = Published::new();
    let certificates = Certificates::new().unwrap();
    let vouchsafe = published.synced();
    let mut serving = vouchsafe.serve(&certificates).unwrap();

    let mut connection = connect(&serving, &certificates);
    let body = pod_review(&[&image("signed")]).to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let length = body.len();
    let head =
        format!("POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(first.as_bytes()).unwrap();
    connection.flush().unwrap();
    // The request has to have arrived, or it would not be in flight.
    thread::sleep(Duration::from_millis(300));
    serving.process().signal(Signal::Term).unwrap();
    while serving
        .page("/ready")
        .is_ok_and(|(status, _)| status == 200)
    {
        thread::sleep(Duration::from_millis(10));
    }
    connection.write_all(rest.as_bytes()).unwrap();
    connection.flush().unwrap();
    let mut answer = vec![0; 64 << 10];
    let read = connection.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(connection);

    let status = serving.process().wait_for_exit(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(0), "{}", serving.process().log());
    // The store is whole and free.
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
}

#[test]
fn a_second_process_is_told_who_holds_the_store() {
    let published = Published::new();
    let certificates = Certificates::new().unwrap();
    let vouchsafe = published.synced();
    let _serving = vouchsafe.serve(&certificates).unwrap();
    let synced = vouchsafe.sync(&[]).unwrap();
    assert_eq!(synced.code, Some(2));
    assert!(
        synced.stderr.contains("vouchsafe serve"),
        "{}",
        synced.stderr
    );
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
    vouchsafe.succeed(&["forget", "--yes", GUN]).unwrap();
    let verdict = vouchsafe.check_one(&image("signed")).unwrap();
    assert_eq!(verdict, Err("not_synced".to_owned()));
}

fn response(serving: &Serving, certificates: &Certificates) -> Value {
    let review = pod_review(&[&image("signed")]);
    let answer = serving.review(certificates, "/mutate", &review);
    answer.unwrap().pointer("/response").cloned().unwrap()
}

fn admitted(serving: &Serving, certificates: &Certificates) -> bool {
    response(serving, certificates).pointer("/allowed") == Some(&Value::Bool(true))
}

/// The message of the denial.
fn refused(serving: &Serving, certificates: &Certificates) -> String {
    let response = response(serving, certificates);
    let message = response.pointer("/status/message").and_then(Value::as_str);
    message.unwrap().to_owned()
}

/// Waits until the metrics have this line.
fn counted(serving: &Serving, line: &str) {
    let started = Instant::now();
    loop {
        let (_, metrics) = serving.page("/metrics").unwrap();
        if metrics.lines().any(|found| found == line) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "no {line} in:\n{metrics}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Whether a client that trusts this authority alone gets an answer.
fn trusts(certificates: &Certificates, url: &str) -> bool {
    let mut curl = Command::new("curl");
    curl.args(["-fsS", "--max-time", "5", "-o", "/dev/null", url]);
    curl.arg("--cacert").arg(certificates.authority_file());
    process::run(&mut curl).is_ok()
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

fn connect(serving: &Serving, certificates: &Certificates) -> Tls {
    let config = Arc::new(certificates.client_config().unwrap());
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(config, name).unwrap();
    let address = serving.url().replace("https://localhost", "127.0.0.1");
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(connection, stream)
}

/// Longer than anything takes here; files are looked at every ten seconds.
const PATIENCE: Duration = Duration::from_secs(40);
