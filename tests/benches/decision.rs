//! A review's bytes to its answer's bytes: parse, policy, store, patch; no socket.
//!
//! Beside it, what it takes to read the same review into kube's `AdmissionReview<DynamicObject>`
//! and to allow it. Policies of several sizes and kube in turns, so that they meet the same weather.

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
use serde_json::Value;
use vouchsafe_policy::Config;
use vouchsafe_store::{Reader, Store};
use vouchsafe_tests::harness::{Configuration, TempDir, admission};
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{Clock, Pins, RepositoryMetadata, Server, Timestamp, TrustRoot, verify};
use vouchsafe_webhook::{Admission, Metrics, Webhook};

#[path = "support/policy.rs"]
mod policy;

const SERVER: &str = "https://notary.example.com";
const REPOSITORIES: usize = 1_000;
const TAGS: usize = 10;
const ROUNDS: usize = 50_000;
const IMAGES: [usize; 3] = [1, 10, 50];
const RULES: [usize; 3] = [1, 5, 500];

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let directory = TempDir::new("decision").unwrap();
    let store = Store::open(&directory.path().join("store"), Standing.now())
        .unwrap()
        .store;
    let pem = Repository::plain(&gun(0)).root_signers()[0].public_key_pem();
    for number in 0..REPOSITORIES {
        commit(&store, &pem, &gun(number));
    }
    let admissions = RULES.map(|rules| admission_of(store.clone(), &pem, rules));
    println!(
        "a review's bytes to its answer's bytes; a store of {REPOSITORIES} repositories of {TAGS} tags; p50 and p99"
    );
    print!("{:<28}{:>19}", "review", "bare kube");
    for rules in RULES {
        print!("{:>19}", format!("rules: {rules}"));
    }
    println!();
    for images in IMAGES {
        let names: Vec<String> = (0..images).map(image).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let review = admission::pod_review(&names).to_string();
        let name = format!("Pod, images: {images}");
        compare(&name, review.as_bytes(), &admissions, ROUNDS / images);
    }
    for (name, text) in [
        (
            "API server's Pod, created",
            include_str!("../../webhook/fixtures/pod-create.json"),
        ),
        (
            "its Deployment, updated",
            include_str!("../../webhook/fixtures/deployment-update.json"),
        ),
    ] {
        let mut review: Value = serde_json::from_str(text).unwrap();
        for object in ["object", "oldObject"] {
            name_images(&mut review["request"][object], &mut 0);
        }
        compare(
            name,
            review.to_string().as_bytes(),
            &admissions,
            ROUNDS / 10,
        );
    }
}

fn compare(name: &str, review: &[u8], admissions: &[Admission], rounds: usize) {
    let decide = |admission: &Admission| {
        let deadline = Instant::now() + Duration::from_secs(2);
        admission.review(Webhook::Mutate, black_box(review), deadline)
    };
    for admission in admissions {
        let answer = String::from_utf8(decide(admission)).unwrap();
        assert!(answer.contains("JSONPatch"), "{answer}");
    }
    let mut kube_took = Vec::new();
    let mut took = vec![Vec::new(); admissions.len()];
    for _ in 0..rounds {
        kube_took.push(time(|| bare_kube(review)));
        for (admission, took) in admissions.iter().zip(&mut took) {
            took.push(time(|| decide(admission)));
        }
    }
    print!("{name:<28}{}", percentiles(kube_took));
    for took in took {
        print!("{}", percentiles(took));
    }
    println!();
}

fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort();
    let median = took[took.len() / 2];
    let late = took[took.len() * 99 / 100];
    format!(
        "{:>10} {:>8}",
        format!("{median:.1?}"),
        format!("{late:.1?}")
    )
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

/// Of another repository for each number.
fn image(number: usize) -> String {
    let gun = gun(number * 17 % REPOSITORIES);
    format!("{gun}:t{}", number % TAGS)
}

/// Has every place of an object that names an image name one of the store.
fn name_images(object: &mut Value, next: &mut usize) {
    match object {
        Value::Array(items) => items.iter_mut().for_each(|item| name_images(item, next)),
        Value::Object(members) => {
            for (name, member) in members {
                if member.is_string() && ["image", "reference"].contains(&name.as_str()) {
                    *member = image(*next).into();
                    *next += 1;
                } else {
                    name_images(member, next);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn gun(number: usize) -> String {
    format!("registry.example.com/team-{}/app-{number}", number % 400)
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
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    let server: Server = SERVER.parse().unwrap();
    store
        .commit(&server, &verify(&metadata, terms).unwrap())
        .unwrap();
}

fn admission_of(store: Store, pem: &str, rules: usize) -> Admission {
    let mut configuration = Configuration::new()
        .notary(SERVER, None, pem)
        .rule("registry.example.com/*:*");
    if rules > 1 {
        configuration = policy::fill(configuration, rules, 1);
    }
    let config = Config::parse(&configuration.to_string(), "bench.yaml").unwrap();
    assert_eq!(config.rules().count(), rules);
    let lookup = Box::new(move |query: &_| Reader::evidence(&store, query));
    Admission::new(config, lookup, Arc::new(Standing), Metrics::new(Vec::new()))
}
