//! Requests that are made to cost much, to say much or to look like something else.

use std::fmt::Write as _;

use serde_json::Value;

use super::*;
use crate::bounded::MAX_PLACES;

fn reviewed(body: &str, deadline: Instant) -> Value {
    let (admission, _) = admission();
    let answer = admission.review(Webhook::Validate, body.as_bytes(), deadline);
    assert!(answer.len() < 16 * 1024, "{} bytes", answer.len());
    serde_json::from_slice::<Value>(&answer).unwrap()["response"].clone()
}

fn in_time() -> Instant {
    Instant::now() + std::time::Duration::from_mins(1)
}

/// A review whose object is this text.
fn with_object(object: &str) -> String {
    let mut review = fixture("pod-create");
    let request = review["request"].as_object_mut().unwrap();
    request.insert("object".to_owned(), json!("OBJECT"));
    // An API server writes the uid first.
    let uid = request.remove("uid").unwrap();
    review
        .to_string()
        .replacen("\"OBJECT\"", object, 1)
        .replacen(r#""request":{"#, &format!(r#""request":{{"uid":{uid},"#), 1)
}

fn items(item: &str, count: usize) -> String {
    vec![item; count].join(",")
}

#[test]
fn more_containers_than_anything_runs_are_refused_while_they_are_read() {
    for list in [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
    ] {
        let many = items("{}", MAX_PLACES + 1);
        // Whatever comes after the first that is too many is not read.
        let body = with_object(&format!(r#"{{"spec":{{"{list}":[{many},?"#));
        let response = reviewed(&body, in_time());
        assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
        assert!(message(&response).contains("at most 1000"), "{response}");
    }
}

#[test]
fn places_are_bounded_over_all_lists_together() {
    let containers = items(r#"{"image":"quay.io/x:1"}"#, MAX_PLACES / 2 + 1);
    let body = with_object(&format!(
        r#"{{"spec":{{"containers":[{containers}],"initContainers":[{containers}]}}}}"#
    ));
    let response = reviewed(&body, in_time());
    assert!(message(&response).contains("1002 places"), "{response}");
}

#[test]
fn containers_without_image_are_one_verdict() {
    let (admission, metrics) = admission();
    let body = with_object(&format!(
        r#"{{"spec":{{"containers":[{}]}}}}"#,
        items(r#"{"name":"c"}"#, MAX_PLACES)
    ));
    let answer = admission.review(Webhook::Mutate, body.as_bytes(), in_time());
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let message = message(&answer["response"]);
    assert!(message.contains("and 984 more"), "{message}");
    let counted = metrics.encode().unwrap();
    let line = r#"vouchsafe_image_decisions_total{decision="deny",reason="no_image"} 1"#;
    assert!(counted.lines().any(|found| found == line), "{counted}");
}

#[test]
fn nothing_of_a_request_is_echoed_in_full() {
    let long = "x".repeat(1024 * 1024);
    let pod = || pod(&[UNSIGNED]);
    for pointer in [
        "/kind",
        "/apiVersion",
        "/request/uid",
        "/request/kind/kind",
        "/request/kind/group",
        "/request/operation",
        "/request/namespace",
        "/request/name",
        "/request/object",
        "/request/object/spec",
        "/request/object/spec/containers",
        "/request/object/spec/containers/0",
        "/request/object/spec/containers/0/image",
    ] {
        let mut review = pod();
        *review.pointer_mut(pointer).unwrap() = json!(long);
        // The helper bounds the answer's length.
        message(&reviewed(&review.to_string(), in_time()));
    }
    let mut review = pod();
    review["request"]["object"]["spec"]["containers"] = json!([{ "name": long }]);
    message(&reviewed(&review.to_string(), in_time()));
}

#[test]
fn no_text_of_a_request_drives_a_terminal_or_forges_a_line() {
    let evil = "a\n\u{1b}[2Jb\u{202e}c";
    for pointer in [
        "/kind",
        "/request/kind/kind",
        "/request/operation",
        "/request/object/spec/containers/0/image",
    ] {
        let mut review = pod(&[UNSIGNED]);
        *review.pointer_mut(pointer).unwrap() = json!(evil);
        let response = reviewed(&review.to_string(), in_time());
        for text in [
            message(&response),
            response["auditAnnotations"]["images"].as_str().unwrap(),
        ] {
            let bad = text
                .chars()
                .find(|c| matches!(c, '\n' | '\u{1b}' | '\u{202e}'));
            assert_eq!(bad, None, "{pointer}: {text:?}");
        }
    }
}

#[test]
fn a_thousand_bad_images_fit_an_answer() {
    let mut containers = String::new();
    for number in 0..MAX_PLACES {
        let comma = if number == 0 { "" } else { "," };
        write!(containers, r#"{comma}{{"image":"quay.io/x{number}:1"}}"#).unwrap();
    }
    let body = with_object(&format!(r#"{{"spec":{{"containers":[{containers}]}}}}"#));
    let response = reviewed(&body, in_time());
    assert!(message(&response).starts_with("1000 images"), "{response}");
}

#[test]
fn a_damaged_store_is_noticed_and_a_contended_one_is_not() {
    let (admission, metrics) = admission();
    let readiness = Arc::new(Readiness::new());
    readiness.set(crate::readiness::Condition::Store, true);
    admission.report_to(Arc::clone(&readiness));
    let judge = |image| {
        let response = answer(&admission, Webhook::Validate, &pod(&[image]));
        message(&response).to_owned()
    };
    judge("registry.example.com/team/contended:1");
    assert!(readiness.is_healthy());
    judge("registry.example.com/team/broken:1");
    assert!(!readiness.is_healthy());
    assert!(!readiness.holds(crate::readiness::Condition::Store));
    let counted = metrics.encode().unwrap();
    for cause in ["store_contended", "store_damaged"] {
        let line = format!(r#"vouchsafe_store_errors_total{{cause="{cause}"}} 1"#);
        assert!(counted.lines().any(|found| found == line), "{counted}");
    }
}

#[test]
fn what_nests_too_deep_is_denied_with_its_uid() {
    let nested = |open: &str, inner: &str, close: &str, depth| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in [200, 100_000] {
        // What is looked at may nest in itself; what is not is passed over, however deep it is.
        let templates = nested(r#"{"spec":{"template":"#, "{}", "}}", depth);
        let lists = format!(r#"{{"spec":{{"x":{}}}}}"#, nested("[", "", "]", depth));
        let members = format!(
            r#"{{"spec":{{"x":{}}}}}"#,
            nested("{\"a\":", "1", "}", depth)
        );
        for (object, words) in [
            (templates, "cannot be read: recursion limit exceeded"),
            (lists, "names no image"),
            (members, "names no image"),
        ] {
            let response = reviewed(&with_object(&object), in_time());
            assert!(message(&response).contains(words), "{depth}: {response}");
            assert_eq!(response["uid"], fixture("pod-create")["request"]["uid"]);
        }
    }
}

#[test]
fn an_old_object_of_whatever_shape_holds_nothing_up() {
    let (admission, _) = admission();
    let odd = [
        json!("text"),
        json!({"spec": {"containers": "none", "template": 7}}),
        json!({"metadata": []}),
        json!({"spec": {"containers": vec![json!({}); MAX_PLACES + 1]}}),
    ];
    for old in odd {
        let mut review = fixture("pod-delete");
        review["request"]["oldObject"] = old.clone();
        let response = answer(&admission, Webhook::Validate, &review);
        assert_eq!(response["allowed"], true, "{response}");
        let mut review = pod(&[APP]);
        review["request"]["operation"] = json!("UPDATE");
        review["request"]["oldObject"] = old.clone();
        let response = answer(&admission, Webhook::Mutate, &review);
        assert_eq!(
            patch(&response).0.len(),
            1,
            "{old}: what it had is not known"
        );
    }
    let mut leaving = pod(&[UNSIGNED]);
    leaving["request"]["operation"] = json!("UPDATE");
    leaving["request"]["oldObject"] =
        json!({"metadata": {"deletionTimestamp": "2026-11-23T12:00:00Z"}, "spec": 7});
    let response = answer(&admission, Webhook::Validate, &leaving);
    assert_eq!(response["allowed"], true, "{response}");
}

/// Found by fuzzing: what is skipped is not looked into, and passed whatever it was.
#[test]
fn what_is_no_utf_8_is_no_review_even_where_nobody_looks() {
    let (admission, _) = admission();
    let whole = pod(&["allowed.example.com/app:1"]).to_string();
    assert_eq!(reviewed(&whole, in_time())["allowed"], true);
    let mut body = whole
        .replacen(r#""uid":"#, r#""skipped":"?","uid":"#, 1)
        .into_bytes();
    let at = body.iter().position(|byte| *byte == b'?').unwrap();
    body[at] = 0xff;
    let answer = admission.review(Webhook::Validate, &body, in_time());
    let response = &serde_json::from_slice::<Value>(&answer).unwrap()["response"];
    assert!(message(response).contains("utf-8"), "{response}");
    assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
}
