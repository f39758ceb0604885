//! What grows with the size of a store, and what must not: the time of a decision by the number of tags, and the space on the disk by
//! the number of syncs.

#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, which must stop at any surprise"
)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vouchsafe_policy::Config;
use vouchsafe_store::{Reader, Store};
use vouchsafe_tests::harness::{Configuration, TempDir, admission, usage};
use vouchsafe_tests::report::plot::{Plot, Series};
use vouchsafe_tests::report::{self, Budget, Table};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Clock, Pins, RepositoryMetadata, Server, Timestamp, TrustRoot, VerifiedRepository, verify,
};
use vouchsafe_webhook::{Admission, Metrics, Webhook};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| {
        !only.iter().any(|it| !it.starts_with('-')) || only.iter().any(|it| it == name)
    };
    if is_wanted("decisions") {
        decisions();
    }
    if is_wanted("disk") {
        syncs();
    }
}

/// Stores from 10² to 10⁶ tags: of ten repositories and more, and of one alone.
fn decisions() {
    let mut table = Table::new([
        "tags",
        "repositories",
        "on disk, MB",
        "a Pod of one image: p50, µs",
        "p99, µs",
        "p99.9, µs",
        "of 10: p50, µs",
        "p99, µs",
    ]);
    let mut many = Vec::new();
    let mut worst: f64 = 0.0;
    for (repositories, tags) in SHAPES {
        let directory = TempDir::new("growth").unwrap();
        fill(directory.path(), repositories, tags);
        // Opened anew, as by a process that starts.
        let store = open(directory.path());
        let admission = admission_of(store);
        let one = decide(&admission, repositories, tags, 1);
        let ten = decide(&admission, repositories, tags, 10);
        let micros = |took: &[Duration], of_1000: usize| {
            took[(took.len() - 1) * of_1000 / 1000].as_secs_f64() * 1e6
        };
        table.row([
            (repositories * tags).to_string(),
            repositories.to_string(),
            format!("{:.0}", disk(directory.path())),
            format!("{:.1}", micros(&one, 500)),
            format!("{:.1}", micros(&one, 990)),
            format!("{:.1}", micros(&one, 999)),
            format!("{:.1}", micros(&ten, 500)),
            format!("{:.1}", micros(&ten, 990)),
        ]);
        if repositories > 1 {
            let at = (repositories * tags) as f64;
            many.push((at, micros(&one, 500), micros(&one, 990)));
        }
        if repositories * tags == 1_000_000 {
            worst = worst.max(micros(&one, 990));
        }
    }
    let plot = Plot {
        name: "decisions".to_owned(),
        title: "A decision by the tags in the store, a Pod of one image".to_owned(),
        x: "tags".to_owned(),
        y: "microseconds".to_owned(),
        log_y: true,
        series: vec![
            Series {
                name: "p50".to_owned(),
                points: many.iter().map(|(at, p50, _)| (*at, *p50)).collect(),
            },
            Series {
                name: "p99".to_owned(),
                points: many.iter().map(|(at, _, p99)| (*at, *p99)).collect(),
            },
        ],
    };
    let text = format!("{}\n{}", table.markdown(), plot.draw().unwrap());
    println!("\ndecisions\n{text}");
    report::write("decisions", &text).unwrap();
    let budget = Budget {
        what: "decision alone, p99, a signed Pod and a store of a million tags".to_owned(),
        budget: "< 100 µs".to_owned(),
        measured: format!("{worst:.0} µs"),
        held: worst < 100.0,
    };
    report::keep("growth", &[budget]).unwrap();
}

