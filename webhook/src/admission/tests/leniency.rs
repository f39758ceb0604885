//! What is admitted though it would be denied, and how that is said.

use serde_json::Value;

use super::*;
use crate::testing::admission_by;

const DETECTION: &str = "features: {detectionMode: true}";
const PODS_ONLY: &str = "features: {resourceValidationMode: podsOnly}";
const WARNED: &str = "warned.example.com/shop/app:unsigned";

fn warnings(response: &Value) -> Vec<&str> {
    assert_eq!(response["allowed"], true, "{response}");
    assert_eq!(
        response["auditAnnotations"]["decision"], "warn",
        "{response}"
    );
    let warnings = response["warnings"].as_array().unwrap();
    warnings
        .iter()
        .map(|warning| warning.as_str().unwrap())
        .collect()
}

fn deployment(image: &str) -> Value {
    let mut review = fixture("deployment-update");
    let template = json!({"spec": {"containers": [{"name": "c", "image": image}]}});
    review["request"]["object"]["spec"]["template"] = template;
    review
}

#[test]
fn detection_mode_admits_with_the_words_of_the_denial_and_still_pins() {
    let (admission, metrics) = admission_by(DETECTION);
    let review = pod(&[UNSIGNED, APP]);
    let response = answer(&admission, Webhook::Mutate, &review);
    let [warning] = warnings(&response)[..] else {
        panic!("{response}");
    };
    assert!(
        warning
            .starts_with("detection mode admits what would be denied: image registry.example.com"),
        "{warning}"
    );
    assert!(warning.contains("it is not signed"), "{warning}");
    let pinned = json!([{
        "op": "replace", "path": "/spec/containers/1/image", "value": pinned(APP),
    }]);
    assert_eq!(json!(patch(&response)), pinned);
    let text = metrics.encode().unwrap();
    for line in [
        r#"vouchsafe_admission_requests_total{webhook="mutate",decision="warn",reason="not_signed"} 1"#,
        r#"vouchsafe_image_decisions_total{decision="warn",reason="not_signed"} 1"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn detection_mode_admits_what_cannot_be_judged() {
    let (admission, _) = admission_by(DETECTION);
    let late = Instant::now();
    for (webhook, body) in [
        (Webhook::Mutate, &b"no json"[..]),
        (
            Webhook::Validate,
            br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#,
        ),
    ] {
        let response = admission.review(webhook, body, late);
        let response: Value = serde_json::from_slice(&response).unwrap();
        assert_eq!(warnings(&response["response"]).len(), 1);
    }
    let refused = admission.refuse(Webhook::Mutate, b"{", &Refusal::Overloaded);
    let refused: Value = serde_json::from_slice(&refused).unwrap();
    assert!(warnings(&refused["response"])[0].contains("too many admission reviews"));
    let panics = pod(&["registry.example.com/panic:1"]);
    let response = answer(&admission, Webhook::Mutate, &panics);
    assert!(warnings(&response)[0].contains("failed unexpectedly"));
}

#[test]
fn a_rule_that_warns_lets_its_own_images_pass_and_no_others() {
    let (admission, _) = admission_by("");
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        let response = answer(&admission, webhook, &pod(&[WARNED]));
        let [warning] = warnings(&response)[..] else {
            panic!("{response}");
        };
        let words = "the rule `warned.example.com/*` only warns: image warned.example.com";
        assert!(warning.starts_with(words), "{warning}");
    }
    let response = answer(&admission, Webhook::Mutate, &pod(&[WARNED, UNSIGNED]));
    assert!(
        message(&response).starts_with("image registry.example.com"),
        "{response}"
    );
    assert_eq!(response["warnings"].as_array().unwrap().len(), 1);
    let signed = answer(
        &admission,
        Webhook::Mutate,
        &pod(&["warned.example.com/shop/app:1"]),
    );
    assert_eq!(
        patch(&signed).0.len(),
        1,
        "what is signed is pinned there too"
    );
}

#[test]
fn with_pods_only_other_kinds_are_warned_about_and_never_patched() {
    let (admission, _) = admission_by(PODS_ONLY);
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        let response = answer(&admission, webhook, &deployment(UNSIGNED));
        let words = "only Pods are denied, and this is none: image registry.example.com";
        assert!(warnings(&response)[0].starts_with(words), "{response}");
        let denied = answer(&admission, webhook, &pod(&[UNSIGNED]));
        assert!(message(&denied).contains("it is not signed"));
    }
    let signed = answer(&admission, Webhook::Mutate, &deployment(APP));
    assert_eq!(signed["allowed"], true);
    assert!(signed.get("patch").is_none(), "{signed}");
    let pod = answer(&admission, Webhook::Mutate, &pod(&[APP]));
    assert_eq!(patch(&pod).0.len(), 1);
    let undecodable = admission.review(Webhook::Mutate, b"no json", Instant::now());
    let undecodable: Value = serde_json::from_slice(&undecodable).unwrap();
    assert_eq!(undecodable["response"]["allowed"], false);
}

#[test]
fn broken_glass_is_told_of_noted_and_counted() {
    let expired = "registry.example.com/team/expired:1";
    let unsigned = "registry.example.com/team/expired:unsigned";
    let (closed, _) = admission();
    message(&answer(&closed, Webhook::Mutate, &pod(&[expired])));
    let (admission, metrics) = admission_by(
        "breakGlass: [{gun: registry.example.com/team/expired, from: 2026-11-23T00:00:00Z, until: \
         2026-11-24T00:00:00Z, reason: courier lost}]\n",
    );
    let admission = Arc::new(admission);
    let response = answer(&admission, Webhook::Mutate, &pod(&[expired]));
    assert_eq!(response["allowed"], true, "{response}");
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.contains("courier lost"), "{warning}");
    let images = response["auditAnnotations"]["images"].as_str().unwrap();
    assert!(
        images.contains("expired at 2026-11-01T12:00:00Z break-glass until 2026-11-24T00:00:00Z"),
        "{images}"
    );
    assert!(metrics.encode().unwrap().contains("signed_break_glass"));
    let response = answer(&admission, Webhook::Mutate, &pod(&[unsigned]));
    assert!(message(&response).contains("courier lost"), "{response}");
}
