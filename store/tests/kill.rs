//! `kill -9` of a process that commits and queues alerts, again and again: every commit and every
//! alert that had returned is there afterwards, every repository is at one whole state, and nothing
//! is ever set aside.
//!
//! The program starts itself as the process that is killed, so it brings its own `main`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test of its own, in which every surprise has to fail"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use vouchsafe_store::{Alert, AlertOutcome, Opened, Store};
use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::own_main::{own_main, start_child};
use vouchsafe_tests::harness::{Random, TempDir};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};
use vouchsafe_trust::evidence::{Retained, Signers, Wanted};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Evidence, Gun, Pins, Query, RepositoryMetadata, Role, Server, Sha256, TrustRoot,
    VerifiedRepository, verify,
};

fn main() {
    own_main(
        NAME,
        a_killed_process_loses_nothing_that_it_had_committed,
        commit_for_ever,
    );
}

fn a_killed_process_loses_nothing_that_it_had_committed() {
    let dir = TempDir::new("kill").unwrap();
    let mut reported = [0; REPOSITORIES];
    let mut random = Random::seeded(SEED);
    let rounds = effort(SHARE, WHOLE);
    for round in 0..rounds {
        let mut child = start_child(dir.path()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut output = String::new();
        if round % 2 == 0 {
            // Anywhere in a start, and what comes first after it.
            std::thread::sleep(random.time(Duration::from_millis(200)));
        } else {
            // Anywhere in what a process does, however slow the machine is.
            for _ in 0..random.below(4 * REPOSITORIES) {
                lines.read_line(&mut output).unwrap();
            }
            std::thread::sleep(random.time(Duration::from_millis(10)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.read_to_string(&mut output).unwrap();
        let mut alerts = 0;
        for line in output.lines() {
            // The last line may be cut.
            match line.strip_suffix(';').and_then(|l| l.split_once(' ')) {
                Some(("alert", number)) => alerts = number.parse().unwrap(),
                Some((number, version)) => {
                    reported[number.parse::<usize>().unwrap()] = version.parse().unwrap();
                }
                None => {}
            }
        }
        let store = open(dir.path());
        let waiting = take_alerts(&store);
        assert!(
            waiting >= alerts,
            "round {round}: {waiting} alerts after {alerts}"
        );
        for (number, reported) in reported.iter().enumerate() {
            let found = whole_version(&store, number);
            assert!(
                found >= *reported,
                "round {round}: {found} after {reported}"
            );
        }
    }
    assert!(reported.iter().all(|version| *version > 0), "{reported:?}");
    let commits: u64 = reported.iter().sum();
    let result = format!("{commits} commits, none lost or half there, and no alert lost");
    row(
        "kill a process that commits and queues alerts",
        rounds,
        &result,
    );
}

fn commit_for_ever(dir: &Path) {
    let store = open(dir);
    let mut alerts = 0_u64;
    for version in 1.. {
        for number in 0..REPOSITORIES {
            let next = whole_version(&store, number).max(version - 1) + 1;
            store.commit(&server(), &state(number, next)).unwrap();
            println!("{number} {next};");
            alerts += 1;
            store.queue_alert(&alert(alerts), &[receiver()]).unwrap();
            println!("alert {alerts};");
        }
    }
}

/// Takes out the alerts of one process, which have to be all up to some number, and says which.
fn take_alerts(store: &Store) -> u64 {
    let mut taken = 0;
    while let Some(waiting) = store.outbox_next(&receiver()).unwrap() {
        taken += 1;
        assert_eq!(waiting.alert, alert(taken));
        store.outbox_remove(&waiting.key).unwrap();
    }
    store.outbox_settle().unwrap();
    taken
}

fn alert(number: u64) -> Alert {
    Alert {
        outcome: AlertOutcome::Rejected,
        message: "not signed".to_owned(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: String::new(),
        images: "registry.example.com/app:1".to_owned(),
        uid: number.to_string(),
        at: now(),
    }
}

fn receiver() -> Sha256 {
    Sha256::of(b"receiver")
}

fn open(dir: &Path) -> Store {
    let Opened { store, set_aside } = Store::open(dir, now()).unwrap();
    assert_eq!(set_aside, None, "{:?}", store.set_aside());
    store
}

/// The version at which a repository is in every respect; 0 if it is not stored.
fn whole_version(store: &Store, number: usize) -> u64 {
    let gun = gun(number);
    let Some(facts) = store.facts(&server(), &gun).unwrap() else {
        return 0;
    };
    let version = facts.roles[&Role::Targets].version.get();
    assert_eq!(facts.roles[&Role::Timestamp].version.get(), version);
    for tag in 0..TAGS {
        let query = Query {
            server: server(),
            gun: gun.clone(),
            signers: Signers::Default,
            wanted: Wanted::Tag(format!("tag-{tag}")),
            retained: None,
        };
        let Evidence::Known(known) = store.evidence(&query).unwrap() else {
            unreachable!("it has facts")
        };
        let digest = known.signed(&query, now()).unwrap().digest;
        assert_eq!(format!("sha256:{digest}"), digest_of(&image(tag, version)));
        for (other, was_stated) in [(version - 1, version > 1), (version + 1, false)] {
            let digest = digest_of(&image(tag, other)).replace("sha256:", "");
            let query = Query {
                retained: Some(Retained {
                    digest: digest.parse().unwrap(),
                    since: now(),
                }),
                ..query.clone()
            };
            let Evidence::Known(known) = store.evidence(&query).unwrap() else {
                unreachable!("it has facts")
            };
            let is_superseded = known.signed(&query, now()).unwrap().superseded.is_some();
            assert_eq!(is_superseded, was_stated, "{other} at {version}");
        }
    }
    let metadata = store.metadata(&server(), &gun).unwrap().unwrap();
    let again = verified(&metadata);
    assert_eq!(&store.tags(&server(), &gun).unwrap(), again.targets());
    version
}

fn state(number: usize, version: u64) -> VerifiedRepository {
    let gun = gun(number);
    let mut repository = Repository::plain(gun.as_str());
    for role in ["targets", "snapshot", "timestamp"] {
        repository = repository.version(role, version);
    }
    for tag in 0..TAGS {
        let image = image(tag, version);
        repository = repository.tag("targets", &format!("tag-{tag}"), &image);
    }
    let mut files = repository.files();
    let mut take = |name: &str| files.remove(name).expect("it is published");
    verified(&RepositoryMetadata {
        roots: vec![take("root.json")],
        timestamp: take("timestamp.json"),
        snapshot: take("snapshot.json"),
        targets: take("targets.json"),
        delegations: [].into(),
        gun,
    })
}

fn verified(metadata: &RepositoryMetadata) -> VerifiedRepository {
    let key = Key::p256("root").certified(metadata.gun.as_str());
    let pins = Pins {
        roots: vec![TrustRoot::from_pem(&key.public_key_pem()).unwrap()],
        ..Pins::default()
    };
    let terms = Terms {
        pins: &pins,
        accepted: None,
        now: now(),
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    verify(metadata, terms).unwrap()
}

fn image(tag: usize, version: u64) -> String {
    format!("image-{tag}-{version}")
}

fn gun(number: usize) -> Gun {
    format!("registry.example.com/app-{number}")
        .parse()
        .unwrap()
}

fn server() -> Server {
    "https://notary.example.com".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

const NAME: &str = "a_killed_process_loses_nothing_that_it_had_committed";
const REPOSITORIES: usize = 3;
const TAGS: usize = 40;
const SEED: u64 = 20_261_126;
const SHARE: usize = 40;
const WHOLE: usize = 150;
