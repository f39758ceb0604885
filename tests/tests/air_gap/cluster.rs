//! A real API server where there is no network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vouchsafe_tests::harness::notary_client::digest;
use vouchsafe_tests::harness::{ApiServer, Namespace};

use super::sites::{APP, Connected, Gapped};

#[test]
fn an_api_server_without_a_network_is_guarded_by_what_bundles_bring() {
    let connected = Connected::new();
    let gapped = Gapped::new(&connected);
    let made = connected.bundle(&[]);
    gapped.lay(&made, made.name());
    gapped.wait_for_result("done", 1);
    let cluster = Cluster::start(&gapped);

    let pinned = format!("{APP}:1.0@sha256:{}", digest("one"));
    cluster.until("1.0", |said| said == pinned);
    cluster.until("unsigned", |said| said.contains("it is not signed"));

    let made = connected.deny("one");
    gapped.lay(&made, made.name());
    gapped.wait_for_result("done", 2);
    cluster.until("1.0", |said| said.contains("it phones home"));
}

/// An API server that asks `vouchsafe serve`, in the namespace of both.
struct Cluster<'n> {
    // Stopped before its namespace ends.
    server: ApiServer,
    namespace: &'n Namespace,
}

impl<'n> Cluster<'n> {
    fn start(gapped: &'n Gapped) -> Self {
        let cluster = Self {
            server: gapped.namespace.inside(ApiServer::start).unwrap(),
            namespace: &gapped.namespace,
        };
        let rules = json!([{
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
            "operations": ["CREATE", "UPDATE"],
        }]);
        for (kind, path, failure_policy) in [
            ("MutatingWebhookConfiguration", "/mutate", "Ignore"),
            ("ValidatingWebhookConfiguration", "/validate", "Fail"),
        ] {
            let client = json!({
                "url": format!("{}{path}", gapped.serving.url()),
                "caBundle": STANDARD.encode(gapped.certificates.authority_pem()),
            });
            let configuration = json!({
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": "vouchsafe"},
                "webhooks": [{
                    "name": "images.vouchsafe.example.com",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": failure_policy,
                    "clientConfig": client,
                    "rules": rules,
                }],
            });
            let created = cluster
                .namespace
                .inside(|| cluster.server.create(&configuration));
            created.unwrap();
        }
        cluster
    }

    /// Runs a Pod of this tag that is not kept, until the user is told what is wanted: the image that it got, or why
    /// it is denied.
    fn until(&self, tag: &str, wanted: impl Fn(&str) -> bool + Sync) {
        let image = format!("--image={APP}:{tag}");
        let output = "jsonpath={.spec.containers[*].image}";
        let run = ["run", "probe", &image, "--dry-run=server", "-o", output];
        let told = self.namespace.inside(|| {
            self.server
                .wait_until(&run, |it| wanted(&it.stdout) || wanted(&it.stderr))
        });
        told.unwrap();
    }
}
