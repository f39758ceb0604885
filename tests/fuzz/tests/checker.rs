//! The independent checker, put to the attack vectors: it agrees with all that is accepted, and objects
//! to what an attacker would have accepted.

#![expect(
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_fuzz::{Agreed, Judge};
use vouchsafe_tests::vector::repository::Metadata;
use vouchsafe_tests::vector::{self, Expect, Files, Vector};
use vouchsafe_trust::Role;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::update::Expiry;

#[test]
fn it_agrees_with_what_is_accepted_and_objects_to_what_is_not() {
    let mut accepted = 0;
    let mut silent = BTreeSet::new();
    for vector in vector::load_all().unwrap() {
        let judge = judge(&vector);
        let mut before: Option<Agreed> = None;
        for (index, step) in vector.steps.iter().enumerate() {
            let files = metadata(&vector.step_files(index).unwrap());
            let objection = judge.check(&files, before.as_ref());
            match &step.expect {
                Expect::Accepted { .. } => {
                    // This compares them.
                    before = Some(judge.judge(&files, before.as_ref()).unwrap());
                    accepted += 1;
                }
                Expect::Refused { label, .. } if objection.is_ok() => {
                    silent.insert(label.clone());
                }
                Expect::Refused { .. } => {}
            }
        }
    }
    assert!(accepted > 50, "{accepted} were accepted");
    // What Vouchsafe refuses beyond that: what two readers could understand in two ways, what Go cannot read
    // in members that nobody uses, and what is more than anything genuine has.
    let silent: Vec<&str> = silent.iter().map(String::as_str).collect();
    assert_eq!(silent, STRICTER);
}

const STRICTER: [&str; 4] = [
    "ambiguous_member",
    "invalid_member",
    "missing_member",
    "too_many",
];

fn judge(vector: &Vector) -> Judge {
    Judge {
        gun: vector.gun.parse().unwrap(),
        pins: vector.trust_root_pems().unwrap(),
        now: vector.now.parse().unwrap(),
        expiry: Expiry::Enforce,
        certificate_name: Check::Enforce,
        certificate_validity: Check::Enforce,
    }
}

/// The files as one unit, with every root that is served by version; what is missing is empty.
fn metadata(files: &Files) -> Metadata {
    let roots: BTreeMap<u64, Vec<u8>> = files
        .iter()
        .filter_map(|(path, bytes)| {
            let version = path.strip_suffix(".root.json")?.parse().ok()?;
            Some((version, bytes.clone()))
        })
        .collect();
    let file = |role: &str| {
        files
            .get(&format!("{role}.json"))
            .cloned()
            .unwrap_or_default()
    };
    let delegations = files.iter().filter_map(|(path, bytes)| {
        let role: Role = path.strip_suffix(".json")?.parse().ok()?;
        Some((role.delegation()?.to_string(), bytes.clone()))
    });
    Metadata {
        roots: roots.into_values().collect(),
        timestamp: file("timestamp"),
        snapshot: file("snapshot"),
        targets: file("targets"),
        delegations: delegations.collect(),
    }
}
