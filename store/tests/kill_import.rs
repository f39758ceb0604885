//! `kill -9` of a process that takes in bundles, again and again: afterwards every repository and the
//! record of the bundle are of the bundle before, or all of them are of the new one. Commits that had
//! returned meanwhile are there, and nothing is ever set aside.
//!
//! The program starts itself as the process that is killed, so it brings its own `main`.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test of its own, in which every surprise has to fail"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use vouchsafe_store::{ImportedBundle, Opened, Store};
use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::own_main::{own_main, start_child};
use vouchsafe_tests::harness::{Random, TempDir};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};
use vouchsafe_trust::evidence::{Signers, Vouch, Wanted};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Evidence, Gun, Pins, Query, RepositoryMetadata, Role, Server, Sha256, TrustRoot,
    VerifiedRepository, verify,
};

fn main() {
    own_main(
        NAME,
        a_killed_import_leaves_the_old_bundle_or_the_new_one,
        import_for_ever,
    );
}

fn a_killed_import_leaves_the_old_bundle_or_the_new_one() {
    let dir = TempDir::new("kill-import").unwrap();
    let (mut old, mut new) = (0, 0);
    let mut random = Random::seeded(SEED);
    let rounds = effort(SHARE, WHOLE);
    let swap = time_of_a_swap(dir.path());
    let store = open(dir.path());
    let (mut reported, mut committed) = (whole_bundle(&store), version_of(&store, &other()));
    drop(store);
    let mut round = 0;
    // How long a swap takes varies, and both sides of it have to be hit.
    while round < rounds || ((old == 0 || new == 0) && round < 10 * rounds) {
        round += 1;
        let mut child = start_child(dir.path()).unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut lines = String::new();
        if round % 4 == 0 {
            // Anywhere, the start included.
            std::thread::sleep(random.time(Duration::from_millis(400)));
        } else {
            // While a bundle is swapped in, most of the time.
            while output.read_line(&mut lines).unwrap() > 0 && !lines.contains("staged") {}
            std::thread::sleep(random.time(swap));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        output.read_to_string(&mut lines).unwrap();
        let mut swapping = false;
        for line in lines.lines() {
            // The last line may be cut.
            match line.strip_suffix(';').and_then(|l| l.split_once(' ')) {
                Some(("bundle", sequence)) => {
                    (reported, swapping) = (sequence.parse().unwrap(), false);
                }
                Some(("commit", version)) => committed = version.parse().unwrap(),
                Some(("staged", _)) => swapping = true,
                _ => {}
            }
        }
        let store = open(dir.path());
        let found = whole_bundle(&store);
        assert!(
            found == reported || found == reported + 1,
            "round {round}: {found} after {reported}"
        );
        if swapping {
            *(if found == reported {
                &mut old
            } else {
                &mut new
            }) += 1;
        }
        let version = version_of(&store, &other());
        assert!(version >= committed, "{version} after {committed}");
        (reported, committed) = (found, version);
    }
    let result = format!(
        "{old} times the old bundle was left, {new} times the new one, and never parts of both"
    );
    row("kill a process that takes in bundles", round, &result);
    assert!(reported > 0 && committed > 0, "nothing was ever taken in");
    assert!(old > 0 && new > 0, "never killed before and after a swap");
}

/// How long a bundle takes from when it is staged until it is taken in, on this machine at the moment.
fn time_of_a_swap(dir: &Path) -> Duration {
    let mut child = start_child(dir).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    while output.read_line(&mut lines).unwrap() > 0 && !lines.contains("staged") {}
    let staged = Instant::now();
    while output.read_line(&mut lines).unwrap() > 0 && !lines.contains("bundle") {}
    let took = staged.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

fn import_for_ever(dir: &Path) {
    let store = open(dir);
    let sequence = store.bundle(SERIES).unwrap().map_or(0, |it| it.sequence);
    let out = Mutex::new(());
    let say = |line: &str| {
        let _alone = out.lock().unwrap();
        println!("{line};");
    };
    std::thread::scope(|scope| {
        // A server's commits go on meanwhile.
        scope.spawn(|| {
            for version in version_of(&store, &other()) + 1.. {
                let repository = verified(&other(), &published(version));
                store.commit(&server(), &repository).unwrap();
                say(&format!("commit {version}"));
            }
        });
        for sequence in sequence + 1.. {
            let files = published(sequence);
            let mut import = store.begin_import();
            for number in 0..REPOSITORIES {
                let repository = verified(&gun(number), &files);
                let staged = import.stage(&server(), &repository, vouch(sequence));
                staged.unwrap();
            }
            say(&format!("staged {sequence}"));
            import.commit(&record(sequence)).unwrap();
            say(&format!("bundle {sequence}"));
        }
    });
}

fn open(dir: &Path) -> Store {
    let Opened { store, set_aside } = Store::open(dir, now()).unwrap();
    assert_eq!(set_aside, None, "{:?}", store.set_aside());
    store
}

/// The number of the bundle of which everything is; 0 if nothing is stored.
fn whole_bundle(store: &Store) -> u64 {
    let bundle = store.bundle(SERIES).unwrap();
    let sequence = bundle.as_ref().map_or(0, |bundle| bundle.sequence);
    assert_eq!(bundle, (sequence > 0).then(|| record(sequence)));
    for number in 0..REPOSITORIES {
        let found = version_of(store, &gun(number));
        assert_eq!(found, sequence, "repository {number} of bundle {sequence}");
    }
    sequence
}

/// The version at which a repository is in every respect; 0 if it is not stored.
fn version_of(store: &Store, gun: &Gun) -> u64 {
    let query = Query {
        server: server(),
        gun: gun.clone(),
        signers: Signers::Default,
        wanted: Wanted::Tag("tag-3".to_owned()),
        retained: None,
    };
    let Evidence::Known(known) = store.evidence(&query).unwrap() else {
        return 0;
    };
    let version = known.facts.roles[&Role::Timestamp].version.get();
    let digest = known.signed(&query, now()).unwrap().digest;
    assert_eq!(format!("sha256:{digest}"), digest_of(&image(3, version)));
    let brought = *gun != other();
    assert_eq!(known.vouch, brought.then(|| vouch(version)));
    let tags = store.tags(&server(), gun).unwrap();
    let digests = tags[&Role::Targets].iter().map(|target| target.sha256);
    let expected = (0..TAGS).map(|tag| Some(sha256(&digest_of(&image(tag, version)))));
    assert!(digests.eq(expected));
    let metadata = store.metadata(&server(), gun).unwrap().unwrap();
    let stated = &known.facts.roles;
    for (role, bytes) in [
        (Role::Timestamp, &metadata.timestamp),
        (Role::Snapshot, &metadata.snapshot),
        (Role::Targets, &metadata.targets),
    ] {
        assert_eq!(Sha256::of(bytes), stated[&role].sha256);
    }
    version
}

/// A state of each repository, made out to all of them.
fn published(version: u64) -> RepositoryMetadata {
    let root = Key::p256("root").certified("registry.example.com/*");
    let mut repository = Repository::with_root_key(root);
    for role in ["targets", "snapshot", "timestamp"] {
        repository = repository.version(role, version);
    }
    for tag in 0..TAGS {
        repository = repository.tag("targets", &format!("tag-{tag}"), &image(tag, version));
    }
    let mut files: BTreeMap<_, _> = repository.files();
    let mut take = |name: &str| files.remove(name).unwrap();
    RepositoryMetadata {
        gun: other(),
        roots: vec![take("root.json")],
        timestamp: take("timestamp.json"),
        snapshot: take("snapshot.json"),
        targets: take("targets.json"),
        delegations: [].into(),
    }
}

fn verified(gun: &Gun, metadata: &RepositoryMetadata) -> VerifiedRepository {
    let pins = Pins {
        roots: vec![TrustRoot::from_pem(&Key::p256("root").public_key_pem()).unwrap()],
        ..Pins::default()
    };
    let terms = Terms {
        pins: &pins,
        accepted: None,
        now: now(),
        expiry: Expiry::EnforceAuthority,
        limits: Limits::default(),
    };
    let metadata = RepositoryMetadata {
        gun: gun.clone(),
        ..metadata.clone()
    };
    verify(&metadata, terms).unwrap()
}

fn record(sequence: u64) -> ImportedBundle {
    ImportedBundle {
        name: SERIES.to_owned(),
        sequence,
        manifest: Sha256::of(&sequence.to_be_bytes()),
        created_at: now(),
        refresh_by: None,
        imported_at: now(),
        signers: [].into(),
        repositories: 50,
        refused: 0,
        deny: Vec::new(),
    }
}

fn vouch(sequence: u64) -> Vouch {
    Vouch {
        bundle: SERIES.to_owned(),
        sequence,
        created_at: now(),
        refresh_by: None,
        signers: [].into(),
    }
}

fn sha256(digest: &str) -> Sha256 {
    digest.strip_prefix("sha256:").unwrap().parse().unwrap()
}

fn image(tag: usize, version: u64) -> String {
    format!("image-{tag}-{version}")
}

fn gun(number: usize) -> Gun {
    format!("registry.example.com/app-{number}")
        .parse()
        .unwrap()
}

/// A repository that no bundle brings.
fn other() -> Gun {
    "registry.example.com/other".parse().unwrap()
}

fn server() -> Server {
    "https://notary.example.com".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

const NAME: &str = "a_killed_import_leaves_the_old_bundle_or_the_new_one";
const SERIES: &str = "site";
const REPOSITORIES: usize = 50;
const TAGS: usize = 5;
const SEED: u64 = 20_261_126;
const SHARE: usize = 60;
const WHOLE: usize = 150;
