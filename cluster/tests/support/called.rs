//! An API server that calls a replica.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;
use vouchsafe_cluster::Connection;
use vouchsafe_cluster::certificate::Contents;
use vouchsafe_tests::harness::process::run;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{ApiServer, Vouchsafe};
use vouchsafe_tests::vector::repository::digest_of;

use super::connected::connect;
use super::published::{Published, image};
use super::secret::{read, until};

/// A cluster that calls a replica by its Service, in a network of its own, where the address of that Service is.
pub(crate) struct Called {
    pub(crate) cluster: ApiServer,
    pub(crate) connection: Connection,
    pub(crate) published: Published,
    pub(crate) runtime: Runtime,
}

impl Called {
    pub(crate) fn new() -> Self {
        let to_lo = ["address", "add", &format!("{ADDRESS}/32"), "dev", "lo"];
        run(Command::new("ip").args(to_lo)).unwrap();
        let cluster = ApiServer::start().unwrap();
        let runtime = Runtime::new().unwrap();
        let connection = runtime.block_on(connect(&cluster));
        Self {
            cluster,
            connection,
            published: Published::new(),
            runtime,
        }
    }

    pub(crate) fn vouchsafe(&self) -> Vouchsafe {
        let kept = json!({"secret": SECRET, "service": "vouchsafe", "webhook": "vouchsafe"});
        let configuration = self
            .published
            .configuration()
            .setting("kubernetes", json!({"certificate": kept}));
        Vouchsafe::new(&configuration.to_string())
            .unwrap()
            .listening_everywhere()
    }

    pub(crate) fn serve(&self, vouchsafe: &Vouchsafe) -> Serving {
        vouchsafe
            .serve_in_cluster(&self.cluster.kubeconfig())
            .unwrap()
    }

    /// A Service by which the API server calls a port of this machine, and webhooks that do not say whom to trust.
    pub(crate) fn call(&self, port: u16) {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "vouchsafe"},
            "spec": {"clusterIP": ADDRESS, "ports": [{"port": port}]},
        });
        self.cluster.create(&service).unwrap();
        self.create_webhooks(port);
    }

    pub(crate) fn create_webhooks(&self, port: u16) {
        for (kind, path, policy) in [
            ("MutatingWebhookConfiguration", "/mutate", "Ignore"),
            ("ValidatingWebhookConfiguration", "/validate", "Fail"),
        ] {
            let service =
                json!({"name": "vouchsafe", "namespace": "default", "port": port, "path": path});
            let rule = json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]});
            let configuration = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "vouchsafe"},
                "webhooks": [{
                    "name": "images.vouchsafe.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                    "failurePolicy": policy, "clientConfig": {"service": service}, "rules": [rule],
                }],
            });
            self.cluster.create(&configuration).unwrap();
        }
    }

    /// What a Pod's image becomes, or why there is none.
    pub(crate) fn dry_run(&self, image: &str) -> Result<String, String> {
        let arguments = [
            "run",
            "probe",
            &format!("--image={image}"),
            "--dry-run=server",
        ];
        let output = ["-o", "jsonpath={.spec.containers[*].image}"];
        let done = self
            .cluster
            .kubectl(&[&arguments[..], &output].concat())
            .unwrap();
        if done.code == Some(0) {
            Ok(done.stdout)
        } else {
            Err(done.stderr)
        }
    }

    pub(crate) fn is_called(&self) -> bool {
        self.dry_run(&image("signed")).as_ref() == Ok(&pinned())
    }

    /// Waits for something of the Secret; what its leaf and its authorities are then, and how long it took.
    pub(crate) fn wait(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Seen) -> bool,
    ) -> (Seen, Duration) {
        let mut seen = None;
        let took = self.runtime.block_on(until(what, patience, async || {
            let found = read(&self.connection, SECRET).await;
            seen = found.map(|(_, contents)| Seen::of(&contents));
            seen.as_ref().is_some_and(&wanted)
        }));
        (seen.unwrap(), took)
    }
}

/// What of the Secret is looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) leaf: Vec<u8>,
    pub(crate) authorities: usize,
}

impl Seen {
    pub(crate) fn of(contents: &Contents) -> Self {
        let text = String::from_utf8_lossy(&contents.authorities);
        Self {
            leaf: contents.chain.clone(),
            authorities: text.matches("BEGIN CERTIFICATE").count(),
        }
    }
}

/// The signed image as it runs.
pub(crate) fn pinned() -> String {
    format!("{}@{}", image("signed"), digest_of("image"))
}

/// Among the addresses that Services of the test's API server have.
pub(crate) const ADDRESS: &str = "10.96.0.77";
pub(crate) const SECRET: &str = "vouchsafe-tls";
