//! A review's bytes to its answer's bytes: parse, policy, store, patch; no socket.
//!
//! Beside it, what it takes to read the same review into kube's `AdmissionReview<DynamicObject>`
//! and to allow it. Both in turns, so that they meet the same weather.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints its report, and stops where it cannot be set up"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use vouchsafe_policy::Config;
use vouchsafe_store::{Reader, Store};
use vouchsafe_tests::harness::{Configuration, TempDir, admission};
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::update::{Limits, Terms};
use vouchsafe_trust::{Clock, Pins, RepositoryMetadata, Server, Timestamp, TrustRoot, verify};
use vouchsafe_webhook::{Admission, Metrics, Webhook};

const SERVER: &str = "https://notary.example.com";
const REPOSITORIES: usize = 1_000;
const TAGS: usize = 10;
const ROUNDS: usize = 50_000;
const IMAGES: [usize; 3] = [1, 10, 50];

fn main() {
    let directory = TempDir::new("decision").unwrap();
    let store = Store::open(&directory.path().join("store"), Standing.now())
        .unwrap()
        .store;
    let pem = Repository::plain(&gun(0)).root_signers()[0].public_key_pem();
    for number in 0..REPOSITORIES {
        commit(&store, &pem, &gun(number));
    }
    let admission = admission_of(store, &pem);
    println!(
        "a review's bytes to its answer's bytes; a store of {REPOSITORIES} repositories of {TAGS} tags"
    );
    println!("images  bare kube p50/p99      vouchsafe p50/p99");
    for images in IMAGES {
        let names: Vec<String> = (0..images)
            .map(|n| format!("{}:t{}", gun(n * 17 % REPOSITORIES), n % TAGS))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let review = admission::pod_review(&names).to_string();
        compare(&admission, review.as_bytes(), images);
    }
}

fn compare(admission: &Admission, review: &[u8], images: usize) {
    let rounds = ROUNDS / images;
    let ours = || {
        let deadline = Instant::now() + Duration::from_secs(2);
        admission.review(Webhook::Mutate, black_box(review), deadline)
    };
    let answer = String::from_utf8(ours()).unwrap();
    assert!(answer.contains("JSONPatch"), "{answer}");
    let (mut kube_took, mut ours_took) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        kube_took.push(time(|| bare_kube(review)));
        ours_took.push(time(ours));
    }
    let percentiles = |mut took: Vec<Duration>| {
        took.sort();
        format!(
            "{:>8.1?} {:>8.1?}",
            took[took.len() / 2],
            took[took.len() / 100 * 99]
        )
    };
    println!(
        "{images:>6}  {}  {}",
        percentiles(kube_took),
        percentiles(ours_took)
    );
}

fn time<T>(run: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    black_box(run());
    started.elapsed()
}

fn bare_kube(review: &[u8]) -> Vec<u8> {
    let review: AdmissionReview<DynamicObject> = serde_json::from_slice(black_box(review)).unwrap();
    let request: AdmissionRequest<DynamicObject> = review.try_into().unwrap();
    serde_json::to_vec(&AdmissionResponse::from(&request).into_review()).unwrap()
}

fn gun(number: usize) -> String {
    format!("registry.example.com/team-{}/app-{number}", number % 7)
}

/// A clock that stands at the vectors' time.
#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }
}

fn commit(store: &Store, pem: &str, gun: &str) {
    let repository = (0..TAGS).fold(Repository::plain(gun), |repository, tag| {
        repository.tag("targets", &format!("t{tag}"), &format!("{gun} {tag}"))
    });
    let files = repository.files();
    let metadata = RepositoryMetadata {
        gun: gun.parse().unwrap(),
        roots: vec![files["root.json"].clone()],
        timestamp: files["timestamp.json"].clone(),
        snapshot: files["snapshot.json"].clone(),
        targets: files["targets.json"].clone(),
        delegations: std::collections::BTreeMap::new(),
    };
    let pins = Pins {
        roots: vec![TrustRoot::from_pem(pem).unwrap()],
        ..Pins::default()
    };
    let terms = Terms {
        pins: &pins,
        accepted: None,
        now: Standing.now(),
        expiry: Check::Enforce,
        limits: Limits::default(),
    };
    let server: Server = SERVER.parse().unwrap();
    store
        .commit(&server, &verify(&metadata, terms).unwrap())
        .unwrap();
}

fn admission_of(store: Store, pem: &str) -> Admission {
    let configuration = Configuration::new()
        .notary(SERVER, None, pem)
        .rule("registry.example.com/*:*")
        .to_string();
    let config = Config::parse(&configuration, "bench.yaml").unwrap();
    let lookup = Box::new(move |query: &_| Reader::evidence(&store, query));
    Admission::new(config, lookup, Arc::new(Standing), Metrics::new(Vec::new()))
}
