//! Servers that break off, trickle, lie or send elsewhere: each refused for a named cause, in bounded time, and at the cost of the
//! one repository that it is done to.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::time::{Duration, Instant};

use vouchsafe_tests::harness::scripted_server::{Answer, Reply, RoleFiles, Route};
use vouchsafe_tests::harness::{Certificates, Configuration, ScriptedServer};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use vouchsafe_syncer::Failure;

use in_process::InProcess;

#[path = "support/in_process.rs"]
mod in_process;

#[test]
fn what_is_done_to_any_file_of_a_repository_is_named_and_harms_no_other() {
    let certificates = Certificates::new().unwrap();
    let elsewhere = ScriptedServer::plain().unwrap();
    let server = ScriptedServer::tls(&certificates).unwrap();
    let authority = Some(certificates.authority_pem());
    let configuration = Configuration::new()
        .notary(&server.url(), authority, &root_key())
        .rule("registry.example.com/*:*");
    let syncer = InProcess::new(&configuration);
    let mut all: Vec<String> = ROLES.iter().map(|role| gun_of(role)).collect();
    all.push(HEALTHY.to_owned());
    let guns: Vec<&str> = all.iter().map(String::as_str).collect();
    for gun in &guns {
        server.serve(gun, served(&Repository::delegated(gun)));
    }
    assert!(syncer.pass(&guns).is_complete());
    for gun in &guns {
        server.serve(gun, served(&next(gun)));
    }
    let answers = misbehaviour().into_iter().chain(misleading_answers());
    for misdeed in answers.chain(redirects(&server, &elsewhere)) {
        server.clear_script();
        for role in ROLES {
            server.script(Route::role(&gun_of(role), role), misdeed.answer.clone());
        }
        let started = Instant::now();
        let report = syncer.pass(&guns);
        let case = misdeed.case;
        assert!(started.elapsed() < BOUND, "{case}: {:?}", started.elapsed());
        let failures = &report.servers[0].failures;
        assert_eq!(failures.len(), ROLES.len(), "{case}: {failures:?}");
        for failure in failures {
            misdeed.is_named(&server, failure);
        }
        for role in ROLES {
            let stored = syncer.verdict(&format!("{}:signed", gun_of(role)));
            assert_eq!(stored, Ok(digest("image")), "{case}, {role}");
        }
    }
    assert_eq!(
        elsewhere.requests(),
        [],
        "a redirect to another host was followed"
    );
    let healthy = syncer.verdict(&format!("{HEALTHY}:signed"));
    assert_eq!(healthy, Ok(digest("newer")));

    server.clear_script();
    let report = syncer.pass(&guns);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.servers[0].updated, 6);
}

/// Something that is done to each role's file in turn.
struct Misdeed {
    case: &'static str,
    answer: Answer,
    /// What is said about it, in the order of [`ROLES`].
    labels: [&'static str; 6],
}

impl Misdeed {
    fn new(case: &'static str, answer: impl Into<Answer>, labels: [&'static str; 6]) -> Self {
        Self {
            case,
            answer: answer.into(),
            labels,
        }
    }

    /// Checks that a failure names the cause, the server, the repository and the role.
    fn is_named(&self, server: &ScriptedServer, failure: &Failure) {
        let gun = failure.gun.as_ref().unwrap().as_str();
        let at = ROLES.iter().position(|role| gun_of(role) == gun).unwrap();
        let (case, words) = (self.case, failure.to_string());
        assert_eq!(failure.label, self.labels[at], "{case}, {gun}: {words}");
        // Where the newest root cannot be had, the snapshot that states it is at fault.
        let role = match failure.label {
            "root_mismatch" => "snapshot",
            _ => ROLES[at],
        };
        assert_eq!(failure.role.as_ref().unwrap().to_string(), role, "{case}");
        for part in [server.url().as_str(), gun, role] {
            assert!(words.contains(part), "{case}: no {part} in: {words}");
        }
    }
}

