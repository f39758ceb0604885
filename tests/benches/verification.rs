//! Verifying a whole repository from its pin: what a sync of a changed GUN costs in computation.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench prints its report, and stops where it cannot be set up"
)]

use std::collections::BTreeMap;

use vouchsafe_tests::vector::{Vector, load_all};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{DelegationName, Pins, RepositoryMetadata, TrustRoot, verify};

fn main() {
    divan::main();
}

/// One P-256 repository without delegations, one with, one after three root rotations, and one of
/// each other key type.
#[divan::bench(args = ["plain", "delegated", "rotation-thrice", "key-ed25519", "key-p384", "key-rsa-pss"])]
fn repository(bencher: divan::Bencher<'_, '_>, name: &str) {
    let vector = vector(name);
    let metadata = metadata(&vector);
    let roots = vector.trust_root_pems().unwrap();
    let roots = roots
        .iter()
        .map(|pem| TrustRoot::from_pem(pem).unwrap())
        .collect();
    let pins = Pins {
        roots,
        ..Pins::default()
    };
    let terms = Terms {
        pins: &pins,
        accepted: None,
        now: vector.now.parse().unwrap(),
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    bencher.bench_local(|| verify(&metadata, terms).unwrap());
}

fn vector(name: &str) -> Vector {
    load_all()
        .unwrap()
        .into_iter()
        .find(|vector| vector.name == name)
        .unwrap()
}

fn metadata(vector: &Vector) -> RepositoryMetadata {
    let files = vector.step_files(vector.steps.len() - 1).unwrap();
    let roots: BTreeMap<u64, Vec<u8>> = files
        .iter()
        .filter_map(|(name, bytes)| {
            Some((
                name.strip_suffix(".root.json")?.parse().ok()?,
                bytes.clone(),
            ))
        })
        .collect();
    RepositoryMetadata {
        gun: vector.gun.parse().unwrap(),
        roots: roots.into_values().collect(),
        timestamp: files["timestamp.json"].clone(),
        snapshot: files["snapshot.json"].clone(),
        targets: files["targets.json"].clone(),
        delegations: files
            .iter()
            .filter_map(|(name, bytes)| {
                let name: DelegationName = name.strip_suffix(".json")?.parse().ok()?;
                Some((name, bytes.clone()))
            })
            .collect(),
    }
}
