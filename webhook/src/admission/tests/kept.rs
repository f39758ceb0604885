//! Updates that leave the images of a Pod or Job where they were.

use serde_json::Value;

use super::*;

/// An update of an object that had these images, container by container.
fn update(kind: &str, images: &[&str], before: &[&str]) -> Value {
    let mut review = pod(images);
    let old = pod(before)["request"]["object"].clone();
    review["request"]["oldObject"] = old;
    review["request"]["operation"] = json!("UPDATE");
    let group = match kind {
        "Pod" => return review,
        "Job" => "batch",
        _ => "apps",
    };
    review["request"]["kind"] = json!({"group": group, "version": "v1", "kind": kind});
    for object in ["object", "oldObject"] {
        let spec = review["request"][object]["spec"].take();
        review["request"][object]["spec"] = json!({"template": {"spec": spec}});
    }
    review
}

const OTHER: &str = "registry.example.com/shop/app:1.5.0";

#[test]
fn what_a_pod_or_job_had_before_stays_if_it_is_signed() {
    let (admission, _) = admission();
    for kind in ["Pod", "Job"] {
        for webhook in [Webhook::Mutate, Webhook::Validate] {
            let response = answer(&admission, webhook, &update(kind, &[APP], &[APP]));
            assert_eq!(response["allowed"], true, "{kind}: {response}");
            assert!(response.get("patch").is_none(), "{kind}: {response}");
            let unsigned = update(kind, &[UNSIGNED], &[UNSIGNED]);
            let denied = answer(&admission, webhook, &unsigned);
            assert!(message(&denied).contains("it is not signed"), "{kind}");
        }
    }
}

#[test]
fn what_is_new_in_a_place_is_pinned_and_has_to_be() {
    let (admission, _) = admission();
    for (kind, images, before) in [
        ("Pod", [OTHER, APP], [APP, APP]),
        // One image, kept in one place and new in another.
        ("Pod", [APP, APP], [OTHER, APP]),
        ("Deployment", [APP, APP], [APP, APP]),
    ] {
        let review = update(kind, &images, &before);
        let response = answer(&admission, Webhook::Mutate, &review);
        assert!(!patch(&response).0.is_empty(), "{kind} {images:?}");
        let denied = answer(&admission, Webhook::Validate, &review);
        assert!(message(&denied).contains("not pinned"), "{kind} {images:?}");
    }
    let mut created = update("Pod", &[APP], &[APP]);
    created["request"]["operation"] = json!("CREATE");
    let denied = answer(&admission, Webhook::Validate, &created);
    assert!(message(&denied).contains("not pinned"));
}

#[test]
fn an_ephemeral_container_with_a_tag_that_the_pod_has_is_new() {
    let (admission, _) = admission();
    let mut review = update("Pod", &[APP], &[APP]);
    review["request"]["subResource"] = json!("ephemeralcontainers");
    let debug = json!([{"name": "debug", "image": APP}]);
    review["request"]["object"]["spec"]["ephemeralContainers"] = debug;
    let response = answer(&admission, Webhook::Mutate, &review);
    assert_eq!(patch(&response).0.len(), 1, "{response}");
}

#[test]
fn the_replica_set_of_a_deployment_keeps_the_template_that_the_deployment_knows_it_by() {
    let (admission, _) = admission();
    let owner = |api_version: &str, kind: &str| json!([{"apiVersion": api_version, "kind": kind, "name": "shop", "uid": "u", "controller": true}]);
    for operation in ["CREATE", "UPDATE"] {
        let mut review = update("ReplicaSet", &[APP], &[APP]);
        review["request"]["operation"] = json!(operation);
        let pinned = answer(&admission, Webhook::Mutate, &review);
        assert_eq!(patch(&pinned).0.len(), 1, "{operation}: {pinned}");
        review["request"]["object"]["metadata"]["ownerReferences"] =
            owner("argoproj.io/v1alpha1", "Deployment");
        let pinned = answer(&admission, Webhook::Mutate, &review);
        assert_eq!(patch(&pinned).0.len(), 1, "{operation}: {pinned}");
        review["request"]["object"]["metadata"]["ownerReferences"] = owner("apps/v1", "Deployment");
        for webhook in [Webhook::Mutate, Webhook::Validate] {
            let response = answer(&admission, webhook, &review);
            assert_eq!(response["allowed"], true, "{operation}: {response}");
            assert!(response.get("patch").is_none(), "{operation}: {response}");
        }
    }
    // It still has to be signed, and the owner of a Pod is no excuse.
    let mut unsigned = update("ReplicaSet", &[UNSIGNED], &[UNSIGNED]);
    let mut created = update("Pod", &[APP], &[APP]);
    created["request"]["operation"] = json!("CREATE");
    for review in [&mut unsigned, &mut created] {
        review["request"]["object"]["metadata"]["ownerReferences"] = owner("apps/v1", "Deployment");
        let denied = answer(&admission, Webhook::Validate, review);
        assert_eq!(denied["allowed"], false, "{denied}");
    }
}

#[test]
fn an_object_with_more_owners_than_are_looked_at_is_judged_all_the_same() {
    let (admission, _) = admission();
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u"});
    let mut review = update("Pod", &[UNSIGNED], &[UNSIGNED]);
    for object in ["object", "oldObject"] {
        let metadata = &mut review["request"][object]["metadata"];
        metadata["ownerReferences"] = json!(vec![owner.clone(); 1001]);
        metadata["deletionTimestamp"] = json!("2026-11-23T12:00:00Z");
    }
    let response = answer(&admission, Webhook::Validate, &review);
    assert_eq!(response["allowed"], true, "{response}");
}
