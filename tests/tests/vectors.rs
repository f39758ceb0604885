//! Every vector is answered as its `vector.json` says: accepted with these versions and anchors, or
//! refused because of this role for this reason.

use std::collections::BTreeMap;

use vouchsafe_tests::vector::{Expect, Files, Query, Vector, load_all};
use vouchsafe_trust::evidence::{Known, Signers, Statement, Wanted};
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::repository::{Accepted, DelegationState};
use vouchsafe_trust::update::{Limits, Terms};
use vouchsafe_trust::{
    DelegationName, Pins, RepositoryMetadata, Role, TrustRoot, VerifiedRepository, VerifyError,
    verify,
};

#[test]
fn every_vector_is_answered_as_it_says() {
    let vectors = load_all().unwrap();
    assert!(
        vectors.len() >= 150,
        "only {} vectors were found",
        vectors.len()
    );
    let wrong: Vec<String> = vectors.iter().flat_map(judge).collect();
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The answers that differ from what the vector says.
fn judge(vector: &Vector) -> Vec<String> {
    let pems = vector.trust_root_pems().unwrap();
    let roots = pems
        .iter()
        .map(|pem| TrustRoot::from_pem(pem).unwrap())
        .collect();
    let pins = Pins {
        roots,
        ..Pins::default()
    };
    let mut wrong = Vec::new();
    let mut accepted: Option<Accepted> = None;
    let mut newest = None;
    for (index, step) in vector.steps.iter().enumerate() {
        // What a carrier cannot hand over at all is asked of a server (`served_vectors.rs`).
        let Some(metadata) = metadata(vector, &vector.step_files(index).unwrap()) else {
            continue;
        };
        let terms = Terms {
            pins: &pins,
            accepted: accepted.as_ref(),
            now: vector.now.parse().unwrap(),
            expiry: Check::Enforce,
            limits: Limits::default(),
        };
        let answer = verify(&metadata, terms);
        let found = describe(vector, &pems, &metadata, &answer);
        if found != step.expect {
            let why = answer
                .as_ref()
                .err()
                .map(ToString::to_string)
                .unwrap_or_default();
            let (name, expected) = (&vector.name, &step.expect);
            wrong.push(format!(
                "{name} {}: {found:?} ({why}), not {expected:?}",
                step.dir
            ));
        }
        if let Ok(repository) = answer {
            accepted = Some(repository.accepted().clone());
            newest = Some(repository);
        }
    }
    for query in &vector.queries {
        let answer = newest
            .as_ref()
            .map(|repository| ask(vector, repository, query));
        if answer.as_ref() != Some(&query.answer) {
            let (name, tag, expected) = (&vector.name, &query.tag, &query.answer);
            wrong.push(format!(
                "{name} asked for {tag}: {answer:?}, not {expected}"
            ));
        }
    }
    wrong
}

/// The files of a step as a carrier would hand them over; `None` if a base role has no file.
fn metadata(vector: &Vector, files: &Files) -> Option<RepositoryMetadata> {
    let file = |name: &str| files.get(name).cloned();
    let mut versions: Vec<(u64, &Vec<u8>)> = files
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_suffix(".root.json")?.parse().ok()?, bytes)))
        .collect();
    versions.sort_unstable();
    let mut roots: Vec<Vec<u8>> = versions
        .into_iter()
        .map(|(_, bytes)| bytes.clone())
        .collect();
    let newest = file("root.json")?;
    if roots.last() != Some(&newest) {
        roots.push(newest);
    }
    let delegations = files
        .iter()
        .filter_map(|(name, bytes)| {
            Some((
                name.strip_suffix(".json")?.parse::<DelegationName>().ok()?,
                bytes.clone(),
            ))
        })
        .collect();
    Some(RepositoryMetadata {
        gun: vector.gun.parse().unwrap(),
        roots,
        timestamp: file("timestamp.json")?,
        snapshot: file("snapshot.json")?,
        targets: file("targets.json")?,
        delegations,
    })
}

fn describe(
    vector: &Vector,
    pems: &[String],
    metadata: &RepositoryMetadata,
    answer: &Result<VerifiedRepository, VerifyError>,
) -> Expect {
    let repository = match answer {
        Ok(repository) => repository,
        Err(error) => {
            let (role, label) = (error.role.to_string(), error.label().to_owned());
            return Expect::Refused { role, label };
        }
    };
    let facts = repository.facts();
    let mut versions: BTreeMap<String, u64> = facts
        .roles
        .iter()
        .map(|(role, facts)| (role.to_string(), facts.version.get()))
        .collect();
    // The vector lists what is published. What was dropped, or nobody delegates to, has no facts.
    for (name, bytes) in &metadata.delegations {
        if !matches!(
            facts.delegations.get(name),
            Some(DelegationState::Accepted { .. })
        ) {
            let file: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            versions.insert(
                name.to_string(),
                file["signed"]["version"].as_u64().unwrap(),
            );
        }
    }
    let anchors = vector
        .trust_roots
        .iter()
        .zip(pems)
        .filter(|(_, pem)| {
            let root = TrustRoot::from_pem(pem).unwrap();
            facts.anchors.contains(&root.key().fingerprint())
        })
        .map(|(name, _)| name.clone())
        .collect();
    Expect::Accepted { versions, anchors }
}

fn ask(vector: &Vector, repository: &VerifiedRepository, query: &Query) -> String {
    let signers = match query.signers.as_slice() {
        [] => Signers::Default,
        names => Signers::All(
            names
                .iter()
                .map(|name| DelegationName::from_short(name).unwrap())
                .collect(),
        ),
    };
    let facts = repository.facts().clone();
    let statement = |role: Role| {
        let all = repository
            .targets()
            .get(&role)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let named = all.iter().filter(|target| target.name == query.tag);
        Statement {
            targets: named.cloned().collect(),
            role,
        }
    };
    let statements = facts
        .speakers(&signers)
        .into_iter()
        .map(statement)
        .collect();
    let query = vouchsafe_trust::Query {
        server: "notary.example.com".parse().unwrap(),
        gun: facts.gun.clone(),
        signers,
        wanted: Wanted::Tag(query.tag.clone()),
    };
    match (Known { facts, statements }).signed(&query, vector.now.parse().unwrap()) {
        Ok(signed) => format!("signed sha256:{}", signed.digest),
        Err(error) => error.label().to_owned(),
    }
}
