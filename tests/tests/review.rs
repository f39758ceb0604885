//! `vouchsafe review` of what kubectl, Helm and kustomize write: every object, what the table and the JSON say of it, and the exit status.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::fs::File;
use std::process::Command;

use serde_json::{Value, json};
use vouchsafe_tests::harness::Vouchsafe;
use vouchsafe_tests::vector::repository::digest_of;

use published::{GUN, Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn a_list_of_kubectl_is_reviewed_object_by_object() {
    let vouchsafe = Published::new().synced();
    let shown = review(&vouchsafe, KUBECTL, &[], 1);
    let digest: String = digest_of("image").chars().take(19).collect();
    let fresh = "fresh until 2100-01-01T00:00:00Z";
    let rule = format!("{GUN}:*");
    let (signed, unsigned) = (image("signed"), image("unsigned"));
    assert_eq!(
        rows(&shown),
        [
            ["OBJECT", "IMAGE", "RULE", "ANSWER", "DIGEST", "FRESHNESS"],
            [
                "CronJob shop/nightly",
                &unsigned,
                &rule,
                "denied: not_signed",
                "-",
                "-"
            ],
            [
                "CronJob shop/nightly",
                &signed,
                &rule,
                "signed",
                &digest,
                fresh
            ],
            [
                "Deployment shop/web",
                &signed,
                &rule,
                "signed",
                &digest,
                fresh
            ],
            [
                "Pod lenient/debug",
                "registry.example.com/tools:1",
                "registry.example.com/*:*",
                "static_allow",
                "-",
                "-"
            ],
            [
                "Pod shop/web-7d9c",
                "ghcr.io/side/car@sha256:0000000000000000000000000000000000000000000000000000000000000000",
                "-",
                "denied: no_rule",
                "-",
                "-"
            ],
            [
                "Pod shop/web-7d9c",
                &signed,
                &rule,
                "signed",
                &digest,
                fresh
            ],
        ],
        "{shown}"
    );
    for words in [
        "\nCronJob shop/nightly would be denied\n",
        "\nPod shop/web-7d9c would be denied\n",
        "it is not signed",
        "\n2 admitted, 2 denied, 2 without images\n",
    ] {
        assert!(shown.contains(words), "no {words}: {shown}");
    }
}

#[test]
fn every_field_of_the_json_is_there() {
    let vouchsafe = Published::new().synced();
    let answers: Value =
        serde_json::from_str(&review(&vouchsafe, KUBECTL, &["-o", "json"], 1)).unwrap();
    let objects: Vec<&Value> = answers.as_array().unwrap().iter().collect();
    let allowed: Vec<_> = objects
        .iter()
        .map(|answer| {
            (
                answer.pointer("/object").unwrap(),
                answer.pointer("/allowed").unwrap(),
            )
        })
        .collect();
    let (yes, no, none) = (json!(true), json!(false), Value::Null);
    assert_eq!(
        allowed,
        [
            (&json!("ConfigMap shop/settings"), &none),
            (&json!("CronJob shop/nightly"), &no),
            (&json!("Deployment shop/web"), &yes),
            (&json!("Pod lenient/debug"), &yes),
            (&json!("Pod shop/web-7d9c"), &no),
            (&json!("Service shop/web"), &none),
        ]
    );
    let pinned = format!("{}@{}", image("signed"), digest_of("image"));
    let web = json!({
        "object": "Deployment shop/web", "allowed": true, "message": null, "warnings": [],
        "images": [{"image": image("signed"), "rule": format!("{GUN}:*"), "validator": "default", "decision": "allow",
            "reason": "signed", "digest": digest_of("image"), "pinned": pinned, "message": null,
            "freshness": {"state": "fresh", "until": "2100-01-01T00:00:00Z"}}],
        "replaced": [
            {"path": "/spec/template/spec/containers/0/image", "image": pinned},
            {"path": "/spec/template/spec/initContainers/0/image", "image": pinned},
        ],
    });
    let mut found = objects[2].clone();
    let replaced = found
        .pointer_mut("/replaced")
        .and_then(Value::as_array_mut)
        .unwrap();
    replaced.sort_by_key(|replaced| replaced.pointer("/path").unwrap().to_string());
    assert_eq!(found, web);
    let nightly = &objects[1];
    let denied = nightly.pointer("/images/0").unwrap();
    assert_eq!(
        denied.pointer("/decision"),
        Some(&json!("deny")),
        "{denied}"
    );
    assert_eq!(
        denied.pointer("/reason"),
        Some(&json!("not_signed")),
        "{denied}"
    );
    assert_eq!(denied.pointer("/digest"), Some(&Value::Null), "{denied}");
    let message = nightly.pointer("/message").and_then(Value::as_str).unwrap();
    assert!(message.contains(&image("unsigned")), "{message}");
    assert_eq!(nightly.pointer("/replaced"), Some(&json!([])));
}

#[test]
fn what_helm_and_kustomize_write_is_read_from_standard_input() {
    let vouchsafe = Published::new().synced();
    let shown = review(&vouchsafe, HELM, &[], 0);
    assert!(
        shown.ends_with("\n3 admitted, 0 denied, 3 without images\n"),
        "{shown}"
    );
    for object in [
        "Job default/web-migrate",
        "StatefulSet data/web-db",
        "Pod default/web-test-",
    ] {
        assert!(
            rows(&shown)
                .iter()
                .any(|row| row.first().is_some_and(|found| found == object)),
            "{shown}"
        );
    }
    // Objects that name no namespace are in the one that is asked for.
    let elsewhere = review(&vouchsafe, HELM, &["--namespace", "staging"], 0);
    assert!(elsewhere.contains("Job staging/web-migrate"), "{elsewhere}");
    assert!(elsewhere.contains("StatefulSet data/web-db"), "{elsewhere}");

    let shown = review(&vouchsafe, KUSTOMIZE, &[], 1);
    assert!(
        shown.ends_with("\n1 admitted, 1 denied, 2 without images\n"),
        "{shown}"
    );
    let denied = format!(
        "DaemonSet prod/agent  {}  {GUN}:*  denied: not_signed",
        image("unsigned")
    );
    let squeezed: Vec<String> = rows(&shown).iter().map(|row| row.join("  ")).collect();
    assert!(
        squeezed.iter().any(|row| row.starts_with(&denied)),
        "{shown}"
    );
    // What it warns of is no denial.
    let warning = Published::new();
    let configuration = warning
        .configuration()
        .setting("features", json!({"detectionMode": true}));
    let detecting = warning.synced();
    detecting.configure(&configuration.to_string()).unwrap();
    let shown = review(&detecting, KUSTOMIZE, &[], 0);
    assert!(shown.contains("warned: not_signed"), "{shown}");
    assert!(
        shown.contains("DaemonSet prod/agent would be admitted with warnings"),
        "{shown}"
    );
}

#[test]
fn hundreds_of_documents_are_reviewed_in_their_order() {
    let vouchsafe = Published::new().synced();
    let document = |number: u32| {
        let tag = if number == 250 { "unsigned" } else { "signed" };
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p{number}\nspec:\n  containers:\n  - name: c\n    image: {GUN}:{tag}\n---\n"
        )
    };
    let text: String = (0..500).map(document).collect();
    let shown = review(&vouchsafe, &text, &[], 1);
    let names: Vec<String> = rows(&shown)
        .into_iter()
        .skip(1)
        .filter_map(|row| row.into_iter().next())
        .collect();
    let expected: Vec<String> = (0..500)
        .map(|number| format!("Pod default/p{number}"))
        .collect();
    assert_eq!(names, expected);
    assert!(
        shown.contains("\nPod default/p250 would be denied\n"),
        "{shown}"
    );
    assert!(
        shown.ends_with("\n499 admitted, 1 denied, 0 without images\n"),
        "{shown}"
    );
}

