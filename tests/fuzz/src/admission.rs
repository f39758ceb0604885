//! Admission reviews: from bytes to answers, on a store with one repository in it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_tests::checker::json::Value as Strict;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::update::Expiry;
use vouchsafe_trust::{Clock, Sha256, Timestamp};
use vouchsafe_webhook::{Admission, Metrics, Webhook};

use crate::agreement::Judge;
use crate::program::{BASES, GUN, root_keys};

pub(crate) fn run(data: &[u8]) -> bool {
    let answer = review(Webhook::Validate, data);
    assert!(answer.get("patch").is_none(), "validation changes nothing");
    let is_valid = answer["allowed"] == true;
    if is_valid {
        proven(data);
    }
    let answer = review(Webhook::Mutate, data);
    // Where a member stands twice, a patch can mean two things.
    if answer["allowed"] != true || Strict::parse(data).is_none() {
        return is_valid;
    }
    let mut review: Value = serde_json::from_slice(data).expect("it was read");
    if let Some(patch) = answer["patch"].as_str() {
        let patch = STANDARD.decode(patch).expect("a patch is base64");
        let patch: json_patch::Patch = serde_json::from_slice(&patch).expect("a patch");
        let object = &mut review["request"]["object"];
        json_patch::patch(object, &patch).expect("a patch fits the object");
    }
    let patched = review.to_string();
    let answer = self::review(Webhook::Validate, patched.as_bytes());
    assert_eq!(
        answer["allowed"], true,
        "what is mutated is valid: {answer}"
    );
    true
}

/// Has a review answered, and checks what every answer has to be.
fn review(webhook: Webhook, body: &[u8]) -> Value {
    static ADMISSION: LazyLock<(Admission, TempDir)> = LazyLock::new(admission);
    let deadline = Instant::now() + Duration::from_mins(10);
    let answer = ADMISSION.0.review(webhook, body, deadline);
    let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
    assert_eq!(answer["kind"], "AdmissionReview");
    let response = answer["response"].clone();
    let message = response["status"]["message"].as_str().unwrap_or_default();
    assert!(
        !message.contains("failed unexpectedly"),
        "a panic was caught"
    );
    assert_eq!(
        response["allowed"] == false,
        !message.is_empty(),
        "a denial says why"
    );
    if let Some(asked) = Strict::parse(body)
        && let Some(uid) = asked
            .get("request")
            .and_then(|request| request.get("uid")?.text())
        && response["allowed"] == true
    {
        assert_eq!(response["uid"], uid, "the answer to this request");
    }
    response
}

/// Whether every image of an object that was found valid is, by a reading of the whole object.
fn proven(body: &[u8]) {
    let Ok(review) = serde_json::from_slice::<Value>(body) else {
        panic!("accepted, but it is not JSON");
    };
    let request = &review["request"];
    let operation = request["operation"].as_str().unwrap_or_default();
    let sub_resource = request["subResource"].as_str().unwrap_or_default();
    let deleted = &request["oldObject"]["metadata"]["deletionTimestamp"];
    let judged = operation == "CREATE" || (operation == "UPDATE" && deleted.is_null());
    if !judged || !matches!(sub_resource, "" | "ephemeralcontainers" | "scale") {
        return;
    }
    let object = &request["object"];
    let spec = match request["kind"]["kind"].as_str().unwrap_or_default() {
        "Pod" => &object["spec"],
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        "PodTemplate" => &object["template"]["spec"],
        _ => &object["spec"]["template"]["spec"],
    };
    let lists: &[&str] = match sub_resource {
        "ephemeralcontainers" => &["ephemeralContainers"],
        _ => &["initContainers", "containers", "ephemeralContainers"],
    };
    let containers = lists
        .iter()
        .flat_map(|list| spec[*list].as_array().into_iter().flatten());
    for container in containers {
        let image = container["image"].as_str().unwrap_or_default();
        assert!(
            may_run(image, operation == "UPDATE" || is_replica_set(request)),
            "`{image}` was let in"
        );
    }
}

/// A `ReplicaSet` of a Deployment keeps its images as they are.
fn is_replica_set(request: &Value) -> bool {
    request["kind"]["kind"] == "ReplicaSet"
}

/// Whether an image may run: approved, or pinned to a digest that is signed; an image that stays may be
/// named by a signed tag.
fn may_run(image: &str, may_stay: bool) -> bool {
    static SIGNED: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let agreed = judge().judge(&BASES[1], None).expect("a base is good");
        let releases = &agreed.claims.targets["targets/releases"];
        let digest = |digest: &Option<Vec<u8>>| {
            let digest: [u8; 32] = digest.clone()?.try_into().ok()?;
            Some(format!("sha256:{}", Sha256::from_bytes(digest)))
        };
        let signed = releases.iter();
        signed
            .filter_map(|(tag, hash)| Some((tag.clone(), digest(hash)?)))
            .collect()
    });
    let lower = image.to_ascii_lowercase();
    if lower.starts_with("allowed.example.com/") {
        return true;
    }
    let Some(rest) = lower.strip_prefix(GUN) else {
        return false;
    };
    match (rest.split_once('@'), rest.strip_prefix(':')) {
        (Some((_, digest)), _) => SIGNED.values().any(|signed| signed == digest),
        (None, Some(tag)) => may_stay && SIGNED.contains_key(tag),
        (None, None) => false,
    }
}

fn admission() -> (Admission, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let store = Store::open(folder.path(), now())
        .expect("a store opens")
        .store;
    let agreed = judge().judge(&BASES[1], None).expect("a base is good");
    let server = "notary.example.com".parse().expect("a server");
    store
        .commit(&server, &agreed.verified)
        .expect("it is stored");
    let lookup = move |query: &_| store.evidence(query).map_err(Into::into);
    let metrics = Metrics::new(Vec::new());
    let admission = Admission::new(config(), Box::new(lookup), Arc::new(Standing), metrics);
    (admission, folder)
}

fn judge() -> Judge {
    Judge {
        gun: GUN.parse().expect("a GUN"),
        pins: vec![root_keys()[0].public_key_pem()],
        now: now(),
        expiry: Expiry::Enforce,
        certificate_name: Check::Enforce,
        certificate_validity: Check::Enforce,
    }
}

/// One repository has to be signed, and a registry needs no signature; everything else is denied.
pub(crate) fn config() -> Config {
    let key = root_keys()[0]
        .public_key_pem()
        .trim_end()
        .replace('\n', "\n      ");
    let text = format!(
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
- pattern: {GUN}
  validator: default
- pattern: allowed.example.com/*
  validator: allow
"
    );
    Config::parse(&text, "config.yaml").expect("a configuration")
}

pub(crate) fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().expect("a time")
}

/// A clock that stands.
#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        now()
    }
}
