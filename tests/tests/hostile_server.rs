//! Servers that break off, trickle, lie or send elsewhere: each refused for a named cause, in bounded time, and at the cost of the
//! one repository that it is done to. `hostile/catalogue.rs` lists what is done.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::time::{Duration, Instant};

use vouchsafe_tests::abuse::Taken;
use vouchsafe_tests::harness::scripted_server::{Answer, RoleFiles, Route};
use vouchsafe_tests::harness::{Certificates, Configuration, ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use catalogue::{Misdeed, ROLES, catalogue, gun_of};
use in_process::InProcess;

#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/catalogue.rs"]
mod catalogue;
#[path = "support/in_process.rs"]
mod in_process;
#[path = "hostile/mixed.rs"]
mod mixed;
#[path = "hostile/redirects.rs"]
mod redirects;
#[path = "hostile/wire.rs"]
mod wire;

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
    let mut wrong = Vec::new();
    for misdeed in catalogue(&server, &elsewhere) {
        wrong.extend(found_wrong(&syncer, &server, &guns, &misdeed));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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

/// The whole command, with all the patience that it has.
#[test]
fn what_never_ends_takes_no_memory() {
    let certificates = Certificates::new().unwrap();
    let server = ScriptedServer::tls(&certificates).unwrap();
    let configuration = Configuration::new().notary(
        &server.url(),
        Some(certificates.authority_pem()),
        &root_key(),
    );
    let configuration = ROLES.iter().fold(configuration, |configuration, role| {
        configuration.rule(&format!("{}:*", gun_of(role)))
    });
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    for role in ROLES {
        server.serve(&gun_of(role), served(&Repository::delegated(&gun_of(role))));
        let piece = vec![b' '; 64 << 10];
        let endless = Answer::Endless {
            piece,
            pause: Duration::ZERO,
        };
        server.script(Route::role(&gun_of(role), role), endless);
    }
    let mut sync = vouchsafe.spawn(&["sync"]).unwrap();
    let (status, most) = Taken::until_end(&mut sync, BOUND).unwrap();
    assert_eq!(status.code(), Some(3), "{}", sync.log());
    assert!(most > 0 && most < MOST_MEMORY, "{} MiB", most >> 20);
}

/// Makes a pass while the misdeed is done to every role, and tells what should not have come of it.
fn found_wrong(
    syncer: &InProcess,
    server: &ScriptedServer,
    guns: &[&str],
    misdeed: &Misdeed,
) -> Vec<String> {
    server.clear_script();
    server.forget_requests();
    for (role, answer) in ROLES.iter().zip(&misdeed.answers) {
        server.script(Route::role(&gun_of(role), role), answer.clone());
    }
    let started = Instant::now();
    let report = syncer.pass(guns);
    let (case, took) = (&misdeed.case, started.elapsed());
    let failures = &report.servers[0].failures;
    let mut wrong: Vec<String> = failures
        .iter()
        .filter_map(|failure| misdeed.misnamed(server, failure))
        .collect();
    if took > BOUND {
        wrong.push(format!("{case}: took {took:?}"));
    }
    if failures.len() != misdeed.failures() {
        wrong.push(format!("{case}: {} failed", failures.len()));
    }
    let requests = server.requests().len();
    if requests > MOST_REQUESTS {
        wrong.push(format!("{case}: {requests} requests"));
    }
    for role in ROLES {
        let stored = syncer.verdict(&format!("{}:signed", gun_of(role)));
        if stored != Ok(digest("image")) {
            wrong.push(format!("{case}, {role}: {stored:?}"));
        }
    }
    wrong
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

/// What [`Repository::delegated`] is signed with.
fn root_key() -> String {
    Key::p256("root").public_key_pem()
}

/// A repository that nothing is done to.
const HEALTHY: &str = "registry.example.com/healthy";
/// A pass over seven repositories takes fewer whatever is done, since nothing is tried twice without need.
const MOST_REQUESTS: usize = 100;
/// A quarter of what the chart gives to the syncer.
const MOST_MEMORY: u64 = 128 << 20;
/// Far more than the impatient syncer needs for anything, and far less than any of the misdeeds would take.
const BOUND: Duration = Duration::from_secs(30);

/// The digest of an image, as the store has it.
fn digest(image: &str) -> String {
    digest_of(image).trim_start_matches("sha256:").to_owned()
}
