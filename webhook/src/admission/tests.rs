mod alerts;
mod any_pod;
mod approvals;
mod golden;
mod hostile;
mod kept;
mod leniency;

use serde_json::json;

use super::*;
use crate::testing::{admission, answer, digest, fixture, message, patch, pinned, pod};

const APP: &str = "registry.example.com/shop/app:1.4.2";
const UNSIGNED: &str = "registry.example.com/shop/app:unsigned";

#[test]
fn every_place_of_a_pod_is_pinned_and_pinning_twice_changes_nothing() {
    let (admission, _) = admission();
    let mut review = fixture("pod-create");
    let response = answer(&admission, Webhook::Mutate, &review);
    assert_eq!(response["allowed"], true, "{response}");
    json_patch::patch(&mut review["request"]["object"], &patch(&response)).unwrap();
    let spec = &review["request"]["object"]["spec"];
    for (pointer, image) in [
        (
            "/initContainers/0/image",
            "registry.example.com/shop/migrate:1.4.2",
        ),
        ("/containers/0/image", APP),
        ("/containers/1/image", APP),
        (
            "/volumes/0/image/reference",
            "registry.example.com/shop/models:2026-11",
        ),
    ] {
        assert_eq!(spec.pointer(pointer).unwrap(), &pinned(image), "{pointer}");
    }
    let again = answer(&admission, Webhook::Mutate, &review);
    assert_eq!(again["allowed"], true);
    assert!(again.get("patch").is_none(), "{again}");
    let proven = answer(&admission, Webhook::Validate, &review);
    assert_eq!(proven["allowed"], true, "{proven}");
}

#[test]
fn a_final_object_with_a_signed_tag_is_denied_and_never_patched() {
    let (admission, _) = admission();
    let response = answer(&admission, Webhook::Validate, &fixture("pod-create"));
    assert!(message(&response).contains(&pinned(APP)), "{response}");
    assert_eq!(response["auditAnnotations"]["decision"], "deny");
}

#[test]
fn every_kind_is_pinned_where_it_keeps_its_pod() {
    let (admission, _) = admission();
    let template = json!({"spec": {"containers": [{"name": "c", "image": APP}]}});
    let in_spec = json!({"spec": {"template": template}});
    for (group, kind, object, pointer) in [
        ("", "Pod", template.clone(), "/spec"),
        (
            "",
            "PodTemplate",
            json!({ "template": template }),
            "/template/spec",
        ),
        (
            "",
            "ReplicationController",
            in_spec.clone(),
            "/spec/template/spec",
        ),
        ("apps", "DaemonSet", in_spec.clone(), "/spec/template/spec"),
        ("apps", "Deployment", in_spec.clone(), "/spec/template/spec"),
        ("apps", "ReplicaSet", in_spec.clone(), "/spec/template/spec"),
        (
            "apps",
            "StatefulSet",
            in_spec.clone(),
            "/spec/template/spec",
        ),
        ("batch", "Job", in_spec.clone(), "/spec/template/spec"),
        (
            "batch",
            "CronJob",
            json!({"spec": {"jobTemplate": in_spec}}),
            "/spec/jobTemplate/spec/template/spec",
        ),
    ] {
        for operation in ["CREATE", "UPDATE"] {
            let mut review = fixture("deployment-update");
            review["request"]["kind"] = json!({"group": group, "version": "v1", "kind": kind});
            review["request"]["operation"] = json!(operation);
            review["request"]["object"] = object.clone();
            let response = answer(&admission, Webhook::Mutate, &review);
            let expected = json!([{
                "op": "replace",
                "path": format!("{pointer}/containers/0/image"),
                "value": pinned(APP),
            }]);
            assert_eq!(
                json!(patch(&response)),
                expected,
                "{group} {kind} {operation}: {response}"
            );
        }
    }
}

#[test]
fn what_an_api_server_writes_of_workloads_is_read() {
    let (admission, _) = admission();
    for (name, count) in [
        ("cronjob-create", 1),
        ("deployment-update", 3),
        ("pod-create-generated", 4),
    ] {
        let response = answer(&admission, Webhook::Mutate, &fixture(name));
        assert_eq!(patch(&response).0.len(), count, "{name}: {response}");
    }
}

