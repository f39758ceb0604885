use vouchsafe_tests::harness::ScriptedServer;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::vector::Files;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{Pins, TrustRoot};

use super::super::files;
use super::*;
use crate::notary::{Backoff, NotaryClient, Pace};

const GUN: &str = "example.com/team/app";

fn pins(keys: &[&str]) -> Pins {
    let root = |name: &&str| TrustRoot::from_pem(&Key::p256(name).public_key_pem()).unwrap();
    Pins {
        roots: keys.iter().map(root).collect(),
        ..Pins::default()
    }
}

/// What came of following a root chain.
#[derive(Debug, Eq, PartialEq)]
struct Anchored {
    /// How many chains were verified.
    verified: u32,
    /// How many roots the chain has, and how many pins anchor it.
    chain: Result<(usize, usize), &'static str>,
}

const fn anchored(verified: u32, roots: usize, anchors: usize) -> Anchored {
    let chain = Ok((roots, anchors));
    Anchored { verified, chain }
}

const fn not_pinned(verified: u32) -> Anchored {
    let chain = Err("not_pinned");
    Anchored { verified, chain }
}

fn published(repository: &Repository) -> Files {
    let mut files = repository.files();
    files.retain(|path, _| path.ends_with("root.json"));
    files
}

/// Follows the chain that ends with the root that `server` gets to serve.
async fn follow(server: &ScriptedServer, files: &Files, pins: &Pins, limits: Limits) -> Anchored {
    let mut roles = RoleFiles::new();
    for (path, bytes) in files {
        let version = path.strip_suffix(".root.json").map(|n| n.parse().unwrap());
        roles = match version {
            Some(version) => roles.with_version("root", version, bytes.clone()),
            None => roles.with("root", bytes.clone()),
        };
    }
    server.serve(GUN, roles);
    server.forget_requests();
    let backoff = Backoff {
        attempts: 1,
        ..Backoff::default()
    };
    let url = server.url().parse().unwrap();
    let client = NotaryClient::new(url, None, None, Pace::default(), backoff).unwrap();
    let terms = Terms {
        pins,
        accepted: None,
        now: "2026-11-24T00:00:00Z".parse().unwrap(),
        expiry: Expiry::Enforce,
        limits,
    };
    let gun = GUN.parse().unwrap();
    let mut collector = Collector {
        stored: None,
        terms,
        files: files::Files::new(&client, &gun, None, limits),
        chains: 0,
    };
    let chain = collector.root_chain().await;
    Anchored {
        verified: collector.chains,
        chain: chain
            .map(|chain| (chain.anchors().len(), chain))
            .map(|(anchors, chain)| (chain.into_roots().len(), anchors))
            .map_err(|error| error.label()),
    }
}

#[tokio::test]
async fn a_long_walk_back_verifies_no_more_often_than_a_short_one() {
    let server = ScriptedServer::plain().unwrap();
    let root = Key::p256("root").certified(GUN);
    let other = Key::p256("other").certified(GUN);
    // Every root lists the other key, which never signs.
    let mut listing = Repository::plain(GUN)
        .keys("root", &[root.clone(), other])
        .signed_by("root", std::slice::from_ref(&root));
    for _ in 0..20 {
        listing = listing
            .next_root()
            .signed_by("root", std::slice::from_ref(&root));
    }
    let (files, limits) = (published(&listing), Limits::default());
    let both = pins(&["root", "other"]);
    let found = follow(&server, &files, &both, limits).await;
    assert_eq!(found, anchored(1, 1, 1));
    let found = follow(&server, &files, &pins(&["other"]), limits).await;
    assert_eq!(found, not_pinned(1));

    // Each root is signed by another one of the pins.
    let names: Vec<String> = (0..8).map(|number| format!("root {number}")).collect();
    let mut rotated = Repository::with_root_key(Key::p256(&names[0]).certified(GUN));
    for name in &names[1..] {
        rotated = rotated.rotate_root(&Key::p256(name).certified(GUN));
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = follow(&server, &published(&rotated), &pins(&all), limits).await;
    assert_eq!(found, anchored(2, 8, 8));
}

#[tokio::test]
async fn what_breaks_further_back_does_not_undo_what_holds() {
    let server = ScriptedServer::plain().unwrap();
    let certified = |name: &str| Key::p256(name).certified(GUN);
    let forged = published(&Repository::with_root_key(certified("a")).next_root());
    let genuine = Repository::with_root_key(certified("b"))
        .next_root()
        .next_root()
        .rotate_root(&certified("c"));
    let mut files = published(&genuine);
    files.insert("1.root.json".to_owned(), forged["1.root.json"].clone());
    files.insert("2.root.json".to_owned(), forged["root.json"].clone());
    let found = follow(&server, &files, &pins(&["a", "b"]), Limits::default()).await;
    assert_eq!(found, anchored(3, 2, 1));
}

#[tokio::test]
async fn a_walk_back_ends_where_the_repository_gets_too_large() {
    let server = ScriptedServer::plain().unwrap();
    let mut repository = Repository::plain(GUN);
    for _ in 0..20 {
        repository = repository.next_root();
    }
    let files = published(&repository);
    let limits = Limits {
        repository: u64::try_from(files["root.json"].len() * 5).unwrap(),
        ..Limits::default()
    };
    let found = follow(&server, &files, &pins(&["stranger"]), limits).await;
    assert_eq!(found, not_pinned(1));
    assert!(server.requests().len() < 10);
}
