//! What a real API server makes of the objects.

use serde_json::{Value, json};
use vouchsafe_tests::harness::process::Finished;
use vouchsafe_tests::harness::{ApiServer, TempDir};

use super::{INSTALLS, Install, pods};

/// Kinds that others define; an API server without them knows none.
const FOREIGN: &[&str] = &["Certificate", "Issuer", "PrometheusRule", "ServiceMonitor"];

#[test]
fn an_api_server_takes_every_object_and_the_restricted_standard_every_pod() {
    let cluster = ApiServer::start().unwrap();
    for namespace in ["vouchsafe", "restricted"] {
        cluster
            .succeed(&["create", "namespace", namespace])
            .unwrap();
        let label = "pod-security.kubernetes.io/enforce=restricted";
        cluster
            .succeed(&["label", "namespace", namespace, label])
            .unwrap();
        for account in [
            "default",
            "vouchsafe",
            "vouchsafe-syncer",
            "vouchsafe-hooks",
        ] {
            let arguments = [
                "create",
                "serviceaccount",
                account,
                "--namespace",
                namespace,
            ];
            cluster.succeed(&arguments).unwrap();
        }
    }
    for install in INSTALLS {
        let objects = install.objects();
        let known: Vec<&Value> = objects
            .iter()
            .filter(|it| !FOREIGN.contains(&it["kind"].as_str().unwrap()))
            .collect();
        let answer = apply(&cluster, &json!(known));
        assert_eq!(answer.code, Some(0), "{}: {}", install.name, answer.stderr);
        let taken = answer.stdout.matches("(server dry run)").count();
        assert_eq!(taken, known.len(), "{}: {}", install.name, answer.stdout);
        assert!(
            !answer.stderr.contains("Warning"),
            "{}: {}",
            install.name,
            answer.stderr
        );

        let pods = pods(&objects)
            .into_iter()
            .enumerate()
            .map(|(number, (_, pod))| {
                json!({
                    "apiVersion": "v1", "kind": "Pod", "spec": runnable(&pod["spec"]),
                    "metadata": {"name": format!("pod-{number}"), "namespace": "restricted"},
                })
            });
        let answer = apply(&cluster, &json!(pods.collect::<Vec<_>>()));
        assert_eq!(answer.code, Some(0), "{}: {}", install.name, answer.stderr);
    }
    // The standard is enforced there indeed.
    let image = "--image=registry.example.com/app";
    let refused = cluster.kubectl(&["run", "root", image, "--namespace", "restricted"]);
    let told = refused.unwrap().stderr;
    assert!(told.contains("violates PodSecurity"), "{told}");
}

/// A template's specification as a Pod may have it: a template of a `StatefulSet` does not name the volume of its claim.
fn runnable(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let volumes = spec["volumes"].as_array_mut().unwrap();
    if !volumes.iter().any(|it| it["name"] == "store") {
        volumes.push(json!({"name": "store", "emptyDir": {}}));
    }
    spec
}

fn apply(cluster: &ApiServer, objects: &Value) -> Finished {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let directory = TempDir::new("objects").unwrap();
    let file = directory.write("list.json", list.to_string()).unwrap();
    let file = file.to_str().unwrap();
    cluster
        .kubectl(&[
            "apply",
            "--server-side",
            "--dry-run=server",
            "--filename",
            file,
        ])
        .unwrap()
}

/// Makes the validating webhook of an install, with nobody behind it: whatever is asked about fails.
fn guard(cluster: &ApiServer, install: &Install) {
    let objects = install.objects();
    let mut configuration =
        super::named(&objects, "ValidatingWebhookConfiguration", "vouchsafe").clone();
    configuration["webhooks"][0]["clientConfig"] = json!({"url": "https://127.0.0.1:1/validate"});
    cluster.create(&configuration).unwrap();
    let probe = ["run", "probe", "--image=x", "--dry-run=server"];
    cluster
        .wait_until(&probe, |finished| finished.code != Some(0))
        .unwrap();
}

#[test]
fn nothing_goes_unasked_by_which_an_image_could_begin_to_run() {
    let cluster = ApiServer::start().unwrap();
    let pod = json!({"containers": [{"name": "app", "image": "x:1"}]});
    let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": pod});
    for object in [
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": pod}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dying", "finalizers": ["example.com/hold"]}, "spec": pod}),
        json!({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "app"}, "template": template}),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"},
            "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": template},
        }),
        json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "app"},
            "spec": {
                "schedule": "@daily", "suspend": true,
                "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": pod["containers"]}}}},
            },
        }),
    ] {
        cluster.create(&object).unwrap();
    }
    let dying = ["delete", "pod/dying", "--wait=false"];
    cluster.succeed(&dying).unwrap();
    cluster
        .succeed(&["create", "namespace", "vouchsafe"])
        .unwrap();
    let account = [
        "create",
        "serviceaccount",
        "default",
        "--namespace=vouchsafe",
    ];
    cluster.succeed(&account).unwrap();
    guard(&cluster, &INSTALLS[0]);

    let unsuspend = r#"{"spec": {"suspend": false}}"#;
    let paused = r#"{"spec": {"paused": true}}"#;
    for asked in [
        vec!["run", "other", "--image=x:1"],
        vec!["set", "image", "pod/app", "app=y:1"],
        vec!["set", "image", "deployment/app", "app=y:1"],
        vec!["set", "image", "cronjob/app", "app=y:1"],
        vec!["debug", "app", "--image=y:1", "--attach=false"],
        vec!["patch", "cronjob/app", "--patch", unsuspend],
        vec!["patch", "deployment/app", "--patch", paused],
        vec!["debug", "dying", "--image=y:1", "--attach=false"],
        // It has no `spec` that could be compared.
        vec!["label", "podtemplate/app", "a=b"],
    ] {
        let answer = cluster.kubectl(&asked).unwrap();
        assert_ne!(answer.code, Some(0), "{asked:?} is let in unasked");
        let told = answer.stderr;
        assert!(told.contains("failed calling webhook"), "{asked:?}: {told}");
    }
    let release = r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#;
    for unasked in [
        vec!["label", "pod/app", "a=b"],
        vec!["annotate", "deployment/app", "a=b"],
        vec!["annotate", "cronjob/app", "a=b"],
        vec!["patch", "pod/dying", "--type=json", "--patch", release],
        vec!["run", "own", "--image=x:1", "--namespace=vouchsafe"],
        vec!["delete", "deployment/app", "cronjob/app"],
    ] {
        let answer = cluster.kubectl(&unasked).unwrap();
        assert_eq!(answer.code, Some(0), "{unasked:?}: {}", answer.stderr);
    }
}
