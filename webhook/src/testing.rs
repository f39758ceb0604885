//! A policy, a store's answers and reviews to test with.

mod folder;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use vouchsafe_policy::Config;
use vouchsafe_store::{ReadError, StoreError};
use vouchsafe_trust::evidence::{Known, Statement, Wanted};
use vouchsafe_trust::metadata::Target;
use vouchsafe_trust::repository::{RoleFacts, Validity};
use vouchsafe_trust::{
    Clock, Evidence, Query, RepositoryFacts, Role, Sha256, Timestamp, TrustRoot, Version,
};

use crate::admission::{Admission, Webhook};
use crate::metrics::Metrics;

pub(crate) use folder::Mount;

/// A clock that stands.
#[derive(Debug)]
pub(crate) struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        now()
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// An admission by [`config_text`] on [`evidence`].
pub(crate) fn admission() -> (Arc<Admission>, Arc<Metrics>) {
    let (admission, metrics) = admission_by("");
    (Arc::new(admission), metrics)
}

/// An admission by [`config_text`] and `more` on [`evidence`].
pub(crate) fn admission_by(more: &str) -> (Admission, Arc<Metrics>) {
    let metrics = Metrics::new(Vec::new());
    let pem = trust_root();
    let root = TrustRoot::from_pem(&pem).unwrap();
    let lookup = move |query: &Query| evidence(query, &root);
    let text = config_text(&pem) + more;
    let config = Config::parse(&text, "test.yaml").unwrap_or_else(|error| panic!("{error}"));
    let admission = Admission::new(
        config,
        Box::new(lookup),
        Arc::new(Standing),
        Arc::clone(&metrics),
    );
    (admission, metrics)
}

/// A public key to pin.
pub(crate) fn trust_root() -> String {
    rcgen::KeyPair::generate().unwrap().public_key_pem()
}

/// Everything below `registry.example.com` has to be signed; `allowed.example.com` need not be.
pub(crate) fn config_text(trust_root: &str) -> String {
    let key = trust_root.trim_end().replace('\n', "\n      ");
    format!(
        "validators:
- name: default
  type: notaryv1
  host: notary.example.com
  trustRoots:
  - name: default
    key: |
      {key}
- name: allow
  type: static
  approve: true
policy:
- pattern: registry.example.com/*
  validator: default
- pattern: allowed.example.com/*
  validator: allow
- pattern: warned.example.com/*
  validator: default
  mode: warn
freshness:
  maxStaleness: 48h
"
    )
}

/// What a store would hold. The repository's name says what is the matter with it:
/// `…/panic`, `…/broken`, `…/contended`, `…/unknown`, `…/stale`, `…/expired`; a tag `unsigned` is signed
/// nowhere.
fn evidence(query: &Query, root: &TrustRoot) -> Result<Evidence, ReadError> {
    let gun = query.gun.as_str();
    assert!(!gun.ends_with("/panic"), "as the test wants it");
    if gun.ends_with("/broken") {
        let what = "a record".to_owned();
        return Err(StoreError::Damaged { what }.into());
    }
    if gun.ends_with("/contended") {
        let gun = query.gun.clone();
        return Err(StoreError::Contended { gun }.into());
    }
    if gun.ends_with("/unknown") {
        return Ok(Evidence::Unknown);
    }
    let expires: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let fresh_until = if gun.ends_with("/stale") {
        "2026-11-22T12:00:00Z".parse().unwrap()
    } else if gun.ends_with("/expired") {
        "2026-11-01T12:00:00Z".parse().unwrap()
    } else {
        expires
    };
    let role = |expires| RoleFacts {
        version: Version::new(1).unwrap(),
        expires,
        sha256: Sha256::of(b"file"),
    };
    let facts = RepositoryFacts {
        gun: query.gun.clone(),
        verified_at: now(),
        pins: Sha256::of(b"pins"),
        anchors: BTreeSet::from([root.key().fingerprint()]),
        certificate_names_gun: true,
        certificate_validity: Validity {
            from: Timestamp::MIN,
            until: Timestamp::MAX,
        },
        roles: BTreeMap::from([
            (Role::Root, role(expires)),
            (Role::Targets, role(expires)),
            (Role::Snapshot, role(fresh_until)),
            (Role::Timestamp, role(fresh_until)),
        ]),
        delegations: BTreeMap::new(),
        keys: BTreeMap::new(),
    };
    let target = |name: &str, sha256| Target {
        name: name.to_owned(),
        sha256: Some(sha256),
        length: 1,
    };
    let targets = match &query.wanted {
        Wanted::Tag(tag) if tag == "unsigned" => Vec::new(),
        Wanted::Tag(tag) => vec![target(tag, digest(gun, tag))],
        Wanted::Digest(digest) => vec![target("some", *digest)],
    };
    let statements = vec![Statement {
        role: Role::Targets,
        targets,
        former: Vec::new(),
    }];
    Ok(Evidence::Known(Box::new(Known {
        facts,
        statements,
        vouch: None,
    })))
}

/// The digest that is signed for a tag.
pub(crate) fn digest(gun: &str, tag: &str) -> Sha256 {
    Sha256::of(format!("{gun}:{tag}").as_bytes())
}

/// The image pinned to its signed digest.
pub(crate) fn pinned(image: &str) -> String {
    let (gun, tag) = image.rsplit_once(':').unwrap();
    format!("{image}@sha256:{}", digest(gun, tag))
}

/// A review as an API server sent it, of `fixtures`.
pub(crate) fn fixture(name: &str) -> Value {
    let file = fixtures().join(format!("{name}.json"));
    let text = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).unwrap()
}

/// The folder of what an API server sent.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The creation of a Pod with these images.
pub(crate) fn pod(images: &[&str]) -> Value {
    let mut review = fixture("pod-create");
    let containers = images.iter().enumerate();
    let containers: Vec<Value> = containers
        .map(|(number, image)| serde_json::json!({"name": format!("c{number}"), "image": image}))
        .collect();
    review["request"]["object"]["spec"] = serde_json::json!({ "containers": containers });
    review
}

/// The `response` of the answer to a review; checks what holds for every answer.
pub(crate) fn answer(admission: &Admission, webhook: Webhook, review: &Value) -> Value {
    let body = serde_json::to_vec(review).unwrap();
    let answer = admission.review(webhook, &body, Instant::now() + Duration::from_mins(1));
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["kind"], "AdmissionReview");
    assert_eq!(answer["apiVersion"], review["apiVersion"]);
    let response = answer["response"].clone();
    assert_eq!(response["uid"], review["request"]["uid"]);
    assert_eq!(
        response.get("patch").is_some(),
        response.get("patchType").is_some()
    );
    if response["allowed"] == false {
        assert_eq!(response["status"]["code"], 403);
        assert_eq!(response["status"]["reason"], "Forbidden");
        assert!(response.get("patch").is_none(), "{response}");
    }
    response
}

/// The operations of a response's patch.
pub(crate) fn patch(response: &Value) -> json_patch::Patch {
    let Some(patch) = response["patch"].as_str() else {
        return json_patch::Patch(Vec::new());
    };
    assert_eq!(response["patchType"], "JSONPatch");
    serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap()
}

/// Why a response denies.
pub(crate) fn message(response: &Value) -> &str {
    assert_eq!(response["allowed"], false, "{response}");
    response["status"]["message"].as_str().unwrap()
}