#[test]
fn an_unknown_kind_is_denied_by_name() {
    let (admission, _) = admission();
    for (group, kind) in [
        ("example.com", "Pod"),
        ("", "Service"),
        ("extensions", "Deployment"),
    ] {
        let mut review = fixture("pod-create");
        review["request"]["kind"] = json!({"group": group, "version": "v1", "kind": kind});
        let response = answer(&admission, Webhook::Validate, &review);
        let expected = format!("kind {kind} (API group `{group}`)");
        assert!(message(&response).contains(&expected), "{response}");
    }
}

#[test]
fn only_ephemeral_containers_count_on_their_subresource() {
    let (admission, _) = admission();
    let mut review = fixture("pod-update-ephemeral-containers");
    let response = answer(&admission, Webhook::Mutate, &review);
    let expected = json!([{
        "op": "replace",
        "path": "/spec/ephemeralContainers/0/image",
        "value": pinned("registry.example.com/tools/debug:2"),
    }]);
    assert_eq!(json!(patch(&response)), expected, "{response}");
    review["request"]["object"]["spec"]["ephemeralContainers"][0]["image"] = json!(UNSIGNED);
    let response = answer(&admission, Webhook::Mutate, &review);
    assert!(message(&response).contains(UNSIGNED), "{response}");
}

#[test]
fn an_unknown_subresource_is_judged_as_a_whole() {
    let (admission, _) = admission();
    let mut review = pod(&[UNSIGNED]);
    review["request"]["subResource"] = json!("evil");
    message(&answer(&admission, Webhook::Validate, &review));
    for harmless in ["status", "resize"] {
        review["request"]["subResource"] = json!(harmless);
        assert_eq!(
            answer(&admission, Webhook::Validate, &review)["allowed"],
            true,
            "{harmless}"
        );
    }
}

#[test]
fn what_is_being_deleted_may_lose_its_finalizers() {
    let (admission, _) = admission();
    let mut review = fixture("pod-update-finalizer");
    for object in ["object", "oldObject"] {
        review["request"][object]["spec"]["containers"][0]["image"] = json!(UNSIGNED);
    }
    let response = answer(&admission, Webhook::Validate, &review);
    assert_eq!(response["allowed"], true, "{response}");
    // Only what the API server says was there before counts.
    review["request"]["oldObject"]["metadata"]["deletionTimestamp"] = json!(null);
    message(&answer(&admission, Webhook::Validate, &review));
    review["request"]["oldObject"] = json!(null);
    message(&answer(&admission, Webhook::Validate, &review));
}

#[test]
fn deletion_and_connection_pass() {
    let (admission, _) = admission();
    let mut review = fixture("pod-delete");
    assert_eq!(
        answer(&admission, Webhook::Validate, &review)["allowed"],
        true
    );
    review["request"]["operation"] = json!("CONNECT");
    review["request"]["object"] = json!({"kind": "PodExecOptions", "stdin": true});
    assert_eq!(
        answer(&admission, Webhook::Validate, &review)["allowed"],
        true
    );
}

#[test]
fn every_bad_image_is_listed_with_its_cause_and_the_next_step() {
    let (admission, _) = admission();
    let bad = [
        UNSIGNED,
        "quay.io/x:1",
        "registry.example.com/team/unknown:1",
        "UPPER/case:1",
    ];
    let response = answer(
        &admission,
        Webhook::Mutate,
        &pod(&[APP, bad[0], bad[1], bad[2], bad[3]]),
    );
    let message = message(&response);
    assert!(message.starts_with("4 images are denied:\n"), "{message}");
    for image in bad {
        assert!(message.contains(image), "{image}: {message}");
    }
    assert!(!message.contains(APP), "{message}");
    assert!(
        message.contains("vouchsafe sync registry.example.com/team/unknown"),
        "{message}"
    );
}

