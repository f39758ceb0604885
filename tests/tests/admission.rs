//! `vouchsafe serve` in front of a real store: what it answers, what the commands say beside it, and what it needs for that.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe_tests::harness::admission::{pod, pod_review, review};
use vouchsafe_tests::harness::notary_client::Tag;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{Certificates, NotaryClient, NotaryServer, Vouchsafe};
use vouchsafe_tests::vector::repository::digest_of;

use published::{GUN, Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn webhook_and_commands_agree_and_ask_nobody() {
    let published = Published::new();
    let vouchsafe = published.synced();
    let certificates = Certificates::new().unwrap();
    let serving = vouchsafe.serve(&certificates).unwrap();
    wait_for_quiet(&published);
    let before = published.server.requests().len();

    let signed = image("signed");
    let pinned = format!("{signed}@{}", digest_of("image"));
    let mutated = ask(&serving, &certificates, "/mutate", &pod_review(&[&signed]));
    assert_eq!(mutated["allowed"], true, "{mutated}");
    assert_eq!(patch(&mutated)[0]["value"], pinned.as_str());
    let validated = ask(
        &serving,
        &certificates,
        "/validate",
        &pod_review(&[&pinned]),
    );
    assert_eq!(validated["allowed"], true, "{validated}");
    assert!(validated.get("patch").is_none(), "{validated}");

    let unpinned = ask(
        &serving,
        &certificates,
        "/validate",
        &pod_review(&[&signed]),
    );
    denied(&unpinned, &[&signed, "not pinned", &pinned]);
    let unsigned = image("unsigned");
    let refused = ask(
        &serving,
        &certificates,
        "/mutate",
        &pod_review(&[&signed, &unsigned]),
    );
    denied(
        &refused,
        &[&unsigned, GUN, "not signed", "vouchsafe status"],
    );
    let foreign = ask(
        &serving,
        &certificates,
        "/mutate",
        &pod_review(&["quay.io/evil/x:1"]),
    );
    denied(&foreign, &["quay.io/evil/x:1", "no rule", "add a rule"]);
    let elsewhere = review(&pod(&[&unsigned]), "lenient");
    let elsewhere = ask(&serving, &certificates, "/validate", &elsewhere);
    assert_eq!(elsewhere["allowed"], true, "{elsewhere}");

    // The same through the socket, beside the process that holds the store.
    let verdicts = vouchsafe.check("default", &[&signed, &unsigned]).unwrap();
    let hexadecimal = digest_of("image").trim_start_matches("sha256:").to_owned();
    assert_eq!(verdicts, [Ok(hexadecimal), Err("not_signed".to_owned())]);
    assert_eq!(vouchsafe.status(GUN).unwrap()["freshness"], "fresh");
    let file = vouchsafe
        .directory()
        .write("review.json", pod_review(&[&signed]).to_string());
    let file = file.unwrap().display().to_string();
    let reviewed = vouchsafe.json(&["review", &file], &[0]).unwrap();
    assert_eq!(reviewed["response"], mutated);

    assert_eq!(
        published.server.requests().len(),
        before,
        "a request went out"
    );
    counted(&serving, &published.server.url());
}

#[test]
fn admission_goes_on_while_the_notary_server_is_down() {
    let certificates = Certificates::new().unwrap();
    let mut server = NotaryServer::tls(&certificates).unwrap();
    let authority = certificates.authority_file();
    let publisher = NotaryClient::publisher(&server.url(), Some(&authority)).unwrap();
    publisher.init(GUN).unwrap();
    let sha256 = digest_of("image").trim_start_matches("sha256:").to_owned();
    let tag = Tag {
        name: "signed".to_owned(),
        sha256,
        size: 528,
    };
    publisher.sign(GUN, &tag, &[]).unwrap();
    let configuration = published::configuration(
        &server.url(),
        Some(certificates.authority_pem()),
        &publisher.root_public_key(GUN).unwrap(),
    );
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    vouchsafe.succeed(&["sync"]).unwrap();
    server.stop().unwrap();

    // Ready although nothing can be fetched: the store was fed before.
    let mut serving = vouchsafe.serve(&certificates).unwrap();
    let signed = image("signed");
    let mutated = ask(&serving, &certificates, "/mutate", &pod_review(&[&signed]));
    assert_eq!(mutated["allowed"], true, "{mutated}");
    serving.process().kill().unwrap();
    let serving = vouchsafe.serve(&certificates).unwrap();
    let mutated = ask(&serving, &certificates, "/mutate", &pod_review(&[&signed]));
    assert_eq!(mutated["allowed"], true, "{mutated}");
}

#[test]
fn manifests_are_reviewed_as_the_webhook_would() {
    let published = Published::new();
    let vouchsafe = published.synced();
    let manifests = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      \
         initContainers: [{{name: i, image: '{0}:signed'}}]\n      containers: [{{name: c, image: '{0}:unsigned'}}]\n---\n\
         {1}\n",
        GUN,
        pod(&[&image("signed")])
    );
    let file = vouchsafe.directory().write("all.yaml", manifests).unwrap();
    let file = file.display().to_string();
    let answers = vouchsafe
        .json(&["review", "-o", "json", &file], &[1])
        .unwrap();
    assert_eq!(answers[0]["allowed"], Value::Null, "{answers}");
    assert_eq!(answers[1]["allowed"], false, "{answers}");
    let message = answers[1]["message"].as_str().unwrap();
    assert!(message.contains(&image("unsigned")), "{message}");
    assert_eq!(answers[2]["allowed"], true, "{answers}");
    let replaced = &answers[2]["replaced"][0];
    assert_eq!(replaced["path"], "/spec/containers/0/image", "{answers}");
    assert_eq!(
        replaced["image"],
        format!("{}@{}", image("signed"), digest_of("image")),
        "{answers}"
    );
}

