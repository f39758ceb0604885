//! What a store of 10,000 repositories with 10 tags each costs: commits, disk, start, memory, reads.
//!
//! Prints a table. The start, and a bundle of everything, are measured in a process of their own, so that
//! their memory is their own.

#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, which must stop at any surprise"
)]

use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use vouchsafe_store::{ImportedBundle, Store};
use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};
use vouchsafe_trust::evidence::{Signers, Vouch, Wanted};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Evidence, Gun, Pins, Query, RepositoryMetadata, Server, Sha256, TrustRoot, VerifiedRepository,
    verify,
};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, mode, dir] = args.as_slice()
        && mode == START
    {
        return measure_start(Path::new(dir));
    }
    if let [_, mode, dir] = args.as_slice()
        && mode == IMPORT
    {
        return measure_import(Path::new(dir));
    }
    let dir = TempDir::new("bench-store").unwrap();
    fill(dir.path());
    in_own_process(START, dir.path());
    measure_updates(dir.path());
    in_own_process(IMPORT, dir.path());
}

fn in_own_process(mode: &str, dir: &Path) {
    let measured = Command::new(std::env::current_exe().unwrap())
        .args([mode.as_ref(), dir])
        .status();
    assert!(measured.unwrap().success());
}

fn fill(dir: &Path) {
    let store = open(dir);
    let metadata = metadata(&published());
    let bytes = metadata.bytes();
    println!("repositories             {REPOSITORIES}, {TAGS} tags each, {bytes} bytes each");
    let spent = commit_all(&store, &metadata);
    println!("first commits            {:.0}/s", rate(spent));
    println!("on disk                  {:.0} MB", disk(dir));
}

/// The time that commits alone took, by four threads at once.
fn commit_all(store: &Store, metadata: &RepositoryMetadata) -> Duration {
    let mut spent = Duration::ZERO;
    let all: Vec<usize> = (0..REPOSITORIES).collect();
    for batch in all.chunks(500) {
        let verified: Vec<_> = batch
            .iter()
            .map(|number| verified(metadata, *number))
            .collect();
        let started = Instant::now();
        std::thread::scope(|scope| {
            for part in verified.chunks(verified.len().div_ceil(4)) {
                scope.spawn(move || commit_each(store, part));
            }
        });
        spent += started.elapsed();
    }
    spent
}

fn commit_each(store: &Store, repositories: &[VerifiedRepository]) {
    for repository in repositories {
        store.commit(&server(), repository).unwrap();
    }
}

fn measure_start(dir: &Path) {
    println!("memory before            {:.1} MiB", resident());
    let started = Instant::now();
    let store = open(dir);
    println!(
        "open                     {:.0} ms",
        millis(started.elapsed())
    );
    println!("memory after open        {:.1} MiB", resident());
    let cold = evidence(&store, REPOSITORIES);
    println!("evidence, first read     {}", quantiles(cold));
    let hot = evidence(&store, 100);
    println!("evidence, 100 repos      {}", quantiles(hot));
    let all = evidence(&store, REPOSITORIES);
    println!("evidence, all repos      {}", quantiles(all));
    println!("memory after reads       {:.1} MiB", resident());
    let started = Instant::now();
    let count = store.status().unwrap().len();
    println!(
        "status of {count}          {:.0} ms",
        millis(started.elapsed())
    );
    let started = Instant::now();
    for _ in 0..1_000_000 {
        black_box(store.observe_time(black_box(now())));
    }
    println!(
        "observe_time             {:.0} ns",
        millis(started.elapsed())
    );
}

fn measure_updates(dir: &Path) {
    let store = open(dir);
    let mut repository = published();
    for round in 1..=3 {
        repository = repository.publish(&["timestamp"]);
        let spent = commit_all(&store, &metadata(&repository));
        println!(
            "new timestamps, round {round}  {:.0}/s, {:.0} MB on disk",
            rate(spent),
            disk(dir)
        );
    }
}

/// A bundle of everything: how long readers wait while all headers are swapped.
fn measure_import(dir: &Path) {
    let store = open(dir);
    // Newer than any round of new timestamps.
    let metadata = metadata(&published().publish(&["timestamp"; 4]));
    let mut import = store.begin_import();
    let mut spent = Duration::ZERO;
    for number in 0..REPOSITORIES {
        let repository = verified(&metadata, number);
        let started = Instant::now();
        import.stage(&server(), &repository, vouch()).unwrap();
        spent += started.elapsed();
    }
    println!("bundle, staged           {:.0}/s", rate(spent));
    println!("memory with it           {:.1} MiB", resident());
    let done = AtomicBool::new(false);
    let (spent, times) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut times, mut turn) = (Vec::new(), 0);
            while !done.load(Ordering::Relaxed) {
                times.push(read(&store, REPOSITORIES, turn));
                turn += 1;
            }
            times
        });
        let started = Instant::now();
        import.commit(&bundle()).unwrap();
        let spent = started.elapsed();
        done.store(true, Ordering::Relaxed);
        (spent, reader.join().unwrap())
    });
    let longest = times.iter().max().copied().unwrap();
    println!("bundle, committed        {:.0} ms", millis(spent));
    println!("evidence meanwhile       {}", quantiles(times));
    println!("longest wait             {:.0} ms", millis(longest));
    println!("memory after it          {:.1} MiB", resident());
    println!("on disk                  {:.0} MB", disk(dir));
}

