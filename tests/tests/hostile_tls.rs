//! Servers whose TLS is none, broken, outdated or somebody else's: nothing of them is believed, what is stored stays, and another
//! server is synced in the same pass.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use vouchsafe_tests::harness::certificates::Flaw;
use vouchsafe_tests::harness::port::PortLease;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::{Certificates, Configuration, Meddler, Meddling, ScriptedServer};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use in_process::InProcess;

#[path = "support/in_process.rs"]
mod in_process;

#[test]
fn no_broken_connection_is_believed_or_harms_another_server() {
    let scene = Scene::new();
    let mut wrong = Vec::new();
    for (case, meddling, words) in meddlings() {
        scene.meddler.set(scene.bad.address(), meddling);
        wrong.extend(scene.found_wrong(&case, words));
    }
    for (case, flaw, words) in [
        ("for another host", Flaw::Name, "not valid for name"),
        ("that expired", Flaw::Expired, "certificate expired"),
        ("that is not valid yet", Flaw::Future, "not valid yet"),
        (
            "that is not for servers",
            Flaw::Usage,
            "server authentication",
        ),
    ] {
        let at = FLAWS.iter().position(|known| *known == flaw).unwrap();
        let server = ScriptedServer::behind(scene.flawed[at].server_config().unwrap()).unwrap();
        server.serve(BAD, served(&next(BAD)));
        scene.meddler.set(server.address(), Meddling::Nothing);
        wrong.extend(scene.found_wrong(&format!("a certificate {case}"), words));
    }
    let stranger = ScriptedServer::tls(&Certificates::new().unwrap()).unwrap();
    scene.meddler.set(stranger.address(), Meddling::Nothing);
    wrong.extend(scene.found_wrong("a certificate by a stranger", ""));
    let plain = ScriptedServer::plain().unwrap();
    scene.meddler.set(plain.address(), Meddling::Nothing);
    wrong.extend(scene.found_wrong("a server without TLS", ""));
    for version in ["-tls1", "-tls1_1"] {
        let server = OpenSsl::new(&scene.certificates, version, false);
        scene.meddler.set(server.address(), Meddling::Nothing);
        wrong.extend(scene.found_wrong(version, "ProtocolVersion"));
    }
    let server = OpenSsl::new(&scene.certificates, "-tls1_2", true);
    scene.meddler.set(server.address(), Meddling::Nothing);
    wrong.extend(scene.found_wrong("renegotiation instead of an answer", ""));
    assert!(wrong.is_empty(), "{wrong:#?}");

    scene.meddler.set(scene.bad.address(), Meddling::Nothing);
    assert!(scene.syncer.pass(&[BAD, GOOD]).is_complete());
    assert_eq!(
        scene.syncer.verdict(&format!("{BAD}:signed")),
        Ok(digest("newer"))
    );
}

/// What is done to the bytes of a proper server, and a word of what is said about it.
fn meddlings() -> Vec<(String, Meddling, &'static str)> {
    let instead =
        |case: &str, bytes: &[u8]| (case.to_owned(), Meddling::Instead(bytes.to_vec()), "");
    let alert = b"\x15\x03\x03\x00\x02\x02\x28".to_vec();
    let warning = b"\x15\x03\x03\x00\x02\x01\x64".repeat(100);
    let mut all = vec![
        instead(
            "plain HTTP",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ),
        instead("a greeting", b"220 mail.example.com ESMTP\r\n"),
        instead("an alert", &alert),
        instead("zeros", &[0; 64 << 10]),
        instead("a record beyond all sizes", b"\x16\x03\x03\xff\xff"),
        instead("SSL 2", b"\x80\x2e\x04\x00\x01\x00\x02"),
        ("silence".to_owned(), Meddling::Hold(0), ""),
        (
            "silence in the handshake".to_owned(),
            Meddling::Hold(200),
            "",
        ),
        (
            "a byte at a time".to_owned(),
            Meddling::Trickle(Duration::from_millis(20)),
            "",
        ),
    ];
    for at in (0..840).step_by(60) {
        all.push((format!("cut after {at} bytes"), Meddling::Cut(at), ""));
        all.push((
            format!("a bit changed after {at} bytes"),
            Meddling::Flip(at),
            "",
        ));
    }
    for at in [5, 100, 800] {
        all.push((
            format!("an alert after {at} bytes"),
            Meddling::Insert(at, alert.clone()),
            "",
        ));
        all.push((
            format!("warnings after {at} bytes"),
            Meddling::Insert(at, warning.clone()),
            "",
        ));
    }
    all
}

/// A server that is meddled with, and one that is not.
struct Scene {
    certificates: Certificates,
    flawed: [Certificates; 4],
    bad: ScriptedServer,
    good: ScriptedServer,
    meddler: Meddler,
    syncer: InProcess,
}

