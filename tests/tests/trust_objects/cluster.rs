//! A cluster with the custom resources, a syncer that publishes to it, and webhooks that it feeds.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::webhook::Webhook;
use vouchsafe_tests::harness::{
    ApiServer, Certificates, Configuration, ScriptedServer, TempDir, Vouchsafe,
};
use vouchsafe_tests::vector::repository::Repository;

use crate::published::{GUN, configuration, root_key};

pub(crate) struct Cluster {
    pub(crate) api: ApiServer,
    pub(crate) server: ScriptedServer,
    pub(crate) syncer: Vouchsafe,
    certificates: Certificates,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let certificates = Certificates::new().unwrap();
        let server = ScriptedServer::tls(&certificates).unwrap();
        let api = ApiServer::start().unwrap();
        let syncer = program(&api, &configured(&server, &certificates).to_string());
        let definitions = syncer.succeed(&["cluster", "crds"]).unwrap();
        api.define(&definitions).unwrap();
        let cluster = Self {
            api,
            server,
            syncer,
            certificates,
        };
        cluster.serve_files(&Repository::delegated(GUN));
        cluster
    }

    /// The configuration of the syncer.
    pub(crate) fn configuration(&self) -> Configuration {
        configured(&self.server, &self.certificates)
    }

    /// One run of what the `CronJob` runs; what it printed.
    pub(crate) fn publish(&self) -> Value {
        self.syncer
            .json(&["sync", "--publish", "kubernetes", "-o", "json"], &[0])
            .unwrap()
    }

    /// The same by a syncer that begins with nothing.
    pub(crate) fn other_syncer(&self) -> Vouchsafe {
        program(&self.api, &self.configuration().to_string())
    }

    pub(crate) fn serve_files(&self, repository: &Repository) {
        let files = RoleFiles::new().with_files(repository.files());
        self.server.serve(GUN, files);
    }

    /// A replica that has the objects to go by.
    pub(crate) fn replica(&self) -> Vouchsafe {
        let fed = self
            .configuration()
            .setting("kubernetes", json!({"feed": true}));
        program(&self.api, &fed.to_string())
    }

    pub(crate) fn serving(&self) -> Webhook {
        Webhook::new(self.replica(), Certificates::new().unwrap(), &[]).unwrap()
    }

    /// The one object of the repository.
    pub(crate) fn object(&self) -> Value {
        let list = self.list();
        let items = list["items"].as_array().unwrap();
        let of = |item: &&Value| item["spec"]["gun"] == GUN;
        items.iter().find(of).unwrap().clone()
    }

    pub(crate) fn list(&self) -> Value {
        let list = self.api.succeed(&["get", "trust", "-o", "json"]).unwrap();
        serde_json::from_str(&list).unwrap()
    }

    /// Runs `kubectl VERB -f` with an object.
    pub(crate) fn apply(&self, verb: &str, object: &Value) {
        let directory = TempDir::new("object").unwrap();
        let file = directory.write("object.json", object.to_string()).unwrap();
        self.api
            .succeed(&[verb, "-f", &file.display().to_string()])
            .unwrap();
    }
}

fn configured(server: &ScriptedServer, certificates: &Certificates) -> Configuration {
    let authority = Some(certificates.authority_pem());
    configuration(&server.url(), authority, &root_key())
}

/// Vouchsafe as an administrator of the cluster.
fn program(api: &ApiServer, configuration: &str) -> Vouchsafe {
    let kubeconfig = format!("KUBECONFIG={}", api.kubeconfig().display());
    Vouchsafe::new(configuration)
        .unwrap()
        .under(&["env", &kubeconfig])
}

/// An object as somebody would write it again: without what the API server adds.
pub(crate) fn written(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "metadata": {"name": object["metadata"]["name"]},
        "spec": object["spec"],
    })
}

/// The repository after its tag moved on.
pub(crate) fn newer() -> Repository {
    Repository::delegated(GUN)
        .next_root()
        .publish(&["targets", "targets/releases", "targets/alice"])
        .tag("targets/releases", "signed", "newer")
        .tag("targets/alice", "signed", "newer")
}

/// Looks until something holds; what was seen last, if it never does.
pub(crate) fn until<T: std::fmt::Debug>(look: impl Fn() -> T, holds: impl Fn(&T) -> bool) -> T {
    let started = Instant::now();
    loop {
        let seen = look();
        if holds(&seen) {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "{seen:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// What a condition of an object says: its status and its reason.
pub(crate) fn condition(object: &Value, kind: &str) -> (String, String) {
    let none = Vec::new();
    let conditions = object["status"]["conditions"].as_array().unwrap_or(&none);
    let of = conditions.iter().find(|it| it["type"] == kind);
    let text = |key: &str| {
        of.and_then(|it| it[key].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    (text("status"), text("reason"))
}

const PATIENCE: Duration = Duration::from_mins(1);
