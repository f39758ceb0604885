//! The Helm chart: what it renders, what it refuses, and what a real API server makes of it.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

mod api_server;
mod connaisseur;
mod golden;
mod monitoring;
mod refused;
mod releases;
mod rendered;
mod rights;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vouchsafe_tests::harness::helm;
use vouchsafe_tests::harness::process::{Finished, finish};

/// The topologies: each is a file of values in the chart.
const TOPOLOGIES: &[&str] = &["standalone", "cluster", "air-gap"];

/// Values that a way to install begins with: files, and settings as `--set` takes them.
#[derive(Clone, Copy, Debug)]
struct Install {
    name: &'static str,
    files: &'static [&'static str],
    settings: &'static [&'static str],
}

/// What the objects of every install have to keep to.
const INSTALLS: &[Install] = &[
    Install {
        name: "default values",
        files: &[],
        settings: &[],
    },
    Install {
        name: "standalone",
        files: &["values-standalone.yaml", "policy.yaml"],
        settings: &[],
    },
    Install {
        name: "standalone, on emptyDir, with no word to the API server",
        files: &["values-standalone.yaml", "policy.yaml"],
        settings: &[
            "store.persistence.enabled=false",
            "tls.mode=certManager",
            "reports.enabled=false",
            "application.features.automaticChildApproval=false",
        ],
    },
    Install {
        name: "standalone, where only discovery speaks to the API server",
        files: &["values-standalone.yaml", "policy.yaml"],
        settings: &[
            "config.sync.discover.cluster=true",
            "tls.mode=certManager",
            "reports.enabled=false",
            "application.features.automaticChildApproval=false",
            "networkPolicy.webhook.from[0].ipBlock.cidr=10.0.0.1/32",
        ],
    },
    Install {
        name: "cluster",
        files: &["values-cluster.yaml", "policy.yaml"],
        settings: &[],
    },
    Install {
        name: "cluster, with all that can be switched on",
        files: &["values-cluster.yaml", "policy.yaml"],
        settings: &[
            "config.sync.discover.cluster=true",
            "syncer.persistence.enabled=true",
            "store.persistence.enabled=true",
            "tls.mode=certManager",
            "metrics.serviceMonitor.enabled=true",
            "metrics.prometheusRule.enabled=true",
            "metrics.dashboard.enabled=true",
            "global.imageRegistry=registry.internal:5000/mirror",
            "image.digest=sha256:68738fb51cdc598ff955e0d2a953b303ee531635e615968cd26005a432cad33e",
            "imagePullSecrets[0]=pull-secret",
            "extraSecrets[0]=slack",
            "webhook.excludedNamespaces[0]=calico-system",
            "webhook.installHook=false",
        ],
    },
    Install {
        name: "cluster, with a certificate of one's own",
        files: &["values-cluster.yaml", "policy.yaml", "existing-secret.yaml"],
        settings: &[],
    },
    Install {
        name: "air gap, from a volume",
        files: &["values-air-gap.yaml", "policy.yaml"],
        settings: &["airGap.files={vouchsafe.tar.zst,team.tar.zst}"],
    },
    Install {
        name: "air gap, from a registry",
        files: &["values-air-gap.yaml", "policy.yaml"],
        settings: &[
            "airGap.source=registry",
            "airGap.registry.references[0]=registry.internal:5000/trust/bundle:latest",
            "airGap.registry.references[1]=registry.internal:5000/trust/team:latest",
            "airGap.registry.dockerConfigSecret=registry",
        ],
    },
    Install {
        name: "air gap, where replicas pull bundles, too",
        files: &["values-air-gap.yaml", "policy.yaml", "pulled-bundles.yaml"],
        settings: &[],
    },
    Install {
        name: "air gap, where replicas look into a folder, too",
        files: &["values-air-gap.yaml", "policy.yaml"],
        settings: &[
            "config.bundles.directory=/bundles",
            "extraVolumes[0].name=bundles",
            "extraVolumes[0].persistentVolumeClaim.claimName=vouchsafe-bundles",
            "extraVolumes[0].persistentVolumeClaim.readOnly=true",
            "extraVolumeMounts[0].name=bundles",
            "extraVolumeMounts[0].mountPath=/bundles",
        ],
    },
    Install {
        name: "air gap, from a ConfigMap",
        files: &["values-air-gap.yaml", "policy.yaml"],
        settings: &["airGap.source=configMap"],
    },
    Install {
        name: "Connaisseur's values",
        files: &["connaisseur.yaml"],
        settings: &[],
    },
];

impl Install {
    /// The manifests.
    fn manifests(&self) -> String {
        let finished = template(self.files, self.settings);
        assert_eq!(finished.code, Some(0), "{}: {}", self.name, finished.stderr);
        finished.stdout
    }

    /// The objects of the manifests.
    fn objects(&self) -> Vec<Value> {
        objects(&self.manifests())
    }
}

/// Runs `helm template` for a release `vouchsafe` in a namespace of the same name.
fn template(files: &[&str], settings: &[&str]) -> Finished {
    helm("template", files, settings)
}

/// Runs a command of helm about the chart.
fn helm(command: &str, files: &[&str], settings: &[&str]) -> Finished {
    let mut helm = Command::new(helm::program().unwrap());
    helm.arg(command);
    if command == "template" {
        helm.arg("vouchsafe");
    }
    helm.arg(chart()).args(["--namespace", "vouchsafe"]);
    for file in files {
        helm.arg("--values").arg(values(file));
    }
    for setting in settings {
        helm.args(["--set", setting]);
    }
    finish(&mut helm).unwrap()
}

/// Where a file of values is: in the chart, or beside this test.
fn values(name: &str) -> PathBuf {
    if name.starts_with("values-") {
        return chart().join(name);
    }
    here().join("values").join(name)
}

fn chart() -> PathBuf {
    root().join("charts/vouchsafe")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("")
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chart")
}

/// The objects of a stream of YAML documents. Documents of comments alone hold none.
fn objects(manifests: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifests).unwrap();
    documents.into_iter().filter(|it| !it.is_null()).collect()
}

/// The objects of a kind.
fn of_kind<'o>(objects: &'o [Value], kind: &str) -> impl Iterator<Item = &'o Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The one object of a kind and name.
fn named<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    let mut found = of_kind(objects, kind).filter(|it| it["metadata"]["name"] == name);
    let object = found.next().unwrap();
    assert_eq!(found.next(), None, "{kind} {name} is there twice");
    object
}

/// The Pod templates of all objects, each with what it belongs to.
fn pods(objects: &[Value]) -> Vec<(String, &Value)> {
    let pods = objects.iter().filter_map(|object| {
        let kind = object["kind"].as_str().unwrap();
        let pod = match kind {
            "Pod" => object,
            "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
            "Deployment" | "StatefulSet" | "Job" => &object["spec"]["template"],
            _ => return None,
        };
        let name = object["metadata"]["name"].as_str().unwrap();
        Some((format!("{kind} {name}"), pod))
    });
    pods.collect()
}

/// The containers of a Pod, init containers included.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainers", "containers"].map(|list| pod["spec"][list].as_array());
    lists.into_iter().flatten().flatten()
}

/// The configuration that the chart writes.
fn configuration(objects: &[Value]) -> &str {
    let map = named(objects, "ConfigMap", "vouchsafe");
    map["data"]["config.yaml"].as_str().unwrap()
}
