//! What a real API server sends (`webhook/fixtures`, with how it was recorded), and what it is answered.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::testing::fixtures;
use crate::workload::Workload;

/// A recorded review as it came.
struct Recorded {
    name: String,
    /// As a mutating webhook is sent it.
    review: Value,
    /// As a validating webhook is sent it: with what the API server fills in in between.
    completed: Value,
}

impl Recorded {
    /// All of them, by name.
    fn all() -> Vec<Self> {
        let names = files("json").into_iter();
        let read = |name: String| Self {
            review: fixture(&name),
            completed: fixture(&validated(&name)),
            name,
        };
        names
            .filter(|name| !name.ends_with(VALIDATE))
            .map(read)
            .collect()
    }

    fn request(&self, member: &str) -> &str {
        self.review["request"][member].as_str().unwrap_or_default()
    }

    /// What can bring an image in: a workload that is created or changed, and stays.
    fn is_judged(&self) -> bool {
        let request = &self.review["request"];
        let kind = &request["kind"];
        let (group, kind) = (kind["group"].as_str(), kind["kind"].as_str());
        Workload::of(group.unwrap(), kind.unwrap()).is_some()
            && matches!(self.request("operation"), "CREATE" | "UPDATE")
            && matches!(self.request("subResource"), "" | "ephemeralcontainers")
            && request["oldObject"]["metadata"]["deletionTimestamp"].is_null()
    }

    /// The answer of a webhook to what it is sent.
    fn answered(&self, admission: &Admission, webhook: Webhook) -> Value {
        let review = match webhook {
            Webhook::Mutate => &self.review,
            Webhook::Validate => &self.completed,
        };
        answer(admission, webhook, review)
    }
}

/// The names of the files with an extension, without it.
fn files(extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(fixtures()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| {
            let (name, found) = name.rsplit_once('.')?;
            (found == extension).then(|| name.to_owned())
        })
        .collect()
}

/// The name of what a validating webhook is sent, where that is something else.
fn validated(name: &str) -> String {
    let file = format!("{name}{VALIDATE}.json");
    let differs = fixtures().join(file).exists();
    format!("{name}{}", if differs { VALIDATE } else { "" })
}

/// The review of the object as a patch leaves it.
fn patched(review: &Value, patch: &json_patch::Patch) -> Value {
    let mut review = review.clone();
    json_patch::patch(&mut review["request"]["object"], patch).unwrap();
    review
}

fn in_time() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// A response with its patch as one can read it.
fn readable(mut response: Value) -> Value {
    if response.get("patch").is_some() {
        response["patch"] = json!(patch(&response));
    }
    response
}

#[test]
fn every_recorded_review_is_answered_as_the_file_beside_it_says() {
    let (admission, _) = admission();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(fixtures());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let bound = settings.bind_to_scope();
    for recorded in Recorded::all() {
        let answers = json!({
            "mutate": readable(recorded.answered(&admission, Webhook::Mutate)),
            "validate": readable(recorded.answered(&admission, Webhook::Validate)),
        });
        let answers = serde_json::to_string_pretty(&answers).unwrap();
        insta::assert_snapshot!(format!("{}.answer", recorded.name), answers);
    }
    drop(bound);
}

#[test]
fn no_answer_is_left_of_a_review_that_is_not_recorded_any_more() {
    let recorded = Recorded::all().into_iter();
    let answers: BTreeSet<String> = recorded
        .map(|recorded| format!("{}.answer", recorded.name))
        .collect();
    assert_eq!(files("snap"), answers);
}

#[test]
fn an_api_servers_order_of_members_changes_no_answer() {
    let (admission, _) = admission();
    for recorded in Recorded::all() {
        let name = &recorded.name;
        // Parsing it has sorted the members of the review.
        let sorted = recorded.answered(&admission, Webhook::Mutate);
        let body = fs::read(fixtures().join(format!("{name}.json"))).unwrap();
        let unsorted = admission.review(Webhook::Mutate, &body, in_time());
        let unsorted: Value = serde_json::from_slice(&unsorted).unwrap();
        assert_eq!(unsorted["response"], sorted, "{name}");
    }
}

#[test]
fn every_kind_is_recorded_as_it_is_created_and_changed() {
    let recorded = Recorded::all();
    for kind in [
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Job",
        "Pod",
        "PodTemplate",
        "ReplicaSet",
        "ReplicationController",
        "StatefulSet",
    ] {
        for operation in ["CREATE", "UPDATE"] {
            let found = recorded.iter().any(|recorded| {
                recorded.is_judged()
                    && recorded.review["request"]["kind"]["kind"] == kind
                    && recorded.request("operation") == operation
            });
            assert!(found, "{kind} {operation}");
        }
    }
}

