//! The switches of `features`, rules that only warn, and dry runs, through the webhook.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use serde_json::{Value, json};
use vouchsafe_tests::harness::admission::{pod, review};
use vouchsafe_tests::harness::reviewed::Reviewed;
use vouchsafe_tests::harness::{Certificates, Configuration, Receiver, Webhook};
use vouchsafe_tests::vector::repository::digest_of;

use published::{Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn detection_mode_admits_with_warnings_and_pins_what_is_signed() {
    let published = Published::new();
    let configuration = published
        .configuration()
        .setting("deny", json!([{"gun": "quay.io/*"}]));
    let webhook = serve(
        &published,
        &with(configuration, &json!({"detectionMode": true})),
    );
    let (signed, unsigned) = (image("signed"), image("unsigned"));
    let both = review(&pod(&[&signed, &unsigned]), "default");
    let mutated = webhook.send("/mutate", &both).unwrap();
    warned(&mutated, "not_signed");
    assert!(
        mutated.images().contains(&format!("{unsigned} not_signed")),
        "{mutated:?}"
    );
    let warnings = mutated.warnings();
    assert_eq!(warnings.len(), 1, "{mutated:?}");
    for words in ["detection mode", &unsigned, "not signed"] {
        assert!(warnings.concat().contains(words), "no {words}: {mutated:?}");
    }
    assert_eq!(mutated.replaced(), [pinned(&signed)]);
    // What `/mutate` would have pinned, what is listed, and what is no image at all.
    for (image, label) in [
        (signed.as_str(), "not_pinned"),
        ("quay.io/a/b:1", "deny_list"),
        ("ghcr.io/a/b:1", "no_rule"),
        ("UPPER", "bad_reference"),
    ] {
        let validated = webhook.ask("/validate", "default", image).unwrap();
        warned(&validated, label);
        assert_eq!(validated.warnings().len(), 1, "{validated:?}");
    }
    let well = webhook
        .ask("/validate", "default", &pinned(&signed))
        .unwrap();
    assert_eq!((well.decision(), well.warnings().len()), ("allow", 0));
    for (metric, count) in [
        (
            "admission_requests_total{webhook=\"mutate\",decision=\"warn\",reason=\"not_signed\"}",
            1.0,
        ),
        (
            "admission_requests_total{webhook=\"validate\",decision=\"warn\",reason=\"deny_list\"}",
            1.0,
        ),
        (
            "image_decisions_total{decision=\"warn\",reason=\"not_signed\"}",
            1.0,
        ),
        (
            "image_decisions_total{decision=\"allow\",reason=\"signed\"}",
            2.0,
        ),
    ] {
        let found = webhook.metric(&format!("vouchsafe_{metric}")).unwrap();
        assert_eq!(found, Some(count), "{metric}");
    }
}

#[test]
fn a_rule_that_warns_does_so_alone() {
    let published = Published::new();
    let configuration = published.configuration().rule_of(
        json!({"pattern": "registry.example.com/team/*", "namespaces": ["trial-*"], "mode": "warn"}),
    );
    let webhook = serve(&published, &configuration);
    let unsigned = image("unsigned");
    for path in ["/mutate", "/validate"] {
        let reviewed = webhook.ask(path, "trial-1", &unsigned).unwrap();
        warned(&reviewed, "not_signed");
        let warnings = reviewed.warnings().concat();
        for words in ["`registry.example.com/team/*` only warns", &unsigned] {
            assert!(warnings.contains(words), "no {words}: {reviewed:?}");
        }
        webhook
            .ask(path, "default", &unsigned)
            .unwrap()
            .assert_denied("not_signed", &[&unsigned]);
        // Another image of the Pod is under another rule.
        let two = review(&pod(&[&unsigned, "ghcr.io/a/b:1"]), "trial-1");
        let denied = webhook.send(path, &two).unwrap();
        denied.assert_denied("no_rule", &["ghcr.io/a/b"]);
        assert_eq!(denied.warnings().len(), 1, "{denied:?}");
    }
    let signed = webhook.ask("/mutate", "trial-1", &image("signed")).unwrap();
    assert_eq!(signed.replaced(), [pinned(&image("signed"))]);
    assert_eq!((signed.decision(), signed.warnings().len()), ("allow", 0));
}

#[test]
fn what_an_update_leaves_as_it_was_is_approved_where_that_is_switched_on() {
    let published = Published::new();
    let (old, new) = (image("unsigned"), image("unsigned-too"));
    let unchanged = update(&[&old], &[&old]);
    let off = serve(&published, &published.configuration());
    let on = with(
        published.configuration(),
        &json!({"automaticUnchangedApproval": true}),
    );
    let on = serve(&published, &on);
    for path in ["/mutate", "/validate"] {
        off.send(path, &unchanged)
            .unwrap()
            .assert_denied("not_signed", &[&old]);
        let approved = on.send(path, &unchanged).unwrap();
        assert!(approved.is_allowed(), "{approved:?}");
        assert!(approved.images().contains("unchanged"), "{approved:?}");
        assert!(approved.replaced().is_empty(), "{approved:?}");
        let changed = on.send(path, &update(&[&old], &[&old, &new])).unwrap();
        changed.assert_denied("not_signed", &[&new]);
        assert!(
            !changed.message().contains(&format!("{old} ")),
            "{changed:?}"
        );
        // A creation has nothing before it.
        on.ask(path, "default", &old)
            .unwrap()
            .assert_denied("not_signed", &[&old]);
    }
}

#[test]
fn only_pods_are_denied_and_patched_where_the_configuration_says_so() {
    let published = Published::new();
    let configuration = with(
        published.configuration(),
        &json!({"resourceValidationMode": "podsOnly"}),
    );
    let webhook = serve(&published, &configuration);
    let (signed, unsigned) = (image("signed"), image("unsigned"));
    for path in ["/mutate", "/validate"] {
        let reviewed = webhook.send(path, &deployment(&unsigned)).unwrap();
        warned(&reviewed, "not_signed");
        for words in ["only Pods are denied", &unsigned] {
            assert!(reviewed.warnings().concat().contains(words), "{reviewed:?}");
        }
        webhook
            .ask(path, "default", &unsigned)
            .unwrap()
            .assert_denied("not_signed", &[&unsigned]);
    }
    let left = webhook.send("/mutate", &deployment(&signed)).unwrap();
    assert!(left.is_allowed() && left.replaced().is_empty(), "{left:?}");
    let patched = webhook.ask("/mutate", "default", &signed).unwrap();
    assert_eq!(patched.replaced(), [pinned(&signed)]);
}

#[test]
fn a_dry_run_is_answered_alike_and_alerts_nobody() {
    let published = Published::new();
    let receiver = Receiver::new().unwrap();
    let to = json!({"receivers": [{"template": "slack", "receiverUrl": receiver.url("/hook")}]});
    let configuration = published
        .configuration()
        .setting("alerting", json!({"admitRequest": to, "rejectRequest": to}));
    let webhook = serve(&published, &configuration);
    for (path, image, alerts) in [
        ("/mutate", image("signed"), 0),
        ("/mutate", image("unsigned"), 1),
        ("/validate", pinned(&image("signed")), 1),
        ("/validate", image("unsigned"), 1),
    ] {
        let before = receiver.requests().len();
        let mut asked = review(&pod(&[&image]), "default");
        *asked.pointer_mut("/request/dryRun").unwrap() = json!(true);
        let dry = webhook.send(path, &asked).unwrap();
        *asked.pointer_mut("/request/dryRun").unwrap() = json!(false);
        assert_eq!(webhook.send(path, &asked).unwrap(), dry, "{path}: {image}");
        // What the dry run had raised would come first.
        webhook
            .serving()
            .wait_for("/metrics", |_| receiver.requests().len() >= before + alerts)
            .unwrap();
        let waiting = |list: &str| {
            webhook
                .metric(&format!(
                    "vouchsafe_alerts_waiting{{receiver=\"{list}/slack/0\"}}"
                ))
                .unwrap()
        };
        webhook
            .serving()
            .wait_for("/metrics", |_| {
                waiting("admit") == Some(0.0) && waiting("reject") == Some(0.0)
            })
            .unwrap();
        assert_eq!(
            receiver.requests().len(),
            before + alerts,
            "{path}: {image}"
        );
    }
}

/// A webhook that has the published repository, and judges it by this policy.
fn serve(published: &Published, configuration: &Configuration) -> Webhook {
    let vouchsafe = published.synced();
    vouchsafe.configure(&configuration.to_string()).unwrap();
    Webhook::new(vouchsafe, Certificates::new().unwrap(), &[]).unwrap()
}

fn with(configuration: Configuration, features: &Value) -> Configuration {
    configuration.setting("features", features.clone())
}

/// Admitted, though it would be denied under this label.
#[track_caller]
fn warned(reviewed: &Reviewed, label: &str) {
    assert!(reviewed.is_allowed(), "{reviewed:?}");
    assert_eq!(reviewed.decision(), "warn", "{reviewed:?}");
    assert!(
        reviewed.images().contains(label),
        "no {label}: {reviewed:?}"
    );
}

/// The review of a Pod's update.
fn update(before: &[&str], after: &[&str]) -> Value {
    let mut review = review(&pod(after), "default");
    let request = review
        .pointer_mut("/request")
        .unwrap()
        .as_object_mut()
        .unwrap();
    request.insert("operation".to_owned(), json!("UPDATE"));
    request.insert("oldObject".to_owned(), pod(before));
    review
}

/// The review of a Deployment's creation.
fn deployment(image: &str) -> Value {
    let kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}});
    let mut review = review(&object, "default");
    let request = review
        .pointer_mut("/request")
        .unwrap()
        .as_object_mut()
        .unwrap();
    request.extend([
        ("kind".to_owned(), kind.clone()),
        ("requestKind".to_owned(), kind),
    ]);
    review
}

fn pinned(image: &str) -> String {
    format!("{image}@{}", digest_of("image"))
}