/// Waits until nothing has been asked for a while: the pass that a start makes is over.
fn wait_for_quiet(published: &Published) {
    let mut before = usize::MAX;
    while published.server.requests().len() != before {
        before = published.server.requests().len();
        thread::sleep(Duration::from_millis(300));
    }
}

/// The `response` of a review.
fn ask(serving: &Serving, certificates: &Certificates, path: &str, review: &Value) -> Value {
    let answer = serving.review(certificates, path, review).unwrap();
    assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
    answer["response"].clone()
}

/// What the admissions above leave in the metrics.
fn counted(serving: &Serving, server: &str) {
    let (_, metrics) = serving.page("/metrics").unwrap();
    for line in [
        "vouchsafe_admission_requests_total{webhook=\"mutate\",decision=\"allow\",reason=\"judged\"} 1",
        "vouchsafe_admission_requests_total{webhook=\"validate\",decision=\"deny\",reason=\"not_pinned\"} 1",
        "vouchsafe_image_decisions_total{decision=\"deny\",reason=\"not_signed\"} 1",
    ] {
        assert!(metrics.contains(line), "no {line} in:\n{metrics}");
    }
    let repositories = format!("vouchsafe_repositories{{server=\"{server}\",state=\"fresh\"}} 1");
    assert!(
        metrics.contains(&repositories),
        "no {repositories} in:\n{metrics}"
    );
}

fn patch(response: &Value) -> Value {
    assert_eq!(response["patchType"], "JSONPatch");
    let patch = STANDARD
        .decode(response["patch"].as_str().unwrap())
        .unwrap();
    serde_json::from_slice(&patch).unwrap()
}

fn denied(response: &Value, words: &[&str]) {
    assert_eq!(response["allowed"], json!(false), "{response}");
    assert_eq!(response["status"]["code"], 403, "{response}");
    let message = response["status"]["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "no {word} in: {message}");
    }
}