#[test]
fn what_is_no_manifest_is_a_fault() {
    let vouchsafe = Published::new().synced();
    for text in [
        "",
        "# nothing but a comment\n---\n",
        "just words\n",
        "a: [\n",
        "apiVersion: v1\n",
    ] {
        review(&vouchsafe, text, &[], 2);
    }
}

/// Reviews what standard input has; it has to end with this status.
fn review(vouchsafe: &Vouchsafe, input: &str, arguments: &[&str], status: i32) -> String {
    let file = vouchsafe.directory().write("input", input).unwrap();
    let mut command = Command::new(vouchsafe.binary());
    command
        .arg("review")
        .args(arguments)
        .arg("-")
        .stdin(File::open(file).unwrap());
    command.arg("--config").arg(vouchsafe.config_file());
    let output = command
        .arg("--store")
        .arg(vouchsafe.store())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{input}: {stderr}");
    assert_eq!(stderr.is_empty(), status != 2, "{input}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The cells of the table, which ends at the first empty line.
fn rows(shown: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let cells = line.split("  ").map(str::trim);
        cells
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    shown
        .lines()
        .take_while(|line| !line.is_empty())
        .map(cells)
        .collect()
}

/// As `kubectl get … --all-namespaces -o yaml` writes it.
const KUBECTL: &str = include_str!("support/manifests/kubectl.yaml");
/// As `helm template` writes it.
const HELM: &str = include_str!("support/manifests/helm.yaml");
/// As `kustomize build` writes it.
const KUSTOMIZE: &str = include_str!("support/manifests/kustomize.yaml");
