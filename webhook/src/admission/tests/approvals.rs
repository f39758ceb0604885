//! Images that need no proof of their own.

use serde_json::Value;

use super::*;
use crate::testing::admission_by;

const UNCHANGED: &str = "features: {automaticUnchangedApproval: true}";
const OWNER_UID: &str = "4b7b9d3e-7a54-4d9b-9f3b-1f0a6a7d9a01";

/// One `ReplicaSet` that runs one image.
struct OneOwner;

impl Owners for OneOwner {
    fn owner(&self, reference: &OwnerKey<'_>) -> Option<Owner> {
        let known = OwnerKey {
            group: "apps",
            kind: "ReplicaSet",
            namespace: "shop",
            name: "app-1",
        };
        (*reference == known).then(|| Owner {
            uid: OWNER_UID.to_owned(),
            images: [UNSIGNED.to_owned()].into(),
        })
    }
}

fn update(images: &[&str], before: &[&str]) -> Value {
    let mut review = pod(images);
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = pod(before)["request"]["object"].clone();
    review
}

fn child(image: &str, owner: &Value) -> Value {
    let mut review = pod(&[image]);
    review["request"]["namespace"] = json!("shop");
    review["request"]["object"]["metadata"]["ownerReferences"] = json!([owner]);
    review
}

fn owner() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app-1", "uid": OWNER_UID})
}

#[test]
fn an_update_keeps_what_the_object_had_where_that_is_configured() {
    let (admission, metrics) = admission_by(UNCHANGED);
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        let response = answer(&admission, webhook, &update(&[UNSIGNED], &[APP, UNSIGNED]));
        assert_eq!(response["allowed"], true, "{response}");
        assert!(response.get("patch").is_none(), "it stays as it was");
        let images = &response["auditAnnotations"]["images"];
        assert_eq!(images, &json!(format!("{UNSIGNED} unchanged")));
    }
    let line = r#"vouchsafe_image_decisions_total{decision="allow",reason="unchanged"} 2"#;
    assert!(metrics.encode().unwrap().contains(line));
    let (without, _) = admission_by("");
    let denied = answer(&without, Webhook::Mutate, &update(&[UNSIGNED], &[UNSIGNED]));
    assert!(message(&denied).contains("it is not signed"));
}

#[test]
fn only_an_update_has_images_that_do_not_change() {
    let (admission, _) = admission_by(UNCHANGED);
    let changed = update(&[UNSIGNED], &[APP, "registry.example.com/shop/app"]);
    let mut created = update(&[UNSIGNED], &[UNSIGNED]);
    created["request"]["operation"] = json!("CREATE");
    for review in [changed, created] {
        let denied = answer(&admission, Webhook::Mutate, &review);
        assert!(message(&denied).contains("it is not signed"));
    }
}

#[test]
fn a_child_has_what_its_owner_has_byte_for_byte() {
    let (admission, _) = admission_by("");
    let admission = admission.with_owners(Box::new(OneOwner));
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        let response = answer(&admission, webhook, &child(UNSIGNED, &owner()));
        assert_eq!(response["allowed"], true, "{response}");
        let images = &response["auditAnnotations"]["images"];
        assert_eq!(images, &json!(format!("{UNSIGNED} child")));
    }
    let other = child("registry.example.com/other:unsigned", &owner());
    assert!(message(&answer(&admission, Webhook::Mutate, &other)).contains("it is not signed"));
}

#[test]
fn who_only_looks_like_an_owner_approves_nothing() {
    let (admission, _) = admission_by("");
    let admission = admission.with_owners(Box::new(OneOwner));
    let mut strangers = vec![json!({})];
    for (member, value) in [
        ("apiVersion", "batch/v1"),
        ("kind", "Deployment"),
        ("kind", "ConfigMap"),
        ("name", "app-2"),
        ("uid", "another"),
        ("uid", ""),
    ] {
        let mut stranger = owner();
        stranger[member] = json!(value);
        strangers.push(stranger);
    }
    let mut elsewhere = child(UNSIGNED, &owner());
    elsewhere["request"]["namespace"] = json!("other");
    let reviews = strangers.iter().map(|stranger| child(UNSIGNED, stranger));
    for review in reviews.chain([elsewhere]) {
        let denied = answer(&admission, Webhook::Mutate, &review);
        assert!(message(&denied).contains("it is not signed"), "{review}");
    }
}

#[test]
fn children_are_judged_where_the_configuration_says_so_or_owners_are_unproven() {
    for features in [
        "features: {automaticChildApproval: false}",
        "features: {resourceValidationMode: podsOnly}",
    ] {
        let (admission, _) = admission_by(features);
        let admission = admission.with_owners(Box::new(OneOwner));
        let denied = answer(&admission, Webhook::Mutate, &child(UNSIGNED, &owner()));
        assert!(message(&denied).contains("it is not signed"), "{features}");
    }
}
