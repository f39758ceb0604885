//! Dependencies point one way, and what is pure stays pure.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an answer of cargo that cannot be read fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on within the workspace.
const EDGES: &[(&str, &[&str])] = &[
    ("vouchsafe-trust", &[]),
    ("vouchsafe-outbound", &["vouchsafe-trust"]),
    ("vouchsafe-policy", &["vouchsafe-trust"]),
    ("vouchsafe-store", &["vouchsafe-trust"]),
    (
        "vouchsafe-airgap",
        &[
            "vouchsafe-outbound",
            "vouchsafe-policy",
            "vouchsafe-store",
            "vouchsafe-trust",
        ],
    ),
    (
        "vouchsafe-alerts",
        &[
            "vouchsafe-outbound",
            "vouchsafe-policy",
            "vouchsafe-store",
            "vouchsafe-trust",
        ],
    ),
    (
        "vouchsafe-cluster",
        &["vouchsafe-policy", "vouchsafe-store", "vouchsafe-trust"],
    ),
    (
        "vouchsafe-syncer",
        &[
            "vouchsafe-outbound",
            "vouchsafe-policy",
            "vouchsafe-store",
            "vouchsafe-trust",
        ],
    ),
    (
        "vouchsafe-webhook",
        &["vouchsafe-policy", "vouchsafe-store", "vouchsafe-trust"],
    ),
    (
        "vouchsafe",
        &[
            "vouchsafe-airgap",
            "vouchsafe-alerts",
            "vouchsafe-cluster",
            "vouchsafe-policy",
            "vouchsafe-store",
            "vouchsafe-syncer",
            "vouchsafe-trust",
            "vouchsafe-webhook",
        ],
    ),
];

/// What no dependency of a crate, near or far, may be.
const BANNED: &[(&str, &[&str])] = &[
    (
        "vouchsafe-trust",
        &[
            "tokio", "reqwest", "sled", "axum", "hyper", "mio", "socket2", "tracing",
        ],
    ),
    (
        "vouchsafe-policy",
        &[
            "tokio", "reqwest", "sled", "axum", "hyper", "mio", "socket2", "cron",
        ],
    ),
    (
        "vouchsafe-webhook",
        &[
            "reqwest",
            "kube-client",
            "hyper-rustls",
            "vouchsafe-airgap",
            "vouchsafe-alerts",
            "vouchsafe-cluster",
            "vouchsafe-outbound",
            "vouchsafe-syncer",
        ],
    ),
    ("vouchsafe", &["ring", "openssl", "native-tls"]),
];

/// The normal dependencies of every package that is built for this machine, by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
        ])
        .arg("x86_64-unknown-linux-gnu")
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let names: BTreeMap<String, String> = list(&metadata["packages"])
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let is_normal = |dep: &Value| {
        list(&dep["dep_kinds"])
            .iter()
            .any(|kind| kind["kind"].is_null())
    };
    let mut dependencies = BTreeMap::<String, BTreeSet<String>>::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let deps = list(&node["deps"]);
        let deps = deps
            .iter()
            .filter(|dep| is_normal(dep))
            .map(|dep| names[&text(&dep["pkg"])].clone());
        // Two versions of a package share an entry; that only makes the check stricter.
        dependencies
            .entry(names[&text(&node["id"])].clone())
            .or_default()
            .extend(deps);
    }
    dependencies
}

#[test]
fn crates_depend_only_downwards() {
    let dependencies = dependencies();
    let ours = |name: &str| name.starts_with("vouchsafe");
    for (package, deps) in dependencies.iter().filter(|(name, _)| ours(name)) {
        if matches!(package.as_str(), "vouchsafe-tests" | "vouchsafe-fuzz") {
            continue;
        }
        let allowed = EDGES.iter().find(|(name, _)| name == package);
        let allowed = allowed
            .unwrap_or_else(|| panic!("{package} has no place in the layers"))
            .1;
        for dep in deps.iter().filter(|dep| ours(dep)) {
            assert!(
                allowed.contains(&dep.as_str()),
                "{package} may not depend on {dep}"
            );
        }
    }
}

/// The names of all normal dependencies of `package`, near and far, as it is built by itself.
fn reached(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .output()
        .expect("cargo tree runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("cargo tree is UTF-8");
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_is_pure_reaches_no_network_and_the_webhook_no_client() {
    for (package, banned) in BANNED {
        let reached = reached(package);
        assert!(
            reached.contains(*package),
            "{package} is not in its own tree"
        );
        for dep in *banned {
            assert!(!reached.contains(*dep), "{package} reaches {dep}");
        }
    }
}

#[test]
fn one_file_alone_names_the_admission_wire_types() {
    let webhook = concat!(env!("CARGO_MANIFEST_DIR"), "/../webhook/src");
    let mut naming = Vec::new();
    let mut queue = vec![std::path::PathBuf::from(webhook)];
    while let Some(dir) = queue.pop() {
        for entry in std::fs::read_dir(dir).expect("the webhook's sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                queue.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("a source file");
                let code = text.split("#[cfg(test)]").next().expect("a first part");
                if code.contains("kube::core::admission") || code.contains("kube::admission") {
                    naming.push(path.file_name().expect("a name").to_owned());
                }
            }
        }
    }
    assert!(naming.len() <= 1, "{naming:?}");
}
