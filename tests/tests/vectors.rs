//! The vectors, put to `trust` as files: each is accepted or refused for its own reason.

#![expect(
    clippy::unwrap_used,
    reason = "a vector that cannot be read fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use vouchsafe_tests::vector::{self, Expect, Files, Query, Vector};
use vouchsafe_trust::evidence::{Known, Signers, Statement, Wanted};
use vouchsafe_trust::repository::Accepted;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    Pins, RepositoryMetadata, Role, TrustRoot, VerifiedRepository, VerifyError, verify,
};

#[test]
fn the_vectors_on_disk_are_those_that_the_generator_makes() {
    let found = vector::read_tree(&vector::root()).unwrap();
    let wanted = vector::tree();
    let stale: Vec<_> = wanted
        .iter()
        .filter(|(path, bytes)| found.get(*path) != Some(bytes))
        .map(|(path, _)| path)
        .chain(found.keys().filter(|path| !wanted.contains_key(*path)))
        .collect();
    assert!(
        stale.is_empty(),
        "run `cargo run -p vouchsafe-tests --bin vectors`: {stale:?}"
    );
}

#[test]
fn every_vector_is_answered_as_it_says() {
    let vectors = vector::load_all().unwrap();
    let wrong: Vec<_> = vectors.iter().flat_map(differences).collect();
    assert!(
        wrong.is_empty(),
        "of {} vectors:\n{}",
        vectors.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_cause_is_shown_by_a_vector() {
    let vectors = vector::load_all().unwrap();
    let causes = vectors
        .iter()
        .flat_map(|vector| &vector.steps)
        .filter_map(|step| match &step.expect {
            Expect::Refused { label, .. } => Some(label.as_str()),
            Expect::Accepted { .. } => None,
        });
    let answers = vectors.iter().flat_map(|vector| &vector.queries);
    let answers = answers.filter_map(|query| query.answer.split(' ').next());
    let shown: BTreeSet<_> = causes.chain(answers).collect();
    assert_eq!(shown, SHOWN.into());
}

/// Where `trust` answers otherwise than the vector says.
fn differences(vector: &Vector) -> Vec<String> {
    let pins = pins(vector);
    let mut accepted: Option<VerifiedRepository> = None;
    let mut wrong = Vec::new();
    for (index, step) in vector.steps.iter().enumerate() {
        let before = accepted.as_ref().map(VerifiedRepository::accepted);
        let found = update(vector, &vector.step_files(index).unwrap(), &pins, before);
        let found = match found {
            Ok(repository) => {
                let versions = versions(&repository, &step.expect);
                let anchors = anchors(vector, &repository);
                accepted = Some(repository);
                Expect::Accepted { versions, anchors }
            }
            Err((role, label)) => Expect::Refused { role, label },
        };
        if found != step.expect {
            wrong.push(format!(
                "{}, {}: {found:?}, not {:?}",
                vector.name, step.dir, step.expect
            ));
        }
    }
    let repository = accepted.as_ref();
    wrong.extend(vector.queries.iter().filter_map(|query| {
        let found = answer(vector, repository?, query);
        let name = &vector.name;
        (found != query.answer)
            .then(|| format!("{name}, `{}`: {found}, not {}", query.tag, query.answer))
    }));
    wrong
}

fn pins(vector: &Vector) -> Pins {
    let pems = vector.trust_root_pems().unwrap();
    let roots = pems
        .iter()
        .map(|pem| TrustRoot::from_pem(pem).unwrap())
        .collect();
    Pins {
        roots,
        ..Pins::default()
    }
}

fn update(
    vector: &Vector,
    files: &Files,
    pins: &Pins,
    accepted: Option<&Accepted>,
) -> Result<VerifiedRepository, (String, String)> {
    let terms = Terms {
        pins,
        accepted,
        now: vector.now.parse().unwrap(),
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    let metadata = metadata(vector, files)?;
    let refused = |error: VerifyError| (error.role.to_string(), error.label().to_owned());
    verify(&metadata, terms).map_err(refused)
}

/// The files as one unit, with every root that is served by version.
fn metadata(vector: &Vector, files: &Files) -> Result<RepositoryMetadata, (String, String)> {
    let roots: BTreeMap<u64, Vec<u8>> = files
        .iter()
        .filter_map(|(path, bytes)| {
            let version = path.strip_suffix(".root.json")?.parse().ok()?;
            Some((version, bytes.clone()))
        })
        .collect();
    let file = |role: &str| {
        let missing = || (role.to_owned(), "file_missing".to_owned());
        files
            .get(&format!("{role}.json"))
            .cloned()
            .ok_or_else(missing)
    };
    let delegations = files.iter().filter_map(|(path, bytes)| {
        let role: Role = path.strip_suffix(".json")?.parse().ok()?;
        Some((role.delegation()?.clone(), bytes.clone()))
    });
    Ok(RepositoryMetadata {
        gun: vector.gun.parse().unwrap(),
        roots: roots.into_values().collect(),
        timestamp: file("timestamp")?,
        snapshot: file("snapshot")?,
        targets: file("targets")?,
        delegations: delegations.collect(),
    })
}

/// The versions of the roles that the vector speaks of; an under-signed delegation has none.
fn versions(repository: &VerifiedRepository, expect: &Expect) -> BTreeMap<String, u64> {
    let known = &repository.facts().roles;
    let Expect::Accepted { versions, .. } = expect else {
        return BTreeMap::new();
    };
    versions
        .iter()
        .map(|(name, version)| {
            let facts = known.get(&name.parse::<Role>().unwrap());
            (
                name.clone(),
                facts.map_or(*version, |facts| facts.version.get()),
            )
        })
        .collect()
}

fn anchors(vector: &Vector, repository: &VerifiedRepository) -> Vec<String> {
    let pems = vector.trust_root_pems().unwrap();
    let holds = |pem: &String| {
        let root = TrustRoot::from_pem(pem).unwrap();
        repository
            .facts()
            .anchors
            .contains(&root.key().fingerprint())
    };
    let roots = vector.trust_roots.iter().zip(&pems);
    roots
        .filter(|(_, pem)| holds(pem))
        .map(|(name, _)| name.clone())
        .collect()
}

/// What is read out of the repository for one tag.
fn answer(vector: &Vector, repository: &VerifiedRepository, query: &Query) -> String {
    let signers = match query.signers.as_slice() {
        [] => Signers::Default,
        names => Signers::All(
            names
                .iter()
                .map(|name| format!("targets/{name}").parse().unwrap())
                .collect(),
        ),
    };
    let query = vouchsafe_trust::Query {
        server: "https://notary.example.com".parse().unwrap(),
        gun: vector.gun.parse().unwrap(),
        signers,
        wanted: Wanted::Tag(query.tag.clone()),
        retained: None,
    };
    let speakers = repository.facts().speakers(&query.signers);
    let statement = |role: Role| {
        let all = repository.targets().get(&role).into_iter().flatten();
        let tag = |name: &str| matches!(&query.wanted, Wanted::Tag(tag) if tag == name);
        let targets = all.filter(|target| tag(&target.name)).cloned().collect();
        Statement {
            role,
            targets,
            former: Vec::new(),
        }
    };
    let statements = speakers.into_iter().map(statement).collect();
    let known = Known {
        facts: repository.facts().clone(),
        statements,
        vouch: None,
    };
    match known.signed(&query, vector.now.parse().unwrap()) {
        Ok(signed) => format!("signed sha256:{}", signed.digest),
        Err(denial) => denial.label().to_owned(),
    }
}

/// All causes but those that take a server to show: bodies that are too large or do not end.
const SHOWN: [&str; 37] = [
    "ambiguous_member",
    "certificate_name",
    "certificate_validity",
    "certificate_weak",
    "delegation_expired",
    "delegation_not_published",
    "delegation_not_signed",
    "digests_conflict",
    "duplicate_member",
    "equivocation",
    "expired",
    "file_missing",
    "invalid_delegation",
    "invalid_member",
    "key_id_mismatch",
    "malformed_json",
    "missing_member",
    "no_certificate",
    "no_hash",
    "no_sha256",
    "no_signatures",
    "not_an_integer",
    "not_delegated",
    "not_pinned",
    "not_signed",
    "outside_paths",
    "rollback",
    "root_mismatch",
    "root_not_chained",
    "root_version_gap",
    "signed",
    "threshold_not_met",
    "too_deep",
    "too_many",
    "wrong_hash",
    "wrong_length",
    "wrong_type",
];