impl Scene {
    fn new() -> Self {
        let certificates = Certificates::new().unwrap();
        let flawed = FLAWS.map(|flaw| Certificates::flawed(flaw).unwrap());
        let bad = ScriptedServer::tls(&certificates).unwrap();
        let good = ScriptedServer::tls(&certificates).unwrap();
        let meddler = Meddler::new(bad.address()).unwrap();
        let authorities = flawed.iter().map(Certificates::authority_pem);
        let authorities: String = authorities.chain([certificates.authority_pem()]).collect();
        let url = format!("https://localhost:{}", meddler.port());
        let key = Key::p256("root").public_key_pem();
        let keys = [("default", key.as_str())];
        let configuration = Configuration::new()
            .validator("bad", &url, Some(&authorities), &keys)
            .validator("good", &good.url(), Some(&authorities), &keys)
            .rule_of(serde_json::json!({"pattern": format!("{BAD}:*"), "validator": "bad"}))
            .rule_of(serde_json::json!({"pattern": format!("{GOOD}:*"), "validator": "good"}));
        let syncer = InProcess::new(&configuration);
        bad.serve(BAD, served(&Repository::delegated(BAD)));
        good.serve(GOOD, served(&Repository::delegated(GOOD)));
        assert!(syncer.pass(&[BAD, GOOD]).is_complete());
        bad.serve(BAD, served(&next(BAD)));
        Self {
            certificates,
            flawed,
            bad,
            good,
            meddler,
            syncer,
        }
    }

    /// Makes a pass, and tells what should not have come of it.
    fn found_wrong(&self, case: &str, words: &str) -> Vec<String> {
        // Connections that were made before are closed: the server is another one to the client.
        self.good.forget_requests();
        let started = Instant::now();
        let report = self.syncer.pass(&[BAD, GOOD]);
        let took = started.elapsed();
        let mut wrong = Vec::new();
        let [bad, good] = &report.servers[..] else {
            return vec![format!("{case}: {report:?}")];
        };
        let said = bad
            .failures
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        let label = bad.failures.first().map_or("", |failure| failure.label);
        if !EXPECTED.contains(&label) || !said.contains(words) {
            wrong.push(format!("{case}: {label}: {said}"));
        }
        if took > BOUND {
            wrong.push(format!("{case}: took {took:?}"));
        }
        if good.failed != 0 || self.good.requests().is_empty() {
            wrong.push(format!("{case}: the other server: {good:?}"));
        }
        let stored = self.syncer.verdict(&format!("{BAD}:signed"));
        if stored != Ok(digest("image")) {
            wrong.push(format!("{case}: {stored:?}"));
        }
        wrong
    }
}

/// `openssl s_server`, ended with the value.
struct OpenSsl {
    port: PortLease,
    child: Child,
}

impl OpenSsl {
    /// A server that speaks this version alone, and begins new handshakes all the time, if so wanted.
    fn new(certificates: &Certificates, version: &str, renegotiates: bool) -> Self {
        let port = PortLease::new().unwrap();
        let mut command = Command::new("openssl");
        command
            .args(["s_server", version, "-accept", &port.address().to_string()])
            .args(["-cipher", "DEFAULT@SECLEVEL=0"])
            .arg("-cert")
            .arg(certificates.leaf_file())
            .arg("-key")
            .arg(certificates.leaf_key_file())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // A line that says r has it begin a new handshake; the input's end would end it.
        thread::spawn(move || {
            let line: &[u8] = if renegotiates { b"r\n" } else { b"\n" };
            while input.write_all(line).is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        });
        let started = Instant::now();
        while std::net::TcpStream::connect(port.address()).is_err() {
            assert!(
                started.elapsed() < BOUND,
                "openssl s_server does not listen"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Self { port, child }
    }

    fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The second generation: every role has a new file.
fn next(gun: &str) -> Repository {
    let all = ["targets", "targets/releases", "targets/alice"];
    Repository::delegated(gun)
        .next_root()
        .publish(&all)
        .tag("targets/releases", "signed", "newer")
        .tag("targets/alice", "signed", "newer")
}

fn served(repository: &Repository) -> RoleFiles {
    RoleFiles::new().with_files(repository.files())
}

/// The digest of an image, as the store has it.
fn digest(image: &str) -> String {
    digest_of(image).trim_start_matches("sha256:").to_owned()
}

const BAD: &str = "registry.example.com/bad";
const GOOD: &str = "registry.example.com/good";
const FLAWS: [Flaw; 4] = [Flaw::Name, Flaw::Expired, Flaw::Future, Flaw::Usage];
/// All that can be said of a connection.
const EXPECTED: [&str; 4] = ["connect", "timeout", "interrupted", "too_slow"];
const BOUND: Duration = Duration::from_secs(30);
