//! Changefeeds that go back, repeat themselves, never end or list what nobody asked for: what the operator selected is synced, and
//! nothing else is fetched.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::time::{Duration, Instant};

use vouchsafe_syncer::{Options, PassReport, Scope, Source};
use vouchsafe_tests::abuse::Taken;
use vouchsafe_tests::harness::scripted_server::{Answer, FeedRecord, Reply, RoleFiles, Route};
use vouchsafe_tests::harness::{Certificates, Configuration, ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use in_process::{InProcess, impatient};

#[path = "support/in_process.rs"]
mod in_process;

#[test]
fn a_feed_of_a_hundred_thousand_unknown_names_costs_its_pages_alone() {
    let certificates = Certificates::new().unwrap();
    let server = server(&certificates);
    server.set_feed(strangers("unknown.example.com", 100_000));
    let vouchsafe = Vouchsafe::new(&configuration(&server, &certificates).to_string()).unwrap();
    let mut sync = vouchsafe.spawn(&["sync", "-o", "json"]).unwrap();
    let (status, most) = Taken::until_end(&mut sync, BOUND).unwrap();
    assert_eq!(status.code(), Some(0), "{}", sync.log());
    assert!(most > 0 && most < MOST_MEMORY, "{} MiB", most >> 20);
    let (pages, all) = (server.count(&Route::Feed), server.requests().len());
    assert!(
        pages <= 101 && all <= pages + 10,
        "{pages} pages, {all} requests"
    );
    let signed = vouchsafe.check_one(&format!("{GUN}:signed")).unwrap();
    assert_eq!(signed, Ok(digest("image")));
}

#[test]
fn names_that_could_be_selected_keep_nobody_from_being_synced() {
    let certificates = Certificates::new().unwrap();
    let server = server(&certificates);
    // Of all these the server has nothing.
    server.set_feed(strangers("registry.example.com", 2_000));
    let syncer = syncer(&server, &certificates);
    let report = syncer.run(&Scope::Due);
    assert_eq!(report.servers[0].failed, 2_000);
    assert_synced(&syncer, "image");
    server.forget_requests();
    // They are not asked for again at once.
    server.serve(GUN, served(&next()));
    syncer.run(&Scope::Due);
    assert!(
        server.requests().len() < 20,
        "{} requests",
        server.requests().len()
    );
}

#[test]
fn whatever_a_feed_says_the_selected_repository_is_synced() {
    let certificates = Certificates::new().unwrap();
    let server = server(&certificates);
    for (case, answer) in misdeeds() {
        server.clear_script();
        server.serve(GUN, served(&Repository::delegated(GUN)));
        server.set_feed(strangers("unknown.example.com", 3));
        let syncer = syncer(&server, &certificates);
        assert!(complete(&syncer.run(&Scope::Due)), "{case}");
        server.script(Route::Feed, answer);
        server.serve(GUN, served(&next()));
        server.forget_requests();
        let started = Instant::now();
        let report = syncer.run(&Scope::Due);
        assert!(started.elapsed() < BOUND, "{case}: {:?}", started.elapsed());
        let (pages, all) = (server.count(&Route::Feed), server.requests().len());
        assert!(
            pages <= 101 && all <= pages + 20,
            "{case}: {pages} pages, {all} requests"
        );
        let told = &report.servers[0];
        let verdict = syncer.verdict(&format!("{GUN}:signed"));
        assert_eq!(verdict, Ok(digest("newer")), "{case}: {told:?}");
        // Where the feed cannot be used, every repository is looked at.
        let looked = matches!(told.source, Source::Poll | Source::Sweep);
        assert!(looked, "{case}: {told:?}");
    }
}

#[test]
fn a_feed_that_goes_back_is_read_from_its_start() {
    let certificates = Certificates::new().unwrap();
    let server = server(&certificates);
    server.set_feed(strangers("unknown.example.com", 500));
    let syncer = syncer(&server, &certificates);
    assert!(complete(&syncer.run(&Scope::Due)));
    server.serve(GUN, served(&next()));
    // A server that lost its records, and hands out their numbers anew.
    for records in [
        strangers("other.example.com", 500),
        strangers("other.example.com", 3),
        Vec::new(),
    ] {
        server.set_feed(records);
        server.forget_requests();
        let report = syncer.run(&Scope::Due);
        assert!(complete(&report), "{report:?}");
        assert!(
            server.count(&Route::Feed) <= 4,
            "{}",
            server.count(&Route::Feed)
        );
        assert_synced(&syncer, "newer");
    }
}

#[test]
fn a_feed_that_never_ends_is_read_in_parts() {
    let certificates = Certificates::new().unwrap();
    let server = server(&certificates);
    server.set_feed(strangers("unknown.example.com", 130_000));
    let syncer = syncer(&server, &certificates);
    let report = syncer.run(&Scope::Due);
    assert!(complete(&report) && report.servers[0].goes_on, "{report:?}");
    assert_eq!(server.count(&Route::Feed), 100);
    assert_synced(&syncer, "image");
    server.forget_requests();
    let report = syncer.run(&Scope::Due);
    assert!(
        complete(&report) && !report.servers[0].goes_on,
        "{report:?}"
    );
    assert!(server.count(&Route::Feed) <= 32);
}

#[test]
fn a_feed_that_is_switched_off_is_not_asked_for() {
    let certificates = Certificates::new().unwrap();
    let server = server(&certificates);
    let syncer = InProcess::new(&configuration(&server, &certificates));
    assert!(complete(&syncer.run(&Scope::Due)));
    assert!(syncer.pass(&[GUN]).is_complete());
    assert_eq!(server.count(&Route::Feed), 0);
    assert_synced(&syncer, "image");
}

/// What is answered instead of a page.
fn misdeeds() -> Vec<(&'static str, Answer)> {
    let record = |id: &str, gun: &str, hash: &str| {
        format!(
            r#"{{"ID":{id},"CreatedAt":"2026-01-01T00:00:00Z","GUN":{gun},"Version":1,"SHA256":{hash},"Category":"update"}}"#
        )
    };
    let page = |records: &[String]| {
        let text = format!(
            r#"{{"count":{},"records":[{}]}}"#,
            records.len(),
            records.join(",")
        );
        Answer::from(Reply::ok(text))
    };
    let hash = format!("\"{}\"", "0".repeat(64));
    let same = record("\"7\"", "\"unknown.example.com/a\"", &hash);
    let endless = Answer::Endless {
        piece: vec![b' '; 64 << 10],
        pause: Duration::ZERO,
    };
    vec![
        ("no JSON", Reply::ok("<html>").into()),
        ("no records", Reply::ok("{}").into()),
        ("nothing", Reply::ok("").into()),
        ("lists in lists", Reply::ok("[".repeat(100_000)).into()),
        ("a page without an end", endless),
        ("a page of 10 MiB", Reply::ok(" ".repeat(10 << 20)).into()),
        (
            "the same record a thousand times",
            page(&vec![same.clone(); 1000]),
        ),
        ("more records than were asked for", page(&vec![same; 3000])),
        (
            "an ID that is no text",
            page(&[record("7", "\"a.example.com/a\"", &hash)]),
        ),
        ("forbidden", Reply::error(403, "DENIED").into()),
        ("a server error", Reply::error(500, "UNKNOWN").into()),
        (
            "a redirect",
            Reply::redirect(302, "http://localhost:1/").into(),
        ),
        (
            "an empty page, UNSEEN",
            Reply::ok(r#"{"count":0,"records":[]}"#).into(),
        ),
    ]
}

/// Changes of repositories on a host that has nothing.
fn strangers(host: &str, number: i64) -> Vec<FeedRecord> {
    let hash = "a".repeat(64);
    (1..=number)
        .map(|id| FeedRecord::update(id, &format!("{host}/stranger-{id}"), 1, &hash))
        .collect()
}

fn server(certificates: &Certificates) -> ScriptedServer {
    let server = ScriptedServer::tls(certificates).unwrap();
    server.serve(GUN, served(&Repository::delegated(GUN)));
    server
}

fn syncer(server: &ScriptedServer, certificates: &Certificates) -> InProcess {
    let options = Options {
        changefeed: true,
        ..impatient()
    };
    InProcess::with(&configuration(server, certificates), options)
}

fn configuration(server: &ScriptedServer, certificates: &Certificates) -> Configuration {
    let key = Key::p256("root").public_key_pem();
    Configuration::new()
        .notary(&server.url(), Some(certificates.authority_pem()), &key)
        .rule(&format!("{GUN}:*"))
        .rule("registry.example.com/*:*")
}

fn complete(report: &PassReport) -> bool {
    report.servers[0].failed == 0 && report.servers[0].error.is_none()
}

fn assert_synced(syncer: &InProcess, image: &str) {
    assert_eq!(syncer.verdict(&format!("{GUN}:signed")), Ok(digest(image)));
}

fn next() -> Repository {
    let all = ["targets", "targets/releases", "targets/alice"];
    Repository::delegated(GUN)
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

const GUN: &str = "registry.example.com/team/app";
const BOUND: Duration = Duration::from_mins(2);
/// A sync with two rules and one repository, and a quarter of what the chart gives to the syncer.
const MOST_MEMORY: u64 = 128 << 20;
