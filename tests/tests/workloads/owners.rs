//! Child approval through the webhook, as the API server asks it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::published::image;
use crate::surroundings::{Surroundings, moved, pinned, template};

impl Surroundings {
    /// Has the API server ask about everything, and waits until it does.
    fn guard(&self) {
        for (kind, path, failure_policy) in [
            ("MutatingWebhookConfiguration", "/mutate", "Ignore"),
            ("ValidatingWebhookConfiguration", "/validate", "Fail"),
        ] {
            let client = json!({
                "url": format!("{}{path}", self.serving.url()),
                "caBundle": STANDARD.encode(self.certificates.authority_pem()),
            });
            let rules = json!([{
                "apiGroups": ["", "apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["pods", "deployments", "replicasets"],
            }]);
            let webhook = json!({
                "name": "images.vouchsafe.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": failure_policy, "clientConfig": client, "rules": rules,
            });
            let configuration = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                "metadata": {"name": "vouchsafe"}, "webhooks": [webhook],
            });
            self.cluster.create(&configuration).unwrap();
        }
        self.wait("it is asked", |it| {
            !it.admits(&pod("probe", &image("unsigned"), None))
        });
        self.wait("it pins", |it| {
            it.admits(&pod("probe", &image("signed"), None))
        });
    }

    /// Whether a Pod would be admitted; none is made.
    fn admits(&self, pod: &Value) -> bool {
        let directory = vouchsafe_tests::harness::TempDir::new("pod").unwrap();
        let file = directory.write("pod.json", pod.to_string()).unwrap();
        let file = file.display().to_string();
        let arguments = ["create", "--dry-run=server", "-f", &file];
        self.cluster.kubectl(&arguments).unwrap().code == Some(0)
    }

    fn uid(&self, kind: &str, name: &str) -> String {
        let object = self.get(kind, name);
        object["metadata"]["uid"].as_str().unwrap().to_owned()
    }
}

fn owner(kind: &str, name: &str, uid: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true})
}

fn pod(name: &str, image: &str, owner: Option<&Value>) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "ownerReferences": owner.into_iter().collect::<Vec<_>>()},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

/// As the controller of a Deployment makes it.
fn replica_set(name: &str, image: &str, owner: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "default", "ownerReferences": [owner]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "app"}}, "template": template(image)},
    })
}

#[test]
fn a_known_owner_gets_its_child_in_and_nothing_else_does() {
    let mut all = Surroundings::new(&[("kubernetes", json!({"owners": true}))]);
    all.guard();
    let signed = image("signed");
    let deployment = format!("--image={signed}");
    let deployment = ["create", "deployment", "app", &deployment];
    all.cluster.succeed(&deployment).unwrap();
    let before = pinned(&signed, "image");
    let deployment = owner("Deployment", "app", &all.uid("deployment", "app"));
    all.cluster
        .create(&replica_set("app-1", &before, &deployment))
        .unwrap();
    let uid = all.uid("replicaset", "app-1");
    let parent = owner("ReplicaSet", "app-1", &uid);

    all.publish(&moved(Some("other")));
    all.wait("the tag moved on", |it| {
        !it.admits(&pod("alone", &before, None))
    });
    all.wait("a scale-up goes on", |it| {
        it.admits(&pod("child", &before, Some(&parent)))
    });
    let not_owners = [
        owner(
            "ReplicaSet",
            "app-1",
            "9d2f1c46-7c5e-4a4b-9f4e-3a1f6b8d2e01",
        ),
        owner("ReplicaSet", "app-2", &uid),
        owner("DaemonSet", "app-1", &uid),
    ];
    for other in &not_owners {
        assert!(
            !all.admits(&pod("stranger", &before, Some(other))),
            "{other}"
        );
    }
    for foreign in [image("unsigned"), pinned(&signed, "unsigned")] {
        assert!(
            !all.admits(&pod("child", &foreign, Some(&parent))),
            "{foreign}"
        );
    }

    // A Deployment that scales or is rolled back gets its ReplicaSet, too.
    all.cluster.restart().unwrap();
    all.cluster
        .create(&replica_set("app-2", &before, &deployment))
        .unwrap();
    let second = owner("ReplicaSet", "app-2", &all.uid("replicaset", "app-2"));
    let took = all.wait("the watch goes on after the API server restarted", |it| {
        it.admits(&pod("child", &before, Some(&second)))
    });
    println!("known {took:?} after the API server restarted");

    all.cluster
        .succeed(&["delete", "replicaset/app-1"])
        .unwrap();
    all.wait("an owner that is gone is none", |it| {
        !it.admits(&pod("child", &before, Some(&parent)))
    });

    all.set("kubernetes", json!({"owners": false}));
    all.wait("without owners nothing is approved", |it| {
        !it.admits(&pod("child", &before, Some(&second)))
    });
}

#[test]
fn what_is_being_deleted_can_be_changed_and_is_no_owner() {
    let all = Surroundings::new(&[("kubernetes", json!({"owners": true}))]);
    all.guard();
    let signed = image("signed");
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "app", "namespace": "default", "finalizers": ["example.com/held"]},
        "spec": {"selector": {"matchLabels": {"app": "app"}}, "template": template(&signed)},
    });
    all.cluster.create(&deployment).unwrap();
    let parent = owner("Deployment", "app", &all.uid("deployment", "app"));
    all.cluster
        .succeed(&["delete", "deployment/app", "--wait=false"])
        .unwrap();
    // Finalizers have to come off whatever it names, so nobody judges this.
    let unsigned = image("unsigned");
    all.cluster
        .succeed(&["set", "image", "deployment/app", &format!("app={unsigned}")])
        .unwrap();
    // Another one, made later, is known: so is what happened before.
    deployment["metadata"] = json!({"name": "later", "namespace": "default"});
    all.cluster.create(&deployment).unwrap();
    all.wait("both are known", |it| {
        it.metric("vouchsafe_watched_objects{kind=\"Deployment\"}") >= 2.0
    });
    assert!(!all.admits(&pod("child", &unsigned, Some(&parent))));
    let finalizers = [
        "patch",
        "deployment/app",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ];
    all.cluster.succeed(&finalizers).unwrap();
}
