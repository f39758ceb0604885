use std::time::{Duration, Instant};

use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use serde_json::{Value, json};

use crate::admission::Webhook;
use crate::testing::{admission, answer, fixture, message, patch, pod};

#[test]
fn the_forerunner_of_the_message_is_answered_in_its_own_version() {
    let (admission, _) = admission();
    let mut review = fixture("pod-create");
    review["apiVersion"] = json!("admission.k8s.io/v1beta1");
    // The helper compares both versions.
    assert_eq!(
        answer(&admission, Webhook::Mutate, &review)["allowed"],
        true
    );
}

#[test]
fn the_answer_is_what_kube_would_write() {
    let (admission, _) = admission();
    let review = pod(&["registry.example.com/shop/app:1"]);
    let ours = answer(&admission, Webhook::Mutate, &review);
    let request: AdmissionRequest<DynamicObject> =
        serde_json::from_value::<AdmissionReview<DynamicObject>>(review)
            .unwrap()
            .try_into()
            .unwrap();
    let response = AdmissionResponse::from(&request)
        .with_patch(patch(&ours))
        .unwrap();
    let kubes = serde_json::to_value(response.into_review()).unwrap()["response"].clone();
    for member in ["uid", "allowed", "patchType"] {
        assert_eq!(ours[member], kubes[member], "{member}");
    }
    // kube writes the patch's bytes as numbers, which Go reads as well, at four times the length.
    let kubes: Vec<u8> = serde_json::from_value(kubes["patch"].clone()).unwrap();
    assert_eq!(
        json!(patch(&ours)),
        serde_json::from_slice::<Value>(&kubes).unwrap()
    );
}

/// The answer to a body that is no review.
fn refused(body: &str) -> Value {
    let (admission, _) = admission();
    let deadline = Instant::now() + Duration::from_mins(1);
    let answered = admission.review(Webhook::Validate, body.as_bytes(), deadline);
    let review: Value = serde_json::from_slice(&answered).unwrap();
    message(&review["response"]);
    review["response"].clone()
}

#[test]
fn what_cannot_be_read_is_denied_by_its_uid() {
    for body in [
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u"}}"#,
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","#,
        r#"{"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview","request":{"uid":"u","kind":{"kind":"Pod"},"operation":"CREATE"}}"#,
        r#"{"apiVersion":"v1","kind":"List","request":{"uid":"u","kind":{"kind":"Pod"},"operation":"CREATE"}}"#,
    ] {
        assert_eq!(refused(body)["uid"], "u", "{body}");
    }
    for body in ["", "null", "[]", "{}", "\u{0}", r#"{"request":null}"#] {
        assert_eq!(refused(body)["uid"], "", "{body:?}");
    }
}

#[test]
fn a_member_that_stands_twice_is_refused() {
    let review = serde_json::to_string(&pod(&["allowed.example.com/x:1"])).unwrap();
    for (once, twice) in [
        (r#""image":"#, r#""image":"evil","image":"#),
        (r#""image":"#, r#""im\u0061ge":"evil","image":"#),
        (r#""containers":"#, r#""containers":[],"containers":"#),
        (r#""object":"#, r#""object":null,"object":"#),
        (
            r#""operation":"CREATE""#,
            r#""operation":"DELETE","operation":"CREATE""#,
        ),
        (r#""spec":"#, r#""spec":{},"spec":"#),
    ] {
        assert!(review.contains(once), "{once}");
        let body = review.replacen(once, twice, 1);
        let response = refused(&body);
        assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
        assert!(message(&response).contains("duplicate field"), "{response}");
    }
}

#[test]
fn an_operation_or_a_shape_that_nobody_knows_is_denied() {
    for (from, to) in [
        (r#""operation":"CREATE""#, r#""operation":"PATCH""#),
        (r#""image":"#, r#""image":7,"x":"#),
        (r#""containers":["#, r#""containers":"all","x":["#),
    ] {
        let review = serde_json::to_string(&pod(&["allowed.example.com/x:1"])).unwrap();
        assert!(review.contains(from), "{from}");
        let response = refused(&review.replacen(from, to, 1));
        assert!(message(&response).contains("cannot be read"), "{response}");
    }
}