/// The time of each of many decisions, about other repositories and tags each time, in ascending order.
fn decide(admission: &Admission, repositories: usize, tags: usize, images: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for turn in 0..DECISIONS / images {
        let names: Vec<String> = (0..images)
            .map(|image| {
                let at = (turn * images + image) * STRIDE;
                format!("{}:t{}", gun(at % repositories), at / repositories % tags)
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let review = admission::pod_review(&names).to_string();
        let deadline = Instant::now() + Duration::from_secs(2);
        let started = Instant::now();
        let answer = black_box(admission.review(Webhook::Mutate, review.as_bytes(), deadline));
        took.push(started.elapsed());
        assert!(answer.windows(9).any(|it| it == b"JSONPatch"));
    }
    took.sort_unstable();
    took
}

/// A thousand syncs of everything, each with new timestamps.
fn syncs() {
    let directory = TempDir::new("growth").unwrap();
    fill(directory.path(), SYNCED, 10);
    let mut table = Table::new(["syncs", "on disk, MB", "commits/s", "memory, MiB"]);
    let mut points = Vec::new();
    let mut published = repository(10);
    let store = open(directory.path());
    let first = disk(directory.path());
    let (mut started, mut since) = (Instant::now(), 0);
    for sync in 1..=SYNCS {
        published = published.publish(&["timestamp"]);
        let metadata = metadata(&published);
        for number in 0..SYNCED {
            store
                .commit(&server(), &verified(&metadata, number))
                .unwrap();
        }
        if sync == 1 || sync == 10 || sync % 100 == 0 {
            let size = disk(directory.path());
            let commits = (SYNCED * (sync - since)) as f64;
            table.row([
                sync.to_string(),
                format!("{size:.0}"),
                format!("{:.0}", commits / started.elapsed().as_secs_f64()),
                format!("{:.0}", usage::resident(std::process::id()).unwrap()),
            ]);
            points.push((sync as f64, size));
            (started, since) = (Instant::now(), sync);
        }
    }
    drop(store);
    let started = Instant::now();
    drop(open(directory.path()));
    let opened = started.elapsed();
    let plot = Plot {
        name: "disk".to_owned(),
        title: format!("The store on the disk by syncs, {SYNCED} repositories"),
        x: "syncs".to_owned(),
        y: "MB".to_owned(),
        log_y: false,
        series: vec![Series {
            name: "on disk".to_owned(),
            points,
        }],
    };
    let text = format!(
        "Before the first: {first:.0} MB. Opened again after the last in {:.0} ms.\n\n{}\n{}",
        opened.as_secs_f64() * 1e3,
        table.markdown(),
        plot.draw().unwrap()
    );
    println!("\ndisk\n{text}");
    report::write("disk", &text).unwrap();
}

fn fill(directory: &Path, repositories: usize, tags: usize) {
    let store = open(directory);
    let metadata = metadata(&repository(tags));
    std::thread::scope(|scope| {
        for first in 0..WRITERS {
            let (store, metadata) = (&store, &metadata);
            scope.spawn(move || {
                for number in (first..repositories).step_by(WRITERS) {
                    store
                        .commit(&server(), &verified(metadata, number))
                        .unwrap();
                }
            });
        }
    });
}

/// Made out to all of them, so that filling a store costs one set of signatures.
fn repository(tags: usize) -> Repository {
    let root = Key::p256("root").certified("registry.example.com/*");
    (0..tags).fold(Repository::with_root_key(root), |repository, tag| {
        repository.tag("targets", &format!("t{tag}"), &format!("image {tag}"))
    })
}

fn metadata(repository: &Repository) -> RepositoryMetadata {
    let files = repository.metadata();
    RepositoryMetadata {
        gun: gun(0).parse().unwrap(),
        roots: files.roots,
        timestamp: files.timestamp,
        snapshot: files.snapshot,
        targets: files.targets,
        delegations: std::collections::BTreeMap::new(),
    }
}

fn verified(metadata: &RepositoryMetadata, number: usize) -> VerifiedRepository {
    let pins = Pins {
        roots: vec![TrustRoot::from_pem(&Key::p256("root").public_key_pem()).unwrap()],
        ..Pins::default()
    };
    let terms = Terms {
        pins: &pins,
        accepted: None,
        now: Standing.now(),
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    let metadata = RepositoryMetadata {
        gun: gun(number).parse().unwrap(),
        ..metadata.clone()
    };
    verify(&metadata, terms).unwrap()
}

fn admission_of(store: Store) -> Admission {
    let pem = Key::p256("root").public_key_pem();
    let configuration = Configuration::new()
        .notary(SERVER, None, &pem)
        .rule("registry.example.com/*:*");
    let config = Config::parse(&configuration.to_string(), "bench.yaml").unwrap();
    let lookup = Box::new(move |query: &_| Reader::evidence(&store, query));
    Admission::new(config, lookup, Arc::new(Standing), Metrics::new(Vec::new()))
}

fn open(directory: &Path) -> Store {
    let opened = Store::open(&directory.join("store"), Standing.now()).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.store
}

/// Everything in the store's folder.
fn disk(directory: &Path) -> f64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        entries
            .map(|entry| match entry.metadata() {
                Ok(it) if it.is_dir() => bytes(&entry.path()),
                Ok(it) => it.len(),
                // Removed meanwhile.
                Err(_) => 0,
            })
            .sum()
    }
    bytes(&directory.join("store")) as f64 / 1e6
}

fn gun(number: usize) -> String {
    format!("registry.example.com/team-{}/app-{number}", number % 400)
}

fn server() -> Server {
    SERVER.parse().unwrap()
}

/// A clock that stands at the vectors' time.
#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }
}

/// Repositories, and tags of each.
const SHAPES: [(usize, usize); 7] = [
    (10, 10),
    (100, 10),
    (1_000, 10),
    (10_000, 10),
    (10_000, 100),
    (100_000, 10),
    (1, 100_000),
];
const SERVER: &str = "https://notary.example.com";
const DECISIONS: usize = 50_000;
/// Shares no factor with any number of repositories or tags.
const STRIDE: usize = 7_919;
const WRITERS: usize = 4;
const SYNCED: usize = 100;
const SYNCS: usize = 1_000;