fn vouch() -> Vouch {
    Vouch {
        bundle: "site".to_owned(),
        sequence: 1,
        created_at: now(),
        refresh_by: None,
        signers: BTreeSet::new(),
    }
}

fn bundle() -> ImportedBundle {
    ImportedBundle {
        name: "site".to_owned(),
        sequence: 1,
        manifest: Sha256::of(b"manifest"),
        created_at: now(),
        refresh_by: None,
        imported_at: now(),
        signers: BTreeSet::new(),
        repositories: 10_000,
        refused: 0,
        deny: Vec::new(),
    }
}

/// The time of each of as many reads as there are repositories, spread over `among` of them.
fn evidence(store: &Store, among: usize) -> Vec<Duration> {
    let times = (0..REPOSITORIES).map(|turn| read(store, among, turn));
    times.collect()
}

/// The time of one read.
fn read(store: &Store, among: usize, turn: usize) -> Duration {
    // A stride that shares no factor with the number visits each once.
    let query = Query {
        server: server(),
        gun: gun(turn * 7919 % among),
        signers: Signers::Default,
        wanted: Wanted::Tag(format!("v{}", turn % TAGS)),
        retained: None,
    };
    let started = Instant::now();
    let evidence = store.evidence(&query).unwrap();
    let spent = started.elapsed();
    let Evidence::Known(known) = evidence else {
        unreachable!("it was committed")
    };
    let digest = known.signed(&query, now()).unwrap().digest;
    assert_eq!(
        format!("sha256:{digest}"),
        digest_of(&format!("image {}", turn % TAGS))
    );
    spent
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    format!("median {:.1} µs, p99 {:.1} µs", at(50), at(99))
}

/// As `docker trust sign` leaves a repository, made out to all of them.
fn published() -> Repository {
    let keys = [Key::p256("alice")];
    let root = Key::p256("root").certified("registry.example.com/*");
    let mut repository = Repository::with_root_key(root)
        .delegate("targets/releases", &keys, &[""])
        .delegate("targets/alice", &keys, &[""]);
    for tag in 0..TAGS {
        for role in ["targets/releases", "targets/alice"] {
            repository = repository.tag(role, &format!("v{tag}"), &format!("image {tag}"));
        }
    }
    repository
}

fn metadata(repository: &Repository) -> RepositoryMetadata {
    let mut files = repository.files();
    let mut take = |name: &str| files.remove(name).unwrap();
    let delegations = ["targets/releases", "targets/alice"];
    RepositoryMetadata {
        gun: gun(0),
        roots: vec![take("root.json")],
        timestamp: take("timestamp.json"),
        snapshot: take("snapshot.json"),
        targets: take("targets.json"),
        delegations: delegations
            .map(|name| (name.parse().unwrap(), take(&format!("{name}.json"))))
            .into(),
    }
}

fn verified(metadata: &RepositoryMetadata, number: usize) -> VerifiedRepository {
    let pem = Key::p256("root").public_key_pem();
    let terms = Terms {
        pins: &Pins {
            roots: vec![TrustRoot::from_pem(&pem).unwrap()],
            ..Pins::default()
        },
        accepted: None,
        now: now(),
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    let metadata = RepositoryMetadata {
        gun: gun(number),
        ..metadata.clone()
    };
    verify(&metadata, terms).unwrap()
}

fn open(dir: &Path) -> Store {
    let opened = Store::open(dir, now()).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.store
}

/// Resident memory of this process (proc(5)).
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<f64>().unwrap() / 1024.0
}

fn disk(dir: &Path) -> f64 {
    let bytes: u64 = fs::read_dir(dir.join("db"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(fs::Metadata::is_file)
        .map(|file| file.len())
        .sum();
    bytes as f64 / 1e6
}

fn rate(spent: Duration) -> f64 {
    REPOSITORIES as f64 / spent.as_secs_f64()
}

fn millis(spent: Duration) -> f64 {
    spent.as_secs_f64() * 1e3
}

fn gun(number: usize) -> Gun {
    format!("registry.example.com/team-{}/app-{number}", number % 50)
        .parse()
        .unwrap()
}

fn server() -> Server {
    "https://notary.example.com".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

const START: &str = "start";
const IMPORT: &str = "import";
const REPOSITORIES: usize = 10_000;
const TAGS: usize = 10;
