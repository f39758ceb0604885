//! A cluster, a signed repository, and a `vouchsafe` that knows both.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{ApiServer, Certificates, Configuration, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use crate::published::{GUN, Published};

pub(crate) struct Surroundings {
    pub(crate) serving: Serving,
    pub(crate) vouchsafe: Vouchsafe,
    pub(crate) certificates: Certificates,
    pub(crate) published: Published,
    pub(crate) cluster: ApiServer,
    configuration: Configuration,
    reloads: u8,
}

impl Surroundings {
    /// A synced `vouchsafe serve` with these settings beside the usual ones.
    pub(crate) fn new(settings: &[(&str, Value)]) -> Self {
        let published = Published::new();
        let configuration = settings
            .iter()
            .fold(published.configuration(), |all, (key, value)| {
                all.setting(key, value.clone())
            });
        Self::with(ApiServer::start().unwrap(), published, configuration)
    }

    pub(crate) fn with(
        cluster: ApiServer,
        published: Published,
        configuration: Configuration,
    ) -> Self {
        let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
        let vouchsafe = reaching(vouchsafe, &cluster);
        vouchsafe.succeed(&["sync"]).unwrap();
        let certificates = Certificates::new().unwrap();
        let serving = vouchsafe.serve(&certificates).unwrap();
        Self {
            serving,
            vouchsafe,
            certificates,
            published,
            cluster,
            configuration,
            reloads: 0,
        }
    }

    /// Has the process take up another setting.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.configuration = self.configuration.clone().setting(key, value);
        self.vouchsafe
            .configure(&self.configuration.to_string())
            .unwrap();
    }

    /// Has the server serve something else, and the process make a pass, as it does with every configuration.
    pub(crate) fn publish(&mut self, repository: &Repository) {
        let files = RoleFiles::new().with_files(repository.files());
        self.published.server.serve(GUN, files);
        self.reloads += 1;
        let sync = json!({"schedule": "0 0 1 1 *", "perServer": 4 + self.reloads});
        self.set("sync", sync);
    }

    /// The value of a metric; `NaN` if it is not there.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        self.serving.metric(name).unwrap().unwrap_or(f64::NAN)
    }

    /// Waits until something holds; returns how long that took.
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let started = Instant::now();
        while !holds(self) {
            let log = || self.serving.log();
            assert!(started.elapsed() < PATIENCE, "{what}: {}", log());
            thread::sleep(Duration::from_millis(100));
        }
        started.elapsed()
    }

    /// An object as JSON; null if there is none.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Value {
        let found = self
            .cluster
            .kubectl(&["get", kind, name, "-o", "json"])
            .unwrap();
        serde_json::from_str(&found.stdout).unwrap_or_default()
    }
}

/// Has every command know the cluster.
pub(crate) fn reaching(vouchsafe: Vouchsafe, cluster: &ApiServer) -> Vouchsafe {
    let kubeconfig = format!("KUBECONFIG={}", cluster.kubeconfig().display());
    vouchsafe.under(&["env", &kubeconfig])
}

/// The repository after its tag moved on to `other`; without any tag where there is none.
pub(crate) fn moved(to: Option<&str>) -> Repository {
    let keys = [Key::p256("alice"), Key::p256("bob")];
    let repository = Repository::with_root_key(Key::p256("root").certified(GUN))
        .delegate("targets/releases", &keys, &[""])
        .delegate("targets/alice", &keys[..1], &[""])
        .publish(&["targets/releases", "targets/alice", "snapshot", "timestamp"]);
    ["targets/releases", "targets/alice"]
        .iter()
        .fold(repository, |all, role| match to {
            Some(image) => all.tag(role, "signed", image),
            None => all,
        })
}

/// A reference with its digest.
pub(crate) fn pinned(image: &str, to: &str) -> String {
    format!("{image}@{}", digest_of(to))
}

/// A template of Pods.
pub(crate) fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "app"}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

/// As long as anything may take that is promised within a minute.
const PATIENCE: Duration = Duration::from_mins(1);
