//! `vouchsafe serve` as the admission webhook of a real API server, asked with `kubectl`.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe_tests::harness::process::Finished;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{ApiServer, Certificates, Vouchsafe};
use vouchsafe_tests::vector::repository::digest_of;

use published::{Published, image};

#[path = "support/published.rs"]
mod published;

/// A cluster that asks Vouchsafe about what it is to run.
struct Guarded {
    cluster: ApiServer,
    serving: Serving,
    _vouchsafe: Vouchsafe,
    _published: Published,
    _certificates: Certificates,
}

impl Guarded {
    fn new() -> Self {
        let published = Published::new();
        let vouchsafe = published.synced();
        let certificates = Certificates::new().unwrap();
        let serving = vouchsafe.serve(&certificates).unwrap();
        let cluster = ApiServer::start().unwrap();
        for (kind, path, failure_policy) in [
            ("MutatingWebhookConfiguration", "/mutate", "Ignore"),
            ("ValidatingWebhookConfiguration", "/validate", "Fail"),
        ] {
            let client = json!({
                "url": format!("{}{path}", serving.url()),
                "caBundle": STANDARD.encode(certificates.authority_pem()),
            });
            cluster
                .create(&configuration(kind, &client, failure_policy))
                .unwrap();
        }
        let guarded = Self {
            cluster,
            serving,
            _vouchsafe: vouchsafe,
            _published: published,
            _certificates: certificates,
        };
        guarded.wait_for_image(&image("signed"), &pinned());
        guarded.wait_for_denial(&image("unsigned"));
        guarded
    }

    /// Runs a Pod that is not kept, until it is let in with this image.
    fn wait_for_image(&self, image: &str, wanted: &str) {
        let arguments = dry_run(image);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.cluster
            .wait_until(&arguments, |finished| finished.stdout == wanted)
            .unwrap();
    }

    /// Runs a Pod that is not kept, until it is denied; returns what the user is told.
    fn wait_for_denial(&self, image: &str) -> String {
        let arguments = dry_run(image);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let denied = |finished: &Finished| finished.code != Some(0);
        self.cluster.wait_until(&arguments, denied).unwrap().stderr
    }

    /// What stands at a JSON path of an object.
    fn field(&self, object: &str, path: &str) -> String {
        let output = format!("jsonpath={path}");
        self.cluster
            .succeed(&["get", object, "-o", &output])
            .unwrap()
    }
}

#[test]
fn what_is_signed_runs_pinned_and_what_is_not_is_denied() {
    let guarded = Guarded::new();
    let (cluster, signed, unsigned) = (&guarded.cluster, image("signed"), image("unsigned"));

    cluster
        .succeed(&["run", "app", &format!("--image={signed}")])
        .unwrap();
    let images = "{.spec.containers[*].image}";
    assert_eq!(guarded.field("pod/app", images), pinned());
    cluster
        .succeed(&["create", "deployment", "app", &format!("--image={signed}")])
        .unwrap();
    let images = "{.spec.template.spec.containers[*].image}";
    assert_eq!(guarded.field("deployment/app", images), pinned());
    // What changes no image is not in the webhook's way.
    cluster
        .succeed(&["scale", "deployment/app", "--replicas=3"])
        .unwrap();

    let debug = format!("--image={signed}");
    cluster
        .succeed(&["debug", "app", &debug, "--attach=false", "--", "true"])
        .unwrap();
    let images = "{.spec.ephemeralContainers[*].image}";
    assert_eq!(guarded.field("pod/app", images), pinned());

    let image_unsigned = format!("--image={unsigned}");
    let set_unsigned = format!("app={unsigned}");
    for command in [
        vec!["run", "other", &image_unsigned],
        vec!["create", "deployment", "other", &image_unsigned],
        vec!["set", "image", "pod/app", &set_unsigned],
        vec!["debug", "app", &image_unsigned, "--attach=false"],
    ] {
        let refused = cluster.kubectl(&command).unwrap();
        assert_eq!(refused.code, Some(1), "{command:?}: {refused:?}");
        let told = refused.stderr;
        assert!(told.contains("denied the request"), "{command:?}: {told}");
        assert!(told.contains(&unsigned), "{command:?}: {told}");
    }
    cluster
        .succeed(&["delete", "pod/app", "deployment/app"])
        .unwrap();
}

#[test]
fn pinning_may_fail_open_since_the_proof_fails_closed() {
    let mut guarded = Guarded::new();
    guarded
        .cluster
        .succeed(&["delete", "mutatingwebhookconfiguration", NAME])
        .unwrap();
    let told = guarded.wait_for_denial(&image("signed"));
    assert!(told.contains("not pinned"), "{told}");
    assert!(told.contains(&pinned()), "{told}");
    guarded.wait_for_image(&pinned(), &pinned());

    guarded.serving.process().kill().unwrap();
    let told = guarded.wait_for_denial(&pinned());
    assert!(told.contains("failed calling webhook"), "{told}");
}

fn configuration(kind: &str, client: &Value, failure_policy: &str) -> Value {
    let rule = |group: &str, versions: &str, resources: &[&str]| {
        json!({
            "apiGroups": [group], "apiVersions": [versions], "resources": resources,
            "operations": ["CREATE", "UPDATE"],
        })
    };
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": NAME},
        "webhooks": [{
            "name": "images.vouchsafe.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": failure_policy,
            "clientConfig": client,
            "rules": [
                rule("", "v1", &["pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers"]),
                rule("apps", "v1", &["daemonsets", "deployments", "replicasets", "statefulsets"]),
                rule("batch", "v1", &["cronjobs", "jobs"]),
            ],
        }],
    })
}

/// A `kubectl` command that runs a Pod, keeps none, and says which image it got.
fn dry_run(image: &str) -> [String; 6] {
    [
        "run".to_owned(),
        "probe".to_owned(),
        format!("--image={image}"),
        "--dry-run=server".to_owned(),
        "-o".to_owned(),
        "jsonpath={.spec.containers[*].image}".to_owned(),
    ]
}

/// The signed image as it runs.
fn pinned() -> String {
    format!("{}@{}", image("signed"), digest_of("image"))
}

const NAME: &str = "vouchsafe";
