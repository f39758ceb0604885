//! A review's bytes to its answer's bytes, without a socket and without a store; beside what it
//! takes to read the same review into kube's `AdmissionReview<DynamicObject>` and allow it.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench that cannot be set up should stop"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use vouchsafe_policy::Config;
use vouchsafe_trust::evidence::{Known, Statement, Wanted};
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::repository::{RoleFacts, Validity};
use vouchsafe_trust::{
    Clock, Evidence, Query, RepositoryFacts, Role, Sha256, Timestamp, TrustRoot, Version,
};
use vouchsafe_webhook::{Admission, Metrics, Webhook};

/// A Pod with four images, as an API server writes it: 4.8 KiB.
const REVIEW: &[u8] = include_bytes!("../fixtures/pod-create.json");

const ROUNDS: usize = 50_000;

#[expect(clippy::print_stdout, reason = "the report of a bench")]
fn main() {
    let admission = admission();
    let mut ours = || {
        let deadline = Instant::now() + Duration::from_secs(2);
        admission.review(Webhook::Mutate, black_box(REVIEW), deadline)
    };
    let answer = String::from_utf8(ours()).unwrap();
    assert!(answer.contains("JSONPatch"), "{answer}");
    // Taken in turns, so that both meet the same weather.
    let (mut kube_took, mut ours_took) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        kube_took.push(time(&mut bare_kube));
        ours_took.push(time(&mut ours));
    }
    println!("a review's bytes to its answer's bytes, {ROUNDS} rounds");
    println!("            p50        p99");
    for (name, took) in [("bare kube", &mut kube_took), ("vouchsafe", &mut ours_took)] {
        took.sort();
        let [p50, p99] = [ROUNDS / 2, ROUNDS / 100 * 99].map(|rank| took[rank]);
        println!("{name}  {p50:>9.1?}  {p99:>9.1?}");
    }
}

fn time<T>(run: &mut impl FnMut() -> T) -> Duration {
    let started = Instant::now();
    black_box(run());
    started.elapsed()
}

fn bare_kube() -> Vec<u8> {
    let review: AdmissionReview<DynamicObject> = serde_json::from_slice(black_box(REVIEW)).unwrap();
    let request: AdmissionRequest<DynamicObject> = review.try_into().unwrap();
    serde_json::to_vec(&AdmissionResponse::from(&request).into_review()).unwrap()
}

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }
}

fn admission() -> Admission {
    let pem = rcgen::KeyPair::generate().unwrap().public_key_pem();
    let root = TrustRoot::from_pem(&pem).unwrap();
    let key = pem.trim_end().replace('\n', "\n      ");
    let config = format!(
        "validators:
- name: default
  type: notaryv1
  host: notary.example.com
  trustRoots:
  - name: default
    key: |
      {key}
policy:
- pattern: registry.example.com/*
  validator: default
"
    );
    Admission::new(
        Config::parse(&config, "bench.yaml").unwrap(),
        Box::new(move |query| Ok(evidence(query, &root))),
        Arc::new(Standing),
        Metrics::new(Vec::new()),
    )
}

/// Whatever tag is asked for is signed.
fn evidence(query: &Query, root: &TrustRoot) -> Evidence {
    let file = RoleFacts {
        version: Version::new(1).unwrap(),
        expires: "2027-01-01T00:00:00Z".parse().unwrap(),
        sha256: Sha256::from_bytes([7; 32]),
    };
    let name = match &query.wanted {
        Wanted::Tag(tag) => tag.clone(),
        Wanted::Digest(_) => String::new(),
    };
    let target = Target {
        name,
        sha256: Some(Sha256::from_bytes([7; 32])),
        length: 1,
    };
    Evidence::Known(Box::new(Known {
        facts: RepositoryFacts {
            gun: query.gun.clone(),
            verified_at: "2026-11-23T11:00:00Z".parse().unwrap(),
            pins: Sha256::from_bytes([7; 32]),
            anchors: BTreeSet::from([root.key().fingerprint()]),
            certificate_names_gun: true,
            certificate_validity: Validity {
                from: Timestamp::MIN,
                until: Timestamp::MAX,
            },
            roles: [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp]
                .into_iter()
                .map(|role| (role, file))
                .collect(),
            delegations: BTreeMap::new(),
        },
        statements: vec![Statement {
            role: Role::Targets,
            targets: vec![target],
        }],
    }))
}