#[test]
fn a_recorded_workload_is_pinned_once_and_then_proven() {
    let (admission, _) = admission();
    for recorded in Recorded::all()
        .iter()
        .filter(|recorded| recorded.is_judged())
    {
        let name = &recorded.name;
        let response = recorded.answered(&admission, Webhook::Mutate);
        assert_eq!(response["allowed"], true, "{name}: {response}");
        let patch = patch(&response);
        assert_eq!(patch.0.is_empty(), KEPT.contains(&name.as_str()), "{name}");
        let again = patched(&recorded.review, &patch);
        let again = answer(&admission, Webhook::Mutate, &again);
        assert_eq!(again["allowed"], true, "{name}: {again}");
        assert!(again.get("patch").is_none(), "{name}: {again}");
        let completed = patched(&recorded.completed, &patch);
        let proven = answer(&admission, Webhook::Validate, &completed);
        assert_eq!(proven["allowed"], true, "{name}: {proven}");
    }
}

#[test]
fn a_recorded_workload_with_a_tag_is_not_proven() {
    let (admission, _) = admission();
    for recorded in Recorded::all()
        .iter()
        .filter(|recorded| recorded.is_judged() && !KEPT.contains(&recorded.name.as_str()))
    {
        let response = recorded.answered(&admission, Webhook::Validate);
        let message = message(&response);
        assert!(
            message.contains("not pinned"),
            "{}: {message}",
            recorded.name
        );
    }
}

#[test]
fn a_patch_leaves_the_name_as_the_user_wrote_it_and_touches_nothing_else() {
    let (admission, _) = admission();
    for recorded in Recorded::all() {
        let name = &recorded.name;
        let mut patch = patch(&recorded.answered(&admission, Webhook::Mutate));
        let object = &recorded.review["request"]["object"];
        let mut undone = patched(&recorded.review, &patch);
        for operation in &mut patch.0 {
            let json_patch::PatchOperation::Replace(replace) = operation else {
                panic!("{name}: {operation:?}");
            };
            let before = object.pointer(replace.path.as_str()).unwrap();
            let after = replace.value.as_str().unwrap();
            let (kept, digest) = after.split_once("@sha256:").unwrap();
            assert_eq!(kept, before.as_str().unwrap(), "{name}");
            assert_eq!(digest.len(), 64, "{name}: {after}");
            replace.value = before.clone();
        }
        // With the images as they were, the object is the one that came.
        undone = patched(&undone, &patch);
        assert_eq!(undone, recorded.review, "{name}");
    }
}

#[test]
fn kinds_that_run_no_image_are_denied_by_name() {
    let (admission, _) = admission();
    for (name, kind) in [
        ("configmap-create", "kind ConfigMap (API group ``)"),
        ("custom-pod-create", "kind Pod (API group `example.com`)"),
        (
            "deployment-update-scale",
            "kind Scale (API group `autoscaling`)",
        ),
        ("pod-create-binding", "kind Binding (API group ``)"),
        ("pod-create-eviction", "kind Eviction (API group `policy`)"),
    ] {
        for webhook in [Webhook::Mutate, Webhook::Validate] {
            let response = answer(&admission, webhook, &fixture(name));
            assert!(message(&response).contains(kind), "{name}: {response}");
        }
    }
}

#[test]
fn what_brings_no_image_in_passes() {
    let (admission, _) = admission();
    let passing = |recorded: &&Recorded| {
        matches!(recorded.request("operation"), "CONNECT" | "DELETE")
            || matches!(recorded.request("subResource"), "resize" | "status")
            || recorded.name == "pod-update-finalizer"
    };
    let recorded = Recorded::all();
    let passing: Vec<&Recorded> = recorded.iter().filter(passing).collect();
    assert!(passing.len() > 10, "{}", passing.len());
    for recorded in passing {
        let name = &recorded.name;
        for webhook in [Webhook::Mutate, Webhook::Validate] {
            let response = recorded.answered(&admission, webhook);
            assert_eq!(response["allowed"], true, "{name}: {response}");
            assert!(response.get("patch").is_none(), "{name}: {response}");
        }
    }
}

/// What the name of a review ends with that only a validating webhook is sent.
const VALIDATE: &str = ".validate";

/// Updates of Pods and Jobs that leave all images as they were.
const KEPT: [&str; 2] = ["job-update", "pod-update-labels"];