#[test]
fn every_container_without_image_is_named_in_one_line() {
    let (admission, _) = admission();
    let mut review = pod(&[APP, APP, APP]);
    let containers = &mut review["request"]["object"]["spec"]["containers"];
    containers[1] = json!({"name": "b"});
    containers[2] = json!({"name": "c", "image": ""});
    let response = answer(&admission, Webhook::Mutate, &review);
    let message = message(&response);
    assert!(
        message.contains("no image is named by `b` in containers, `c` in containers; name one"),
        "{message}"
    );
}

#[test]
fn an_object_that_names_no_image_is_denied() {
    let (admission, _) = admission();
    for object in [
        json!({"spec": {"containers": null}}),
        json!({"spec": {"containers": []}}),
        json!({"spec": null}),
        json!({}),
        json!(null),
    ] {
        let mut review = fixture("pod-create");
        review["request"]["object"] = object.clone();
        message(&answer(&admission, Webhook::Validate, &review));
    }
}

#[test]
fn stale_evidence_warns_and_is_noted() {
    let (admission, _) = admission();
    let image = "registry.example.com/team/stale:1";
    let response = answer(&admission, Webhook::Mutate, &pod(&[image]));
    assert_eq!(response["allowed"], true, "{response}");
    assert!(
        response["warnings"][0].as_str().unwrap().contains(image),
        "{response}"
    );
    let images = response["auditAnnotations"]["images"].as_str().unwrap();
    assert!(
        images.contains("stale since 2026-11-22T12:00:00Z"),
        "{images}"
    );
}

#[test]
fn a_static_answer_changes_nothing() {
    let (admission, _) = admission();
    let review = pod(&["allowed.example.com/x:1"]);
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        let response = answer(&admission, webhook, &review);
        assert_eq!(response["allowed"], true);
        assert!(response.get("patch").is_none());
        assert!(response.get("warnings").is_none());
    }
}

#[test]
fn a_panic_denies_the_request_in_which_it_happens_and_no_other() {
    let (admission, metrics) = admission();
    let response = answer(
        &admission,
        Webhook::Validate,
        &pod(&["registry.example.com/a/panic:1"]),
    );
    assert!(
        message(&response).contains("failed unexpectedly"),
        "{response}"
    );
    assert_eq!(
        answer(&admission, Webhook::Mutate, &pod(&[APP]))["allowed"],
        true
    );
    let counted = metrics.encode().unwrap();
    assert!(
        counted.contains(r#"decision="deny",reason="panic"} 1"#),
        "{counted}"
    );
}

#[test]
fn what_cannot_be_judged_in_time_is_denied() {
    let (admission, _) = admission();
    let body = serde_json::to_vec(&pod(&[APP])).unwrap();
    let answer = admission.review(Webhook::Mutate, &body, Instant::now());
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert!(
        message(&answer["response"]).contains("no time was left"),
        "{answer}"
    );
}

#[test]
fn a_new_configuration_decides_from_then_on() {
    let (admission, _) = admission();
    let config = "validators: [{name: deny, type: static, approve: false}]
policy: [{pattern: '*', validator: deny}]";
    admission.replace(Config::parse(config, "new.yaml").unwrap());
    let response = answer(&admission, Webhook::Mutate, &pod(&[APP]));
    assert!(message(&response).contains(APP), "{response}");
}

#[test]
fn each_distinct_image_is_judged_and_counted_once() {
    let (admission, metrics) = admission();
    let response = answer(&admission, Webhook::Mutate, &pod(&[APP; 5]));
    assert_eq!(patch(&response).0.len(), 5);
    let counted = metrics.encode().unwrap();
    let line = r#"vouchsafe_image_decisions_total{decision="allow",reason="signed"} 1"#;
    assert!(counted.lines().any(|found| found == line), "{counted}");
}

#[test]
fn a_digest_with_its_signed_tag_is_proven() {
    let (admission, _) = admission();
    let wrong = format!("{APP}@sha256:{}", digest("another", "one"));
    let response = answer(&admission, Webhook::Validate, &pod(&[&pinned(APP), &wrong]));
    let message = message(&response);
    assert!(
        message.contains(&wrong) && !message.contains("images are denied"),
        "{message}"
    );
}