/// What no server should do on the wire.
fn misbehaviour() -> Vec<Misdeed> {
    let announced = Answer::Announced {
        length: 1 << 40,
        bytes: vec![b' '; 1024],
    };
    let endless = Answer::Endless {
        piece: vec![b' '; 64 << 10],
        pause: Duration::ZERO,
    };
    let trickled = Answer::Trickled {
        size: 1,
        pause: Duration::from_millis(50),
    };
    let greeting = b"220 mail.example.com ESMTP\r\n".to_vec();
    let large = unstated("too_large", "wrong_length");
    vec![
        Misdeed::new("announced too large", announced, large),
        Misdeed::new("endless", endless, large),
        Misdeed::new("trickled", trickled, ["too_slow"; 6]),
        Misdeed::new("truncated", Answer::Truncated(100), ["interrupted"; 6]),
        Misdeed::new("closed", Answer::Closed, ["connect"; 6]),
        Misdeed::new("silent", Answer::Silent, ["timeout"; 6]),
        Misdeed::new("not HTTP", Answer::Raw(greeting), ["connect"; 6]),
    ]
}

/// Proper answers that are none.
fn misleading_answers() -> Vec<Misdeed> {
    let status = |status| Reply {
        status,
        ..Reply::ok("It works!")
    };
    // Nothing may follow it: what did would be read as the answer to whatever the connection is used for next.
    let no_content = Reply {
        status: 204,
        ..Reply::ok("")
    };
    let absent = unstated("not_found", "file_missing");
    let absent = [
        absent[0],
        "root_mismatch",
        absent[2],
        absent[3],
        absent[4],
        absent[5],
    ];
    // Notary says 500 where it has no file of a delegation.
    let mut failing = ["status"; 6];
    failing[4..].fill("file_missing");
    let not_json = unstated("malformed_json", "wrong_length");
    let not_metadata = unstated("missing_member", "wrong_length");
    vec![
        Misdeed::new("empty", Reply::ok(""), not_json),
        Misdeed::new("a web page", Reply::ok("<html>"), not_json),
        Misdeed::new("an empty object", Reply::ok("{}"), not_metadata),
        Misdeed::new("no content", no_content, ["status"; 6]),
        Misdeed::new("forbidden", status(403), ["status"; 6]),
        Misdeed::new("not found", Reply::error(404, "METADATA_NOT_FOUND"), absent),
        Misdeed::new("not found by a proxy", status(404), absent),
        Misdeed::new("server error", Reply::error(500, "UNKNOWN"), failing),
        Misdeed::new("too many requests", status(429), ["status"; 6]),
    ]
}

/// Redirects, none of which may be followed.
fn redirects(server: &ScriptedServer, elsewhere: &ScriptedServer) -> Vec<Misdeed> {
    let plain = server.url().replace("https:", "http:");
    let elsewhere = elsewhere.url();
    let locations = [
        ("redirected elsewhere", elsewhere.as_str()),
        ("redirected to plain text", &plain),
        ("redirected to a file", "file:///etc/passwd"),
        ("redirected in a circle", "?again"),
    ];
    let misdeed =
        |(case, location)| Misdeed::new(case, Reply::redirect(302, location), ["redirected"; 6]);
    locations.map(misdeed).into()
}

/// A file that a parent states is held to what is stated; nobody states the newest timestamp and root.
fn unstated(label: &'static str, stated: &'static str) -> [&'static str; 6] {
    let mut labels = [stated; 6];
    labels[..2].fill(label);
    labels
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

/// One repository for each role, so that one pass shows a misdeed on all of them.
fn gun_of(role: &str) -> String {
    format!("registry.example.com/{}", role.replace('/', "-"))
}

/// What [`Repository::delegated`] is signed with.
fn root_key() -> String {
    Key::p256("root").public_key_pem()
}

const ROLES: [&str; 6] = [
    "timestamp",
    "root",
    "snapshot",
    "targets",
    "targets/releases",
    "targets/alice",
];
/// A repository that nothing is done to.
const HEALTHY: &str = "registry.example.com/healthy";
/// Far more than the impatient syncer needs for anything, and far less than any of the misdeeds would take.
const BOUND: Duration = Duration::from_secs(30);

/// The digest of an image, as the store has it.
fn digest(image: &str) -> String {
    digest_of(image).trim_start_matches("sha256:").to_owned()
}
